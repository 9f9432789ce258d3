package beside_test

import (
	"path"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/beside"
	"github.com/hallmark-project/hallmark/internal/deptest"
)

var mediaTypes = []string{
	"application/vnd.cyclonedx+json", "application/vnd.cyclonedx+xml", "application/spdx+json", "text/spdx",
	"application/json", "application/octet-stream", "",
}

// What is written is known for what it is: it is no artifact, and a document's
// name leads back to its digest.
func TestWhatIsWrittenIsKnown(t *testing.T) {
	d := criteria.DigestOf([]byte("x"))
	names := []string{
		beside.Bundle("greet"), beside.Bundle("greet.tar.gz"), beside.Lines(d), beside.Shared(d),
		beside.Working, beside.Working + ".lock",
	}
	seen := make(map[string]bool)
	for _, m := range mediaTypes {
		name := beside.Document(d, m)
		names = append(names, name)
		seen[name] = true
		if got, ok := beside.IsDocument(name); !ok || !got.Matches(d) {
			t.Errorf("IsDocument(%q) = %v, %v, want %v", name, got, ok, d)
		}
	}
	for _, name := range beside.Documents(d) {
		if !seen[name] {
			t.Errorf("Documents lists %q, which no document is called", name)
		}
		delete(seen, name)
	}
	if len(seen) > 0 || len(beside.Documents(d)) < 5 {
		t.Errorf("Documents lists %q, and not %v", beside.Documents(d), seen)
	}
	for _, name := range names {
		if !beside.Is(name) {
			t.Errorf("Is(%q) = false", name)
		}
	}
	for _, name := range names[:6] {
		if d, ok := beside.IsDocument(name); ok {
			t.Errorf("IsDocument(%q) = %v", name, d)
		}
	}
}

func TestWhatElseIsAnArtifact(t *testing.T) {
	hex := criteria.DigestOf([]byte("x")).Hex()
	for _, name := range []string{
		"", ".", "greet", "greet.sigstore", "greet.json", "greet.cdx.json", "bom.spdx.json", "all.jsonl", "sha256-" + hex, "sha256-" + hex + ".json",
		"sha256-" + hex[1:] + ".jsonl", "sha256-" + strings.ToUpper(hex) + ".cdx.json", "sha256-" + hex + "0.spdx", "sha512-" + hex + ".spdx",
		hex + ".cdx.json", "sha256-" + hex + "-cdx.json", ".hallmark", "x.hallmark-publishing",
	} {
		if beside.Is(name) {
			t.Errorf("Is(%q) = true", name)
		}
	}
}

func matches(t testing.TB, name string) bool {
	t.Helper()
	for _, p := range beside.Patterns() {
		ok, err := path.Match(p, name)
		if err != nil {
			t.Fatalf("Match(%q) = %v", p, err)
		}
		if ok {
			return true
		}
	}
	return false
}

// Names come from folders that anybody may have filled: whatever they are, the
// patterns and Is agree about them, and a document's name is the only one that
// its digest and kind give.
func FuzzIs(f *testing.F) {
	d := criteria.DigestOf([]byte("x"))
	for _, m := range mediaTypes {
		f.Add(beside.Document(d, m))
	}
	for _, name := range []string{beside.Lines(d), beside.Shared(d), beside.Bundle("greet"), beside.Bundle(""), "greet", beside.Working, "sha256-.jsonl", "a\n.sigstore.json"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if strings.Contains(name, "/") {
			t.Skip("a path")
		}
		if got, want := beside.Is(name), matches(t, name); got != want {
			t.Errorf("Is(%q) = %v, patterns say %v", name, got, want)
		}
		if d, ok := beside.IsDocument(name); ok {
			again := false
			for _, m := range mediaTypes {
				again = again || beside.Document(d, m) == name
			}
			if !again {
				t.Errorf("IsDocument(%q) = %v, which no document of that digest is called", name, d)
			}
		}
	})
}

func TestImports(t *testing.T) {
	deptest.MayImportOnly(t, "criteria", "internal/strict")
	deptest.MustNotImport(t, "os", "net")
}
