package catalogue

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/criteria/evidence"
)

// The world of the tests about components: one release with two artifacts, as
// of one moment.
var (
	componentsNow = time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
	linuxDigest   = criteria.DigestOf([]byte("linux"))
	darwinDigest  = criteria.DigestOf([]byte("darwin"))
)

func componentsRelease(t testing.TB) criteria.Release {
	t.Helper()
	commit, err := criteria.ParseDigest("gitCommit:" + strings.Repeat("a", 40))
	if err != nil {
		t.Fatal(err)
	}
	return criteria.Release{
		Name: "widget", Version: "1.2.0", Resource: "pkg:golang/example.com/widget@v1.2.0",
		Source:    criteria.Subject{Name: "source", Digest: commit},
		Artifacts: []criteria.Subject{{Name: "widget-linux", Digest: linuxDigest}, {Name: "widget-darwin", Digest: darwinDigest}},
	}
}

// input is what the engine would hand to a criterion about widget-linux.
func componentsInput(t testing.TB, ev ...criteria.Evidence) criteria.Input {
	t.Helper()
	rel := componentsRelease(t)
	return criteria.Input{Release: rel, Subject: rel.Artifacts[0], Evidence: ev, Now: componentsNow}
}

// newCriterion makes a criterion of kind with the parameters of level and
// params laid over them.
func newCriterion(t testing.TB, kind criteria.Kind, params string) criteria.Criterion {
	t.Helper()
	c, err := kind.New([]byte(params))
	if err != nil {
		t.Fatalf("New(%s) = %v", params, err)
	}
	return c
}

// findings writes an outcome's findings as "status id where", one a line.
func writeFindings(o criteria.Outcome) string {
	var lines []string
	for _, f := range o.Findings {
		line := fmt.Sprintf("%s %s %s", f.Status, f.ID, f.Where)
		if f.NeverWaive != "" {
			line += " never"
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.Join(lines, "\n")
}

func readAs(t testing.TB, format, name string, data []byte, d criteria.Declared) criteria.Evidence {
	t.Helper()
	all := evidence.All()
	i := slices.IndexFunc(all, func(f criteria.Format) bool { return f.Name() == format })
	if i < 0 {
		t.Fatalf("no format %q", format)
	}
	return criteria.ReadEvidence(all[i], name, data, d)
}

func fileAs(t testing.TB, format, path string, d criteria.Declared) criteria.Evidence {
	t.Helper()
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		t.Skipf("%s is not there", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	e := readAs(t, format, filepath.Base(path), data, d)
	if e.Problem != "" {
		t.Fatalf("%s: %s", path, e.Problem)
	}
	return e
}

var componentKinds = []criteria.Kind{licences, sbomPublished, sbomQuality, vulnerabilities}

func mustPolicy(t testing.TB, text string) *criteria.Policy {
	t.Helper()
	p, err := criteria.ParsePolicy("policy.yaml", []byte(text), componentKinds, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The quickstart's reports are what real tools wrote about a real release: two
// binaries, one with a vulnerability in a module that it never calls.
func TestComponentsOfQuickstart(t *testing.T) {
	dir := filepath.Join("..", "..", "examples", "quickstart")
	digest := func(name string) criteria.Digest {
		data, err := os.ReadFile(filepath.Join(dir, "dist", name))
		if os.IsNotExist(err) {
			t.Skipf("%s is not there", name)
		}
		if err != nil {
			t.Fatal(err)
		}
		return criteria.DigestOf(data)
	}
	rel := componentsRelease(t)
	rel.Resource = "pkg:golang/hallmark-project.dev/greet@v1.2.0"
	rel.Artifacts = []criteria.Subject{
		{Name: "greet_1.2.0_linux_amd64", Digest: digest("greet_1.2.0_linux_amd64")},
		{Name: "greet_1.2.0_darwin_arm64", Digest: digest("greet_1.2.0_darwin_arm64")},
	}
	at := func(name string) string { return filepath.Join(dir, "evidence", name) }
	var ev []criteria.Evidence
	for i, arch := range []string{"linux", "darwin"} {
		ev = append(ev,
			fileAs(t, "spdx-json", at("sbom-"+arch+".spdx.json"), criteria.Declared{}),
			fileAs(t, "osv-scanner", at("osv-"+arch+".json"), criteria.Declared{
				About: []criteria.Digest{rel.Artifacts[i].Digest}, Time: componentsNow.Add(-time.Hour), DatabaseTime: componentsNow.Add(-2 * time.Hour),
			}),
		)
	}
	ev = append(ev,
		fileAs(t, "openvex", at("greet.openvex.json"), criteria.Declared{}),
		fileAs(t, "go-mod", filepath.Join(dir, "source", "go.mod"), criteria.Declared{About: []criteria.Digest{rel.Source.Digest}}),
	)
	const base = "profile: standard\nvouched: [osv-scanner, go-mod]\ncriteria:\n  vulnerabilities:\n    exploited: optional\n"
	for _, tt := range []struct {
		name, policy string
		want         map[string]criteria.Status
	}{
		{"without trusting the VEX", base, map[string]criteria.Status{
			// The Go database gives no severity: unknown counts as the threshold.
			"vulnerabilities": criteria.Fail, "licences": criteria.Pass, "sbom-published": criteria.Pass,
			// Syft knows no suppliers.
			"sbom-quality": criteria.Fail,
		}},
		{"trusting the VEX", base + "    vexAuthors: ['Greet maintainers <security@greet.hallmark-project.dev>']\n  sbom-quality: {supplier: 0}\n", map[string]criteria.Status{
			"vulnerabilities": criteria.Pass, "licences": criteria.Pass, "sbom-published": criteria.Pass, "sbom-quality": criteria.Pass,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := mustPolicy(t, tt.policy).Evaluate(rel, ev, componentsNow)
			if len(d.Judgements) != 8 {
				t.Fatalf("%d judgements, want 8", len(d.Judgements))
			}
			for _, j := range d.Judgements {
				if j.Status != tt.want[j.Criterion] {
					t.Errorf("%s of %s = %s (%s), want %s\n%s\n%v", j.Criterion, j.Subject.Name, j.Status, j.Reason, tt.want[j.Criterion], writeFindings(j.Outcome), j.Notes)
				}
			}
		})
	}
}

// Silence, another artifact's evidence and the pipeline's mere word give no
// pass.
func TestComponentsWithoutEvidence(t *testing.T) {
	rel := componentsRelease(t)
	p := mustPolicy(t, "profile: standard\n")
	bill := func(subject criteria.Digest) []byte {
		return fmt.Appendf(nil, `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"type":"application","name":"widget","hashes":[{"alg":"SHA-256","content":%q}]}},"components":[{"type":"library","name":"x","licenses":[{"expression":"MIT"}]}]}`, subject.Hex())
	}
	for _, tt := range []struct {
		name string
		ev   []criteria.Evidence
	}{
		{"none", nil},
		{"unreadable", []criteria.Evidence{readAs(t, "cyclonedx-json", "sbom", []byte("{"), criteria.Declared{})}},
		{"vouched, which the policy does not accept", []criteria.Evidence{readAs(t, "cyclonedx-json", "sbom", []byte(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"x"}]}`), criteria.Declared{About: []criteria.Digest{linuxDigest, darwinDigest}})}},
		{"about another artifact", []criteria.Evidence{readAs(t, "cyclonedx-json", "sbom", bill(criteria.DigestOf([]byte("other"))), criteria.Declared{})}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, j := range p.Evaluate(rel, tt.ev, componentsNow).Judgements {
				if j.Status != criteria.Unknown {
					t.Errorf("%s of %s = %s, want unknown", j.Criterion, j.Subject.Name, j.Status)
				}
			}
		})
	}
	t.Run("one artifact's bill does not speak of the other", func(t *testing.T) {
		ev := []criteria.Evidence{readAs(t, "cyclonedx-json", "sbom", bill(linuxDigest), criteria.Declared{})}
		for _, j := range p.Evaluate(rel, ev, componentsNow).Judgements {
			if j.Criterion != "licences" {
				continue
			}
			want := map[string]criteria.Status{"widget-linux": criteria.Pass, "widget-darwin": criteria.Unknown}[j.Subject.Name]
			if j.Status != want {
				t.Errorf("licences of %s = %s, want %s", j.Subject.Name, j.Status, want)
			}
		}
	})
}
