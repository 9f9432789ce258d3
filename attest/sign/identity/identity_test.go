package identity

import (
	"testing"
)

// What Fulcio names in a certificate, for each kind of issuer that it has: the
// claims are those of its own tests and of the issuers' documentation.
func TestIdentity(t *testing.T) {
	for name, test := range map[string]struct {
		claims     map[string]any
		want       string
		known      bool
		wantIssuer string // "" means the claim iss
	}{
		"e-mail": {map[string]any{"iss": "https://accounts.google.com", "email": "alice@example.com"}, "alice@example.com", true, ""},
		"e-mail of a login": {
			map[string]any{"iss": "https://oauth2.sigstore.dev/auth", "email": "alice@example.com", "federated_claims": map[string]any{"connector_id": "https://accounts.google.com", "user_id": "1"}},
			"alice@example.com", true, "https://accounts.google.com",
		},
		"e-mail of another login": {
			map[string]any{"iss": "https://dex.example", "email": "alice@example.com", "federated_claims": map[string]any{"connector_id": "ldap"}},
			"alice@example.com", false, "",
		},
		"login without a connector": {map[string]any{"iss": "https://oauth2.sigstore.dev/auth", "email": "alice@example.com", "federated_claims": "none"}, "alice@example.com", true, ""},
		"GitHub Actions": {
			map[string]any{"iss": "https://token.actions.githubusercontent.com", "sub": "repo:acme/app:ref:refs/heads/main", "job_workflow_ref": "acme/shared/.github/workflows/release.yml@refs/tags/v1", "workflow_ref": "acme/app/.github/workflows/ci.yml@refs/heads/main"},
			"https://github.com/acme/shared/.github/workflows/release.yml@refs/tags/v1", true, "",
		},
		"GitHub Actions of an enterprise": {
			map[string]any{"iss": "https://token.actions.githubusercontent.com/acme", "sub": "repo:acme/app:ref:refs/heads/main", "job_workflow_ref": "acme/app/.github/workflows/release.yml@refs/heads/main"},
			"https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main", true, "",
		},
		"GitHub Actions without its workflow": {map[string]any{"iss": "https://token.actions.githubusercontent.com", "sub": "repo:acme/app:ref:refs/heads/main"}, "repo:acme/app:ref:refs/heads/main", false, ""},
		// Fulcio writes a URI, so what is no part of one is escaped.
		"GitHub Actions with a space": {
			map[string]any{"iss": "https://token.actions.githubusercontent.com", "job_workflow_ref": "acme/app/.github/workflows/my release.yml@refs/heads/höme"},
			"https://github.com/acme/app/.github/workflows/my%20release.yml@refs/heads/h%C3%B6me", true, "",
		},
		"like GitHub Actions": {map[string]any{"iss": "http://127.0.0.1:1/actions", "job_workflow_ref": "acme/app/.github/workflows/release.yml@refs/heads/main"}, "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main", false, ""},
		"nearly GitHub Actions": {
			map[string]any{"iss": "https://token.actions.githubusercontent.com.attacker.example", "sub": "x", "job_workflow_ref": "acme/app/.github/workflows/release.yml@refs/heads/main"},
			"https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main", false, "",
		},
		"GitLab CI": {
			map[string]any{"iss": "https://gitlab.com", "sub": "project_path:acme/app:ref_type:branch:ref:main", "ci_config_ref_uri": "gitlab.com/acme/app//.gitlab-ci.yml@refs/heads/main", "pipeline_id": "42"},
			"https://gitlab.com/acme/app//.gitlab-ci.yml@refs/heads/main", true, "",
		},
		"GitLab CI of one's own": {
			map[string]any{"iss": "https://git.house.example", "ci_config_ref_uri": "git.house.example/acme/app//.gitlab-ci.yml@refs/tags/v1"},
			"https://git.house.example/acme/app//.gitlab-ci.yml@refs/tags/v1", false, "",
		},
		"Buildkite": {map[string]any{"iss": "https://agent.buildkite.com", "sub": "organization:acme:pipeline:app:ref:refs/heads/main", "organization_slug": "acme", "pipeline_slug": "app", "build_number": 42}, "https://buildkite.com/acme/app", true, ""},
		"CircleCI": {
			map[string]any{"iss": "https://oidc.circleci.com/org/1234", "sub": "org/1234/project/5678/user/9", "oidc.circleci.com/project-id": "5678", "oidc.circleci.com/pipeline-definition-id": "90ab"},
			"https://circleci.com/api/v2/projects/5678/pipeline-definitions/90ab", true, "",
		},
		"Codefresh": {
			map[string]any{"iss": "https://oidc.codefresh.io", "sub": "account:628a:pipeline:65e5", "account_name": "acme", "account_id": "628a", "pipeline_name": "app/release", "pipeline_id": "65e5"},
			"https://g.codefresh.io/acme/app/release:628a/65e5", true, "",
		},
		"Codefresh of one's own": {
			map[string]any{"iss": "https://oidc.codefresh.io", "platform_url": "https://cf.house.example", "account_name": "acme", "account_id": "628a", "pipeline_name": "app/release", "pipeline_id": 65},
			"https://cf.house.example/acme/app/release:628a/65", true, "",
		},
		"Kubernetes at Google's": {
			map[string]any{"iss": "https://container.googleapis.com/v1/projects/p/locations/l/clusters/c", "sub": "system:serviceaccount:ns:sa", "kubernetes.io": map[string]any{"namespace": "ns", "pod": map[string]any{"name": "p"}, "serviceaccount": map[string]any{"name": "sa", "uid": "1"}}},
			"https://kubernetes.io/namespaces/ns/serviceaccounts/sa", true, "",
		},
		"Kubernetes at Amazon's": {
			map[string]any{"iss": "https://oidc.eks.eu-central-1.amazonaws.com/id/ABCD", "kubernetes.io": map[string]any{"namespace": "ns", "serviceaccount": map[string]any{"name": "sa"}}},
			"https://kubernetes.io/namespaces/ns/serviceaccounts/sa", true, "",
		},
		"Kubernetes at Microsoft's": {
			map[string]any{"iss": "https://westeurope.oic.prod-aks.azure.com/t/g/", "kubernetes.io": map[string]any{"namespace": "ns", "serviceaccount": map[string]any{"name": "sa"}}},
			"https://kubernetes.io/namespaces/ns/serviceaccounts/sa", true, "",
		},
		"nearly Kubernetes at Microsoft's": {
			map[string]any{"iss": "https://attacker.example/x.oic.prod-aks.azure.com/t/g/", "kubernetes.io": map[string]any{"namespace": "ns", "serviceaccount": map[string]any{"name": "sa"}}},
			"https://kubernetes.io/namespaces/ns/serviceaccounts/sa", false, "",
		},
		"Kubernetes of one's own": {
			map[string]any{"iss": "https://kubernetes.default.svc", "sub": "system:serviceaccount:ns:sa", "kubernetes.io": map[string]any{"namespace": "ns", "serviceaccount": map[string]any{"name": "sa"}}},
			"https://kubernetes.io/namespaces/ns/serviceaccounts/sa", false, "",
		},
		"SPIFFE":     {map[string]any{"iss": "https://spire.house.example", "sub": "spiffe://house.example/release"}, "spiffe://house.example/release", false, ""},
		"Chainguard": {map[string]any{"iss": "https://issuer.enforce.dev", "sub": "abc/def"}, "https://issuer.enforce.dev/abc/def", true, ""},
		"somebody":   {map[string]any{"iss": "https://issuer.example", "sub": "1234"}, "1234", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			claims := map[string]any{"sub": "1234", "aud": "sigstore", "exp": 1893456000}
			for k, v := range test.claims {
				claims[k] = v
			}
			token, err := Parse(jwt(claims))
			if err != nil {
				t.Fatal(err)
			}
			if token.Identity() != test.want || token.Known() != test.known {
				t.Errorf("Identity() = %q, known %v, want %q, %v", token.Identity(), token.Known(), test.want, test.known)
			}
			issuer := test.wantIssuer
			if issuer == "" {
				issuer = test.claims["iss"].(string)
			}
			if token.CertificateIssuer() != issuer {
				t.Errorf("CertificateIssuer() = %q, want %q", token.CertificateIssuer(), issuer)
			}
		})
	}
}
