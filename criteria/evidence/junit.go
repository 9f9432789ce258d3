package evidence

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// junit reads the XML that test runners of most languages write. It has no
// specification; https://github.com/testmoapp/junitxml describes what is
// common, and the Maven Surefire schema what reruns look like.
//
// The test cases are counted, and what the attributes say must agree: a
// report cut off, merged badly or edited by hand is refused rather than
// believed on one of the two.
type junit struct{}

var _ criteria.Format = junit{}

func (junit) Name() string           { return "junit" }
func (junit) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactTests} }

// maxFailures bounds how many failed tests are named.
const maxFailures = 100

func (junit) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	var root junitSuite
	if err := strict.XML(data, &root); err != nil {
		return criteria.Facts{}, err
	}
	if n := root.XMLName.Local; n != "testsuites" && n != "testsuite" {
		return criteria.Facts{}, fmt.Errorf("is not a JUnit report: the root is %q, expected testsuites or testsuite", n)
	}
	tests := &criteria.Tests{}
	facts := criteria.Facts{Tests: tests}
	total, err := root.count(tests, &facts)
	if err != nil {
		return criteria.Facts{}, err
	}
	// A test case inside an element that we do not know would go unseen.
	if in := elements(data, "testcase"); in != total.cases {
		return criteria.Facts{}, fmt.Errorf("holds %d test cases outside of test suites", in-total.cases)
	}
	return facts, nil
}

type junitSuite struct {
	XMLName    xml.Name
	Attr       []xml.Attr `xml:",any,attr"`
	Properties []struct {
		Property []struct {
			Name  string `xml:"name,attr"`
			Value string `xml:"value,attr"`
			Text  string `xml:",chardata"`
		} `xml:"property"`
	} `xml:"properties"`
	Suites   []junitSuite `xml:"testsuite"`
	Cases    []junitCase  `xml:"testcase"`
	Failures []junitFault `xml:"failure"`
	Errors   []junitFault `xml:"error"`
}

type junitCase struct {
	Name          string       `xml:"name,attr"`
	Class         string       `xml:"classname,attr"`
	Status        string       `xml:"status,attr"`
	Result        string       `xml:"result,attr"`
	Failures      []junitFault `xml:"failure"`
	Errors        []junitFault `xml:"error"`
	Skipped       []struct{}   `xml:"skipped"`
	FlakyFailures []struct{}   `xml:"flakyFailure"`
	FlakyErrors   []struct{}   `xml:"flakyError"`
	Reruns        []junitFault `xml:"rerunFailure"`
	RerunErrors   []junitFault `xml:"rerunError"`
	Others        []struct {
		XMLName xml.Name
	} `xml:",any"`
}

// unlike returns the name of an element that looks like a failure and is none
// that is counted: whoever wrote it did not mean that the test passed.
func (c *junitCase) unlike() string {
	for _, o := range c.Others {
		if failed.MatchString(o.XMLName.Local) {
			return o.XMLName.Local
		}
	}
	return ""
}

// failed are the words for a test that did not pass, in elements and attributes.
var failed = regexp.MustCompile(`(?i)fail|error|broken|timed?-?_?out|crash|abort`)

type junitFault struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// junitCount is what was counted in a suite. A case can have both failed and
// met an error, which runners count once or twice.
type junitCount struct{ cases, failed, faults, skipped, disabled int }

func (c *junitCount) add(d junitCount) {
	c.cases += d.cases
	c.failed += d.failed
	c.faults += d.faults
	c.skipped += d.skipped
	c.disabled += d.disabled
}

func (s *junitSuite) attr(name string) string {
	for _, a := range s.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// count adds the suite's cases, and those of the suites in it, to tests, and
// compares them with what its attributes say.
func (s *junitSuite) count(tests *criteria.Tests, facts *criteria.Facts) (total junitCount, err error) {
	var own junitCount
	name := firstOf(s.attr("name"), s.XMLName.Local)
	for _, f := range append(s.Failures, s.Errors...) {
		// A suite that could not be set up ran none of its cases.
		own.failed++
		own.faults++
		fail(tests, name, firstOf(f.Message, f.Text))
	}
	for i := range s.Cases {
		c := &s.Cases[i]
		own.cases++
		switch faults := len(c.Failures) + len(c.Errors); {
		case faults > 0:
			own.failed++
			own.faults += faults
			f := append(c.Failures, c.Errors...)[0]
			fail(tests, strings.TrimPrefix(c.Class+"."+c.Name, "."), firstOf(f.Message, f.Text))
		case len(c.Reruns)+len(c.RerunErrors) > 0:
			// Surefire writes how runs again failed beside the first failure.
			return total, fmt.Errorf("test case %q failed when it was run again, without a failure in it", c.Name)
		case c.unlike() != "":
			return total, fmt.Errorf("test case %q holds an element %q, expected failure, error or skipped", c.Name, c.unlike())
		case len(c.Skipped) > 0:
			own.skipped++
			tests.Skipped++
		case c.Status == "notrun" || c.Result == "suppressed" || c.Result == "skipped": // GoogleTest
			own.disabled++
			tests.Skipped++
		case failed.MatchString(c.Status), failed.MatchString(c.Result):
			return total, fmt.Errorf("test case %q is said to have failed, without a failure in it", c.Name)
		default:
			tests.Passed++
			if len(c.FlakyFailures)+len(c.FlakyErrors) > 0 {
				tests.Flaky++
			}
		}
	}
	if err := s.about(facts); err != nil {
		return total, fmt.Errorf("test suite %q: %w", name, err)
	}
	total = own
	for i := range s.Suites {
		inner, err := s.Suites[i].count(tests, facts)
		if err != nil {
			return total, err
		}
		total.add(inner)
	}
	if err := s.agrees(own, total); err != nil {
		return total, fmt.Errorf("test suite %q: %w", name, err)
	}
	return total, nil
}

// agrees compares the attributes with what was counted: in the suite alone or
// with all that is in it, for runners differ in which they mean.
func (s *junitSuite) agrees(own, total junitCount) error {
	said := make(map[string]int)
	for _, name := range []string{"tests", "failures", "errors", "skipped", "disabled"} {
		v := s.attr(name)
		if v == "" {
			continue
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return fmt.Errorf("attribute %s is %q, expected a number", name, v)
		}
		said[name] = n
	}
	differs := func(what string, n int, counts ...int) error {
		for _, c := range counts {
			if n == c {
				return nil
			}
		}
		return fmt.Errorf("%d %s according to its attributes, but %d in it", n, what, counts[0])
	}
	if n, ok := said["tests"]; ok {
		if err := differs("tests", n, total.cases, own.cases); err != nil {
			return err
		}
	}
	_, failures := said["failures"]
	_, faults := said["errors"]
	if failures || faults {
		if err := differs("failures and errors", said["failures"]+said["errors"], total.failed, total.faults, own.failed, own.faults); err != nil {
			return err
		}
	}
	if n, ok := said["skipped"]; ok {
		return differs("skipped tests", n, total.skipped, total.skipped+total.disabled, own.skipped, own.skipped+own.disabled)
	}
	return nil
}

// commitProperties are names under which builds record the commit that was
// tested: in-toto's, Go's and that of the git-commit-id plug-ins.
var commitProperties = []string{"gitCommit", "vcs.revision", "git.commit.id"}

// about takes from the suite which commit was tested, and when.
func (s *junitSuite) about(facts *criteria.Facts) error {
	// Without a zone the moment is unknown, and guessing one could make a
	// report hours older or younger.
	if t, err := time.Parse(time.RFC3339, s.attr("timestamp")); err == nil && (facts.Time.IsZero() || t.Before(facts.Time)) {
		facts.Time = t
	}
	for _, ps := range s.Properties {
		for _, p := range ps.Property {
			for _, known := range commitProperties {
				if p.Name != known {
					continue
				}
				d, err := criteria.ParseDigest("gitCommit:" + strings.ToLower(strings.TrimSpace(firstOf(p.Value, p.Text))))
				if err != nil {
					continue
				}
				if len(facts.Subjects) > 0 && facts.Subjects[0] != d {
					return errors.New("is about another commit than the suite before it")
				}
				facts.Subjects = []criteria.Digest{d}
			}
		}
	}
	return nil
}

func fail(tests *criteria.Tests, name, message string) {
	tests.Failed++
	if len(tests.Failures) < maxFailures {
		tests.Failures = append(tests.Failures, criteria.TestFailure{Name: name, Message: brief(message)})
	}
}

// elements counts the start tags called name in data, which is well-formed.
func elements(data []byte, name string) int {
	d := xml.NewDecoder(bytes.NewReader(data))
	n := 0
	for {
		tok, err := d.RawToken()
		if err != nil {
			return n
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == name {
			n++
		}
	}
}
