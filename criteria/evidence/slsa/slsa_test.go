package slsa

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/deptest"
)

// Verifying must not ask anybody: what it is verified with is given.
func TestImports(t *testing.T) {
	deptest.MayImportOnly(t, "criteria", "internal/provenance", "internal/strict")
	deptest.MustNotImport(t, "net", "os", "log")
}

func digest(t testing.TB, s string) criteria.Digest {
	t.Helper()
	d, err := criteria.ParseDigest(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var sameDigest = cmp.Comparer(func(a, b criteria.Digest) bool { return a == b })

// module is the folder of a module that is required, or skips the test.
func module(t testing.TB, path string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", path).Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skipf("the sources of %s are not here: %v", path, err)
	}
	return dir
}

// publicGood is the trusted root of Sigstore's public instance, as its module
// ships it.
func publicGood(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(module(t, "github.com/sigstore/sigstore"), "pkg", "tuf", "repository", "targets", "trusted_root.json"))
	if err != nil {
		t.Skipf("the public instance's trusted root is not here: %v", err)
	}
	return data
}

// testdata is where slsa-verifier keeps provenance that builders really wrote.
func testdata(t testing.TB, path ...string) string {
	t.Helper()
	return filepath.Join(append([]string{module(t, "github.com/slsa-framework/slsa-verifier/v2"), "cli", "slsa-verifier", "testdata"}, path...)...)
}

func readReal(t testing.TB, file string, trust []byte) (criteria.Facts, error) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return Provenance{}.ReadSigned(f, trust)
}

const (
	generator = "https://github.com/slsa-framework/slsa-github-generator"
	example   = "https://github.com/slsa-framework/example-package"
	gitHub    = "https://token.actions.githubusercontent.com"
)

func TestReadReal(t *testing.T) {
	trust := publicGood(t)
	anchor := digest(t, "gitCommit:693130cb6cb840a7bc9cb18c6510d536a95dc7e6")
	const flow = ".github/workflows/verifier-e2e.all.workflow_dispatch.main.all.slsa3.yml"
	jar := digest(t, "sha256:46e833cf2594d94efd5f298c39772b295e483cb37456055e04144f1a27c64b34")
	goggles := digest(t, "sha512:1e2ebece757250876cde9d0f6c636ed6e0088a23a6c477fe0cd1afcc11800a5ba0c932f4a57a12537063d49d717bb7ae76b8a2938b3d48e7f02617f6564ad919")
	sigstoreJS := digest(t, "sha512:46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c")
	for file, want := range map[string]criteria.Facts{
		testdata(t, "gha_maven", "v2.0.0", "binary-linux-amd64-push-v14.2.build.slsa"): {
			Subjects: []criteria.Digest{jar}, Time: time.Date(2024, 4, 22, 21, 36, 24, 0, time.UTC),
			Builds: &criteria.Builds{Items: []criteria.Build{{
				Subjects: []criteria.Digest{jar},
				Signer: &criteria.BuildSigner{
					By: "sigstore-go", Root: criteria.PublicGoodRoots()[0], Issuer: gitHub, Identity: generator + "/.github/workflows/delegator_lowperms-generic_slsa3.yml@refs/tags/v2.0.0",
					Repository: example, Ref: "refs/tags/v14.2", Commit: anchor, Runner: "github-hosted",
				},
				Builder: generator + "/.github/workflows/builder_maven_slsa3.yml@refs/tags/v2.0.0", Type: generator + "/delegator-generic@v0",
				Repository: example, Ref: "refs/tags/v14.2", Commit: anchor, Workflow: flow, Invocation: example + "/actions/runs/8791219514/attempts/1",
			}}},
		},
		testdata(t, "npm", "gha", "supreme-googles-cli-v02-tag.tgz.json"): {
			Subjects: []criteria.Digest{goggles}, Time: time.Date(2023, 5, 16, 17, 32, 54, 0, time.UTC),
			Builds: &criteria.Builds{Items: []criteria.Build{{
				Subjects: []criteria.Digest{goggles},
				Signer: &criteria.BuildSigner{
					By: "sigstore-go", Root: criteria.PublicGoodRoots()[0], Issuer: gitHub, Identity: "https://github.com/trishankatdatadog/supreme-goggles/.github/workflows/npm-publish.yml@refs/tags/v1.0.5",
					Repository: "https://github.com/trishankatdatadog/supreme-goggles", Ref: "refs/tags/v1.0.5",
					Commit: digest(t, "gitCommit:38ebf99444e033b2f1550c9aaaeacd62d02a12ba"), Runner: "github-hosted",
				},
				Builder: "https://github.com/actions/runner", Type: "https://github.com/npm/cli/gha/v2",
				Repository: "https://github.com/trishankatdatadog/supreme-goggles", Ref: "refs/tags/v1.0.5",
				Commit: digest(t, "gitCommit:38ebf99444e033b2f1550c9aaaeacd62d02a12ba"), Workflow: ".github/workflows/npm-publish.yml", Invocation: "4994975790-1",
			}}},
		},
		filepath.Join(module(t, "github.com/sigstore/sigstore-go"), "pkg", "testing", "data", "bundles", "sigstore.js@2.0.0-provenance.sigstore.json"): {
			Subjects: []criteria.Digest{sigstoreJS}, Time: time.Date(2023, 8, 18, 16, 5, 35, 0, time.UTC),
			Builds: &criteria.Builds{Items: []criteria.Build{{
				Subjects: []criteria.Digest{sigstoreJS},
				Signer: &criteria.BuildSigner{
					By: "sigstore-go", Root: criteria.PublicGoodRoots()[0], Issuer: gitHub, Identity: "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main",
					Repository: "https://github.com/sigstore/sigstore-js", Ref: "refs/heads/main",
					Commit: digest(t, "gitCommit:f0b49a04e5a62250e0f60fb128004a73110fe311"), Runner: "github-hosted",
				},
				Builder: "https://github.com/actions/runner/github-hosted", Type: "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1",
				Repository: "https://github.com/sigstore/sigstore-js", Ref: "refs/heads/main",
				Commit: digest(t, "gitCommit:f0b49a04e5a62250e0f60fb128004a73110fe311"), Workflow: ".github/workflows/release.yml",
				Invocation: "https://github.com/sigstore/sigstore-js/actions/runs/5904696764/attempts/1",
			}}},
		},
	} {
		got, err := readReal(t, file, trust)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if diff := cmp.Diff(want, got, sameDigest); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

// Every bundle of every builder that slsa-verifier accepts is verified, offline.
func TestReadAllReal(t *testing.T) {
	trust := publicGood(t)
	var files []string
	for _, pattern := range []string{"gha_*/*/*.slsa", "npm/gha/*.tgz.json"} {
		found, err := filepath.Glob(testdata(t, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 50 {
		t.Fatalf("found %d files, expected more than 50", len(files))
	}
	for _, f := range files {
		facts, err := readReal(t, f, trust)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		for _, b := range facts.Builds.Items {
			switch altered := strings.Contains(f, "-invalidsigprov"); {
			case altered && (b.Signer != nil || b.Builder != "" || b.Problem == ""):
				t.Errorf("%s: %+v, want a problem and nothing else", f, b)
			case !altered && (b.Signer == nil || b.Signer.Repository != b.Repository || b.Signer.Ref != b.Ref || b.Signer.Commit != b.Commit):
				t.Errorf("%s: %+v, want a verified build whose certificate says the same", f, b)
			}
		}
	}
}

// Without a trusted root, with another, or as a bare envelope, real provenance is
// known to be there and says nothing.
func TestReadRealUnverified(t *testing.T) {
	bundle := testdata(t, "gha_maven", "v2.0.0", "binary-linux-amd64-push-v14.2.build.slsa")
	key, _ := somebody(t)
	for name, c := range map[string]struct {
		file  string
		trust []byte
		want  string
	}{
		"no root":              {bundle, nil, "trustedRoot"},
		"another Sigstore's":   {bundle, newWorld(t).root(t), "could not be verified"},
		"a key":                {bundle, key, "with a certificate"},
		"a bare envelope":      {testdata(t, "gha_generic", "v2.0.0", "binary-linux-amd64-push-v14.2.intoto.jsonl"), publicGood(t), "bare envelope"},
		"a bare envelope, key": {testdata(t, "gha_generic", "v2.0.0", "binary-linux-amd64-push-v14.2.intoto.jsonl"), key, "bare envelope"},
	} {
		facts, err := readReal(t, c.file, c.trust)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, b := range facts.Builds.Items {
			if b.Signer != nil || b.Builder != "" || b.Repository != "" || len(b.Subjects) == 0 || !strings.Contains(b.Problem, c.want) {
				t.Errorf("%s: %+v, want the problem %q and nothing else", name, b, c.want)
			}
		}
		if !facts.Time.IsZero() {
			t.Errorf("%s: Time = %v, want none", name, facts.Time)
		}
	}
}

// world is a Sigstore of our own.
type world struct{ *ca.VirtualSigstore }

func newWorld(t testing.TB) world {
	t.Helper()
	v, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	return world{v}
}

func (w world) root(t testing.TB) []byte {
	t.Helper()
	logs := w.RekorLogs()
	for id, log := range logs {
		raw, err := hex.DecodeString(id)
		if err != nil {
			t.Fatal(err)
		}
		log.ID, log.SignatureHashFunc = raw, crypto.SHA256
	}
	r, err := root.NewTrustedRoot(root.TrustedRootMediaType01, w.FulcioCertificateAuthorities(), nil, w.TimestampingAuthorities(), logs)
	if err != nil {
		t.Fatal(err)
	}
	data, err := r.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func somebody(t testing.TB) (public []byte, private *ecdsa.PrivateKey) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), private
}

const widget = "2222222222222222222222222222222222222222222222222222222222222222"

func payload(builder string) []byte {
	return []byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"widget","digest":{"sha256":"` + widget + `"}}],
		"predicateType":"https://slsa.dev/provenance/v1","predicate":{"buildDefinition":{"buildType":"https://tekton.dev/chains/v2/slsa",
		"resolvedDependencies":[{"name":"inputs/result","uri":"git+https://github.com/acme/widget.git","digest":{"sha1":"1111111111111111111111111111111111111111"}}]},
		"runDetails":{"builder":{"id":"` + builder + `"}}}}`)
}

// envelope is a DSSE envelope signed by each of keys.
func envelope(t testing.TB, payloadType string, payload []byte, keys ...*ecdsa.PrivateKey) map[string]any {
	t.Helper()
	var signatures []map[string]string
	sum := sha256.Sum256(dsse.PAE(payloadType, payload))
	for _, k := range keys {
		sig, err := ecdsa.SignASN1(rand.Reader, k, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		signatures = append(signatures, map[string]string{"sig": base64.StdEncoding.EncodeToString(sig)})
	}
	return map[string]any{"payloadType": payloadType, "payload": base64.StdEncoding.EncodeToString(payload), "signatures": signatures}
}

func asJSON(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A key signs envelopes and bundles, as Tekton Chains and cosign write them.
func TestReadKey(t *testing.T) {
	public, private := somebody(t)
	_, other := somebody(t)
	const tekton = "https://tekton.dev/chains/v2"
	good := envelope(t, payloadType, payload(tekton), private)
	inBundle := func(e any) map[string]any {
		return map[string]any{
			"mediaType":            "application/vnd.dev.sigstore.bundle.v0.3+json",
			"verificationMaterial": map[string]any{"publicKey": map[string]any{"hint": "any"}},
			"dsseEnvelope":         e,
		}
	}
	altered := envelope(t, payloadType, payload(tekton), private)
	altered["payload"] = base64.StdEncoding.EncodeToString(payload("https://evil.example"))
	for name, c := range map[string]struct {
		doc     any
		problem string // empty: verified
	}{
		"an envelope":              {good, ""},
		"a bundle":                 {inBundle(good), ""},
		"by another key":           {envelope(t, payloadType, payload(tekton), other), "could not be verified"},
		"a bundle by another key":  {inBundle(envelope(t, payloadType, payload(tekton), other)), "could not be verified"},
		"another payload":          {altered, "could not be verified"},
		"two signatures":           {envelope(t, payloadType, payload(tekton), private, other), "2 signatures"},
		"twice the same signature": {envelope(t, payloadType, payload(tekton), private, private), "2 signatures"},
		"no signature":             {envelope(t, payloadType, payload(tekton)), "0 signatures"},
	} {
		facts, err := Provenance{}.ReadSigned(bytes.NewReader(asJSON(t, c.doc)), public)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		b := facts.Builds.Items[0]
		switch {
		case c.problem == "" && (b.Signer == nil || b.Signer.By != "sigstore-go" || b.Builder != tekton || b.Repository != "https://github.com/acme/widget"):
			t.Errorf("%s: %+v, want it verified", name, b)
		case c.problem != "" && (b.Signer != nil || b.Builder != "" || !strings.Contains(b.Problem, c.problem)):
			t.Errorf("%s: %+v, want the problem %q and nothing else", name, b, c.problem)
		}
	}
	block, _ := pem.Decode(public)
	facts, err := Provenance{}.ReadSigned(bytes.NewReader(asJSON(t, good)), public)
	if err != nil {
		t.Fatal(err)
	}
	if got := facts.Builds.Items[0].Signer.Key; got != criteria.DigestOf(block.Bytes) {
		t.Errorf("Key = %v, want the SHA-256 of the key", got)
	}
}

// Each statement of a report speaks for itself: a signed one lends nothing to the
// one beside it.
func TestReadLines(t *testing.T) {
	public, private := somebody(t)
	_, other := somebody(t)
	lines := slices.Concat(
		asJSON(t, envelope(t, payloadType, payload("https://good.example"), private)), []byte("\n\n"),
		asJSON(t, envelope(t, payloadType, payload("https://evil.example"), other)), []byte("\n"),
		asJSON(t, envelope(t, payloadType, []byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"https://spdx.dev/Document","predicate":{}}`), private)), []byte("\n"),
	)
	facts, err := Provenance{}.ReadSigned(bytes.NewReader(lines), public)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range facts.Builds.Items {
		got = append(got, b.Builder)
	}
	if diff := cmp.Diff([]string{"https://good.example", ""}, got); diff != "" {
		t.Errorf("builders (-want +got):\n%s", diff)
	}
}

// bareWithEntry is what slsa-github-generator writes, and what Rekor answers for
// it: an envelope with a certificate, and its log entry.
func (w world) bareWithEntry(t testing.TB, identity string, payload []byte) (bare, entry map[string]any) {
	t.Helper()
	leaf, private, err := w.GenerateLeafCert(identity, gitHub)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(dsse.PAE(payloadType, payload))
	sig, err := ecdsa.SignASN1(rand.Reader, private.(*ecdsa.PrivateKey), sum[:])
	if err != nil {
		t.Fatal(err)
	}
	e := &dsse.Envelope{
		PayloadType: payloadType, Payload: base64.StdEncoding.EncodeToString(payload),
		Signatures: []dsse.Signature{{Sig: base64.StdEncoding.EncodeToString(sig)}},
	}
	integrated := time.Now().Add(time.Minute).Unix()
	made, err := w.GenerateTlogEntry(leaf, e, sig, integrated, true)
	if err != nil {
		t.Fatal(err)
	}
	logID, err := w.RekorLogID()
	if err != nil {
		t.Fatal(err)
	}
	made64 := base64.StdEncoding.EncodeToString(made.TransparencyLogEntry().CanonicalizedBody)
	promise, err := w.RekorSignPayload(tlog.RekorPayload{Body: made64, IntegratedTime: integrated, LogID: logID})
	if err != nil {
		t.Fatal(err)
	}
	proof := made.TransparencyLogEntry().InclusionProof
	var hashes []string
	for _, h := range proof.Hashes {
		hashes = append(hashes, hex.EncodeToString(h))
	}
	bare = map[string]any{
		"payloadType": payloadType, "payload": e.Payload,
		"signatures": []any{map[string]any{"keyid": "", "sig": e.Signatures[0].Sig, "cert": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}))}},
	}
	entry = map[string]any{strings.Repeat("a", 80): map[string]any{
		"body": made64, "integratedTime": integrated, "logID": logID, "logIndex": 0,
		"verification": map[string]any{
			"signedEntryTimestamp": base64.StdEncoding.EncodeToString(promise),
			"inclusionProof": map[string]any{
				"checkpoint": proof.Checkpoint.Envelope, "hashes": hashes, "logIndex": proof.LogIndex,
				"rootHash": hex.EncodeToString(proof.RootHash), "treeSize": proof.TreeSize,
			},
		},
	}}
	return bare, entry
}

// A bare envelope counts with its log entry, and with no other.
func TestReadBareEnvelope(t *testing.T) {
	const identity = generator + "/.github/workflows/generator_generic_slsa3.yml@refs/tags/v2.0.0"
	w := newWorld(t)
	bare, entry := w.bareWithEntry(t, identity, payload(identity))
	other, otherEntry := w.bareWithEntry(t, identity, payload("https://evil.example"))
	stranger, strangerEntry := newWorld(t).bareWithEntry(t, identity, payload(identity))
	lines := func(docs ...any) []byte {
		var out []byte
		for _, d := range docs {
			out = append(append(out, asJSON(t, d)...), '\n')
		}
		return out
	}
	altered := func(change func(map[string]any)) map[string]any {
		var copied map[string]any
		if err := json.Unmarshal(asJSON(t, entry), &copied); err != nil {
			t.Fatal(err)
		}
		change(copied[strings.Repeat("a", 80)].(map[string]any))
		return copied
	}
	trust := w.root(t)
	for name, c := range map[string]struct {
		doc     []byte
		problem string // empty: verified
	}{
		"with its entry":                       {lines(bare, entry), ""},
		"without":                              {lines(bare), "put its entry in the transparency log"},
		"another's entry":                      {lines(bare, otherEntry), "could not be verified"},
		"of another Sigstore":                  {lines(stranger, strangerEntry), "could not be verified"},
		"another time":                         {lines(bare, altered(func(e map[string]any) { e["integratedTime"] = 1700000000 })), "could not be verified"},
		"no proof of inclusion, but a promise": {lines(bare, altered(func(e map[string]any) { delete(e["verification"].(map[string]any), "inclusionProof") })), ""},
		"an older kind": {lines(bare, altered(func(e map[string]any) {
			e["body"] = base64.StdEncoding.EncodeToString([]byte(`{"kind":"intoto","apiVersion":"0.0.1","spec":{}}`))
		})), "cannot be used"},
	} {
		facts, err := Provenance{}.ReadSigned(bytes.NewReader(c.doc), trust)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		b := facts.Builds.Items[0]
		switch {
		case c.problem == "" && (b.Signer == nil || b.Signer.Identity != identity || b.Signer.Issuer != gitHub || b.Builder != identity || facts.Time.IsZero()):
			t.Errorf("%s: %+v, want it verified", name, b)
		case c.problem != "" && (b.Signer != nil || b.Builder != "" || !strings.Contains(b.Problem, c.problem)):
			t.Errorf("%s: %+v, want the problem %q and nothing else", name, b, c.problem)
		}
	}
	// The entry is the one of the line before it, and lends nothing to others.
	facts, err := Provenance{}.ReadSigned(bytes.NewReader(lines(other, bare, entry)), trust)
	if err != nil {
		t.Fatal(err)
	}
	if first, second := facts.Builds.Items[0], facts.Builds.Items[1]; first.Signer != nil || second.Signer == nil || second.Builder != identity {
		t.Errorf("builds %+v and %+v, want the second alone verified", first, second)
	}
	for name, c := range map[string]struct {
		doc  []byte
		want string
	}{
		"an entry alone":           {lines(entry, bare), "line 1 is a log entry"},
		"two entries":              {lines(bare, entry, entry), "line 3 is a log entry"},
		"an entry without a time":  {lines(bare, altered(func(e map[string]any) { delete(e, "verification") })), "signedEntryTimestamp"},
		"an entry without a body":  {lines(bare, altered(func(e map[string]any) { e["body"] = "" })), "its body"},
		"an entry of another form": {lines(bare, altered(func(e map[string]any) { e["logIndex"] = "0" })), "log entry that cannot be read"},
	} {
		if facts, err := (Provenance{}).ReadSigned(bytes.NewReader(c.doc), trust); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v, want an error with %q", name, facts.Builds, err, c.want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	public, private := somebody(t)
	statement := func(s string) []byte { return asJSON(t, envelope(t, payloadType, []byte(s), private)) }
	const head = `{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1",`
	for name, c := range map[string]struct {
		doc  []byte
		want string
	}{
		"nothing":              {[]byte(" \n"), "is empty"},
		"no JSON":              {[]byte("provenance"), "on line 1"},
		"a broken second line": {append(statement(string(payload("b"))), "\n{"...), "on line 2"},
		"something else":       {[]byte(`{"a":1}`), "is no Sigstore bundle"},
		"a list":               {[]byte(`[]`), "document"},
		"another payload type": {asJSON(t, envelope(t, "text/plain", payload("b"), private)), "text/plain"},
		"payload not base64":   {[]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"%%","signatures":[]}`), "base64"},
		"no statement":         {statement(`{"a":1}`), "no in-toto statement"},
		"a key twice":          {statement(head + `"subject":[],"subject":[{"digest":{"sha256":"` + widget + `"}}],"predicate":{}}`), "stands twice"},
		"only other predicates": {
			statement(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"` + widget + `"}}],"predicateType":"https://spdx.dev/Document","predicate":{}}`),
			"no SLSA provenance",
		},
		"no subject":              {statement(head + `"subject":[],"predicate":{"runDetails":{"builder":{"id":"b"}}}}`), "no subject"},
		"a subject in upper case": {statement(head + `"subject":[{"digest":{"sha256":"` + strings.Repeat("A", 64) + `"}}],"predicate":{"runDetails":{"builder":{"id":"b"}}}}`), "no subject"},
		"an empty digest":         {statement(head + `"subject":[{"digest":{"sha256":""}}],"predicate":{"runDetails":{"builder":{"id":"b"}}}}`), "no subject"},
		"signed nonsense":         {statement(head + `"subject":[{"digest":{"sha256":"` + widget + `"}}],"predicate":{}}`), "names no builder"},
		"an empty list":           {[]byte(`{"attestations":[]}`), "no attestations"},
		"a list of nothing":       {[]byte(`{"attestations":[{}]}`), "has no bundle"},
		"too many":                {[]byte(`{"attestations":[` + strings.Repeat("{},", maxAttestations) + `{}]}`), "more than"},
		"a bundle over bytes":     {[]byte(`{"messageSignature":{}}`), "over bytes"},
		"a broken bundle":         {[]byte(`{"dsseEnvelope":{}}`), "cannot be read as a Sigstore bundle"},
	} {
		if facts, err := (Provenance{}).ReadSigned(bytes.NewReader(c.doc), public); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v, want an error with %q", name, facts.Builds, err, c.want)
		}
	}
	// A statement that nobody signed is known to be there, and says nothing.
	facts, err := Provenance{}.ReadSigned(bytes.NewReader(payload("https://evil.example")), public)
	if err != nil {
		t.Fatal(err)
	}
	if b := facts.Builds.Items[0]; b.Signer != nil || b.Builder != "" || !strings.Contains(b.Problem, "nobody signed") {
		t.Errorf("an unsigned statement: %+v", b)
	}
}

func TestTrust(t *testing.T) {
	public, private := somebody(t)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	doc := asJSON(t, envelope(t, payloadType, payload("b"), private))
	for name, c := range map[string]struct {
		trust []byte
		want  string
	}{
		"text":          {[]byte("root"), "neither a Sigstore trusted root nor a public key"},
		"another JSON":  {[]byte(`{}`), "trusted root"},
		"no authority":  {[]byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`), "no certificate authority"},
		"a private key": {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), "private key"},
		"two keys":      {append(slices.Clone(public), public...), "something else"},
		"another block": {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), "expected a PUBLIC KEY"},
		"a broken key":  {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte{1}}), "cannot be read"},
		"keys repeated": {[]byte(`{"mediaType":"a","mediaType":"b"}`), "stands twice"},
	} {
		if facts, err := (Provenance{}).ReadSigned(bytes.NewReader(doc), c.trust); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v, want an error with %q", name, facts.Builds, err, c.want)
		}
	}
}

// What nobody signed is never a build with a signer, whatever is changed in real
// bundles; and the same bytes always read the same.
func FuzzRead(f *testing.F) {
	trust := publicGood(f)
	files, err := filepath.Glob(testdata(f, "gha_maven", "v2.0.0", "*.slsa"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	files = append(files, testdata(f, "npm", "gha", "supreme-googles-cli-v02-tag.tgz.json"),
		testdata(f, "gha_generic", "v2.0.0", "binary-linux-amd64-push-v14.2.intoto.jsonl"))
	known := make(map[string]bool)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		facts, err := Provenance{}.ReadSigned(bytes.NewReader(data), trust)
		if err != nil {
			f.Fatalf("%s: %v", file, err)
		}
		for _, b := range facts.Builds.Items {
			if b.Signer != nil {
				known[string(asJSON(f, b))] = true
			}
		}
		f.Add(data)
	}
	if len(known) == 0 {
		f.Fatal("no seed is verified")
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		facts, err := Provenance{}.ReadSigned(bytes.NewReader(data), trust)
		again, errAgain := Provenance{}.ReadSigned(bytes.NewReader(data), trust)
		if (err == nil) != (errAgain == nil) || err == nil && !bytes.Equal(asJSON(t, facts), asJSON(t, again)) {
			t.Fatalf("two readings differ: %v, %v", err, errAgain)
		}
		if err != nil {
			return
		}
		for _, b := range facts.Builds.Items {
			if b.Signer != nil && !known[string(asJSON(t, b))] {
				t.Fatalf("a build that nobody signed is verified: %s", asJSON(t, b))
			}
		}
	})
}

// BenchmarkRead is what one signed provenance costs.
func BenchmarkRead(b *testing.B) {
	trust := publicGood(b)
	data, err := os.ReadFile(testdata(b, "gha_maven", "v2.0.0", "binary-linux-amd64-push-v14.2.build.slsa"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := (Provenance{}).ReadSigned(bytes.NewReader(data), trust); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTrust is what reading a trusted root costs, once a report.
func BenchmarkTrust(b *testing.B) {
	trust := publicGood(b)
	for b.Loop() {
		if _, err := newVerifier(trust); err != nil {
			b.Fatal(err)
		}
	}
}
