package identity

import (
	"net/url"
	"strings"
)

// kind is how Fulcio makes an identity of a token's claims. Which one it takes
// is its configuration's, by issuer.
type kind int

const (
	unknown kind = iota
	email
	github
	gitlab
	buildkite
	circleci
	codefresh
	kubernetes
	chainguard
	spiffe
)

// publicKind returns the kind that the public Fulcio has configured for issuer.
// https://github.com/sigstore/fulcio/blob/v1.8.8/config/identity/config.yaml
func publicKind(issuer string) kind {
	switch issuer {
	case "https://accounts.google.com", "https://oauth2.sigstore.dev/auth", "https://oauth2.sigstage.dev/auth",
		"https://auth.eclipse.org/auth/realms/foundation-service-accounts", "https://issuer.hello.coop",
		"https://www.kaggle.com/api/v1/models/signing", "https://sigstore.verify.ibm.com/oauth2":
		return email
	case "https://token.actions.githubusercontent.com":
		return github
	case "https://gitlab.com", "https://dev.gitlab.org", "https://ops.gitlab.net", "https://gitlab.archlinux.org":
		return gitlab
	case "https://agent.buildkite.com":
		return buildkite
	case "https://oidc.circleci.com":
		return circleci
	case "https://oidc.codefresh.io":
		return codefresh
	case "https://issuer.enforce.dev", "https://issuer.chainops.dev":
		return chainguard
	}
	for _, meta := range []struct {
		prefix, domain string
		kind           kind
	}{
		{"https://token.actions.githubusercontent.com/", "", github},
		{"https://oidc.circleci.com/org/", "", circleci},
		{"https://container.googleapis.com/v1/projects/", "", kubernetes},
		{"https://oidc.eks.", ".amazonaws.com/id/", kubernetes},
		{"https://oidc.prod-aks.azure.com/", "", kubernetes},
		{"https://", ".oic.prod-aks.azure.com/", kubernetes},
	} {
		if rest, ok := strings.CutPrefix(issuer, meta.prefix); ok {
			host, _, found := strings.Cut(rest, meta.domain)
			if found && !strings.Contains(host, "/") {
				return meta.kind
			}
		}
	}
	return unknown
}

// kind returns how Fulcio will name the token's owner, and whether that is
// known: where the issuer is not one of the public Fulcio's, it is guessed from
// what the token claims.
func (c *claims) kind() (k kind, known bool) {
	if k = publicKind(c.Issuer); k != unknown {
		return k, true
	}
	switch {
	case c.JobWorkflowRef != "":
		return github, false
	case c.CIConfigRefURI != "":
		return gitlab, false
	case c.OrganizationSlug != "" && c.PipelineSlug != "":
		return buildkite, false
	case c.CircleProject != "" && c.CircleDefinition != "":
		return circleci, false
	case c.kubernetes.Namespace != "" && c.kubernetes.ServiceAccount.Name != "":
		return kubernetes, false
	case strings.HasPrefix(c.Subject, "spiffe://"):
		return spiffe, false
	case c.Email != "":
		return email, false
	}
	return unknown, false
}

// Identity returns what Fulcio will name in the certificate, as far as the
// claims tell: an e-mail address, the URI of a workflow or pipeline, a SPIFFE
// ID, or else the claim sub. It is as claimed: use [Escape] to show it, and
// [Token.Known] to learn whether it is a guess.
func (t Token) Identity() string {
	id, _ := t.claims.identity()
	return id
}

// Known reports whether [Token.Identity] is what the public Fulcio makes of
// such a token. A private one may be configured to name its owner otherwise.
func (t Token) Known() bool {
	_, known := t.claims.identity()
	return known
}

// identity follows the templates of Fulcio's configuration, see [publicKind],
// and the principals in
// https://github.com/sigstore/fulcio/tree/v1.8.8/pkg/identity.
func (c *claims) identity() (id string, known bool) {
	k, known := c.kind()
	switch k {
	case email:
		id = c.Email
	case spiffe:
		id = c.Subject
	case github:
		id = uri("https://github.com/", c.JobWorkflowRef)
	case gitlab:
		id = uri("https://", c.CIConfigRefURI)
	case buildkite:
		id = uri("https://buildkite.com/", c.OrganizationSlug, "/", c.PipelineSlug)
	case circleci:
		id = uri("https://circleci.com/api/v2/projects/", c.CircleProject, "/pipeline-definitions/", c.CircleDefinition)
	case codefresh:
		platform := c.PlatformURL
		if platform == "" {
			platform = "https://g.codefresh.io"
		}
		id = uri(platform, "/", c.AccountName, "/", c.PipelineName, ":", c.AccountID, "/", string(c.PipelineID))
	case kubernetes:
		id = uri("https://kubernetes.io/namespaces/", c.kubernetes.Namespace, "/serviceaccounts/", c.kubernetes.ServiceAccount.Name)
	case chainguard:
		if base, err := url.Parse(c.Issuer); err == nil {
			id = base.JoinPath(c.Subject).String()
		}
	}
	if id == "" {
		return c.Subject, false
	}
	return id, known
}

// uri returns parts as one URI, written as a certificate holds it, or "" where
// one of them is missing or they are none: Fulcio would refuse.
func uri(parts ...string) string {
	for _, p := range parts {
		if p == "" {
			return ""
		}
	}
	u, err := url.Parse(strings.Join(parts, ""))
	if err != nil {
		return ""
	}
	return u.String()
}

// CertificateIssuer returns the issuer that a certificate will name, which is
// what a verifier asks for. It is the token's own, except with the public
// sigstore's login: there it is whoever that one asked, for example
// https://github.com/login/oauth.
func (t Token) CertificateIssuer() string {
	switch t.claims.Issuer {
	case "https://oauth2.sigstore.dev/auth", "https://oauth2.sigstage.dev/auth":
		if id := t.claims.federated.ConnectorID; id != "" {
			return id
		}
	}
	return t.claims.Issuer
}
