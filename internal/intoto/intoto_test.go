package intoto_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/in-toto/in-toto-golang/in_toto"

	"github.com/hallmark-project/hallmark/internal/intoto"
)

const link = `{"_type":"link","name":"build","materials":{},"products":{"a":{"sha256":"00"}},"byproducts":{},"command":[],"environment":{}}`

const layout = `{"_type":"layout","steps":[{"_type":"step","name":"build","pubkeys":[],"expected_command":[],"threshold":1,"expected_materials":[],"expected_products":[]}],"inspect":[],"keys":{},"expires":"2027-01-01T00:00:00Z","readme":""}`

func block(signed string) string { return `{"signed":` + signed + `,"signatures":[]}` }

func envelope(payload string) string {
	return `{"payloadType":"application/vnd.in-toto+json","payload":"` + base64.StdEncoding.EncodeToString([]byte(payload)) + `","signatures":[]}`
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ name, doc, link, layout string }{
		{"link", block(link), "", "is a link where the layout is expected"},
		{"link_in_dsse", envelope(link), "", "is a link where the layout is expected"},
		{"layout", block(layout), "sublayouts are not supported", ""},
		{"layout_in_dsse", envelope(layout), "sublayouts are not supported", ""},
		{"empty", "", "holds no JSON document", "holds no JSON document"},
		{"null", "null", "neither", "neither"},
		{"list", "[]", "expected", "expected"},
		{"truncated", block(link)[:60], "ends in the middle", "ends in the middle"},
		{"both_forms", strings.TrimSuffix(block(link), "}") + `,"payloadType":"application/vnd.in-toto+json","payload":""}`, "neither", "neither"},
		{"other_payload_type", strings.Replace(envelope(link), "in-toto+json", "other+json", 1), "payloadType is", "payloadType is"},
		{"not_base64", `{"payloadType":"application/vnd.in-toto+json","payload":"%","signatures":[]}`, "reading the payload", "reading the payload"},
		{"unknown_type", block(`{"_type":"song"}`), `_type is "song"`, `_type is "song"`},
		{"statement", envelope(`{"_type":"https://in-toto.io/Statement/v1"}`), "_type is", "_type is"},
		{"unsigned_member", block(strings.Replace(link, `"name"`, `"extra":1,"name"`, 1)), `unknown key "extra"`, `unknown key "extra"`},
		{"key_twice", block(strings.Replace(link, `"name"`, `"name":"test","name"`, 1)), "stands twice", "stands twice"},
		{"key_in_other_case", block(strings.Replace(link, `"products"`, `"Products"`, 1)), "unknown key", "unknown key"},
		{"trailing", block(link) + "{}", "follows", "follows"},
		{"one_path_twice", block(strings.Replace(link, `"a":`, `"./a":{"sha256":"01"},"a":`, 1)), `names "a" twice`, "is a link"},
		{"hash_not_hex", block(strings.Replace(link, `"00"`, `"zz"`, 1)), "not a sound link", "is a link"},
		{"no_steps", block(layout[:strings.Index(layout, `[{`)+1] + layout[strings.Index(layout, `],"inspect"`):]), "sublayouts", "has no steps"},
		{"no_expiry", block(strings.Replace(layout, "2027-01-01T00:00:00Z", "never", 1)), "sublayouts", "not a sound layout"},
		{"unknown_rule", block(strings.Replace(layout, `"expected_products":[]`, `"expected_products":[["HOPE","*"]]`, 1)), "sublayouts", "not a sound layout"},
		{"deep", strings.Repeat("[", 5000), "nested deeper", "nested deeper"},
	} {
		_, err := intoto.ParseLink([]byte(tt.doc))
		check(t, tt.name+": ParseLink", err, tt.link)
		_, err = intoto.ParseLayout([]byte(tt.doc))
		check(t, tt.name+": ParseLayout", err, tt.layout)
	}
}

func check(t *testing.T, what string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s = %v, want none", what, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s = %v, want …%s…", what, err, want)
	}
}

// What is read from memory is what the library reads from a file.
func FuzzParseLink(f *testing.F) {
	f.Add([]byte(block(link)))
	f.Add([]byte(envelope(link)))
	f.Add([]byte(block(layout)))
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, err := intoto.ParseLink(doc)
		if err != nil {
			return
		}
		file := filepath.Join(t.TempDir(), "x.link")
		if err := os.WriteFile(file, doc, 0o600); err != nil {
			t.Fatal(err)
		}
		theirs, err := in_toto.LoadMetadata(file)
		if err != nil {
			t.Skip("the library asks for members that may be left out")
		}
		a, errA := json.Marshal(got.Link)
		b, errB := json.Marshal(theirs.GetPayload())
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("ParseLink(%s) = %s, %v, the library reads %s, %v", doc, a, errA, b, errB)
		}
	})
}
