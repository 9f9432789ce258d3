package verify_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
)

const (
	provenanceV1  = "https://slsa.dev/provenance/v1"
	provenanceV02 = "https://slsa.dev/provenance/v0.2"

	theSource    = "https://github.com/acme/greet"
	theCommit    = "c825765c825765c825765c825765c825765c8257"
	theTag       = "refs/tags/v1.2.0"
	thePath      = ".github/workflows/release.yml"
	gitHubIssuer = "https://token.actions.githubusercontent.com"
	generator    = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_generic_slsa3.yml@refs/tags/v2.1.0"
	hosted       = "https://github.com/actions/runner/github-hosted"
)

// run is what a certificate says of the run that asked for it.
type run struct{ identity, issuer, repository, ref, commit, workflow, runner string }

// theRun is a release workflow of the source's own.
func theRun() run {
	workflow := theSource + "/" + thePath + "@" + theTag
	return run{workflow, gitHubIssuer, theSource, theTag, theCommit, workflow, "github-hosted"}
}

// builderWorld is a Sigstore whose certificates say what ran.
type builderWorld struct {
	sigstoreWorld
	parent *x509.Certificate
	key    *ecdsa.PrivateKey
}

func newBuilderWorld(t testing.TB) builderWorld {
	t.Helper()
	w := builderWorld{sigstoreWorld: newSigstoreWorld(t)}
	top, topKey, err := ca.GenerateRootCa()
	if err != nil {
		t.Fatal(err)
	}
	if w.parent, w.key, err = ca.GenerateFulcioIntermediate(top, topKey); err != nil {
		t.Fatal(err)
	}
	authority := &root.FulcioCertificateAuthority{Root: top, Intermediates: []*x509.Certificate{w.parent}, ValidityPeriodStart: time.Now().Add(-time.Hour), URI: "https://fulcio.example"}
	logs := w.RekorLogs()
	for id, log := range logs {
		raw, err := hex.DecodeString(id)
		if err != nil {
			t.Fatal(err)
		}
		log.ID, log.SignatureHashFunc = raw, crypto.SHA256
	}
	r, err := root.NewTrustedRoot(root.TrustedRootMediaType01, []root.CertificateAuthority{authority}, nil, w.TimestampingAuthorities(), logs)
	if err != nil {
		t.Fatal(err)
	}
	data, err := r.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "forge.json"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	return w
}

// attest is a bundle of payload, signed in the run r.
func (w builderWorld) attest(t testing.TB, r run, payload []byte) attest.Bundle {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	who, err := url.Parse(r.identity)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(9 * time.Minute),
		URIs: []*url.URL{who}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	for number, text := range map[int]string{8: r.issuer, 9: r.identity, 11: r.runner, 12: r.repository, 13: r.commit, 14: r.ref, 18: r.workflow} {
		if text == "" {
			continue
		}
		value, err := asn1.MarshalWithParams(text, "utf8")
		if err != nil {
			t.Fatal(err)
		}
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, number}, Value: value})
	}
	der, err := x509.CreateCertificate(rand.Reader, template, w.parent, private.Public(), w.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return w.signWith(t, leaf, private, payload, nil)
}

// gitHubBuild is provenance as GitHub's attestations and npm write it.
func gitHubBuild(builder string) object {
	return object{
		"buildDefinition": object{
			"buildType":          "https://actions.github.io/buildtypes/workflow/v1",
			"externalParameters": object{"workflow": object{"ref": theTag, "repository": theSource, "path": thePath}},
			"resolvedDependencies": []object{
				{"uri": "git+" + theSource + "@" + theTag, "digest": object{"gitCommit": theCommit}},
			},
		},
		"runDetails": object{"builder": object{"id": builder}, "metadata": object{"invocationId": theSource + "/actions/runs/7/attempts/1"}},
	}
}

// generatorBuild is provenance as slsa-github-generator writes it.
func generatorBuild(builder string) object {
	source := object{"uri": "git+" + theSource + "@" + theTag, "digest": object{"sha1": theCommit}}
	return object{
		"builder":   object{"id": builder},
		"buildType": "https://github.com/slsa-framework/slsa-github-generator/generic@v1",
		"invocation": object{
			"configSource": source.with(object{"entryPoint": thePath}),
		},
		"materials": []object{source},
	}
}

// gitLabBuild is provenance as GitLab's runner writes it.
func gitLabBuild() object {
	return object{
		"buildDefinition": object{
			"buildType":            "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/17.5.0/PROVENANCE.md",
			"externalParameters":   object{"source": "https://gitlab.com/acme/greet", "entryPoint": "release"},
			"resolvedDependencies": []object{{"uri": "https://gitlab.com/acme/greet", "digest": object{"sha256": theCommit}}},
		},
		"runDetails": object{"builder": object{"id": "https://gitlab.com/acme/greet/-/runners/12270837"}},
	}
}

// tektonBuild is provenance as Tekton Chains writes it.
func tektonBuild() object {
	return object{
		"buildDefinition": object{
			"buildType":            "https://tekton.dev/chains/v2/slsa",
			"resolvedDependencies": []object{{"name": "inputs/result", "uri": "git+" + theSource + ".git", "digest": object{"sha1": theCommit}}},
		},
		"runDetails": object{"builder": object{"id": "https://tekton.dev/chains/v2"}},
	}
}

// provenanceRequired is a trust file beside the trusted root that asks for
// provenance.
func (w builderWorld) provenanceRequired(t testing.TB, text string) verify.Expect {
	t.Helper()
	e := w.trust(t, "  - key: |\n      "+strings.ReplaceAll(strings.TrimSpace(releaseKey.pem()), "\n", "\n      ")+"\nprovenance:\n  "+strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")+"\n")
	// What Encode writes asks for the same.
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := verify.ParseTrust(filepath.Join(w.dir, "trust.yaml"), data)
	if err != nil {
		t.Fatalf("ParseTrust of what Encode wrote: %v\n%s", err, data)
	}
	return again
}

func TestProvenance(t *testing.T) {
	w, stranger := newBuilderWorld(t), newBuilderWorld(t)
	good := signed(releaseKey, verdict(predicate().with(object{"timeVerified": time.Now().UTC().Format(time.RFC3339)})))
	v1 := func(p object) []byte { return encode(statement(provenanceV1, p)) }
	v02 := func(p object) []byte { return encode(statement(provenanceV02, p)) }
	slsa := theRun()
	slsa.identity = generator
	own := theRun().identity
	maven := strings.Replace(generator, "generator_generic", "builder_maven", 1)
	delegator := slsa
	delegator.identity = strings.Replace(generator, "generator_generic", "delegator_lowperms-generic", 1)
	const mavenAsked = "level: 3\nsourceRepository: " + theSource + "\nbuilders:\n  - id: https://github.com/slsa-framework/slsa-github-generator/.github/workflows/builder_maven_slsa3.yml@refs/tags/v2.*\n    trustedRoot: forge.json\n"
	gitlab := run{"https://gitlab.com/acme/greet//.gitlab-ci.yml@refs/tags/v1.2.0", "https://gitlab.com", "https://gitlab.com/acme/greet", theTag, theCommit, "https://gitlab.com/acme/greet//.gitlab-ci.yml@refs/tags/v1.2.0", "gitlab-hosted"}
	change := func(r run, f func(*run)) run { f(&r); return r }

	const generatorAsked = "level: 3\nsourceRepository: " + theSource + "\ntag: v1.*\nworkflow: " + thePath + "\ncommit: " + theCommit + "\nbuilders:\n  - id: https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_generic_slsa3.yml@refs/tags/v*\n    trustedRoot: forge.json\n"
	const gitHubAsked = "level: 2\nsourceRepository: " + theSource + "\nref: refs/tags/v*\nbuilders:\n  - id: " + theSource + "/" + thePath + "@refs/tags/v*\n    trustedRoot: forge.json\n"
	const npmAsked = "level: 2\nsourceRepository: " + theSource + "\nbuilders:\n  - id: " + hosted + "\n    trustedRoot: forge.json\n    require: [log, timestamp]\n"
	const gitLabAsked = "level: 1\nsourceRepository: https://gitlab.com/acme/greet\ntag: v1.2.0\nbuilders:\n  - id: https://gitlab.com/acme/greet/-/runners/*\n    trustedRoot: forge.json\n"
	tektonAsked := "level: 2\nsourceRepository: " + theSource + "\nbuilders:\n  - id: https://tekton.dev/chains/v2\n    level: 2\n    signers:\n      - name: chains\n        key: |\n          " + strings.ReplaceAll(strings.TrimSpace(scannerKey.pem()), "\n", "\n          ") + "\n"

	for _, tt := range []struct {
		name   string
		asked  string
		bundle attest.Bundle
		want   string // in the reason; empty for yes
	}{
		{"slsa-github-generator", generatorAsked, w.attest(t, slsa, v02(generatorBuild(generator))), ""},
		{"slsa-github-generator's delegator", mavenAsked, w.attest(t, delegator, v02(generatorBuild(maven))), ""},
		{"a delegator of another release", mavenAsked, w.attest(t, change(delegator, func(r *run) { r.identity = strings.Replace(r.identity, "v2.1.0", "v2.0.0", 1) }), v02(generatorBuild(maven))), "and the certificate is of"},
		{"a delegator that speaks for what attests itself", generatorAsked, w.attest(t, delegator, v02(generatorBuild(generator))), verify.UntrustedSigner},
		{"GitHub's attestations", gitHubAsked, w.attest(t, theRun(), v1(gitHubBuild(own))), ""},
		{"npm", npmAsked, w.attest(t, theRun(), v1(gitHubBuild(hosted))), ""},
		{"GitLab", gitLabAsked, w.attest(t, gitlab, v1(gitLabBuild())), ""},
		{"Tekton Chains", tektonAsked, signed(scannerKey, v1(tektonBuild())), ""},

		{"none", gitHubAsked, good, "provenance is required, and no statement of it was found"},
		{"the verdict's signer is no builder", tektonAsked, signed(releaseKey, v1(tektonBuild())), `it names builder "https://tekton.dev/chains/v2", and key `},
		{"a workflow of the source that names the generator", generatorAsked, w.attest(t, theRun(), v02(generatorBuild(generator))), verify.UntrustedSigner},
		{"a builder that names another", generatorAsked, w.attest(t, slsa, v02(generatorBuild(strings.Replace(generator, "v2.1.0", "v2.0.0", 1)))), `and the certificate is of "` + generator},
		{"another of the generator's workflows", generatorAsked, w.attest(t, change(slsa, func(r *run) { r.identity = strings.Replace(generator, "generator_generic_slsa3", "pre-submit", 1) }), v02(generatorBuild(generator))), verify.UntrustedSigner},
		{"the generator's branch", generatorAsked, w.attest(t, change(slsa, func(r *run) { r.identity = strings.Replace(generator, "refs/tags/v2.1.0", "refs/heads/main", 1) }), v02(generatorBuild(generator))), verify.UntrustedSigner},
		{"the generator, called by somebody else", generatorAsked, w.attest(t, change(slsa, func(r *run) { r.repository = "https://github.com/mallory/greet" }), v02(generatorBuild(generator))), verify.UntrustedSigner},
		{"another builder", gitHubAsked, w.attest(t, theRun(), v1(gitHubBuild("https://builder.example"))), `builder "https://builder.example", which is not trusted`},
		{"another source than the certificate's", gitHubAsked, w.attest(t, theRun(), v1(gitHubBuild(own).with(object{"buildDefinition": object{
			"buildType":          "https://actions.github.io/buildtypes/workflow/v1",
			"externalParameters": object{"workflow": object{"ref": theTag, "repository": "https://github.com/acme/other", "path": thePath}},
		}}))), `it says source "https://github.com/acme/other", and the certificate that signed it "` + theSource + `"`},
		{"another commit than the certificate's", gitHubAsked, w.attest(t, change(theRun(), func(r *run) { r.commit = strings.Repeat("1", 40) }), v1(gitHubBuild(own))), "it says commit"},
		{"another ref than the certificate's", gitHubAsked, w.attest(t, change(theRun(), func(r *run) { r.ref = "refs/tags/v1.3.0" }), v1(gitHubBuild(own))), "it says ref"},
		{"another workflow than the certificate's", gitHubAsked, w.attest(t, change(theRun(), func(r *run) { r.workflow = theSource + "/.github/workflows/x.yml@" + theTag }), v1(gitHubBuild(own))), "it says workflow"},
		{"its own runner", gitHubAsked, w.attest(t, change(theRun(), func(r *run) { r.runner = "self-hosted" }), v1(gitHubBuild(own))), verify.UntrustedSigner},
		{"another authority", gitHubAsked, stranger.attest(t, theRun(), v1(gitHubBuild(own))), verify.BadSignature},
		{"npm by another repository", npmAsked, w.attest(t, change(theRun(), func(r *run) {
			r.identity, r.repository = strings.Replace(own, "acme", "mallory", 1), "https://github.com/mallory/greet"
		}), v1(gitHubBuild(hosted))), verify.UntrustedSigner},
		{"GitLab's runner of another project", gitLabAsked, w.attest(t, gitlab, v1(gitLabBuild().with(object{"runDetails": object{"builder": object{"id": "https://gitlab.com/mallory/greet/-/runners/1"}}}))), "which is not trusted"},
		{"another tag", strings.Replace(generatorAsked, "v1.*", "v2.*", 1), w.attest(t, slsa, v02(generatorBuild(generator))), `its ref is "refs/tags/v1.2.0", expected "refs/tags/v2.*"`},
		{"another commit", strings.Replace(generatorAsked, theCommit, strings.Repeat("1", 40), 1), w.attest(t, slsa, v02(generatorBuild(generator))), "its commit is"},
		{"another workflow", strings.Replace(generatorAsked, thePath, ".github/workflows/w.yml", 1), w.attest(t, slsa, v02(generatorBuild(generator))), "its workflow is"},
		{"another source", strings.ReplaceAll(tektonAsked, theSource, "https://github.com/acme/other"), signed(scannerKey, v1(tektonBuild())), "its source is"},
		{"a tag that is not said", tektonAsked + "tag: v1.2.0\n", signed(scannerKey, v1(tektonBuild())), `it does not say its ref, expected "refs/tags/v1.2.0"`},
		{"provenance that contradicts itself", generatorAsked, w.attest(t, slsa, v02(generatorBuild(generator).with(object{"materials": []object{{"uri": "git+https://github.com/mallory/greet@" + theTag}}}))), "it cannot be read"},
		{"another type with the same content", gitHubAsked, w.attest(t, theRun(), encode(statement("https://slsa.dev/provenance/v9", gitHubBuild(own)))), verify.UntrustedSigner},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := verify.New(found{good, tt.bundle}, w.provenanceRequired(t, tt.asked))
			if err != nil {
				t.Fatal(err)
			}
			got, err := v.Verify(context.Background(), artifact)
			if tt.want != "" {
				requirementUnmet(t, err, tt.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			b := got.Requirements[0].Build
			if b == nil || b.Commit.Hex() != theCommit || b.Level == 0 || !strings.Contains(tt.asked, b.Repository) {
				t.Errorf("Requirements = %+v, want the build of %s", got.Requirements, theCommit)
			}
		})
	}
}

// Provenance of a builder that nobody trusts takes nothing away, and makes
// nothing of one that is not enough.
func TestProvenanceBesideOthers(t *testing.T) {
	w := newBuilderWorld(t)
	good := signed(releaseKey, verdict(predicate().with(object{"timeVerified": time.Now().UTC().Format(time.RFC3339)})))
	e := w.provenanceRequired(t, "level: 2\nsourceRepository: "+theSource+"\nbuilders:\n  - id: "+hosted+"\n    trustedRoot: forge.json\n")
	right := w.attest(t, theRun(), encode(statement(provenanceV1, gitHubBuild(hosted))))
	wrong := w.attest(t, theRun(), encode(statement(provenanceV1, gitHubBuild("https://builder.example"))))
	for _, tt := range []struct {
		bundles []attest.Bundle
		yes     bool
	}{
		{[]attest.Bundle{good, right}, true},
		{[]attest.Bundle{wrong, good, right}, true},
		{[]attest.Bundle{good, wrong}, false},
		{[]attest.Bundle{right}, false},
	} {
		v, err := verify.New(found(tt.bundles), e)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(context.Background(), artifact); (err == nil) != tt.yes {
			t.Errorf("Verify of %d bundles = %v, want accepted %v", len(tt.bundles), err, tt.yes)
		}
	}
}

// What npm really published verifies with the built-in trusted root.
func TestProvenanceOfNpm(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/sigstore/sigstore-go").Output()
	if err != nil {
		t.Skip("the sources of sigstore-go are not here: ", err)
	}
	published, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "pkg/testing/data/bundles/sigstore.js@2.0.0-provenance.sigstore.json"))
	if err != nil {
		t.Fatal(err)
	}
	tarball, err := criteria.ParseDigest("sha512:46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c")
	if err != nil {
		t.Fatal(err)
	}
	judged := signed(releaseKey, encode(statement(verdictType, predicate()).with(object{"subject": about(tarball)})))
	for _, tt := range []struct{ name, asked, want string }{
		{"as it was", "", ""},
		{"another branch", "ref: refs/heads/release", `its ref is "refs/heads/main"`},
		{"another workflow", "workflow: .github/workflows/publish.yml", "its workflow is"},
		{"the commit", "commit: f0b49a04e5a62250e0f60fb128004a73110fe311", ""},
		{"another commit", "commit: " + theCommit, "its commit is"},
	} {
		text := "verifier: " + verifierID + "\nresource: " + resourceURI + "\nlevel: standard\nmaxAge: 90d\nsigners:\n  - key: |\n      " +
			strings.ReplaceAll(strings.TrimSpace(releaseKey.pem()), "\n", "\n      ") + "\nprovenance:\n  level: 2\n  sourceRepository: https://github.com/sigstore/sigstore-js\n  builders:\n    - id: " + hosted +
			"\n      trustedRoot: public-good\n"
		if tt.asked != "" {
			text += "  " + tt.asked + "\n"
		}
		e, err := verify.ParseTrust("trust.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ask(t, e, tarball, judged, published)
		switch {
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: Verify = %v, want a reason with %q", tt.name, err, tt.want)
		case tt.want == "" && err != nil:
			t.Errorf("%s: Verify = %v", tt.name, err)
		case tt.want == "":
			data, err := json.Marshal(got.Requirements)
			if err != nil || !strings.Contains(string(data), `"builder":"`+hosted+`","level":2`) || !strings.Contains(string(data), `"invocation":"https://github.com/sigstore/sigstore-js/actions/runs/5904696764/attempts/1"`) {
				t.Errorf("%s: requirements = %s, %v", tt.name, data, err)
			}
		}
	}
}

func TestParseTrustProvenanceFaults(t *testing.T) {
	const asked = `provenance:
  level: 2
  sourceRepository: https://github.com/acme/greet
  builders:
    - id: https://github.com/acme/greet/.github/workflows/release.yml@refs/tags/v*
      trustedRoot: public-good
`
	if _, err := verify.ParseTrust("trust.yaml", []byte(trustFile+asked)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ from, to, want string }{
		{"  level: 2\n", "", "19:3: level is missing"},
		{"level: 2", "level: 4", "19:10: a build level is 1 to 3"},
		{"level: 2", "level: 3", `reaches level 2, and level 3 is asked for`},
		{"  sourceRepository: https://github.com/acme/greet\n", "", "19:3: sourceRepository is missing"},
		{"sourceRepository: https://github.com/acme/greet", "sourceRepository: git+https://github.com/acme/greet.git", "sourceRepository is an address such as"},
		{"sourceRepository: https://github.com/acme/greet", "sourceRepository: https://github.com/acme/*", "sourceRepository is an address such as"},
		{"      trustedRoot: public-good\n", "", "trustedRoot is missing"},
		{"id: https://github.com/acme/greet/.github", "id: https://github.com/acme/**/.github", "has a star where it names the builder"},
		{"@refs/tags/v*", "@*", "has a star where it names the builder"},
		{"@refs/tags/v*", "@**", "has a star where it names the builder"},
		{"greet/.github/workflows/release.yml", "shared/.github/workflows/release.yml", "level is missing: the SLSA build level that this builder reaches"},
		{"acme/greet/.github/workflows/release.yml@refs/tags/v*", "slsa-framework/slsa-github-generator/.github/workflows/generator_generic_slsa3.yml@refs/heads/*", "only its tags"},
		{"https://github.com/acme/greet/.github/workflows/release.yml@refs/tags/v*", "https://tekton.dev/chains/v2", "who signs for builder \"https://tekton.dev/chains/v2\" is not known here"},
		{"      trustedRoot: public-good\n", "      trustedRoot: public-good\n      signers: [{issuer: https://i.example, identity: a@b.example, trustedRoot: r.json}]\n", "trustedRoot and require stand with each of the builder's signers"},
		{"  level: 2\n", "  level: 2\n  ref: main\n", "ref is a whole ref"},
		{"  level: 2\n", "  level: 2\n  ref: refs/tags/v1\n  tag: v1\n", "either a ref or a tag"},
		{"  level: 2\n", "  level: 2\n  tag: '*'\n", "tag stands for anything"},
		{"  level: 2\n", "  level: 2\n  commit: c825765\n", "commit is 40 or 64 digits"},
		{"  builders:\n    - id: https://github.com/acme/greet/.github/workflows/release.yml@refs/tags/v*\n      trustedRoot: public-good\n", "", "builders is missing"},
	} {
		if !strings.Contains(asked, tt.from) {
			t.Fatalf("what is asked holds no %q", tt.from)
		}
		_, err := verify.ParseTrust("trust.yaml", []byte(trustFile+strings.Replace(asked, tt.from, tt.to, 1)))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseTrust with %q = %v, want an error with %q", tt.to, err, tt.want)
		}
	}
}

// What slsa-github-generator really attested verifies with the built-in trusted
// root, about the source that called it and nobody else's.
func TestProvenanceOfGenerator(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/slsa-framework/slsa-verifier/v2").Output()
	if err != nil {
		t.Skip("the sources of slsa-verifier are not here: ", err)
	}
	data := filepath.Join(strings.TrimSpace(string(dir)), "cli", "slsa-verifier", "testdata")
	const workflows = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/"
	for _, tt := range []struct{ file, digest, builder, asked, want string }{
		{"gha_container-based/v2.0.0/binary-linux-amd64-push-v14.2.intoto.build.slsa", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "builder_container-based_slsa3.yml@refs/tags/v2.*", "tag: v14.2", ""},
		{"gha_maven/v2.0.0/binary-linux-amd64-push-v14.2.build.slsa", "sha256:46e833cf2594d94efd5f298c39772b295e483cb37456055e04144f1a27c64b34", "builder_maven_slsa3.yml@refs/tags/v2.0.0", "commit: 693130cb6cb840a7bc9cb18c6510d536a95dc7e6", ""},
		{"gha_maven/v2.0.0/binary-linux-amd64-push-v14.2.build.slsa", "sha256:46e833cf2594d94efd5f298c39772b295e483cb37456055e04144f1a27c64b34", "builder_maven_slsa3.yml@refs/tags/v2.0.0", "tag: v14.3", `its ref is "refs/tags/v14.2"`},
		{"gha_maven/v2.0.0/binary-linux-amd64-push-v14.2.build.slsa", "sha256:46e833cf2594d94efd5f298c39772b295e483cb37456055e04144f1a27c64b34", "builder_gradle_slsa3.yml@refs/tags/v2.0.0", "tag: v14.2", "which is not trusted"},
		{"gha_maven/v2.0.0/binary-linux-amd64-push-v14.2.build.slsa", "sha256:46e833cf2594d94efd5f298c39772b295e483cb37456055e04144f1a27c64b34", "builder_maven_slsa3.yml@refs/tags/v1.*", "tag: v14.2", "provenance is required"},
	} {
		attested, err := os.ReadFile(filepath.Join(data, filepath.FromSlash(tt.file)))
		if err != nil {
			t.Fatal(err)
		}
		subject, err := criteria.ParseDigest(tt.digest)
		if err != nil {
			t.Fatal(err)
		}
		text := "verifier: " + verifierID + "\nresource: " + resourceURI + "\nlevel: standard\nmaxAge: 90d\nsigners:\n  - key: |\n      " +
			strings.ReplaceAll(strings.TrimSpace(releaseKey.pem()), "\n", "\n      ") + "\nprovenance:\n  level: 3\n  sourceRepository: https://github.com/slsa-framework/example-package\n  " + tt.asked +
			"\n  builders:\n    - id: " + workflows + tt.builder + "\n      trustedRoot: public-good\n"
		e, err := verify.ParseTrust("trust.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ask(t, e, subject, signed(releaseKey, encode(statement(verdictType, predicate()).with(object{"subject": about(subject)}))), attested)
		switch {
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s, %s: Verify = %v, want a reason with %q", tt.file, tt.asked, err, tt.want)
		case tt.want == "" && err != nil:
			t.Errorf("%s: Verify = %v", tt.file, err)
		case tt.want == "":
			if b := got.Requirements[0].Build; b.Level != 3 || b.Commit.Hex() != "693130cb6cb840a7bc9cb18c6510d536a95dc7e6" || b.Ref != "refs/tags/v14.2" {
				t.Errorf("%s: build = %+v", tt.file, b)
			}
		}
	}
}

// What npm really keeps of a package: that it was published, signed with the
// registry's key. (How these two were built, npm signed in bundles that bring their
// own root, which are refused.)
func TestNpmPublish(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/slsa-framework/slsa-verifier/v2").Output()
	if err != nil {
		t.Skip("the sources of slsa-verifier are not here: ", err)
	}
	const published = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1"
	for _, file := range []string{"supreme-googles-cli-v02-tag.tgz.json", "provenance-npm-test-ossf.tgz.json"} {
		t.Run(file, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "cli", "slsa-verifier", "testdata", "npm", "gha", file))
			if err != nil {
				t.Fatal(err)
			}
			var kept struct {
				Attestations []struct {
					PredicateType string          `json:"predicateType"`
					Bundle        json.RawMessage `json:"bundle"`
				} `json:"attestations"`
			}
			if err := json.Unmarshal(data, &kept); err != nil {
				t.Fatal(err)
			}
			var bundles []attest.Bundle
			var key string
			var subject criteria.Digest
			for _, a := range kept.Attestations {
				bundles = append(bundles, attest.Bundle(a.Bundle))
				if a.PredicateType != published {
					continue
				}
				// The registry's key, as the log has it.
				var b struct {
					Material struct {
						Entries []struct {
							Body []byte `json:"canonicalizedBody"`
						} `json:"tlogEntries"`
					} `json:"verificationMaterial"`
					Envelope struct {
						Payload []byte `json:"payload"`
					} `json:"dsseEnvelope"`
				}
				var entry struct {
					Spec struct {
						Content struct {
							Envelope struct {
								Signatures []struct {
									PublicKey []byte `json:"publicKey"`
								} `json:"signatures"`
							} `json:"envelope"`
						} `json:"content"`
					} `json:"spec"`
				}
				var s struct {
					Subject []struct {
						Name   string            `json:"name"`
						Digest map[string]string `json:"digest"`
					} `json:"subject"`
				}
				if err := errors.Join(json.Unmarshal(a.Bundle, &b), json.Unmarshal(b.Material.Entries[0].Body, &entry), json.Unmarshal(b.Envelope.Payload, &s)); err != nil {
					t.Fatal(err)
				}
				key = string(entry.Spec.Content.Envelope.Signatures[0].PublicKey)
				if subject, err = criteria.ParseDigest("sha512:" + s.Subject[0].Digest["sha512"]); err != nil {
					t.Fatal(err)
				}
			}
			indented := func(pem, indent string) string {
				return strings.ReplaceAll(strings.TrimSpace(pem), "\n", "\n"+indent)
			}
			text := "verifier: " + verifierID + "\nresource: " + resourceURI + "\nlevel: standard\nmaxAge: 90d\nsigners:\n  - key: |\n      " + indented(releaseKey.pem(), "      ") +
				"\nattestations:\n  - predicateType: " + published + "\n    signers:\n      - name: npm registry\n        key: |\n          " + indented(key, "          ") +
				"\n    all: [{path: registry, matches: 'https://registry.npmjs.*'}]\n"
			e, err := verify.ParseTrust("trust.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			judged := signed(releaseKey, encode(statement(verdictType, predicate()).with(object{"subject": about(subject)})))
			got, err := ask(t, e, subject, append(bundles, judged)...)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Requirements) != 1 || got.Requirements[0].Signers[0].Name != "npm registry" {
				t.Errorf("Requirements = %+v, want the registry's", got.Requirements)
			}
			e.Attestations[0].All[0].Path = "registryUrl"
			if _, err := ask(t, e, subject, append(bundles, judged)...); err == nil || !strings.Contains(err.Error(), "registryUrl: found nothing") {
				t.Errorf("Verify with a field that is not there = %v", err)
			}
		})
	}
}
