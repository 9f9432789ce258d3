package main

import (
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/internal/sigstoretest"
)

// tally counts what a suite wants to be accepted and refused, and what was.
type tally struct{ accept, accepted, reject, rejected int }

func (n *tally) add(wantFail bool, code int) {
	if wantFail {
		n.reject++
		if code != yes {
			n.rejected++
		}
		return
	}
	n.accept++
	if code == yes {
		n.accepted++
	}
}

func (n *tally) report(t *testing.T, what string) {
	t.Helper()
	t.Logf("%s: accepted %d of %d, refused %d of %d", what, n.accepted, n.accept, n.rejected, n.reject)
	if n.accept == 0 || n.reject == 0 {
		t.Errorf("%s: nothing was to be accepted, or nothing refused", what)
	}
}

// Every case of the suite, made anew, is answered as the suite wants, with the
// artifact and with its digest.
func TestCases(t *testing.T) {
	var n tally
	names := make(map[string]bool)
	for _, c := range cases() {
		if names[c.name] {
			t.Errorf("two cases are called %s", c.name)
		}
		names[c.name] = true
		wantFail := strings.HasSuffix(c.name, fails)
		made := c.make(sigstoretest.New(present))
		for _, digest := range []bool{false, true} {
			name := c.name
			if digest {
				name += "/digest"
			}
			t.Run(name, func(t *testing.T) {
				code, said := answer(t, made.args(t, t.TempDir(), digest))
				n.add(wantFail, code)
				switch {
				case !wantFail && code != yes:
					t.Errorf("%s: refused with %d: %s", c.tests, code, said)
				case wantFail && code == yes:
					t.Errorf("%s: accepted", c.tests)
				case wantFail && code == unknown:
					t.Errorf("%s: could not tell: %s", c.tests, said)
				case wantFail && (c.why == "" || !strings.Contains(said, c.why)):
					t.Errorf("%s: refused with %q, want %q", c.tests, said, c.why)
				}
			})
		}
	}
	n.report(t, "cases of the suite, made anew")
}
