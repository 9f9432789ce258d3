package catalogue

import (
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/criteria"
)

func lockfile(direct ...criteria.Package) criteria.Evidence {
	return criteria.Evidence{Name: "go.mod", Facts: criteria.Facts{Dependencies: &criteria.Dependencies{Direct: direct}}}
}

func goModule(path, version string) criteria.Package {
	return criteria.Package{Ecosystem: "Go", Name: path, Version: version, PURL: "pkg:golang/" + path + "@" + version}
}

func TestSBOMPublished(t *testing.T) {
	lib := criteria.Component{Name: "example.com/Lib", Version: "v1.0.0", PURL: "pkg:golang/example.com/lib@v1.0.0"}
	named := criteria.Component{Name: "example.com/lib", Version: "v1.0.0"}
	vouched := billOf(lib)
	vouched.Vouched = true
	chained := billOf(lib)
	chained.About = []criteria.Digest{criteria.DigestOf([]byte("another report"))}
	for _, tt := range []struct {
		name, params string
		ev           []criteria.Evidence
		want         criteria.Status
		findings     string
		note         string
	}{
		{name: "whole", ev: []criteria.Evidence{billOf(lib), lockfile(goModule("example.com/lib", "v1.0.0"))}, want: criteria.Pass},
		{name: "path in another case", ev: []criteria.Evidence{billOf(lib), lockfile(goModule("example.com/Lib", "v1.0.0"))}, want: criteria.Pass},
		{name: "named without package URL", ev: []criteria.Evidence{billOf(named), lockfile(goModule("example.com/lib", "v1.0.0"))}, want: criteria.Pass},
		{name: "no direct dependency at all", ev: []criteria.Evidence{billOf(lib), lockfile()}, want: criteria.Pass},
		{name: "empty", ev: []criteria.Evidence{billOf(), lockfile()}, want: criteria.Fail, findings: "fail empty-sbom sbom"},
		{name: "the pipeline's word", ev: []criteria.Evidence{vouched, lockfile()}, want: criteria.Fail, findings: "fail unbound-sbom sbom"},
		{name: "the pipeline's word, accepted", params: `{"acceptVouched":true}`, ev: []criteria.Evidence{vouched, lockfile()}, want: criteria.Pass},
		{name: "about a report about the artifact", ev: []criteria.Evidence{chained, lockfile()}, want: criteria.Fail, findings: "fail unbound-sbom sbom"},
		{name: "missing", ev: []criteria.Evidence{billOf(lib), lockfile(goModule("example.com/other", "v1.0.0"))}, want: criteria.Fail, findings: "fail missing-dependency pkg:golang/example.com/other@v1.0.0"},
		{name: "another version", ev: []criteria.Evidence{billOf(lib), lockfile(goModule("example.com/lib", "v1.0.1"))}, want: criteria.Fail, findings: "fail other-version pkg:golang/example.com/lib@v1.0.1"},
		{name: "only tests need it", params: `{"notLinked":["example.com/other"]}`, ev: []criteria.Evidence{billOf(lib), lockfile(goModule("example.com/other", "v1.0.0"), goModule("example.com/lib", "v1.0.0"))}, want: criteria.Pass},
		{name: "notLinked is spelt wrongly", params: `{"notLinked":["example.com/othr"]}`, ev: []criteria.Evidence{billOf(lib), lockfile(goModule("example.com/lib", "v1.0.0"))}, want: criteria.Pass, note: "example.com/othr, which is no direct dependency"},
		{name: "one good bill is enough", ev: []criteria.Evidence{vouched, billOf(lib), lockfile(goModule("example.com/lib", "v1.0.0"))}, want: criteria.Pass},
		{name: "two halves are no whole", ev: []criteria.Evidence{billOf(lib), billOf(criteria.Component{Name: "o", PURL: "pkg:golang/example.com/other@v1.0.0"}), lockfile(goModule("example.com/lib", "v1.0.0"), goModule("example.com/other", "v1.0.0"))}, want: criteria.Fail, findings: "fail missing-dependency pkg:golang/example.com/other@v1.0.0"},
		{name: "several lockfiles", ev: []criteria.Evidence{billOf(lib), lockfile(goModule("example.com/lib", "v1.0.0")), lockfile(goModule("example.com/other", "v1.0.0"))}, want: criteria.Fail, findings: "fail missing-dependency pkg:golang/example.com/other@v1.0.0"},
		{name: "replaced by a folder: any version", ev: []criteria.Evidence{billOf(lib), lockfile(criteria.Package{Name: "example.com/lib", PURL: "pkg:golang/example.com/lib"})}, want: criteria.Pass},
	} {
		t.Run(tt.name, func(t *testing.T) {
			params := tt.params
			if params == "" {
				params = "{}"
			}
			o := newCriterion(t, sbomPublished, params).Evaluate(componentsInput(t, tt.ev...))
			if o.Status != tt.want || writeFindings(o) != tt.findings {
				t.Errorf("Evaluate = %s (%s)\n%s\nwant %s\n%s", o.Status, o.Reason, writeFindings(o), tt.want, tt.findings)
			}
			if !strings.Contains(strings.Join(o.Notes, "\n"), tt.note) {
				t.Errorf("notes %q, want one with %q", o.Notes, tt.note)
			}
		})
	}
	if _, err := sbomPublished.New([]byte(`{"notLinked":[""]}`)); err == nil {
		t.Error("New accepts a package without a name")
	}
}

// Without a lockfile nobody can say that the bill is whole.
func TestSBOMPublishedNeedsLockfile(t *testing.T) {
	e := billOf(criteria.Component{Name: "lib"})
	e.Gives, e.Digest = []criteria.Fact{criteria.FactComponents}, criteria.DigestOf([]byte("sbom"))
	for _, j := range mustPolicy(t, "profile: standard\n").Evaluate(componentsRelease(t), []criteria.Evidence{e}, componentsNow).Judgements {
		if j.Criterion == "sbom-published" && j.Status != criteria.Unknown {
			t.Errorf("sbom-published of %s = %s, want unknown", j.Subject.Name, j.Status)
		}
	}
}
