package evidence

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/criteria"
)

func formatNamed(t testing.TB, name string) criteria.Format {
	t.Helper()
	for _, f := range All() {
		if f.Name() == name {
			return f
		}
	}
	t.Fatalf("no format %q", name)
	return nil
}

func mustRead(t testing.TB, format, doc string) criteria.Facts {
	t.Helper()
	f, err := formatNamed(t, format).Read(strings.NewReader(doc))
	if err != nil {
		t.Fatalf("reading %s as %s: %v", doc, format, err)
	}
	return f
}

func mustRefuse(t testing.TB, format, doc, want string) {
	t.Helper()
	f, err := formatNamed(t, format).Read(strings.NewReader(doc))
	if err == nil {
		t.Fatalf("reading %s as %s gave %s, want an error with %q", doc, format, asJSON(t, f), want)
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("reading %s as %s: %q, want an error with %q", doc, format, err, want)
	}
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func ptr[T any](v T) *T { return &v }

const gitleaksFinding = `[{"RuleID":"aws","Description":"An AWS key","StartLine":3,"Match":"key=hunter2","Secret":"hunter2","Line":"hunter2",
	"File":"conf.py","Commit":"c0ffee","Author":"Someone","Email":"someone@h.invalid","Message":"hunter2","Fingerprint":"c0ffee:conf.py:aws:3"}]`

func TestGitleaksJSON(t *testing.T) {
	want := &criteria.Scan{Complete: true, Rules: -1, Results: []criteria.ScanResult{{
		Rule: "aws", Level: "error", Message: "An AWS key", Path: "conf.py", Line: 3, Commit: "c0ffee", Fingerprint: "c0ffee:conf.py:aws:3",
	}}}
	f := mustRead(t, "gitleaks-json", gitleaksFinding)
	if diff := cmp.Diff(want, f.Secrets); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
	if s := asJSON(t, f); strings.Contains(s, "hunter2") || strings.Contains(s, "omeone") {
		t.Errorf("the facts hold what must not be published: %s", s)
	}
	without := mustRead(t, "gitleaks-json", strings.Replace(gitleaksFinding, `"c0ffee:conf.py:aws:3"`, `""`, 1))
	if diff := cmp.Diff(want, without.Secrets); diff != "" {
		t.Errorf("without a fingerprint (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&criteria.Scan{Complete: true, Rules: -1}, mustRead(t, "gitleaks-json", "[]\n").Secrets); diff != "" {
		t.Errorf("Read([]) (-want +got):\n%s", diff)
	}
	mustRefuse(t, "gitleaks-json", `null`, "expected a list")
	mustRefuse(t, "gitleaks-json", `{"RuleID":"aws"}`, "expected a list")
	mustRefuse(t, "gitleaks-json", `[{"ruleId":"aws","file":"a"}]`, "not one of gitleaks")
	mustRefuse(t, "gitleaks-json", `[{"RuleID":"aws","RuleID":"x","File":"a"}]`, "stands twice")
	mustRefuse(t, "gitleaks-json", `[]x`, "follows")
}

const (
	truffleLeak = `{"SourceMetadata":{"Data":{"Git":{"commit":"c0ffee","file":"conf.py","email":"Someone <someone@h.invalid>","line":3}}},"SourceName":"trufflehog - git","DetectorName":"AWS","Verified":true,"Raw":"hunter2","Redacted":"hunt","ExtraData":{"a":"hunter2"}}`
	truffleDone = `{"level":"info-0","ts":"2026-11-22T12:00:00Z","logger":"trufflehog","msg":"finished scanning","chunks":4,"verified_secrets":0}`
)

func TestTrufflehogJSON(t *testing.T) {
	leak := criteria.ScanResult{Rule: "AWS", Level: "error", Path: "conf.py", Line: 3, Commit: "c0ffee", Live: true, Fingerprint: "c0ffee:conf.py:AWS:3"}
	tree := criteria.ScanResult{Rule: "AWS", Level: "error", Path: "conf.py", Line: 3, Fingerprint: "conf.py:AWS:3"}
	for _, tt := range []struct {
		name, doc string
		want      criteria.Scan
	}{
		{"clean", truffleDone + "\n", criteria.Scan{Complete: true, Rules: -1}},
		{"live", truffleLeak + "\n" + truffleDone, criteria.Scan{Complete: true, Rules: -1, Results: []criteria.ScanResult{leak}}},
		{"not_finished", truffleLeak, criteria.Scan{Rules: -1, Results: []criteria.ScanResult{leak}}},
		{"only_started", `{"level":"info-0","msg":"running source"}`, criteria.Scan{Rules: -1}},
		{"failed", `{"level":"error","msg":"clone failed"}` + "\n" + truffleDone, criteria.Scan{Rules: -1}},
		{
			"files_only", `{"SourceMetadata":{"Data":{"Filesystem":{"file":"conf.py","line":3}}},"DetectorName":"AWS"}` + "\n" + truffleDone,
			criteria.Scan{Complete: true, Rules: -1, Range: "tree", Results: []criteria.ScanResult{tree}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := mustRead(t, "trufflehog-json", tt.doc)
			if diff := cmp.Diff(tt.want, *f.Secrets); diff != "" {
				t.Errorf("Read (-want +got):\n%s", diff)
			}
			if s := asJSON(t, f); strings.Contains(s, "hunt") || strings.Contains(s, "omeone") {
				t.Errorf("the facts hold what must not be published: %s", s)
			}
		})
	}
	mustRefuse(t, "trufflehog-json", "", "keep trufflehog's log")
	mustRefuse(t, "trufflehog-json", `{"a":1}`, "neither a finding nor a log line")
	mustRefuse(t, "trufflehog-json", truffleDone+"\ntrailing", "line 2")
	mustRefuse(t, "trufflehog-json", "[]", "line 1")
}
