package verification

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/internal/cli/console"
)

func anything(string) error { return nil }

func TestParseList(t *testing.T) {
	refuse := func(text string) error {
		if strings.HasPrefix(text, "bad") {
			return console.Misused(errors.New(text+" is bad"), "write good")
		}
		return nil
	}
	for _, tt := range []struct {
		name, data string
		want       []entry
		err        string
	}{
		{"one", "a\n", []entry{{1, "a"}}, ""},
		{"no_line_end", "a", []entry{{1, "a"}}, ""},
		{"spaces_comments_blanks", "\n# x\n \ta b \r\n\t\n#\nc\n", []entry{{3, "a b"}, {6, "c"}}, ""},
		{"byte_order_mark", "\ufeffa\n", []entry{{1, "a"}}, ""},
		{"twice", "a\nb\na\n a\n", []entry{{1, "a"}, {2, "b"}}, ""},
		{"nothing", "", nil, "list names nothing to verify"},
		{"comments_only", "# a\n\n", nil, "list names nothing to verify"},
		{"bad_lines", "a\nbad 1\nb\nbad 2\n", nil, "list:2:1: bad 1 is bad: write good\nlist:4:1: bad 2 is bad: write good"},
		{"control", "a\nb\x1b[31m\n", nil, `list:2:1: "b\x1b[31m" holds a control character`},
		{"two_in_one", "a\rb\n", nil, `list:1:1: "a\rb" holds a control character`},
		{"zero", "a\x00\n", nil, `list:1:1: "a\x00" holds a control character`},
		{"not_utf8", "\xff\n", nil, "list:1:1: is not UTF-8"},
		{"long", strings.Repeat("x", maxEntry+1) + "\n", nil, "list:1:1: has 4097 bytes, expected at most 4096"},
		{"many_faults", strings.Repeat("bad\n", 3) + strings.Repeat("bad x\n", 25), nil, "list: 8 more lines are no artifact, digest or image"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseList("list", tt.data, refuse)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Fatalf("parseList() = %v, want %q", err, tt.err)
			}
			if err != nil && console.Code(err) != console.Usage {
				t.Errorf("parseList() ends with %d, want %d", console.Code(err), console.Usage)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(entry{})); diff != "" {
				t.Errorf("parseList() (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseListTooMany(t *testing.T) {
	var b strings.Builder
	for i := range maxEntries + 1 {
		fmt.Fprintln(&b, i)
	}
	if _, err := parseList("list", b.String(), anything); err == nil || !strings.Contains(err.Error(), "list:1000001:1: more than 1000000 lines") {
		t.Errorf("parseList() = %v, want more than %d lines", err, maxEntries)
	}
}

func TestParseShard(t *testing.T) {
	for _, tt := range []struct {
		text string
		want shard
		ok   bool
	}{
		{"", shard{}, true},
		{"0/1", shard{0, 1}, true},
		{"3/4", shard{3, 4}, true},
		{"0/100000", shard{0, 100000}, true},
		{"4/4", shard{}, false},
		{"-1/4", shard{}, false},
		{"1", shard{}, false},
		{"1/", shard{}, false},
		{"/4", shard{}, false},
		{"1/0", shard{}, false},
		{"0/100001", shard{}, false},
		{"+1/4", shard{}, false},
		{"01/4", shard{}, false},
		{"1/4/2", shard{}, false},
		{" 1/4", shard{}, false},
	} {
		got, err := parseShard(tt.text)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("parseShard(%q) = %v, %v, want %v, %v", tt.text, got, err, tt.want, tt.ok)
		}
		if err != nil && console.Code(err) != console.Usage {
			t.Errorf("parseShard(%q) ends with %d", tt.text, console.Code(err))
		}
	}
}

// Whatever the list, each entry is in one shard, the same whatever else there is;
// and where it is, is a promise: whoever runs the shards may run other versions.
func TestShard(t *testing.T) {
	for _, count := range []int{1, 2, 7, 1000} {
		sizes := make([]int, count)
		for i := range 5000 {
			text, in := fmt.Sprintf("registry.example/app@%d", i), 0
			for index := range count {
				if (shard{index, count}).has(text) {
					in++
					sizes[index]++
				}
			}
			if in != 1 {
				t.Fatalf("%q is in %d of %d shards", text, in, count)
			}
		}
		if count <= 7 {
			for _, n := range sizes {
				if n < 5000/count*9/10 {
					t.Errorf("of %d shards one has %d of 5000 entries", count, n)
				}
			}
		}
	}
	// sha256("a") begins with ca978112ca1bbdca.
	if want := (shard{int(uint64(0xca978112ca1bbdca) % 5), 5}); !want.has("a") {
		t.Errorf("%v does not have %q", want, "a")
	}
}

func FuzzList(f *testing.F) {
	for _, seed := range []string{"a\nb\n", "# x\n\nsha256:00\n", "a\r\n b \xff", "\ufeffa", strings.Repeat("x\n", 30), "a\x00b\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		entries, err := parseList("list", data, anything)
		if (err == nil) != (len(entries) > 0) {
			t.Fatalf("parseList() = %d entries and %v", len(entries), err)
		}
		lines := strings.Split(strings.TrimPrefix(data, "\ufeff"), "\n")
		for i, e := range entries {
			// An entry is a line of the list, and nothing that acts on a terminal.
			if strings.Trim(lines[e.line-1], " \t\r\n") != e.text || malformed(e.text) != nil || i > 0 && entries[i-1].line >= e.line {
				t.Fatalf("entry %d is %v", i, e)
			}
		}
		// The shards are the list.
		sum := 0
		for i := range 3 {
			sum += len((shard{i, 3}).of(entries))
		}
		if sum != len(entries) {
			t.Fatalf("three shards have %d of %d entries", sum, len(entries))
		}
	})
}
