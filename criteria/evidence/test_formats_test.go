package evidence

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/criteria"
)

func TestJUnit(t *testing.T) {
	for _, tt := range []struct {
		name, doc string
		want      criteria.Tests
	}{
		{"passed", `<testsuite tests="1"><testcase name="a"/></testsuite>`, criteria.Tests{Passed: 1}},
		{"nothing", `<testsuites/>`, criteria.Tests{}},
		{
			"failed", `<testsuites><testsuite tests="3" failures="1" errors="1"><testcase classname="p" name="a"><failure message="want 1"/></testcase>
			<testcase name="b"><error>boom
			trace</error></testcase><testcase name="c"/></testsuite></testsuites>`,
			criteria.Tests{Passed: 1, Failed: 2, Failures: []criteria.TestFailure{{Name: "p.a", Message: "want 1"}, {Name: "b", Message: "boom"}}},
		},
		{
			"failure_and_error_in_one", `<testsuite tests="1" failures="1" errors="1"><testcase name="a"><failure message="f"/><error message="e"/></testcase></testsuite>`,
			criteria.Tests{Failed: 1, Failures: []criteria.TestFailure{{Name: "a", Message: "f"}}},
		},
		{"skipped", `<testsuite tests="2" skipped="1"><testcase name="a"><skipped/></testcase><testcase name="b"/></testsuite>`, criteria.Tests{Passed: 1, Skipped: 1}},
		{
			"failed_and_skipped", `<testsuite><testcase name="a"><skipped/><failure/></testcase></testsuite>`,
			criteria.Tests{Failed: 1, Failures: []criteria.TestFailure{{Name: "a"}}},
		},
		{"googletest_disabled", `<testsuites tests="2" disabled="1"><testsuite tests="2" disabled="1" skipped="0"><testcase name="a" status="notrun"/><testcase name="b" status="run"/></testsuite></testsuites>`, criteria.Tests{Passed: 1, Skipped: 1}},
		{"flaky", `<testsuite tests="1" failures="0"><testcase name="a"><flakyFailure message="x"/></testcase></testsuite>`, criteria.Tests{Passed: 1, Flaky: 1}},
		{
			"failed_every_time", `<testsuite tests="1" failures="1"><testcase name="a"><failure message="x"/><rerunFailure message="x"/></testcase></testsuite>`,
			criteria.Tests{Failed: 1, Failures: []criteria.TestFailure{{Name: "a", Message: "x"}}},
		},
		{
			"suite_that_could_not_start", `<testsuite name="s" tests="0" errors="1"><error message="no database"/></testsuite>`,
			criteria.Tests{Failed: 1, Failures: []criteria.TestFailure{{Name: "s", Message: "no database"}}},
		},
		{
			"nested_with_totals", `<testsuites tests="2"><testsuite tests="2"><testsuite tests="1"><testcase name="a"/></testsuite><testcase name="b"/></testsuite></testsuites>`,
			criteria.Tests{Passed: 2},
		},
		{
			"nested_with_own_counts", `<testsuites><testsuite tests="1"><testsuite tests="1"><testcase name="a"/></testsuite><testcase name="b"/></testsuite></testsuites>`,
			criteria.Tests{Passed: 2},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := mustRead(t, "junit", `<?xml version="1.0"?>`+tt.doc)
			if diff := cmp.Diff(tt.want, *f.Tests); diff != "" {
				t.Errorf("Read(%s) (-want +got):\n%s", tt.doc, diff)
			}
		})
	}
}

func TestJUnitAbout(t *testing.T) {
	commit := strings.Repeat("a", 40)
	f := mustRead(t, "junit", `<testsuites>
		<testsuite timestamp="2026-11-22T12:00:00Z"><properties><property name="vcs.revision" value="`+commit+`"/></properties><testcase name="a"/></testsuite>
		<testsuite timestamp="2026-11-22T11:00:00+01:00"><properties><property name="gitCommit">`+commit+`</property><property name="other" value="x"/></properties><testcase name="b"/></testsuite>
		<testsuite timestamp="2026-11-21T00:00:00"/></testsuites>`)
	if want := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC); !f.Time.Equal(want) {
		t.Errorf("Time = %v, want %v", f.Time, want)
	}
	if len(f.Subjects) != 1 || f.Subjects[0].Hex() != commit {
		t.Errorf("Subjects = %v, want %s", f.Subjects, commit)
	}
	mustRefuse(t, "junit", `<testsuites>
		<testsuite><properties><property name="gitCommit" value="`+commit+`"/></properties></testsuite>
		<testsuite><properties><property name="gitCommit" value="`+strings.Repeat("b", 40)+`"/></properties></testsuite></testsuites>`, "another commit")
}

func TestJUnitRefused(t *testing.T) {
	for name, tt := range map[string]struct{ doc, want string }{
		"another_root":          {`<coverage/>`, "not a JUnit report"},
		"fewer_cases_than_said": {`<testsuite tests="2"><testcase name="a"/></testsuite>`, "2 tests according to its attributes, but 1"},
		"failures_not_there":    {`<testsuite tests="1" failures="1"><testcase name="a"/></testsuite>`, "failures and errors"},
		"failures_not_said":     {`<testsuite tests="1" failures="0"><testcase name="a"><failure/></testcase></testsuite>`, "failures and errors"},
		"skipped_not_there":     {`<testsuite tests="1" skipped="1"><testcase name="a"/></testsuite>`, "skipped tests"},
		"total_too_high":        {`<testsuites tests="5"><testsuite tests="1"><testcase name="a"/></testsuite></testsuites>`, "5 tests"},
		"no_number":             {`<testsuite tests="many"/>`, "expected a number"},
		"negative":              {`<testsuite failures="-1" errors="1"/>`, "expected a number"},
		"hidden_case":           {`<testsuite><group><testcase name="a"><failure/></testcase></group></testsuite>`, "outside of test suites"},
		"said_to_have_failed":   {`<testsuite><testcase name="a" status="failed"/></testsuite>`, "without a failure"},
		"document_type":         {`<!DOCTYPE x [<!ENTITY a "b">]><testsuite/>`, "document type"},
		"cut_off":               {`<testsuite><testcase name="a"/>`, "ends in the middle"},
		"attribute_twice":       {`<testsuite tests="1" tests="0"/>`, "stands twice"},
	} {
		t.Run(name, func(t *testing.T) { mustRefuse(t, "junit", tt.doc, tt.want) })
	}
}

// goEvents writes events as go test -json does: "run p T", "output p T text".
func goEvents(events ...string) string {
	var b strings.Builder
	for _, e := range events {
		f := strings.SplitN(e, " ", 4)
		b.WriteString(`{"Time":"2026-11-22T12:00:00Z","Action":"` + f[0] + `","Package":"` + f[1] + `"`)
		if len(f) > 2 && f[2] != "" {
			b.WriteString(`,"Test":"` + f[2] + `"`)
		}
		if len(f) > 3 {
			b.WriteString(`,"Output":"` + f[3] + `\n"`)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

func TestGoTestJSON(t *testing.T) {
	failure := func(name, message string) []criteria.TestFailure {
		return []criteria.TestFailure{{Name: name, Message: message}}
	}
	for _, tt := range []struct {
		name   string
		events []string
		want   criteria.Tests
	}{
		{"passed", []string{"start p", "run p A", "output p A === RUN   A", "pass p A", "pass p"}, criteria.Tests{Passed: 1}},
		{"skipped", []string{"start p", "run p A", "skip p A", "pass p"}, criteria.Tests{Skipped: 1}},
		{"no_test_files", []string{"start p", "skip p"}, criteria.Tests{}},
		{"subtests", []string{"start p", "run p A", "run p A/b", "pass p A/b", "pass p A", "pass p"}, criteria.Tests{Passed: 2}},
		{
			"failed",
			[]string{"start p", "run p A", "output p A a_test.go:3: want 1", "output p A --- FAIL: A", "fail p A", "output p  FAIL", "fail p"},
			criteria.Tests{Failed: 1, Failures: failure("p.A", "a_test.go:3: want 1")},
		},
		{
			"did_not_end",
			[]string{"start p", "run p A", "fail p"},
			criteria.Tests{Failed: 1, Failures: failure("p.A", "did not end")},
		},
		{
			"did_not_end_though_the_package_passed",
			[]string{"start p", "run p A", "pass p"},
			criteria.Tests{Failed: 1, Failures: failure("p.A", "did not end")},
		},
		{
			"package_failed_alone",
			[]string{"start p", "run p A", "pass p A", "output p  exit status 1", "fail p"},
			criteria.Tests{Passed: 1, Failed: 1, Failures: failure("p", "exit status 1")},
		},
		{
			"rerun_passed",
			[]string{"start p", "run p A", "fail p A", "run p B", "pass p B", "fail p", "start p", "run p A", "pass p A", "pass p"},
			criteria.Tests{Passed: 2, Flaky: 1},
		},
		{
			"rerun_failed",
			[]string{"start p", "run p A", "fail p A", "fail p", "start p", "run p A", "fail p A", "fail p"},
			criteria.Tests{Failed: 1, Failures: failure("p.A", "")},
		},
		{
			"twice_in_one_run",
			[]string{"start p", "run p A", "fail p A", "run p A", "pass p A", "fail p"},
			criteria.Tests{Failed: 1, Failures: failure("p.A", "")},
		},
		{
			"build_failed_then_rerun",
			[]string{"start p", "fail p", "start p", "run p A", "pass p A", "pass p"},
			criteria.Tests{Passed: 1, Failed: 1, Failures: failure("p", "failed without a failed test: it did not build, or ended early")},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := mustRead(t, "go-test-json", goEvents(tt.events...))
			if diff := cmp.Diff(tt.want, *f.Tests); diff != "" {
				t.Errorf("Read (-want +got):\n%s", diff)
			}
			if f.Time.IsZero() {
				t.Error("Time is zero")
			}
		})
	}
	build := `{"ImportPath":"p [p.test]","Action":"build-output","Output":"x"}` + "\n" + `{"ImportPath":"p [p.test]","Action":"build-fail"}`
	if f := mustRead(t, "go-test-json", build); f.Tests.Failed != 1 {
		t.Errorf("a build that failed gives %+v, want one failure", f.Tests)
	}
	mustRefuse(t, "go-test-json", goEvents("start p", "run p A", "pass p A"), "ends in the middle")
	mustRefuse(t, "go-test-json", goEvents("start p", "explode p A"), "unknown action")
	mustRefuse(t, "go-test-json", `{"a":1}`, "names no package")
	mustRefuse(t, "go-test-json", "# p\n", "line 1")
	mustRefuse(t, "go-test-json", `{"ImportPath":"p","Action":"build-output"}`, "no event of a package")
}
