package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
)

// fulcioConfig tells Fulcio whose tokens count. The templates give certificates
// for workflows the extensions that the public instance gives, under
// 1.3.6.1.4.1.57264.1:
// https://github.com/sigstore/fulcio/blob/v1.8.8/docs/oid-info.md
func fulcioConfig(i issuer) string {
	return strings.NewReplacer("ACTIONS", i.Actions, "EMAIL", i.Email, "SPIFFE", i.Spiffe).Replace(`oidc-issuers:
  ACTIONS:
    issuer-url: ACTIONS
    client-id: sigstore
    type: ci-provider
    ci-provider: workflow
  EMAIL:
    issuer-url: EMAIL
    client-id: sigstore
    type: email
  SPIFFE:
    issuer-url: SPIFFE
    client-id: sigstore
    type: spiffe
    spiffe-trust-domain: example.test
ci-issuer-metadata:
  workflow:
    default-template-values:
      url: "https://github.com"
      environment: ""
    subject-alternative-name-template: "{{ .url }}/{{ .job_workflow_ref }}"
    extension-templates:
      github-workflow-trigger: "event_name"                                   # .2
      github-workflow-sha: "sha"                                              # .3
      github-workflow-name: "workflow"                                        # .4
      github-workflow-repository: "repository"                                # .5
      github-workflow-ref: "ref"                                              # .6
      build-signer-uri: "{{ .url }}/{{ .job_workflow_ref }}"                  # .9
      build-signer-digest: "job_workflow_sha"                                 # .10
      runner-environment: "runner_environment"                                # .11
      source-repository-uri: "{{ .url }}/{{ .repository }}"                   # .12
      source-repository-digest: "sha"                                         # .13
      source-repository-ref: "ref"                                            # .14
      source-repository-identifier: "repository_id"                           # .15
      source-repository-owner-uri: "{{ .url }}/{{ .repository_owner }}"       # .16
      source-repository-owner-identifier: "repository_owner_id"               # .17
      build-config-uri: "{{ .url }}/{{ .workflow_ref }}"                      # .18
      build-config-digest: "workflow_sha"                                     # .19
      build-trigger: "event_name"                                             # .20
      run-invocation-uri: "{{ .url }}/{{ .repository }}/actions/runs/{{ .run_id }}/attempts/{{ .run_attempt }}" # .21
      source-repository-visibility-at-signing: "repository_visibility"        # .22
      deployment-environment: "environment"                                   # .23
`)
}

// fulcioChain asks Fulcio for its certificates.
func fulcioChain(ctx context.Context, url string) (string, error) {
	data, err := get(ctx, url+"/api/v2/trustBundle")
	if err != nil {
		return "", err
	}
	var bundle struct {
		Chains []struct{ Certificates []string }
	}
	if err := json.Unmarshal(data, &bundle); err != nil {
		return "", fmt.Errorf("reading Fulcio's trust bundle: %w", err)
	}
	if len(bundle.Chains) != 1 {
		return "", fmt.Errorf("Fulcio's trust bundle has %d chains, expected one", len(bundle.Chains))
	}
	return strings.Join(bundle.Chains[0].Certificates, ""), nil
}

// ctlogConfig is the certificate log's configuration, in the text format of
// https://github.com/google/certificate-transparency-go/blob/v1.4.0/trillian/ctfe/configpb/config.proto
func ctlogConfig(tree, roots string, key *ecdsa.PrivateKey) string {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		panic(err) // a P-256 key can always be written
	}
	var octets strings.Builder
	for _, b := range der {
		fmt.Fprintf(&octets, "\\x%02x", b)
	}
	return fmt.Sprintf(`config {
  log_id: %s
  prefix: "ctlog"
  roots_pem_file: %q
  private_key: { [type.googleapis.com/keyspb.PrivateKey] { der: "%s" } }
  ext_key_usages: "CodeSigning"
  max_merge_delay_sec: 86400
}
`, tree, roots, octets.String())
}

func newECDSA() (*ecdsa.PrivateKey, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	public, err := publicPEM(key.Public())
	return key, public, err
}

func newEd25519() (private, public string, err error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", err
	}
	public, err = publicPEM(key.Public())
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), public, err
}

func publicPEM(key crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}
