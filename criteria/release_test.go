package criteria_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/criteria"
)

func TestRelease_Check(t *testing.T) {
	if err := widget().Check(); err != nil {
		t.Fatalf("Check() = %v, want nil", err)
	}
	file := criteria.DigestOf([]byte("x"))
	longer := longDigest(t, "ab")
	also := widget()
	also.Also = []criteria.Subject{{Name: "widget-linux", Digest: longer}}
	if err := also.Check(); err != nil {
		t.Fatalf("Check() with a further digest = %v, want nil", err)
	}
	for _, tt := range []struct {
		name  string
		alter func(*criteria.Release)
		want  string
	}{
		{"no_name", func(r *criteria.Release) { r.Name = "" }, "the release has no name"},
		{"no_version", func(r *criteria.Release) { r.Version = "" }, "the release has no version"},
		{"no_resource", func(r *criteria.Release) { r.Resource = "" }, "the release has no resource: the package URL or address by which consumers ask for it"},
		{"no_source", func(r *criteria.Release) { r.Source = criteria.Subject{} }, "the release has no source commit"},
		{"source_is_file", func(r *criteria.Release) { r.Source.Digest = file }, "the release's source is " + file.String() + ", expected gitCommit:…"},
		{"previous_is_file", func(r *criteria.Release) { r.Previous.Digest = file }, "the release before was built from " + file.String() + ", expected gitCommit:…"},
		{"no_artifacts", func(r *criteria.Release) { r.Artifacts = nil }, "the release has no artifacts"},
		{"nameless_artifact", func(r *criteria.Release) { r.Artifacts[0].Name = "" }, "an artifact has no name"},
		{"no_digest", func(r *criteria.Release) { r.Artifacts[0].Digest = criteria.Digest{} }, `artifact "widget-linux" has no digest`},
		{"commit_as_artifact", func(r *criteria.Release) { r.Artifacts[0].Digest = source.Digest }, `artifact "widget-linux" is named by a commit: an artifact's digest is sha256, sha384 or sha512`},
		{"same_name", func(r *criteria.Release) { r.Artifacts[1].Name = "widget-linux" }, `two artifacts are named "widget-linux"`},
		{"same_bytes", func(r *criteria.Release) { r.Artifacts[1].Digest = linux.Digest }, `artifacts "widget-linux" and "widget-darwin" are the same bytes`},
		{"named_like_source", func(r *criteria.Release) { r.Artifacts[0].Name = "source" }, `an artifact is named "source", which is the name of the source`},
		{"control_character", func(r *criteria.Release) { r.Artifacts[0].Name = "a\x1b[2J" }, `the name of artifact "a\x1b[2J" holds a control character`},
		{"also_of_nothing", func(r *criteria.Release) { r.Also = []criteria.Subject{{Name: "source", Digest: longer}} }, `a further digest is of "source", which is no artifact`},
		{"also_another_file", func(r *criteria.Release) { r.Also = []criteria.Subject{{Name: "widget-linux", Digest: file}} }, `artifact "widget-linux" is ` + file.String() + ` as well: expected sha512`},
		{"also_nothing", func(r *criteria.Release) { r.Also = []criteria.Subject{{Name: "widget-linux"}} }, `artifact "widget-linux" is  as well: expected sha512`},
		{"also_of_both", func(r *criteria.Release) {
			r.Also = []criteria.Subject{{Name: "widget-linux", Digest: longer}, {Name: "widget-darwin", Digest: longer}}
		}, `artifacts "widget-linux" and "widget-darwin" are the same bytes`},
		{"several", func(r *criteria.Release) { r.Name, r.Version = "", "" }, "the release has no name\nthe release has no version"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := widget()
			tt.alter(&r)
			if err := r.Check(); err == nil || err.Error() != tt.want {
				t.Errorf("Check() = %v, want %s", err, tt.want)
			}
		})
	}
}

func longDigest(t *testing.T, pair string) criteria.Digest {
	t.Helper()
	d, err := criteria.ParseDigest("sha512:" + strings.Repeat(pair, 64))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A report about a further digest of an artifact is about that artifact, and about
// no other.
func TestRelease_also(t *testing.T) {
	longer, other := longDigest(t, "ab"), longDigest(t, "cd")
	r := widget()
	r.Also = []criteria.Subject{{Name: linux.Name, Digest: longer}}
	d := criteria.Decision{Release: r}
	for _, about := range [][]criteria.Digest{{longer}, {other}, {darwin.Digest}, {longer, linux.Digest}, {}} {
		d.Evidence = append(d.Evidence, criteria.Evidence{About: about, Gives: []criteria.Fact{criteria.FactBuilds}})
	}
	of := d.Speaking()
	for i, want := range []struct{ linux, darwin bool }{{true, false}, {false, false}, {false, true}, {true, false}, {false, false}} {
		if l, d := of(i, linux), of(i, darwin); l != want.linux || d != want.darwin {
			t.Errorf("report %d is about linux: %t, about darwin: %t; want %+v", i, l, d, want)
		}
		if of(i, source) {
			t.Errorf("report %d is about the source", i)
		}
	}
	for digest, want := range map[criteria.Digest]bool{longer: true, linux.Digest: true, other: false, darwin.Digest: false} {
		if got := r.Names(linux, digest); got != want {
			t.Errorf("Names(linux, %s) = %t, want %t", digest, got, want)
		}
	}
	if r.Names(darwin, longer) || r.Names(criteria.Subject{Name: linux.Name, Digest: darwin.Digest}, longer) {
		t.Error("Names() gives an artifact's further digest to another")
	}
}

func TestRelease_IsProduct(t *testing.T) {
	const own = "pkg:generic/acme/widget@1.2.0?arch=amd64&os=linux#cmd"
	for _, tt := range []struct {
		resource, purl string
		want           bool
	}{
		{own, own, true},
		{own, "pkg:generic/acme/widget", true},
		{own, "pkg:generic/acme/widget@1.2.0", true},
		{own, "pkg:generic/acme/widget@1.2.0?os=linux", true},
		{own, "pkg:generic/acme/widget@1.2.0?os=linux&arch=amd64", true},
		{own, "pkg:generic/acme/widget@1.2.0#cmd", true},
		{own, "pkg:generic/acme/widget@1.2.1", false},
		{own, "pkg:generic/acme/widget@v1.2.0", false},
		{own, "pkg:generic/acme/widget@1.2", false},
		{own, "pkg:generic/acme/widget?os=darwin", false},
		{own, "pkg:generic/acme/widget?distro=debian", false},
		{own, "pkg:generic/acme/widget#other", false},
		{own, "pkg:generic/widget@1.2.0", false},
		{own, "pkg:generic/other/widget@1.2.0", false},
		{own, "pkg:generic/acme/widgets@1.2.0", false},
		{own, "pkg:npm/acme/widget@1.2.0", false},
		{own, "pkg:generic/acme", false},
		{own, "", false},
		{own, "pkg:", false},
		{own, "widget", false},
		{"pkg:generic/acme/widget@1.2.0", "pkg:generic/acme/widget@1.2.0?os=linux", false},
		{"pkg:generic/acme/widget", "pkg:generic/acme/widget@1.2.0", false},
		{"pkg:npm/%40acme/widget@1.2.0", "pkg:npm/@acme/widget@1.2.0", true},
		{"pkg:npm/%40acme/widget@1.2.0", "pkg:npm/widget@1.2.0", false},
		{"pkg:github/Acme/Widget@1.2.0", "pkg:github/acme/widget@1.2.0", true},
		{"https://acme.example/widget-1.2.0.tar.gz", "https://acme.example/widget-1.2.0.tar.gz", true},
		{"https://acme.example/widget-1.2.0.tar.gz", "https://acme.example/", false},
		{"", "", false},
	} {
		r := criteria.Release{Resource: tt.resource}
		if got := r.IsProduct(tt.purl); got != tt.want {
			t.Errorf("IsProduct(%q) of %q = %v, want %v", tt.purl, tt.resource, got, tt.want)
		}
	}
}

func FuzzIsProduct(f *testing.F) {
	f.Add("pkg:generic/acme/widget@1.2.0", "pkg:generic/acme/widget@1.2.0?os=linux#x")
	f.Add("pkg:npm/%40a/b@1", "pkg:npm/@a/b@1")
	f.Add("https://example.test/a", "")
	f.Fuzz(func(t *testing.T, resource, purl string) {
		r := criteria.Release{Resource: resource}
		first := r.IsProduct(purl)
		if r.IsProduct(purl) != first {
			t.Fatalf("IsProduct(%q) of %q changes", purl, resource)
		}
		if purl == "" && first {
			t.Fatalf("nothing names %q", resource)
		}
	})
}

func TestParseRelease(t *testing.T) {
	r := widget()
	r.Previous = criteria.Subject{Name: "previous", Digest: commit(strings.Repeat("b", 40))}
	r.Repository = "git+https://acme.example/widget?a=1&b=<2>"
	text, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := criteria.ParseRelease(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, got, cmp.Comparer(criteria.Digest.Matches)); diff != "" {
		t.Errorf("ParseRelease(Encode()) differs (-want +got):\n%s", diff)
	}
	if again, _ := got.Encode(); string(again) != string(text) {
		t.Errorf("Encode() = %s, then %s", text, again)
	}
	for _, bad := range []string{"", "{}", "null", "[]", string(text) + "{}", strings.Replace(string(text), `"name"`, `"Name"`, 1), strings.Replace(string(text), `"version"`, `"vversion"`, 1)} {
		if _, err := criteria.ParseRelease([]byte(bad)); err == nil {
			t.Errorf("ParseRelease(%.60q) = nil, want an error", bad)
		}
	}
}
