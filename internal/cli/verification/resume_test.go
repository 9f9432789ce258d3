package verification

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/verify"
)

var (
	noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	one  = criteria.DigestOf([]byte("one"))
	two  = criteria.DigestOf([]byte("two"))
	ours = conditions{Format: resumeFormat, Expect: one, Bundles: "files x", Program: two}
)

func encoded(t testing.TB, values ...any) string {
	t.Helper()
	var b bytes.Buffer
	for _, v := range values {
		if err := json.NewEncoder(&b).Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestResume(t *testing.T) {
	path := filepath.Join(t.TempDir(), "done")
	r, err := openResume(path, ours, noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.note(record{Digest: one, From: "registry.example/a", At: noon, Until: noon.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	r, err = openResume(path, ours, noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	for _, tt := range []struct {
		name   string
		digest criteria.Digest
		from   string
		now    time.Time
		want   bool
	}{
		{"it", one, "registry.example/a", noon.Add(time.Minute), true},
		{"another_digest", two, "registry.example/a", noon.Add(time.Minute), false},
		{"no_digest", criteria.Digest{}, "registry.example/a", noon.Add(time.Minute), false},
		{"another_repository", one, "registry.example/b", noon.Add(time.Minute), false},
		{"elsewhere", one, "", noon.Add(time.Minute), false},
		{"too_late", one, "registry.example/a", noon.Add(time.Hour), false},
		{"before", one, "registry.example/a", noon.Add(-time.Hour), false},
	} {
		if _, got := r.verified(tt.digest, tt.from, tt.now); got != tt.want {
			t.Errorf("verified(%s) = %v, want %v", tt.name, got, tt.want)
		}
	}
}

// A yes is noted for no longer than anything that it rests on is sure to hold.
func TestLasts(t *testing.T) {
	for _, tt := range []struct {
		name string
		want verify.Expect
		made time.Time
		hold time.Duration
	}{
		{"a_day", verify.Expect{MaxAge: verify.MaxAge(90 * 24 * time.Hour)}, noon, 24 * time.Hour},
		{"unlimited", verify.Expect{MaxAge: verify.Unlimited}, noon.AddDate(-9, 0, 0), 24 * time.Hour},
		{"until_too_old", verify.Expect{MaxAge: verify.MaxAge(48 * time.Hour)}, noon.Add(-47 * time.Hour), time.Hour},
		{"a_key_that_ends", verify.Expect{MaxAge: verify.Unlimited, Signers: []verify.Signer{{}, {NotAfter: noon.Add(time.Minute)}}}, noon, time.Minute},
		{"a_key_that_ended", verify.Expect{MaxAge: verify.Unlimited, Signers: []verify.Signer{{}, {NotAfter: noon.Add(-time.Minute)}}}, noon, 24 * time.Hour},
	} {
		if got := lasts(tt.want, tt.made, time.Time{}, noon); !got.Equal(noon.Add(tt.hold)) {
			t.Errorf("lasts(%s) = %s, want %s", tt.name, got, noon.Add(tt.hold))
		}
	}
}

// What a resume file holds that this program did not write is no yes.
func TestResumeHostile(t *testing.T) {
	good := record{Digest: one, At: noon.Add(-time.Hour), Until: noon.Add(time.Hour)}
	with := func(change func(*record)) record { r := good; change(&r); return r }
	for _, tt := range []struct {
		name, data string
		err        string // empty: it is read
		yes        bool
	}{
		{"whole", encoded(t, ours, good), "", true},
		{"cut_off", strings.TrimSuffix(encoded(t, ours, good), "\n"), "", false},
		{"cut_off_inside", encoded(t, ours, good)[:len(encoded(t, ours, good))-9], "", false},
		{"from_the_future", encoded(t, ours, with(func(r *record) { r.At, r.Until = noon.Add(time.Hour), noon.Add(2*time.Hour) })), "", false},
		{"for_ever", encoded(t, ours, with(func(r *record) { r.Until = noon.AddDate(9, 0, 0) })), "", false},
		{"past", encoded(t, ours, with(func(r *record) { r.Until = noon.Add(-time.Second) })), "", false},
		{"no_digest", encoded(t, ours, with(func(r *record) { r.Digest = criteria.Digest{} })), "is no record", false},
		{"no_json", encoded(t, ours) + "verified\n", "line 2 is no record", false},
		{"twice_a_key", encoded(t, ours) + `{"digest":"` + two.String() + `","digest":"` + one.String() + `","at":"2026-11-22T11:00:00Z","until":"2026-11-22T13:00:00Z"}` + "\n", "line 2 is no record", false},
		{"long_line", encoded(t, ours) + strings.Repeat(" ", maxRecord+1) + "\n", "line 2 has more than", false},
		{"no_head", encoded(t, good), "it is no resume file of this version", false},
		{"a_list", "a\nb\n", "it is no resume file", false},
		{"another_format", encoded(t, conditions{"hallmark-resume/v2", one, "files x", two}, good), "of this version", false},
		{"other_expectations", encoded(t, conditions{resumeFormat, two, "files x", two}, good), "something else is expected", false},
		{"other_bundles", encoded(t, conditions{resumeFormat, one, "files y", two}, good), "the bundles are others", false},
		{"another_program", encoded(t, conditions{resumeFormat, one, "files x", one}, good), "another build", false},
		{"two_heads", encoded(t, ours, ours, good), "line 2 is no record", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "done")
			if err := os.WriteFile(path, []byte(tt.data), 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := openResume(path, ours, noon)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || console.Code(err) != console.Usage {
					t.Fatalf("openResume() = %v, want %q", err, tt.err)
				}
				// What is not ours is left alone.
				if after, _ := os.ReadFile(path); string(after) != tt.data {
					t.Errorf("openResume() changed the file to %q", after)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer r.close()
			if _, yes := r.verified(one, "", noon); yes != tt.yes {
				t.Errorf("verified() = %v, want %v", yes, tt.yes)
			}
			// What is noted next is a line of its own.
			if err := r.note(record{Digest: two, At: noon, Until: noon.Add(time.Hour)}); err != nil {
				t.Fatal(err)
			}
			again, err := openResume(path, ours, noon)
			if err != nil {
				t.Fatal(err)
			}
			defer again.close()
			if _, ok := again.verified(two, "", noon); !ok {
				t.Error("verified() = false for what was noted afterwards")
			}
		})
	}
}

func TestResumeFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "done")
	if err := os.WriteFile(path, []byte(encoded(t, ours)), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Skipf("links cannot be made here: %v", err)
	}
	for name, of := range map[string]string{"a_link": link, "a_folder": dir} {
		if _, err := openResume(of, ours, noon); console.Code(err) != console.Usage {
			t.Errorf("openResume(%s) = %v, want a refusal", name, err)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	for _, mode := range []os.FileMode{0o620, 0o602, 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := openResume(path, ours, noon); err == nil || !strings.Contains(err.Error(), "others may write it") {
			t.Errorf("openResume() of a file of mode %o = %v", mode, err)
		}
	}
}

// Whatever stands in the file, the answer is yes only for a record of that very
// digest that stands in it whole.
func FuzzResume(f *testing.F) {
	good := record{Digest: one, At: noon.Add(-time.Hour), Until: noon.Add(time.Hour)}
	head := encoded(f, ours)
	f.Add([]byte(head + encoded(f, good)))
	f.Add([]byte(head))
	f.Add([]byte(head + `{"digest":"","at":"2026-11-22T11:00:00Z"}` + "\n"))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		known, good, err := readRecords(bytes.NewReader(data), ours, noon)
		if err != nil && known != nil {
			t.Fatal("records and an error")
		}
		if good > int64(len(data)) {
			t.Fatalf("%d of %d bytes are whole lines", good, len(data))
		}
		for key, r := range known {
			if !bytes.Contains(data[:good], []byte(key.digest.Hex())) || !r.Until.After(noon) {
				t.Fatalf("%v is a yes", r)
			}
		}
	})
}
