package evidence

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/criteria"
)

func ratio(covered, total int64) *criteria.Ratio {
	return &criteria.Ratio{Covered: covered, Total: total}
}

func TestGoCover(t *testing.T) {
	for _, tt := range []struct {
		name, doc string
		want      *criteria.Ratio
	}{
		{"one_of_two", "mode: set\na/b.go:1.2,3.4 3 1\na/b.go:5.2,6.3 1 0\n", ratio(3, 4)},
		{"same_block_covered_once", "mode: atomic\nb.go:1.2,3.4 3 0\nb.go:1.2,3.4 3 7\nb.go:1.2,3.4 3 0\n", ratio(3, 3)},
		{"nothing", "mode: set\n", ratio(0, 0)},
		{"huge_count", "mode: count\r\nb.go:1.2,3.4 3 99999999999999999999999\r\n", ratio(3, 3)},
		{"colon_in_the_path", "mode: set\nC:/x y/b.go:1.2,3.4 1 1\n", ratio(1, 1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(&criteria.Coverage{Statements: tt.want}, mustRead(t, "go-cover", tt.doc).Coverage); diff != "" {
				t.Errorf("Read(%q) (-want +got):\n%s", tt.doc, diff)
			}
		})
	}
	mustRefuse(t, "go-cover", "b.go:1.2,3.4 3 1\n", "expected the first line")
	mustRefuse(t, "go-cover", "mode: set\nmode: set\n", "line 2")
	mustRefuse(t, "go-cover", "mode: set\nb.go:1.2,3.4 3 -1\n", "line 2")
	mustRefuse(t, "go-cover", "mode: set\nb.go:1.2,3.4 3\n", "line 2")
	mustRefuse(t, "go-cover", "mode: set\nb.go:1.2,3.4 3 1\nb.go:1.2,3.4 4 1\n", "different sources")
}

func coberturaOf(attrs, lines string) string {
	return `<?xml version="1.0"?><!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd"><coverage ` + attrs + `><packages><package><classes>
		<class filename="a.py"><methods><method><lines><line number="1" hits="0"/></lines></method></methods><lines>` + lines + `</lines></class></classes></package></packages></coverage>`
}

func TestCobertura(t *testing.T) {
	three := `<line number="1" hits="1"/><line number="2" hits="0"/><line number="3" hits="4" branch="true" condition-coverage="50% (1/2)"/>`
	for _, tt := range []struct {
		name, doc string
		want      criteria.Coverage
	}{
		{"lines_and_branches", coberturaOf(`lines-valid="3" lines-covered="2" branches-valid="2" branches-covered="1"`, three), criteria.Coverage{Lines: ratio(2, 3), Branches: ratio(1, 2)}},
		{"rates_alone_are_not_believed", coberturaOf(`line-rate="1.0"`, three), criteria.Coverage{Lines: ratio(2, 3), Branches: ratio(1, 2)}},
		{"branches_that_do_not_add_up", coberturaOf(`branches-valid="9" branches-covered="9"`, three), criteria.Coverage{Lines: ratio(2, 3)}},
		{"line_twice", coberturaOf(`lines-valid="2" lines-covered="1"`, `<line number="1" hits="0"/><line number="1" hits="2"/>`), criteria.Coverage{Lines: ratio(1, 1)}},
		{"nothing", coberturaOf(``, ``), criteria.Coverage{Lines: ratio(0, 0)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(&tt.want, mustRead(t, "cobertura", tt.doc).Coverage); diff != "" {
				t.Errorf("Read(%s) (-want +got):\n%s", tt.doc, diff)
			}
		})
	}
	for stamp, want := range map[string]time.Time{
		"1795348800000": time.UnixMilli(1795348800000), "1795348800": time.Unix(1795348800, 0), "": {}, "0": {}, "-5": {}, "soon": {}, "99999999999999999": {},
	} {
		if got := mustRead(t, "cobertura", coberturaOf(`timestamp="`+stamp+`"`, three)).Time; !got.Equal(want) {
			t.Errorf("timestamp %q gives %v, want %v", stamp, got, want)
		}
	}
	mustRefuse(t, "cobertura", `<report/>`, "not a Cobertura report")
	mustRefuse(t, "cobertura", coberturaOf(`lines-valid="3" lines-covered="3"`, three), "3 of 3 lines covered according to its attributes, but 2 of 3")
	mustRefuse(t, "cobertura", coberturaOf(`lines-valid="100" lines-covered="100"`, ""), "according to its attributes")
	mustRefuse(t, "cobertura", coberturaOf(``, `<line number="x" hits="1"/>`), "not a number")
	mustRefuse(t, "cobertura", coberturaOf(``, `<line number="1" hits="NaN"/>`), "not a number")
	mustRefuse(t, "cobertura", coberturaOf(``, `<line number="1" hits="1" condition-coverage="200% (2/1)"/>`), "2 of 1 branches")
	mustRefuse(t, "cobertura", `<!DOCTYPE coverage [<!ENTITY a "b">]><coverage/>`, "document type")
	mustRefuse(t, "cobertura", `<!DOCTYPE coverage SYSTEM "x" [<!ENTITY a "b">]><coverage/>`, "document type")
	mustRefuse(t, "cobertura", `<!DOCTYPE coverage><!DOCTYPE coverage><coverage/>`, "document type")
}

func TestJaCoCo(t *testing.T) {
	doc := func(inner, total string) string {
		return `<?xml version="1.0" encoding="UTF-8" standalone="yes"?><!DOCTYPE report PUBLIC "-//JACOCO//DTD Report 1.1//EN" "report.dtd"><report name="x"><sessioninfo id="a"/>` + inner + total + `</report>`
	}
	counter := func(kind string, missed, covered string) string {
		return `<counter type="` + kind + `" missed="` + missed + `" covered="` + covered + `"/>`
	}
	p := `<package name="a">` + counter("INSTRUCTION", "1", "9") + counter("LINE", "1", "3") + counter("BRANCH", "1", "1") + `</package>`
	want := &criteria.Coverage{Lines: ratio(6, 8), Branches: ratio(2, 4)}
	for name, d := range map[string]string{
		"packages": doc(p+p, counter("INSTRUCTION", "2", "18")+counter("LINE", "2", "6")+counter("BRANCH", "2", "2")),
		"groups": doc(`<group name="g">`+p+counter("LINE", "1", "3")+counter("BRANCH", "1", "1")+`</group>`+p,
			counter("LINE", "2", "6")+counter("BRANCH", "2", "2")),
	} {
		if diff := cmp.Diff(want, mustRead(t, "jacoco", d).Coverage); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	mustRefuse(t, "jacoco", `<coverage/>`, "not a JaCoCo report")
	mustRefuse(t, "jacoco", doc("", ""), "neither lines nor branches")
	mustRefuse(t, "jacoco", doc(p, counter("LINE", "0", "4")+counter("BRANCH", "1", "1")), "add up to 3 of 4")
	mustRefuse(t, "jacoco", doc(p, ""), "of the whole is missing")
	mustRefuse(t, "jacoco", doc("", counter("LINE", "0", "5")), "add up to 0 of 0")
	mustRefuse(t, "jacoco", doc(p, counter("LINE", "-1", "5")), "out of range")
	mustRefuse(t, "jacoco", doc(p, counter("LINE", "one", "5")), "not as expected")
}

func TestLCOV(t *testing.T) {
	one := "TN:\nSF:a.c\nFN:1,f\nDA:1,5\nDA:2,0,abc\nBRDA:1,0,0,1\nBRDA:1,0,1,-\nLF:2\nLH:1\nBRF:2\nBRH:1\nend_of_record\n"
	for _, tt := range []struct {
		name, doc string
		want      criteria.Coverage
	}{
		{"lines_and_branches", one, criteria.Coverage{Lines: ratio(1, 2), Branches: ratio(1, 2)}},
		{"two_tests_of_one_file", one + "SF:a.c\nDA:1,0\nDA:2,1\nend_of_record\n", criteria.Coverage{Lines: ratio(2, 2), Branches: ratio(1, 2)}},
		{"two_files", "# made by hand\r\n" + one + "SF:b.c\nDA:1,0\nend_of_record\n", criteria.Coverage{Lines: ratio(1, 3), Branches: ratio(1, 2)}},
		{"an_empty_file", "SF:a.c\nend_of_record\n", criteria.Coverage{Lines: ratio(0, 0)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(&tt.want, mustRead(t, "lcov", tt.doc).Coverage); diff != "" {
				t.Errorf("Read(%q) (-want +got):\n%s", tt.doc, diff)
			}
		})
	}
	for doc, want := range map[string]string{
		"TN:x\n":                                        "no record",
		"SF:a.c\nDA:1,1\n":                              "middle of a record",
		"SF:a.c\nSF:b.c\n":                              "inside another",
		"end_of_record\n":                               "did not begin",
		"DA:1,1\n":                                      "outside of a record",
		"SF:a.c\nDA:1\nend_of_record\n":                 "DA takes",
		"SF:a.c\nDA:1,-1\nend_of_record\n":              "DA takes",
		"SF:a.c\nDA:one,1\nend_of_record\n":             "DA takes",
		"SF:a.c\nBRDA:1,2,3\nend_of_record\n":           "BRDA takes",
		"SF:a.c\nBRDA:1,0,0,x\nend_of_record\n":         "BRDA takes",
		"SF:a.c\nDA:1,1\nLF:2\nLH:2\nend_of_record\n":   "2 of 2 lines",
		"SF:a.c\nLF:100\nLH:100\nend_of_record\n":       "100 of 100 lines",
		"SF:a.c\nBRF:4\nBRH:4\nend_of_record\n":         "4 of 4 branches",
		"<coverage/>\n":                                 "not of an lcov tracefile",
		strings.Replace(one, "LH:1\n", "LH:2\n", 1):     "2 of 2 lines",
		strings.Replace(one, "BRH:1\n", "BRH:2\n", 1):   "2 of 2 branches",
		strings.TrimSuffix(one, "end_of_record\n") + "": "middle of a record",
	} {
		mustRefuse(t, "lcov", doc, want)
	}
}
