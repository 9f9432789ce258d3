package releasefile_test

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/beside"
	"github.com/hallmark-project/hallmark/internal/releasefile"
)

// published are files as a publisher leaves them beside the artifact dist/greet.
func published() map[string]string {
	d := criteria.DigestOf([]byte("greet"))
	out := make(map[string]string)
	for _, name := range append([]string{
		beside.Bundle("greet"), beside.Lines(d), beside.Shared(d), beside.Working + ".lock", beside.Working + "/.tmp-123",
		"other.sigstore.jsonl",
	}, beside.Documents(d)...) {
		out["dist/"+name] = name
	}
	return out
}

// What is published beside the artifacts is no artifact of the next run, and
// what Takes says is what Gather takes.
func TestWhatIsBesideIsNotTaken(t *testing.T) {
	files := published()
	files["dist/greet"], files["dist/greet.json"] = "greet", "{}"
	dir := folder(t, files)
	for _, pattern := range []string{"dist/*", "./dist/*", "dist/[a-z.]*", "*/*", "dist/?*"} {
		text := releaseFile("artifacts: ['" + pattern + "']\n")
		g, err := gather(t, dir, text)
		if err != nil {
			t.Fatalf("%s: %v", pattern, err)
		}
		var names []string
		for _, a := range g.Release.Artifacts {
			names = append(names, a.Name)
		}
		if want := []string{"greet", "greet.json"}; !slices.Equal(names, want) {
			t.Errorf("%s takes %q, want %q", pattern, names, want)
		}
		f, err := releasefile.Parse(filepath.Join(dir, "hallmark.yaml"), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		for name := range files {
			_, got := f.Takes(filepath.Join(dir, filepath.FromSlash(name)))
			if want := slices.Contains(names, path.Base(name)); got != want && strings.HasPrefix(name, "dist/") {
				t.Errorf("%s: Takes(%s) = %v, Gather says %v", pattern, name, got, want)
			}
		}
	}
}

// Who names a bundle itself means it.
func TestWhatIsBesideCanBeNamed(t *testing.T) {
	dir := folder(t, published())
	const text = "artifacts: [dist/greet.sigstore.json]\n"
	g, err := gather(t, dir, releaseFile(text))
	if err != nil || len(g.Release.Artifacts) != 1 || g.Release.Artifacts[0].Name != "greet.sigstore.json" {
		t.Errorf("Gather = %+v, %v, want the bundle that was named", g, err)
	}
	f, err := releasefile.Parse(filepath.Join(dir, "hallmark.yaml"), []byte(releaseFile(text)))
	if err != nil {
		t.Fatal(err)
	}
	if pattern, ok := f.Takes(filepath.Join(dir, "dist", "greet.sigstore.json")); !ok || pattern != "dist/greet.sigstore.json" {
		t.Errorf("Takes = %q, %v, want that it is taken", pattern, ok)
	}
	_, err = gather(t, dir, releaseFile("artifacts: ['dist/*.sigstore.json']\n"))
	if err == nil || !strings.Contains(err.Error(), "hallmark.yaml:8:13: \"dist/*.sigstore.json\" matches nothing in") || !strings.Contains(err.Error(), "named without * and ?") {
		t.Errorf("Gather of bundles by pattern = %v, want how to name them", err)
	}
}
