package cli

import (
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/verify"
)

// What was published is not complete where one artifact's document is not found:
// whatever else is.
func TestDocumentsFound(t *testing.T) {
	one, two := criteria.Subject{Name: "one", Digest: criteria.DigestOf([]byte("1"))}, criteria.Subject{Name: "two", Digest: criteria.DigestOf([]byte("2"))}
	bill, other := criteria.DigestOf([]byte("bill")), criteria.DigestOf([]byte("other"))
	answer := func(s criteria.Subject, refs ...verify.Reference) verification.Subject {
		return verification.Subject{Name: s.Name, Digest: s.Digest, Outcome: verification.Verified, Result: &verify.Result{References: refs}}
	}
	found := func(d criteria.Digest) verify.Reference { return verify.Reference{Digest: d, State: verify.Found} }
	documents := []outgoing{{Document: attest.Document{Name: "bill.json", Digest: bill}, subjects: []criteria.Subject{one, two}}}
	for name, tt := range map[string]struct {
		subjects []verification.Subject
		want     string
	}{
		"found":              {[]verification.Subject{answer(one, found(bill)), answer(two, found(other), found(bill))}, ""},
		"absent":             {[]verification.Subject{answer(one, found(bill)), answer(two, verify.Reference{Digest: bill, State: verify.Absent})}, "two: document bill.json, which goes with it, is absent"},
		"altered":            {[]verification.Subject{answer(one, verify.Reference{Digest: bill, State: verify.Altered}), answer(two, found(bill))}, "one: document bill.json, which goes with it, is altered"},
		"could_not_look":     {[]verification.Subject{answer(one, found(bill)), answer(two, verify.Reference{Digest: bill, State: verify.Unsought})}, "is unknown"},
		"another":            {[]verification.Subject{answer(one, found(bill)), answer(two, found(other))}, "is not referred to"},
		"no_reference":       {[]verification.Subject{answer(one, found(bill)), answer(two)}, "is not referred to"},
		"no_such_subject":    {[]verification.Subject{answer(one, found(bill))}, "is not referred to"},
		"digest_of_no_bytes": {[]verification.Subject{answer(one, found(criteria.Digest{})), answer(two, found(bill))}, "is not referred to"},
	} {
		err := publishedVerifies(verification.Report{Outcome: verification.Verified, Subjects: tt.subjects}, documents)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: publishedVerifies = %v, want %q", name, err, tt.want)
		}
	}
}
