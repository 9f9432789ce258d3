package publish_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/publish"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
)

// verdict returns a bundle that says it is the verdict of when, with a result,
// about subjects.
func verdict(t testing.TB, when, result string, subjects ...criteria.Subject) attest.Bundle {
	t.Helper()
	return verdictBy(t, "AA==", when, result, subjects...)
}

func verdictBy(t testing.TB, signature, when, result string, subjects ...criteria.Subject) attest.Bundle {
	t.Helper()
	type subject struct {
		Name   string            `json:"name"`
		Digest map[string]string `json:"digest"`
	}
	var about []subject
	for _, s := range subjects {
		about = append(about, subject{s.Name, map[string]string{s.Digest.Algorithm(): s.Digest.Hex()}})
	}
	predicate := map[string]any{"verificationResult": result, "timeVerified": when}
	if when == "" {
		delete(predicate, "timeVerified")
	}
	statement, err := json.Marshal(map[string]any{
		"_type": attest.StatementType, "predicateType": attest.VerdictType, "subject": about, "predicate": predicate,
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]any{
		"mediaType":            "application/vnd.dev.sigstore.bundle.v0.3+json",
		"verificationMaterial": map[string]any{"publicKey": map[string]string{"hint": "x"}},
		"dsseEnvelope": map[string]any{
			"payload": base64.StdEncoding.EncodeToString(statement), "payloadType": attest.PayloadType,
			"signatures": []map[string]string{{"sig": signature}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func subject(name string) criteria.Subject {
	return criteria.Subject{Name: name, Digest: criteria.DigestOf([]byte("the bytes of " + name))}
}

func newNamed(t testing.TB, dir string, artifacts ...criteria.Subject) *publish.Directory {
	t.Helper()
	d, err := publish.NewDirectory(dir, artifacts...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func lines(s criteria.Subject) string { return "sha256-" + s.Digest.Hex() + ".jsonl" }

// The verdict also lies under each artifact's name, as cosign's users look for
// it; what else is attested does not. Publishing twice changes nothing, and a
// reader finds each bundle once.
func TestDirectoryNamesVerdicts(t *testing.T) {
	dir := t.TempDir()
	one, two := subject("greet_linux"), subject("greet_darwin")
	v, other := verdict(t, "2026-11-22T12:00:00Z", "PASSED", one, two), bundle(t, "findings", one.Digest)
	if err := os.WriteFile(filepath.Join(dir, one.Name), []byte("the bytes of greet_linux"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"name":"greet"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		one.Name: "the bytes of greet_linux", "package.json": `{"name":"greet"}`,
		lines(one): string(v) + "\n" + string(other) + "\n", lines(two): string(v) + "\n",
		"greet_linux.sigstore.json": string(v) + "\n", "greet_darwin.sigstore.json": string(v) + "\n",
	}
	var before map[string]time.Time
	for range 2 {
		d := newNamed(t, dir, one, two)
		if got := publishOne(t, d, one.Digest, v); got != filepath.Join(dir, lines(one)) {
			t.Errorf("Publish = %s, want %s", got, lines(one))
		}
		publishOne(t, d, two.Digest, v)
		publishOne(t, d, one.Digest, other)
		if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
			t.Errorf("Publish: (-want +got)\n%s", diff)
		}
		after := times(t, dir)
		if before != nil && !maps.Equal(before, after) {
			t.Errorf("publishing again wrote files:\n%v\n%v", before, after)
		}
		before = after
	}
	if diff := cmp.Diff([]string{string(v), string(other)}, found(t, source.Files(dir), one.Digest)); diff != "" {
		t.Errorf("Bundles: (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{string(v)}, found(t, source.Files(dir), two.Digest)); diff != "" {
		t.Errorf("Bundles: (-want +got)\n%s", diff)
	}
}

func times(t testing.TB, dir string) map[string]time.Time {
	t.Helper()
	out := make(map[string]time.Time)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = info.ModTime()
	}
	return out
}

// Under an artifact's name lies the verdict that decides, in whatever order
// they are published; every one of them is among the lines.
func TestDirectoryNewestVerdict(t *testing.T) {
	a := subject("greet")
	const early, late = "2026-11-22T12:00:00Z", "2026-11-22T12:30:00Z"
	for _, tt := range []struct {
		name          string
		first, second attest.Bundle
		want          int // which stays
	}{
		{"a_later_one_replaces", verdict(t, early, "PASSED", a), verdict(t, late, "PASSED", a), 2},
		{"an_earlier_one_does_not", verdict(t, late, "PASSED", a), verdict(t, early, "PASSED", a), 1},
		{"a_later_refusal_withdraws", verdict(t, early, "PASSED", a), verdict(t, late, "FAILED", a), 2},
		{"a_later_pass_makes_good", verdict(t, early, "FAILED", a), verdict(t, late, "PASSED", a), 2},
		{"an_earlier_refusal_does_not", verdict(t, late, "PASSED", a), verdict(t, early, "FAILED", a), 1},
		{"a_refusal_of_the_same_time_counts", verdict(t, early, "PASSED", a), verdict(t, early, "FAILED", a), 2},
		{"and_is_not_made_good_by_it", verdict(t, early, "FAILED", a), verdict(t, early, "PASSED", a), 1},
		{"times_are_compared_as_times", verdict(t, "2026-11-22T12:59:00+01:00", "PASSED", a), verdict(t, early, "PASSED", a), 2},
		{"a_refusal_without_time_counts", verdict(t, late, "PASSED", a), verdict(t, "", "FAILED", a), 2},
		{"and_stays", verdict(t, "", "FAILED", a), verdict(t, late, "PASSED", a), 1},
		{"a_pass_without_time_does_not", verdict(t, early, "PASSED", a), verdict(t, "", "PASSED", a), 1},
		{"and_does_not_stay", verdict(t, "", "PASSED", a), verdict(t, early, "PASSED", a), 2},
		{"signed_anew", verdictBy(t, "AA==", early, "PASSED", a), verdictBy(t, "BB==", early, "PASSED", a), 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := string(tt.first)
			if tt.want == 2 {
				want = string(tt.second)
			}
			one, together := t.TempDir(), t.TempDir()
			d := newNamed(t, one, a)
			publishOne(t, d, a.Digest, tt.first)
			publishOne(t, d, a.Digest, tt.second)
			d = newNamed(t, together, a)
			err := d.Together(context.Background(), func() error {
				publishOne(t, d, a.Digest, tt.first)
				publishOne(t, d, a.Digest, tt.second)
				if entries, err := os.ReadDir(together); err != nil || len(entries) > 0 {
					t.Errorf("before the end, the folder holds %v, %v", entries, err)
				}
				if err := d.Together(context.Background(), func() error { return nil }); err == nil {
					t.Error("Together inside Together = nil, want an error")
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, dir := range []string{one, together} {
				all := tree(t, dir)
				if got := strings.TrimSuffix(all["greet.sigstore.json"], "\n"); got != want {
					t.Errorf("greet.sigstore.json holds %s, want %s", got, want)
				}
				if got, want := all[lines(a)], string(tt.first)+"\n"+string(tt.second)+"\n"; got != want {
					t.Errorf("the lines are %s, want %s", got, want)
				}
			}
		})
	}
}

// What somebody else put under an artifact's bundle's name is kept, and then
// nothing at all is published.
func TestDirectoryKeepsForeignBundles(t *testing.T) {
	a, b := subject("greet"), subject("greet.txt")
	v := verdict(t, "2026-11-22T12:00:00Z", "PASSED", a, b)
	many := strings.Repeat(" ", 64<<20+1)
	for name, content := range map[string]string{
		"signature": `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","messageSignature":{}}`,
		"sbom":      string(bundle(t, "sbom", a.Digest)), "empty": "", "notes": "mine", "half": string(v[:len(v)/2]), "endless": many,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "greet.txt.sigstore.json")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			d := newNamed(t, dir, a, b)
			err := d.Together(context.Background(), func() error {
				publishOne(t, d, a.Digest, v)
				publishOne(t, d, b.Digest, v)
				return nil
			})
			if err == nil || !strings.Contains(err.Error(), "greet.txt.sigstore.json holds something else than a verdict") {
				t.Errorf("Together = %v, want that the file holds something else", err)
			}
			if _, err := d.Publish(context.Background(), b.Digest, v); err == nil {
				t.Error("Publish = nil, want an error")
			}
			if got := tree(t, dir); len(got) != 1 || got["greet.txt.sigstore.json"] != content {
				t.Errorf("the folder holds %d files, want the one that was there, as it was", len(got))
			}
		})
	}
	t.Run("no_file", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "greet.sigstore.json"), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := newNamed(t, dir, a).Publish(context.Background(), a.Digest, v); err == nil || !strings.Contains(err.Error(), "is no regular file") {
			t.Errorf("Publish = %v, want that it is no regular file", err)
		}
	})
}

func TestCheckNames(t *testing.T) {
	named := func(names ...string) []criteria.Subject {
		var out []criteria.Subject
		for i, n := range names {
			out = append(out, criteria.Subject{Name: n, Digest: criteria.DigestOf([]byte{byte(i)})})
		}
		return out
	}
	zero := lines(criteria.Subject{Digest: criteria.DigestOf([]byte{0})})
	for _, tt := range []struct {
		artifacts []criteria.Subject
		want      string
	}{
		{named("greet", "greet.txt", "Grüße 1.tar.gz", "-rf", ".hidden", "a:b"), ""},
		{named(strings.Repeat("x", 241)), ""},
		{nil, ""},
		{named("greet", "greet.sigstore.json.asc", "sha256-x.jsonl"), ""},
		{named(strings.Repeat("x", 242)), "too long"},
		{named(""), "has no name"},
		{named("."), "plain name"},
		{named(".."), "plain name"},
		{named("a/b"), "plain name"},
		{named("/greet"), "plain name"},
		{named("../greet"), "plain name"},
		{named(`a\b`), "plain name"},
		{named("a\x00b"), "plain name"},
		{named("a\nb"), "plain name"},
		{named("\x1b[2J"), "plain name"},
		{[]criteria.Subject{{Name: "greet"}}, "has no digest"},
		{named("greet", "other", "greet"), `two artifacts are named "greet" and "greet"`},
		{named("greet", "Greet"), `two artifacts are named "greet" and "Greet"`},
		{named("greet.sigstore.json", "greet"), `"greet.sigstore.json" has the name of the file with the bundles about artifact "greet"`},
		{named("greet", "GREET.sigstore.JSON"), `has the name of the file`},
		{named("greet", zero), `has the name of the file with the bundles about artifact "greet"`},
	} {
		err := publish.CheckNames(tt.artifacts)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("CheckNames(%v) = %v, want %q", tt.artifacts, err, tt.want)
		}
		dir := filepath.Join(t.TempDir(), "into")
		if _, err := publish.NewDirectory(dir, tt.artifacts...); (err == nil) != (tt.want == "") {
			t.Errorf("NewDirectory(%v) = %v, want %q", tt.artifacts, err, tt.want)
		}
		if _, err := os.Stat(dir); (err == nil) != (tt.want == "") {
			t.Errorf("after NewDirectory(%v), the folder: %v", tt.artifacts, err)
		}
	}
}

func TestDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	d := newDirectory(t, dir)
	one, two := criteria.DigestOf([]byte("1")), criteria.DigestOf([]byte("2"))
	both, other := bundle(t, "both", one, two), bundle(t, "one", one)
	for range 2 {
		publishOne(t, d, one, both)
		publishOne(t, d, two, both)
		publishOne(t, newDirectory(t, dir), one, other)
	}
	want := map[string]string{
		"sha256-" + one.Hex() + ".jsonl": string(both) + "\n" + string(other) + "\n",
		"sha256-" + two.Hex() + ".jsonl": string(both) + "\n",
	}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("Publish: (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{string(both)}, found(t, source.Files(filepath.Join(dir, "sha256-"+two.Hex()+".jsonl")), two)); diff != "" {
		t.Errorf("Bundles: (-want +got)\n%s", diff)
	}
}

// A line that was written by hand, without an end, is kept.
func TestDirectoryKeepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	one := criteria.DigestOf([]byte("1"))
	path := filepath.Join(dir, "sha256-"+one.Hex()+".jsonl")
	if err := os.WriteFile(path, []byte(`{"by":"hand"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	b := bundle(t, "one", one)
	publishOne(t, newDirectory(t, dir), one, b)
	data, err := os.ReadFile(path)
	if want := `{"by":"hand"}` + "\n" + string(b) + "\n"; err != nil || string(data) != want {
		t.Errorf("the file holds %q, %v, want %q", data, err, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode of the file = %v, %v, want 0644", info.Mode(), err)
	}
}

func TestDirectoryRefuses(t *testing.T) {
	one := criteria.DigestOf([]byte("1"))
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := publish.NewDirectory(file); err == nil {
		t.Error("NewDirectory(a file) accepted")
	}
	if _, err := newDirectory(t, dir).Publish(context.Background(), criteria.Digest{}, bundle(t, "x", one)); err == nil {
		t.Error("Publish about nothing accepted")
	}
	if _, err := newDirectory(t, dir).Publish(context.Background(), one, attest.Bundle("{")); err == nil {
		t.Error("Publish of half a bundle accepted")
	}
	taken := filepath.Join(dir, "sha256-"+one.Hex()+".jsonl")
	for _, kind := range []string{"folder", "link"} {
		elsewhere := filepath.Join(t.TempDir(), "elsewhere")
		if kind == "folder" {
			if err := os.Mkdir(taken, 0o700); err != nil {
				t.Fatal(err)
			}
		} else {
			if err := os.WriteFile(elsewhere, []byte("kept\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(elsewhere, taken); err != nil {
				t.Skip(err)
			}
		}
		if _, err := newDirectory(t, dir).Publish(context.Background(), one, bundle(t, "x", one)); err == nil {
			t.Errorf("Publish over a %s accepted", kind)
		}
		if data, err := os.ReadFile(elsewhere); kind == "link" && (err != nil || string(data) != "kept\n") {
			t.Errorf("a file elsewhere was written through a link: %q, %v", data, err)
		}
		if err := os.Remove(taken); err != nil {
			t.Fatal(err)
		}
	}
	if runtimeCanWriteAnywhere() {
		t.Log("running with rights to write anywhere: read-only folders not tested")
		return
	}
	d := newDirectory(t, dir)
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	if _, err := d.Publish(context.Background(), one, bundle(t, "x", one)); err == nil {
		t.Error("Publish into a read-only folder = nil")
	}
}

func TestDirectoryConcurrently(t *testing.T) {
	dir := t.TempDir()
	d := newDirectory(t, dir)
	one := criteria.DigestOf([]byte("1"))
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, err := d.Publish(context.Background(), one, bundle(t, fmt.Sprint(i), one)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(found(t, source.Files(dir), one)); got != 20 {
		t.Errorf("found %d bundles, want 20", got)
	}
}

// release is a release of n artifacts with what is attested of it: a verdict and
// findings about all, and one bundle about each.
type release struct {
	artifacts []criteria.Subject
	all       []attest.Bundle
	each      []attest.Bundle
}

func newRelease(t testing.TB, n int, when string) release {
	t.Helper()
	var r release
	var digests []criteria.Digest
	for i := range n {
		r.artifacts = append(r.artifacts, subject(fmt.Sprintf("greet_1.2.0_%04d_linux_amd64.tar.gz", i)))
		digests = append(digests, r.artifacts[i].Digest)
		r.each = append(r.each, bundle(t, "sbom", r.artifacts[i].Digest))
	}
	r.all = []attest.Bundle{verdict(t, when, "PASSED", r.artifacts...), bundle(t, "findings"+when, digests...)}
	return r
}

func (r release) publish(t testing.TB, d *publish.Directory) error {
	return d.Together(context.Background(), func() error {
		for i, a := range r.artifacts {
			for _, b := range append(slices.Clone(r.all), r.each[i]) {
				if _, err := d.Publish(context.Background(), a.Digest, b); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// A bundle that names a thousand artifacts does not lie there a thousand times,
// and still is found under every artifact's name and by who reads the folder.
func TestDirectoryOfManyArtifacts(t *testing.T) {
	const n = 1024
	r := newRelease(t, n, "2026-11-22T12:00:00Z")
	dir := t.TempDir()
	start := time.Now()
	if err := r.publish(t, newNamed(t, dir, r.artifacts...)); err != nil {
		t.Fatal(err)
	}
	t.Logf("published %d artifacts, a verdict of %d bytes, in %v", n, len(r.all[0]), time.Since(start).Round(time.Millisecond))
	size, named := usage(t, dir)
	t.Logf("%d files, %d bytes on disk, %d if each were a copy", len(times(t, dir)), size, named)
	if limit := int64(16 << 20); size > limit {
		t.Errorf("the folder takes %d bytes, expected at most %d", size, limit)
	}
	src, err := source.Load(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range r.artifacts {
		want := []string{string(r.all[0]), string(r.all[1]), string(r.each[i])}
		got := found(t, src, a.Digest)
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("Bundles(%s) = %d bundles, want the verdict, the findings and its own, each once", a.Name, len(got))
		}
		data, err := os.ReadFile(filepath.Join(dir, a.Name+".sigstore.json"))
		if err != nil || strings.TrimSpace(string(data)) != string(r.all[0]) {
			t.Fatalf("%s.sigstore.json holds %d bytes, %v, want the verdict", a.Name, len(data), err)
		}
	}
	before := times(t, dir)
	if err := r.publish(t, newNamed(t, dir, r.artifacts...)); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(before, times(t, dir)) {
		t.Error("publishing again wrote files")
	}
}

// One that comes later takes the names, and leaves the first where it was.
func TestDirectoryOfManyArtifactsLater(t *testing.T) {
	const n = 300
	dir := t.TempDir()
	r, later := newRelease(t, n, "2026-11-22T12:00:00Z"), newRelease(t, n, "2026-11-23T12:00:00Z")
	for _, r := range []release{r, later, r} {
		if err := r.publish(t, newNamed(t, dir, r.artifacts...)); err != nil {
			t.Fatal(err)
		}
	}
	all := tree(t, dir)
	for _, a := range r.artifacts {
		if strings.TrimSpace(all[a.Name+".sigstore.json"]) != string(later.all[0]) {
			t.Fatalf("%s.sigstore.json is not the later verdict", a.Name)
		}
	}
	if got := found(t, source.Files(dir), r.artifacts[7].Digest); len(got) != 5 {
		t.Errorf("found %d bundles about an artifact, want both verdicts, both findings and its own", len(got))
	}
	if size, _ := usage(t, dir); size > 4<<20 {
		t.Errorf("the folder takes %d bytes", size)
	}
}

// usage is what the files in dir take, and what they would if no two names were
// of one file.
func usage(t testing.TB, dir string) (size, named int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var seen []fs.FileInfo
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		named += info.Size()
		again := false
		if strings.HasSuffix(e.Name(), ".sigstore.json") {
			again = slices.ContainsFunc(seen, func(s fs.FileInfo) bool { return os.SameFile(s, info) })
			if !again {
				seen = append(seen, info)
			}
		}
		if !again {
			size += info.Size()
		}
	}
	return size, named
}

// child is what this test's binary does where it is run as another process.
const childVariable = "HALLMARK_TEST_PUBLISH"

func TestPublishingChild(t *testing.T) {
	job, dir, ok := strings.Cut(os.Getenv(childVariable), " ")
	if !ok {
		t.Skip("run by other tests")
	}
	if job == "kill" {
		// Until it is killed.
		for hour := 0; ; hour = (hour + 1) % 24 {
			r := newRelease(t, 20, fmt.Sprintf("2026-11-22T%02d:00:00Z", hour))
			if err := r.publish(t, newNamed(t, dir, r.artifacts...)); err != nil {
				t.Fatal(err)
			}
			for _, a := range r.artifacts {
				os.Remove(filepath.Join(dir, lines(a)))
			}
		}
	}
	a := subject("greet")
	d := newNamed(t, dir, a)
	for i := range eachProcess {
		when := fmt.Sprintf("2026-11-22T12:%02d:%02dZ", i, len(job))
		publishOne(t, d, a.Digest, verdict(t, when, "PASSED", a))
	}
}

const eachProcess = 12

func runChild(t *testing.T, job, dir string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestPublishingChild$", "-test.count=1")
	c.Env = append(os.Environ(), childVariable+"="+job+" "+dir)
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// Several processes at once lose nothing, and the newest verdict of all stays
// under the artifact's name.
func TestDirectoryFromSeveralProcesses(t *testing.T) {
	dir, a := t.TempDir(), subject("greet")
	const processes = 5
	var running []*exec.Cmd
	for i := range processes {
		running = append(running, runChild(t, strings.Repeat("x", i+1), dir))
	}
	for _, c := range running {
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	}
	if got := len(found(t, source.Files(dir), a.Digest)); got != processes*eachProcess {
		t.Errorf("found %d bundles, want %d", got, processes*eachProcess)
	}
	all := tree(t, dir)
	newest := verdict(t, fmt.Sprintf("2026-11-22T12:%02d:%02dZ", eachProcess-1, processes), "PASSED", a)
	if strings.TrimSpace(all["greet.sigstore.json"]) != string(newest) || len(all) != 2 {
		t.Errorf("the folder holds %v, with another verdict than the newest under the artifact's name", slices.Collect(maps.Keys(all)))
	}
}

// Whoever is killed while publishing leaves whole files, nothing that looks like
// an artifact, and no lock; whoever publishes next completes it.
func TestDirectoryAfterKill(t *testing.T) {
	r := newRelease(t, 20, "2026-11-23T12:00:00Z")
	working := 0
	for i := range 12 {
		dir := t.TempDir()
		c := runChild(t, "kill", dir)
		deadline := time.Now().Add(20 * time.Second)
		for {
			if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the other process does not begin")
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(i*i) * time.Millisecond)
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait() // it was killed

		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.IsDir() {
				if e.Name() != ".hallmark-publishing" {
					t.Errorf("%s was left behind", e.Name())
				}
				working++
				continue
			}
			data, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(data)) {
				if !strings.HasSuffix(line, "}\n") || !json.Valid([]byte(line)) {
					t.Errorf("%s holds half a line", e.Name())
				}
			}
		}
		if err := r.publish(t, newNamed(t, dir, r.artifacts...)); err != nil {
			t.Fatalf("publishing after a kill: %v", err)
		}
		all := tree(t, dir)
		for j, a := range r.artifacts {
			if strings.TrimSpace(all[a.Name+".sigstore.json"]) != string(r.all[0]) || !strings.HasSuffix(all[lines(a)], string(r.all[0])+"\n"+string(r.all[1])+"\n") && !strings.Contains(all[lines(a)], string(r.each[j])) {
				t.Errorf("%s is not complete", a.Name)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, ".hallmark-publishing")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("what the killed process left is still there: %v", err)
		}
	}
	t.Logf("killed in the midst of writing %d times of 12", working)
}

// Whoever waits for another's turn can be told to stop waiting.
func TestDirectoryStopsWaiting(t *testing.T) {
	dir, a := t.TempDir(), subject("greet")
	unlock := publish.LockForTest(t, dir)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	if _, err := newNamed(t, dir, a).Publish(ctx, a.Digest, verdict(t, "", "PASSED", a)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Publish = %v, want %v", err, context.DeadlineExceeded)
	}
	unlock()
	publishOne(t, newNamed(t, dir, a), a.Digest, verdict(t, "", "PASSED", a))
}

func TestTogetherFails(t *testing.T) {
	dir, a := t.TempDir(), subject("greet")
	d := newNamed(t, dir, a)
	stop := errors.New("stop")
	err := d.Together(context.Background(), func() error {
		publishOne(t, d, a.Digest, verdict(t, "", "PASSED", a))
		return stop
	})
	if !errors.Is(err, stop) || len(tree(t, dir)) != 0 {
		t.Errorf("Together = %v, want %v, and nothing published", err, stop)
	}
	publishOne(t, d, a.Digest, bundle(t, "one", a.Digest))
	if got := len(tree(t, dir)); got != 1 {
		t.Errorf("after a failure, the folder holds %d files, want 1", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := d.Publish(ctx, a.Digest, bundle(t, "two", a.Digest)); !errors.Is(err, context.Canceled) {
		t.Errorf("Publish after cancelling = %v", err)
	}
}

// The limits are those of who reads.
func TestDirectoryLimits(t *testing.T) {
	if publish.MaxBundleForTest != verify.MaxBundle {
		t.Errorf("bundles of %d bytes are published, and verifiers take %d", publish.MaxBundleForTest, verify.MaxBundle)
	}
	a := subject("greet")
	huge := `{"x":"` + strings.Repeat("x", verify.MaxBundle) + `"}`
	dir := t.TempDir()
	if _, err := newNamed(t, dir, a).Publish(context.Background(), a.Digest, attest.Bundle(huge)); err == nil || !strings.Contains(err.Error(), "verifiers take at most") {
		t.Errorf("Publish of a huge bundle = %v", err)
	}
	if len(tree(t, dir)) != 0 {
		t.Error("it was written")
	}
}
