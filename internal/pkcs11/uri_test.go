package pkcs11

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseURI(t *testing.T) {
	slot := uint(7)
	for s, want := range map[string]URI{
		"":                              {},
		"pkcs11:":                       {},
		"token=t;object=o":              {Token: "t", Object: "o"},
		"pkcs11:object=o;token=t":       {Token: "t", Object: "o"},
		"pkcs11://object=o":             {Object: "o"},
		"pkcs11:object=o;type=private":  {Object: "o"},
		"pkcs11:id=%01%ff%3B":           {ID: []byte{1, 0xff, ';'}},
		"pkcs11:id=abc":                 {ID: []byte("abc")},
		"pkcs11:slot-id=7":              {Slot: &slot},
		"pkcs11:token=The%20token%3Bno": {Token: "The token;no"},
		"pkcs11:token=a+b":              {Token: "a+b"},
		"pkcs11:manufacturer=Snake%20Oil,%20Inc.;model=m;serial=1;token=t;object=o?module-path=/usr/lib/lib.so&pin-source=file:/etc/pin": {
			Manufacturer: "Snake Oil, Inc.", Model: "m", Serial: "1", Token: "t", Object: "o", ModulePath: "/usr/lib/lib.so", PINSource: "file:/etc/pin",
		},
		"pkcs11:?module-name=softhsm2": {ModuleName: "softhsm2"},
	} {
		got, err := ParseURI(s)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("ParseURI(%q): %v\n%s", s, err, diff)
		}
	}
}

func TestParseURIRefusals(t *testing.T) {
	for s, want := range map[string]string{
		"pkcs11:object=o?pin-value=sesame":            "pin-value is refused",
		"pkcs11:object=o;pin-value=sesame":            "pin-value is refused",
		"pkcs11:label=sesame":                         "an attribute label that is not known",
		"pkcs11:objekt=sesame":                        "did you mean object?",
		"pkcs11:sesame%20open=o":                      "an attribute that is not known",
		"pkcs11:object=o?module-path=/a&x-new=1":      "an attribute x-new",
		"pkcs11:module-path=/a":                       "an attribute module-path that is not known: known there are token",
		"pkcs11:object":                               "object has no value",
		"pkcs11:object=":                              "object is empty",
		"pkcs11:object=a;object=sesame":               "object stands there twice",
		"pkcs11:object=%zz":                           "percent-encoded",
		"pkcs11:object=a%00sesame":                    "do not print",
		"pkcs11:object=%ff":                           "do not print",
		"pkcs11:object=a;type=cert":                   "expected a key pair",
		"pkcs11:slot-id=-1":                           "slot-id is no number",
		"pkcs11:slot-id=99999999999":                  "slot-id is no number",
		"pkcs11:?module-path=/a&module-name=b":        "expected one of them",
		"pkcs11:object=" + strings.Repeat("a", 1<<12): "too long",
	} {
		got, err := ParseURI(s)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "sesame") || !cmp.Equal(got, URI{}) {
			t.Errorf("ParseURI(%q) = %v, %v, want %q", s, got, err, want)
		}
	}
}

// write is the other direction.
func (u URI) write() string {
	var path, query []string
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	for _, a := range []struct{ name, value string }{{"token", u.Token}, {"manufacturer", u.Manufacturer}, {"model", u.Model}, {"serial", u.Serial}, {"object", u.Object}, {"id", string(u.ID)}} {
		if a.value != "" {
			path = append(path, a.name+"="+escape(a.value))
		}
	}
	if u.Slot != nil {
		path = append(path, fmt.Sprintf("slot-id=%d", *u.Slot))
	}
	for _, a := range []struct{ name, value string }{{"module-path", u.ModulePath}, {"module-name", u.ModuleName}, {"pin-source", u.PINSource}} {
		if a.value != "" {
			query = append(query, a.name+"="+escape(a.value))
		}
	}
	return "pkcs11:" + strings.Join(path, ";") + "?" + strings.Join(query, "&")
}

// What is read is read the same from what it would be written as, and nothing
// is left out: whatever narrows down the key does so.
func FuzzParseURI(f *testing.F) {
	for _, s := range []string{
		"pkcs11:token=t;object=o;id=%01%02;slot-id=3?module-path=/m.so&pin-source=file:/p", "pkcs11://object=a%3Bb", "object=o;object=p", "pkcs11:type=private;id=%ff",
		"pkcs11:object=o?pin-value=1234", "pkcs11:;;?&&", "pkcs11:object=?", "pkcs11:a=b=c",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseURI(s)
		if err != nil {
			if !cmp.Equal(u, URI{}) {
				t.Errorf("ParseURI(%q) = %v together with %v", s, u, err)
			}
			return
		}
		if len(u.write()) > maxURI {
			return // escaping made it longer
		}
		again, err := ParseURI(u.write())
		if diff := cmp.Diff(u, again); err != nil || diff != "" {
			t.Errorf("ParseURI(%q) = %v, written as %q and read: %v\n%s", s, u, u.write(), err, diff)
		}
		if strings.Contains(s, "pin-value=") {
			if !strings.Contains(u.Object+u.Token+u.ModulePath+u.PINSource+u.ModuleName+u.Model+u.Serial+u.Manufacturer+string(u.ID), "pin-value=") {
				t.Errorf("ParseURI(%q) took a PIN", s)
			}
		}
	})
}
