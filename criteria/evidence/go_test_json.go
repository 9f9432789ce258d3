package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// goTestJSON reads what go test -json writes: one event a line
// (https://pkg.go.dev/cmd/test2json).
//
// A package that does not build, panics or is killed has no failed test, only
// a failed package; that counts as a failure. A stream that ends before every
// package has a result is refused.
type goTestJSON struct{}

var _ criteria.Format = goTestJSON{}

func (goTestJSON) Name() string           { return "go-test-json" }
func (goTestJSON) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactTests} }

type goTestEvent struct {
	Time    time.Time
	Action  string
	Package string
	Test    string
	Output  string
	// ImportPath is given instead of Package for the output of builds.
	ImportPath string
}

// goTestRun is one run of one package's tests; a package is run again where
// failed tests are retried.
type goTestRun struct {
	result string            // pass, fail, skip; empty until it ended
	tests  map[string]string // worst result by test; empty until it ended
	last   map[string]string // last line that says something, by test
}

func (goTestJSON) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	runs := make(map[string][]*goTestRun)
	var order []string
	var facts criteria.Facts
	builds := make(map[string]bool)
	for i, line := range bytes.Split(data, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var e goTestEvent
		if err := strict.JSON(line, &e); err != nil {
			return criteria.Facts{}, fmt.Errorf("line %d: %w", i+1, err)
		}
		if e.Package == "" {
			switch {
			case e.Action == "build-fail" && e.ImportPath != "":
				builds[e.ImportPath] = true
			case e.Action == "build-output" && e.ImportPath != "":
			default:
				return criteria.Facts{}, fmt.Errorf("line %d is not an event of go test: it names no package", i+1)
			}
			continue
		}
		if !e.Time.IsZero() && (facts.Time.IsZero() || e.Time.Before(facts.Time)) {
			facts.Time = e.Time
		}
		all := runs[e.Package]
		if len(all) == 0 {
			order = append(order, e.Package)
		}
		// Since Go 1.20 a run begins with start; before, what follows a
		// package's result belongs to the next one.
		if len(all) == 0 || all[len(all)-1].result != "" && e.Action != "output" {
			all = append(all, &goTestRun{tests: make(map[string]string), last: make(map[string]string)})
			runs[e.Package] = all
		}
		if err := all[len(all)-1].add(e); err != nil {
			return criteria.Facts{}, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if len(order) == 0 && len(builds) == 0 {
		return criteria.Facts{}, errors.New("holds no event of a package's tests")
	}
	tests := &criteria.Tests{}
	for _, p := range order {
		if err := countGoTests(tests, p, runs[p]); err != nil {
			return criteria.Facts{}, err
		}
	}
	if len(builds) > 0 && tests.Failed == 0 {
		for _, p := range sorted(builds) {
			fail(tests, p, "does not build")
		}
	}
	facts.Tool = criteria.Tool{Name: "go test"}
	facts.Tests = tests
	return facts, nil
}

func (r *goTestRun) add(e goTestEvent) error {
	switch e.Action {
	case "start", "run", "pause", "cont", "bench", "attr", "artifacts":
		if e.Action == "run" && e.Test != "" && r.tests[e.Test] != "fail" {
			r.tests[e.Test] = ""
		}
	case "output":
		if text := strings.TrimSpace(e.Output); text != "" && !strings.HasPrefix(text, "=== ") && !strings.HasPrefix(text, "--- ") && text != "FAIL" {
			r.last[e.Test] = text
		}
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.result = e.Action
		} else if r.tests[e.Test] != "fail" {
			r.tests[e.Test] = e.Action
		}
	default:
		return fmt.Errorf("unknown action %q", e.Action)
	}
	return nil
}

// countGoTests counts each test of one package once: by its last run, and as
// flaky where it passed then and had failed before.
func countGoTests(tests *criteria.Tests, pkg string, runs []*goTestRun) error {
	last := make(map[string]string)
	failedBefore := make(map[string]bool)
	message := make(map[string]string)
	unexplained := ""
	for _, r := range runs {
		if r.result == "" {
			return fmt.Errorf("package %s has no result: the report ends in the middle", pkg)
		}
		some := false
		for name, result := range r.tests {
			if result == "" { // began and never ended: a panic, a timeout, an exit
				result = "fail"
				if r.last[name] == "" {
					r.last[name] = "did not end"
				}
			}
			if last[name] == "fail" {
				failedBefore[name] = true
			}
			some = some || result == "fail"
			last[name], message[name] = result, r.last[name]
		}
		if r.result == "fail" && !some {
			unexplained = firstOf(r.last[""], "failed without a failed test: it did not build, or ended early")
		}
	}
	for _, name := range sorted(last) {
		switch last[name] {
		case "pass":
			tests.Passed++
			if failedBefore[name] {
				tests.Flaky++
			}
		case "skip":
			if failedBefore[name] {
				// It failed and was then left out: it never passed.
				fail(tests, pkg+"."+name, "failed, and was skipped when run again")
				continue
			}
			tests.Skipped++
		default:
			fail(tests, pkg+"."+name, message[name])
		}
	}
	if unexplained != "" {
		fail(tests, pkg, unexplained)
	}
	return nil
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
