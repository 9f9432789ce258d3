package source_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/deptest"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
)

var one, two = criteria.DigestOf([]byte("one")), criteria.DigestOf([]byte("two"))

// envelopeAbout is a DSSE envelope that says it is about digests; a source does
// not look at signatures.
func envelopeAbout(digests ...criteria.Digest) string {
	var subjects []string
	for _, d := range digests {
		subjects = append(subjects, fmt.Sprintf(`{"digest":{%q:%q}}`, d.Algorithm(), d.Hex()))
	}
	payload := `{"subject":[` + strings.Join(subjects, ",") + `]}`
	return fmt.Sprintf(`{"payloadType":"application/vnd.in-toto+json","payload":%q,"signatures":[{"sig":"AA=="}]}`,
		base64.StdEncoding.EncodeToString([]byte(payload)))
}

func bundleAbout(digests ...criteria.Digest) string {
	return `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{}},"dsseEnvelope":` + envelopeAbout(digests...) + `}`
}

// write makes files in a new folder and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFiles(t *testing.T) {
	both := bundleAbout(one, two)
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string // the bundles about one
	}{
		{"nothing", nil, nil},
		{"a bundle", map[string]string{"a.sigstore.json": bundleAbout(one)}, []string{bundleAbout(one)}},
		{"another's bundle", map[string]string{"a.sigstore.json": bundleAbout(two)}, nil},
		{"about both", map[string]string{"a.sigstore.json": both}, []string{both}},
		{"about it twice", map[string]string{"a.sigstore.json": bundleAbout(one, one)}, []string{bundleAbout(one, one)}},
		{"in order of names", map[string]string{"b.sigstore.json": both, "a.sigstore.json": bundleAbout(one), "ab.sigstore.json": bundleAbout(two)}, []string{bundleAbout(one), both}},
		{"lines", map[string]string{"a.sigstore.jsonl": bundleAbout(one) + "\n\n" + bundleAbout(two) + "\r\n" + both}, []string{bundleAbout(one), both}},
		{"bare envelopes", map[string]string{"a.intoto.jsonl": envelopeAbout(one) + "\n" + envelopeAbout(two) + "\n", "b.sigstore.json": " " + envelopeAbout(one, two) + "\n"}, []string{bundleAbout(one), both}},
		{"the same one in several places", map[string]string{"a.jsonl": both + "\n" + both, "b.jsonl": both + "\r\n", "c.sigstore.json": "\n" + both}, []string{both}},
		{"other JSON that is a bundle", map[string]string{"attestation.json": bundleAbout(one), "all.jsonl": both}, []string{both, bundleAbout(one)}},
		{"other files", map[string]string{"package.json": `{"name":"x"}`, "broken.json": `{`, "SHA256SUMS": bundleAbout(one), "below/a.sigstore.json": bundleAbout(one)}, nil},
		{"unclear ones are about anything", map[string]string{
			"a.sigstore.json": `{`, "b.sigstore.json": `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}`,
			"c.sigstore.json": bundleAbout(one), "d.sigstore.json": bundleAbout(),
		}, []string{`{`, `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}`, bundleAbout(one), bundleAbout()}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := write(t, tt.files)
			got, err := source.Files(dir).Bundles(context.Background(), one)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(texts(got), tt.want) {
				t.Errorf("Files = %q\nwant %q", texts(got), tt.want)
			}
			loaded, err := source.Load(context.Background(), dir)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				got, err = loaded.Bundles(context.Background(), one)
				if err != nil || !slices.Equal(texts(got), tt.want) {
					t.Errorf("Load = %q, %v\nwant %q", texts(got), err, tt.want)
				}
			}
		})
	}
}

func texts(bundles []attest.Bundle) []string {
	var out []string
	for _, b := range bundles {
		out = append(out, strings.TrimSpace(strings.ReplaceAll(string(b), "dsseEnvelope\": {", "dsseEnvelope\":{")))
	}
	return out
}

// A file that is named is read whatever it is called, and answered for.
func TestNamedFile(t *testing.T) {
	dir := write(t, map[string]string{"a.txt": bundleAbout(one), "rubbish": "hello"})
	got, err := source.Files(filepath.Join(dir, "a.txt"), filepath.Join(dir, "rubbish")).Bundles(context.Background(), one)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{bundleAbout(one), "hello"}; !slices.Equal(texts(got), want) {
		t.Errorf("Files = %q, want %q", texts(got), want)
	}
}

// A bundle that appears later counts at once: it may withdraw the release.
func TestFilesAreReadAnew(t *testing.T) {
	dir := write(t, map[string]string{"a.sigstore.json": bundleAbout(one)})
	s := source.Files(dir)
	for want := 1; want <= 2; want++ {
		got, err := s.Bundles(context.Background(), one)
		if err != nil || len(got) != want {
			t.Fatalf("Bundles = %q, %v, want %d", texts(got), err, want)
		}
		if err := os.WriteFile(filepath.Join(dir, "b.sigstore.json"), []byte(bundleAbout(one, two)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// What cannot be read is never the same as nothing there.
// Once rests on the files as they were when it was first asked, and asks again
// where it could not read them.
func TestOnce(t *testing.T) {
	dir := write(t, map[string]string{"a.sigstore.json": bundleAbout(one)})
	damaged := filepath.Join(dir, "b.sigstore.json")
	if err := os.Mkdir(filepath.Join(dir, "c"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", damaged); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	src := source.Once(dir)
	if _, err := src.Bundles(context.Background(), one); err == nil {
		t.Fatal("Bundles with an unreadable file = nil, want an error")
	}
	if err := os.Remove(damaged); err != nil {
		t.Fatal(err)
	}
	for _, more := range []string{bundleAbout(one), bundleAbout(one, two)} {
		got, err := src.Bundles(context.Background(), one)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || string(got[0]) != bundleAbout(one) {
			t.Errorf("Bundles = %s, want the one that was there at first", got)
		}
		if err := os.WriteFile(damaged, []byte(more), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := src.Bundles(context.Background(), two); err != nil || len(got) != 0 {
		t.Errorf("Bundles about another = %s, %v, want none", got, err)
	}
	if got, err := source.Once(dir).Bundles(context.Background(), two); err != nil || len(got) != 1 {
		t.Errorf("Bundles of a new source = %s, %v, want one", got, err)
	}
}

func TestUnreadable(t *testing.T) {
	dir := write(t, map[string]string{"a.sigstore.json": bundleAbout(one)})
	dangling := t.TempDir()
	if err := os.Symlink("nowhere", filepath.Join(dangling, "a.sigstore.json")); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		path string
	}{
		{"missing", context.Background(), filepath.Join(dir, "missing")},
		{"dangling link", context.Background(), dangling},
		{"cancelled", gone, dir},
	} {
		if got, err := source.Files(tt.path).Bundles(tt.ctx, one); err == nil {
			t.Errorf("%s: Files = %q, want an error", tt.name, texts(got))
		}
	}
	if os.Getuid() != 0 {
		if err := os.Chmod(filepath.Join(dir, "a.sigstore.json"), 0); err != nil {
			t.Fatal(err)
		}
		if got, err := source.Files(dir).Bundles(context.Background(), one); err == nil {
			t.Errorf("unreadable file: Files = %q, want an error", texts(got))
		}
	}
}

// Kubernetes mounts a file as a link into a folder that it exchanges.
func TestMountedFiles(t *testing.T) {
	dir := write(t, map[string]string{"..data/a.sigstore.json": bundleAbout(one)})
	if err := os.Symlink("..data/a.sigstore.json", filepath.Join(dir, "a.sigstore.json")); err != nil {
		t.Fatal(err)
	}
	got, err := source.Files(dir).Bundles(context.Background(), one)
	if err != nil || len(got) != 1 {
		t.Errorf("Files = %q, %v, want one bundle", texts(got), err)
	}
}

// Too large a bundle is handed on as such, so that the verifier says so; the
// line after it still counts.
func TestTooLarge(t *testing.T) {
	dir := write(t, map[string]string{"a.sigstore.jsonl": strings.Repeat(" ", verify.MaxBundle) + bundleAbout(one) + "\n" + bundleAbout(one)})
	got, err := source.Files(dir).Bundles(context.Background(), one)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || len(got[0]) != verify.MaxBundle+1 {
		t.Fatalf("Files = %d bundles, want one that is cut off and one more", len(got))
	}
	if string(got[1]) != bundleAbout(one) {
		t.Error("the line after the one that is too large was lost")
	}
}

// FuzzFiles: whatever a file holds, each bundle about a digest is found with
// it, and none is found that was not there.
func FuzzFiles(f *testing.F) {
	f.Add([]byte(bundleAbout(one) + "\n" + envelopeAbout(two)))
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle","dsseEnvelope":{"payload":"e30="}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "a.sigstore.jsonl")
		if err := os.WriteFile(path, append(slices.Clone(data), "\n"+bundleAbout(one)...), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := source.Files(path).Bundles(context.Background(), one)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 || string(got[len(got)-1]) != bundleAbout(one) {
			t.Fatalf("the last bundle was lost among %q", texts(got))
		}
		for _, b := range got[:len(got)-1] {
			if json.Valid(b) && !strings.Contains(string(data), strings.TrimSpace(string(b))) && !strings.Contains(string(b), `"publicKey":{}`) {
				t.Errorf("%q was not there", b)
			}
		}
	})
}

func TestImports(t *testing.T) {
	const hallmark = "github.com/hallmark-project/hallmark/"
	deptest.MustNotImport(t, hallmark+"criteria/catalogue", hallmark+"criteria/evidence", hallmark+"attest/sign", hallmark+"attest/publish", "k8s.io", "os/exec")
}
