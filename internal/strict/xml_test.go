package strict_test

import (
	"encoding/xml"
	"reflect"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/internal/strict"
)

type suite struct {
	XMLName xml.Name `xml:"suite"`
	Tests   int      `xml:"tests,attr"`
	Case    []string `xml:"case"`
}

func TestXML_faults(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", "holds no XML element"},
		{"only_prolog", `<?xml version="1.0"?>`, "holds no XML element"},
		{"text", "hello", "line 1, column 1: text stands outside the XML document"},
		{"text_before", "x<suite/>", "line 1, column 1: text stands outside the XML document"},
		{"text_after", "<suite/>\nx", "line 1, column 9: text stands outside the XML document"},
		{"second_root", "<suite/>\n<suite/>", "line 2, column 1: something follows the XML document"},
		{"doctype", "<!DOCTYPE suite [<!ENTITY a \"b\">]>\n<suite/>", "line 1, column 1: a document type declaration is not accepted"},
		{"doctype_after", "<suite/><!DOCTYPE a>", "line 1, column 9: a document type declaration is not accepted"},
		{"entity", "<suite>&a;</suite>", "line 1, column 11: not valid XML: invalid character entity &a;"},
		{"duplicate_attribute", `<suite tests="1" tests="2"/>`, `line 1, column 1: attribute "tests" stands twice`},
		{"duplicate_by_prefix", `<suite xmlns:x="u" tests="1" x:tests="2"/>`, `line 1, column 1: attribute "tests" stands twice`},
		{"duplicate_by_namespace", `<suite xmlns:tests="9" tests="2"/>`, `line 1, column 1: attribute "tests" stands twice`},
		{"truncated", "<suite><case>", "line 1, column 14: ends in the middle of the XML document"},
		{"truncated_tag", "<suite><case", "line 1, column 13: not valid XML: unexpected EOF"},
		{"crossed", "<suite><case></suite></case>", `line 1, column 14: element "suite" is closed where it is not open`},
		{"closed_first", "</suite><suite>", `line 1, column 1: element "suite" is closed where it is not open`},
		{"encoding", `<?xml version="1.0" encoding="ISO-8859-1"?><suite/>`, `line 1, column 44: not valid XML: xml: encoding "ISO-8859-1" declared but Decoder.CharsetReader is nil`},
		{"version", `<?xml version="1.1"?><suite/>`, `line 1, column 22: not valid XML: xml: unsupported version "1.1"; only version 1.0 is supported`},
		{"deep", strings.Repeat("<a>", 201), "line 1, column 601: nested deeper than 200 levels"},
		{"json", `{"a": 1}`, "line 1, column 1: text stands outside the XML document"},
		{"other_root", "<other/>", "not as expected: expected element type <suite> but have <other>"},
		{"wrong_type", `<suite tests="many"/>`, `not as expected: strconv.ParseInt: parsing "many": invalid syntax`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s suite
			if err := strict.XML([]byte(tt.text), &s); err == nil || err.Error() != tt.want {
				t.Errorf("XML(%.80q)\n got %v\nwant %s", tt.text, err, tt.want)
			}
		})
	}
}

func TestXML_reads(t *testing.T) {
	const text = `<?xml version="1.0" encoding="UTF-8"?>
<!-- made by hand -->
<suite xmlns="urn:a" xmlns:b="urn:b" tests="2"><case>a &lt; b</case><case><![CDATA[<]]></case></suite>
<!-- end -->
`
	var s suite
	if err := strict.XML([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	if s.Tests != 2 || !reflect.DeepEqual(s.Case, []string{"a < b", "<"}) {
		t.Errorf("XML() = %+v", s)
	}
}

func FuzzXML(f *testing.F) {
	for _, s := range []string{
		"", "<suite/>", `<suite tests="1" tests="2"/>`, "<suite><case>a</case></suite>", "<!DOCTYPE a><suite/>", "<suite></b>", "</a><suite>", "<suite/>x",
		"<suite>&amp;&#x41;</suite>", `<?xml version="1.0"?><suite xmlns:x="u" x:tests="1"/>`, strings.Repeat("<a>", 300), "<a:suite/>", "<suite><?p?></suite>",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var a, b suite
		errA, errB := strict.XML(data, &a), strict.XML(data, &b)
		if (errA == nil) != (errB == nil) || errA != nil && errA.Error() != errB.Error() {
			t.Fatalf("XML(%q) = %v, then %v", data, errA, errB)
		}
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("XML(%q) gives %v, then %v", data, a, b)
		}
		// What CheckXML accepts is one whole document to the library as well.
		if strict.CheckXML(data) == nil {
			var whole struct {
				Inner string `xml:",innerxml"`
			}
			if err := xml.Unmarshal(data, &whole); err != nil {
				t.Fatalf("CheckXML(%q) = nil, but the library says %v", data, err)
			}
		}
	})
}
