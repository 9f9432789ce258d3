package verification

import (
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/verify"
)

func TestPartly(t *testing.T) {
	none := []verify.Reason{{Code: verify.NoBundle}}
	index, child := "r.example/a:1@sha256:1", "r.example/a@sha256:2 (linux/amd64)"
	for _, tt := range []struct {
		name         string
		index, child Subject
		want         string
	}{
		{"all", Subject{Name: index, Outcome: Verified}, Subject{Name: child, Outcome: Verified}, ""},
		{"none", Subject{Name: index, Outcome: Refused, Reasons: none}, Subject{Name: child, Outcome: Refused, Reasons: none}, ""},
		{"platforms", Subject{Name: index, Outcome: Refused, Reasons: none}, Subject{Name: child, Outcome: Verified}, "by its digest: r.example/a@sha256:2"},
		{"index", Subject{Name: index, Outcome: Verified}, Subject{Name: child, Outcome: Refused, Reasons: none}, "the publisher has to attest"},
		{"index refused otherwise", Subject{Name: index, Outcome: Refused, Reasons: []verify.Reason{{Code: verify.Failed}}}, Subject{Name: child, Outcome: Verified}, ""},
		{"files", Subject{Name: "a", Outcome: Refused, Reasons: none}, Subject{Name: "b", Outcome: Verified}, ""},
	} {
		got := partly(Report{Subjects: []Subject{tt.index, tt.child}})
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: partly = %q, want %q", tt.name, got, tt.want)
		}
	}
}
