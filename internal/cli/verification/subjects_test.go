package verification_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
)

// attester signs verdicts with a key, as bare DSSE envelopes or in bundles.
type attester struct {
	t       *testing.T
	private ed25519.PrivateKey
}

func newAttester(t *testing.T) attester {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	a := attester{t, private}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	key := strings.ReplaceAll(strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))), "\n", "\n      ")
	write(t, "trust.yaml", "verifier: https://v.example\nresource: pkg:generic/greet@1\nsigners:\n  - key: |\n      "+key+"\nlevel: basic\nmaxAge: 1d\n")
	return a
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// verdict is an envelope with a verdict about digests, each "algorithm:hex".
func (a attester) verdict(statement, result string, digests ...string) string {
	a.t.Helper()
	set := make(map[string]string)
	for _, d := range digests {
		algorithm, value, _ := strings.Cut(d, ":")
		set[algorithm] = value
	}
	when := time.Now().UTC().Add(-time.Minute)
	if result == "FAILED" {
		when = when.Add(time.Second)
	}
	payload, err := json.Marshal(map[string]any{
		"_type": statement, "subject": []any{map[string]any{"name": "greet", "digest": set}},
		"predicateType": "https://slsa.dev/verification_summary/v1",
		"predicate": map[string]any{
			"verifier": map[string]string{"id": "https://v.example"}, "timeVerified": when.Format(time.RFC3339),
			"resourceUri": "pkg:generic/greet@1", "policy": map[string]any{"uri": "p", "digest": map[string]string{"sha256": strings.Repeat("0", 64)}},
			"verificationResult": result, "verifiedLevels": []string{"HALLMARK_RELEASE_BASIC"},
		},
	})
	if err != nil {
		a.t.Fatal(err)
	}
	const kind = "application/vnd.in-toto+json"
	pae := fmt.Sprintf("DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload)
	envelope, err := json.Marshal(map[string]any{
		"payloadType": kind, "payload": base64.StdEncoding.EncodeToString(payload),
		"signatures": []any{map[string]string{"sig": base64.StdEncoding.EncodeToString(ed25519.Sign(a.private, []byte(pae)))}},
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return string(envelope)
}

func bundled(envelope string) string {
	return `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{}},"dsseEnvelope":` + envelope + `}`
}

const (
	v1  = "https://in-toto.io/Statement/v1"
	v01 = "https://in-toto.io/Statement/v0.1"
)

// Files are found by whichever digest statements name them, in bundles of every
// form; a verdict that withdraws counts by whichever it names them, too.
func TestSubjects(t *testing.T) {
	t.Chdir(t.TempDir())
	a := newAttester(t)
	content := []byte("greet 1")
	write(t, "greet", string(content))
	s256, s384, s512 := sha256.Sum256(content), sha512.Sum384(content), sha512.Sum512(content)
	by256, by384, by512 := "sha256:"+hex.EncodeToString(s256[:]), "sha384:"+hex.EncodeToString(s384[:]), "sha512:"+hex.EncodeToString(s512[:])
	commit := "gitCommit:" + strings.Repeat("5e", 20)
	write(t, "SHA512SUMS", by512[len("sha512:"):]+"  greet\n")
	other := "sha512:" + strings.Repeat("0", 128)

	for _, tt := range []struct {
		name    string
		bundles map[string]string
		args    []string
		want    int
	}{
		{"sha256", map[string]string{"a.sigstore.json": bundled(a.verdict(v1, "PASSED", by256))}, []string{"greet"}, 0},
		{"sha384 alone", map[string]string{"a.sigstore.json": bundled(a.verdict(v1, "PASSED", by384))}, []string{"greet"}, 0},
		{"sha512 alone", map[string]string{"a.sigstore.json": bundled(a.verdict(v1, "PASSED", by512))}, []string{"greet"}, 0},
		{"sha512 alone, of another file", map[string]string{"a.sigstore.json": bundled(a.verdict(v1, "PASSED", other))}, []string{"greet"}, 1},
		{"withdrawn by sha512", map[string]string{
			"a.sigstore.json": bundled(a.verdict(v1, "PASSED", by256)), "b.sigstore.json": bundled(a.verdict(v1, "FAILED", by512)),
		}, []string{"greet"}, 1},
		{"withdrawn by sha256", map[string]string{
			"a.sigstore.json": bundled(a.verdict(v1, "PASSED", by384)), "b.sigstore.json": bundled(a.verdict(v1, "FAILED", by256)),
		}, []string{"greet"}, 1},
		{"checksums by sha512", map[string]string{"a.sigstore.json": bundled(a.verdict(v1, "PASSED", by512))}, []string{"--checksums", "SHA512SUMS"}, 0},
		{"list of files", map[string]string{"a.sigstore.json": bundled(a.verdict(v1, "PASSED", by512))}, []string{"--from-file", "list"}, 0},
		{"a folder", map[string]string{"a.sigstore.json": bundled(a.verdict(v1, "PASSED", by512))}, []string{"folder"}, 0},
		{"statement v0.1", map[string]string{"a.sigstore.json": bundled(a.verdict(v01, "PASSED", by256))}, []string{"greet"}, 0},
		{"bare envelope", map[string]string{"a.intoto.jsonl": a.verdict(v1, "PASSED", by256)}, []string{"greet"}, 0},
		{"lines", map[string]string{"a.jsonl": a.verdict(v1, "PASSED", other) + "\n" + bundled(a.verdict(v1, "PASSED", by256)) + "\n"}, []string{"greet"}, 0},
		{"a digest by sha512", map[string]string{"a.sigstore.json": bundled(a.verdict(v1, "PASSED", by512))}, []string{by512}, 0},
		{"a commit", map[string]string{"a.sigstore.json": bundled(a.verdict(v1, "PASSED", commit))}, []string{commit}, 0},
		{"another commit", map[string]string{"a.sigstore.json": bundled(a.verdict(v1, "PASSED", commit))}, []string{"gitCommit:" + strings.Repeat("5f", 20)}, 1},
		{"nothing", map[string]string{"a.sigstore.json": bundled(a.verdict(v1, "PASSED", other))}, []string{by256}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.RemoveAll("bundles"); err != nil {
				t.Fatal(err)
			}
			for name, content := range tt.bundles {
				write(t, filepath.Join("bundles", name), content)
			}
			write(t, "folder/greet", string(content))
			write(t, "list", "greet\n")
			var out bytes.Buffer
			io := console.IO{Out: &out, Err: &out, Env: func(string) string { return "" }, Now: time.Now}
			if got := verification.Main(append([]string{"hallmark-verify", "-t", "trust.yaml", "-a", "bundles"}, tt.args...), io); got != tt.want {
				t.Errorf("exits %d, want %d\n%s", got, tt.want, &out)
			}
		})
	}
}
