package evidence

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/criteria"
)

// greetPipeline is the quickstart's pipeline: a layout and two links.
func greetPipeline(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/in_toto_pipeline/greet.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestInTotoPipeline(t *testing.T) {
	data := greetPipeline(t)
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	facts, err := inTotoPipeline{}.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if len(facts.Subjects) != 3 {
		t.Errorf("Read: subjects %v, want the three products of the last step", facts.Subjects)
	}
	want := &criteria.Pipeline{Layout: lines[0], Links: lines[1:]}
	if diff := cmp.Diff(want, facts.Pipeline); diff != "" {
		t.Errorf("Read: (-want +got)\n%s", diff)
	}
}

func TestInTotoPipelineRefuses(t *testing.T) {
	data := string(greetPipeline(t))
	layout, links, _ := strings.Cut(data, "\n")
	link, _, _ := strings.Cut(links, "\n")
	for _, tt := range []struct{ name, report, want string }{
		{"empty", "", "is empty"},
		{"blank", "\n\n", "is empty"},
		{"layout_alone", layout, "without links"},
		{"links_alone", links, "is a link where the layout is expected"},
		{"two_layouts", layout + "\n" + layout, "sublayouts are not supported"},
		{"pretty_printed", "{\n  \"signed\": {}\n}\n", "one JSON document a line"},
		{"two_on_one_line", layout + link + "\n", "line 1"},
		{"truncated", data[:len(data)-200], "line 3"},
		{"gzip", "\x1f\x8b\x08\x00", "gzip"},
		{"sbom", `{"bomFormat":"CycloneDX"}`, "unknown key"},
		{"text_after", data + "the end\n", "line 4"},
		{"many", layout + "\n" + strings.Repeat(link+"\n", maxLinks+1), "more than 1000 links"},
	} {
		_, err := inTotoPipeline{}.Read(strings.NewReader(tt.report))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Read = %v, want …%s…", tt.name, err, tt.want)
		}
	}
}

func FuzzInTotoPipeline(f *testing.F) {
	f.Add(greetPipeline(f))
	f.Fuzz(func(t *testing.T, report []byte) {
		facts, err := inTotoPipeline{}.Read(bytes.NewReader(report))
		if err != nil {
			return
		}
		if facts.Pipeline == nil || len(facts.Pipeline.Layout) == 0 || len(facts.Pipeline.Links) == 0 {
			t.Fatalf("Read(%q) gives no pipeline", report)
		}
		again, err := inTotoPipeline{}.Read(bytes.NewReader(report))
		if err != nil || !cmp.Equal(facts, again, cmp.Comparer(func(a, b criteria.Digest) bool { return a == b })) {
			t.Fatalf("Read(%q) twice differs: %v", report, err)
		}
	})
}
