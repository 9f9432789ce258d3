package strict_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/internal/strict"
)

type report struct {
	Name  string   `json:"name"`
	Count int      `json:"count"`
	Items []report `json:"items"`
}

func TestJSON_faults(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", "holds no JSON document"},
		{"white_space", " \n", "holds no JSON document"},
		{"duplicate", "{\"name\": \"a\",\n \"name\": \"b\"}", `line 2, column 2: key "name" stands twice`},
		{"duplicate_escaped", `{"name": "a", "n\u0061me": "b"}`, `line 1, column 15: key "name" stands twice`},
		{"duplicate_unread", `{"x": {"y": 1, "y": 2}}`, `line 1, column 16: key "y" stands twice`},
		{"trailing", `{} {}`, "line 1, column 4: something follows the JSON document"},
		{"trailing_brace", `{}}`, "line 1, column 3: something follows the JSON document"},
		{"trailing_space_of_unicode", "{}\u00a0", "line 1, column 3: something follows the JSON document"},
		{"lines", "{\"a\":1}\n{\"a\":2}\n", "line 2, column 1: something follows the JSON document"},
		{"truncated", `{"name": "a"`, "line 1, column 13: ends in the middle of the JSON document"},
		{"truncated_text", `{"name": "a`, "line 1, column 12: ends in the middle of the JSON document"},
		{"truncated_list", `{"items": [`, "line 1, column 12: ends in the middle of the JSON document"},
		{"text_for_number", `{"count": "3"}`, "line 1, column 11: at /count: a JSON string stands where a whole number is expected"},
		{"number_for_text", `{"items": [{"name": 3}]}`, "line 1, column 21: at /items/0/name: a JSON number stands where text is expected"},
		{"list_for_object", `[]`, "line 1, column 1: at : a JSON array stands where keys and values is expected"},
		{"comment", "{} // x", "line 1, column 4: something follows the JSON document"},
		{"single_quotes", "{'a': 1}", `line 1, column 2: not valid JSON: invalid character '\'' at start of value`},
		{"trailing_comma", `{"a": 1,}`, `line 1, column 8: not valid JSON: invalid character ',' at start of value`},
		{"not_a_number", `{"count": NaN}`, `line 1, column 11: not valid JSON: invalid character 'N' at start of value`},
		{"half_a_surrogate", `{"name": "\ud800"}`, "line 1, column 11: not valid JSON: invalid surrogate pair `\\ud800\"}` in string"},
		{"utf8", "{\"name\": \"\xff\"}", "line 1, column 11: not valid JSON: invalid UTF-8"},
		{"deep_lists", strings.Repeat("[", 201) + strings.Repeat("]", 201), "line 1, column 202: nested deeper than 200 levels"},
		{"deep_objects", strings.Repeat(`{"a":`, 201), "line 1, column 1002: nested deeper than 200 levels"},
		{"deeper_than_the_library", strings.Repeat("[", 1<<20), "line 1, column 202: nested deeper than 200 levels"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r report
			err := strict.JSON([]byte(tt.text), &r)
			if err == nil || err.Error() != tt.want {
				t.Errorf("JSON(%.80q)\n got %v\nwant %s", tt.text, err, tt.want)
			}
		})
	}
}

func TestJSON_reads(t *testing.T) {
	var r report
	text := "{\"NAME\": \"other\", \"name\": \"a\", \"unknown\": [1], \"items\": [{\"count\": 2}]}\n\r\t "
	if err := strict.JSON([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	// A key in another case is another key.
	if want := (report{Name: "a", Items: []report{{Count: 2}}}); !reflect.DeepEqual(r, want) {
		t.Errorf("JSON() = %+v, want %+v", r, want)
	}
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	var v any
	if err := strict.JSON([]byte(deep), &v); err != nil {
		t.Errorf("JSON(200 levels) = %v, want nil", err)
	}
}

func TestOwnJSON(t *testing.T) {
	var r report
	for _, tt := range []struct{ text, want string }{
		{`{"name": "a"}`, ""},
		{`{"Name": "a"}`, `line 1, column 2: unknown key "Name"`},
		{`{"items": [{"x": 1}]}`, `line 1, column 13: unknown key "x"`},
	} {
		err := strict.OwnJSON([]byte(tt.text), &r)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Error() != tt.want) {
			t.Errorf("OwnJSON(%s) = %v, want %q", tt.text, err, tt.want)
		}
	}
}

func TestRead(t *testing.T) {
	data, err := strict.Read(strings.NewReader("\xef\xbb\xbfab"), 5)
	if err != nil || string(data) != "ab" {
		t.Errorf("Read() = %q, %v, want ab", data, err)
	}
	if _, err := strict.Read(strings.NewReader("abcdef"), 5); !errors.Is(err, strict.ErrTooLarge) {
		t.Errorf("Read(6 bytes of 5) = %v, want %v", err, strict.ErrTooLarge)
	}
	for _, s := range []string{"", " \n", "\xef\xbb\xbf", "\xef\xbb\xbf \n"} {
		if _, err := strict.Read(strings.NewReader(s), 5); !errors.Is(err, strict.ErrEmpty) {
			t.Errorf("Read(%q) = %v, want %v", s, err, strict.ErrEmpty)
		}
	}
	broken := errors.New("broken")
	if _, err := strict.Read(failing{broken}, 5); !errors.Is(err, broken) {
		t.Errorf("Read(failing) = %v, want %v", err, broken)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Whatever we accept, the standard library accepts, and reads the same value.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		``, `{}`, `{"a": 1, "a": 2}`, `[1, 2.5e3, -0, 1e400]`, `"\ud83d\ude00"`, `{"a": [null, true, {"b": ""}]}`, "\u00a0{}", "{}\u0085", `{"a": 1} x`,
		"\"\\u0000\"", `12345678901234567890`, strings.Repeat("[", 300),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var a, b, std any
		errA, errB := strict.JSON(data, &a), strict.JSON(data, &b)
		if (errA == nil) != (errB == nil) || errA != nil && errA.Error() != errB.Error() {
			t.Fatalf("JSON(%q) = %v, then %v", data, errA, errB)
		}
		if errA != nil {
			return
		}
		if err := strict.CheckJSON(data); err != nil {
			t.Fatalf("JSON(%q) = nil, but CheckJSON = %v", data, err)
		}
		if err := json.Unmarshal(data, &std); err != nil {
			t.Fatalf("JSON(%q) = nil, but encoding/json says %v", data, err)
		}
		if !reflect.DeepEqual(a, std) || !reflect.DeepEqual(a, b) {
			t.Fatalf("JSON(%q) = %v, encoding/json reads %v", data, a, std)
		}
	})
}

// largeJSON is about size bytes of what an SBOM looks like.
func largeJSON(size int) []byte {
	var b bytes.Buffer
	b.Grow(size + 200)
	b.WriteString(`{"components": [`)
	r := rand.New(rand.NewSource(1))
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"name": "component`)
		b.WriteString(time.Duration(r.Int63()).String())
		b.WriteString(`", "version": "1.2.3", "hashes": [{"alg": "SHA-256", "content": "0123456789abcdef"}]}` + "\n")
	}
	b.WriteString("]}")
	return b.Bytes()
}

// Twice the bytes must cost about twice the time: a check that is not linear
// lets a report of 256 MB stop a release. Compare the MB/s of small and large.
func BenchmarkCheckJSON(b *testing.B) {
	wide := func(n int) []byte { // one object with n keys
		var b bytes.Buffer
		b.WriteString("{")
		for i := range n {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(`"k` + time.Duration(i).String() + `":1`)
		}
		return append(b.Bytes(), '}')
	}
	for _, bb := range []struct {
		name string
		data []byte
	}{
		{"components-5MB", largeJSON(5 << 20)},
		{"components-50MB", largeJSON(50 << 20)},
		{"keys-50k", wide(50_000)},
		{"keys-500k", wide(500_000)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := strict.CheckJSON(bb.data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
