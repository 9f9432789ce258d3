package admission

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/answer"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
)

// verified runs hallmark-verify and returns the outcome, and the reasons as the
// webhook gives them.
func verified(t *testing.T, now func() time.Time, args ...string) (string, []string) {
	t.Helper()
	var out, diagnostics bytes.Buffer
	code := verification.Main(append([]string{"hallmark-verify", "-o", "json"}, args...), console.IO{
		In: strings.NewReader(""), Out: &out, Err: &diagnostics, Env: func(string) string { return "" }, Now: now,
	})
	var report struct {
		Outcome  string
		Error    string
		Subjects []answer.Subject
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("hallmark-verify %v ends with %d and says %s%s", args, code, &out, &diagnostics)
	}
	var lines []string
	said := make(map[string]bool)
	for i, s := range report.Subjects {
		if s.Outcome != report.Outcome || s.Outcome == answer.Verified {
			continue
		}
		for _, line := range s.Lines() {
			if said[line] {
				continue
			}
			said[line] = true
			if i > 0 {
				line = s.Digest.String() + ": " + line
			}
			lines = append(lines, line)
		}
	}
	if report.Error != "" {
		lines = append(lines, report.Error)
	}
	if len(lines) > maxLines {
		lines = lines[:maxLines]
	}
	return report.Outcome, lines
}

// admitted asks the webhook and returns the same of it.
func admitted(t *testing.T, s *Server, image string) (string, []string) {
	t.Helper()
	checked := s.check(t.Context(), []manifest{{file: "pod.yaml", kind: gvk{"", "v1", "Pod"}, data: encoded(t, podObject(image))}}, "shop", 10*time.Second)
	if len(checked.Objects) != 1 || len(checked.Objects[0].Images) != 1 {
		t.Fatalf("check(%s) = %+v", image, checked)
	}
	got := checked.Objects[0].Images[0]
	var lines []string
	for _, line := range got.Lines {
		// Which image of the index, by name and digest.
		if name, rest, ok := strings.Cut(line, " is sha256:"); ok && strings.Contains(name, "(") {
			line = "sha256:" + rest
		}
		if !strings.HasPrefix(line, "and ") {
			lines = append(lines, line)
		}
	}
	if (got.Outcome == answer.Verified) != (checked.Outcome == Allowed) || ask(t, s, image).Allowed != (checked.Outcome == Allowed) {
		t.Errorf("check(%s) and the webhook differ: %+v", image, checked)
	}
	return got.Outcome, lines
}

// What hallmark-verify says of each vector, the cluster says, for the same
// reasons.
func TestSameAsVerify(t *testing.T) {
	paths, err := filepath.Glob("../../verify/testdata/vectors/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	outcomes := make(map[string]int)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			subject, when := "", time.Time{}
			for line := range strings.Lines(string(a.Comment)) {
				key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
				switch key {
				case "subject":
					subject = value
				case "time":
					if when, err = time.Parse(time.RFC3339, value); err != nil {
						t.Fatal(err)
					}
				}
			}
			if d, err := criteria.ParseDigest(subject); err != nil || d.Algorithm() != "sha256" {
				t.Skip("no image has the digest", subject)
			}
			dir, bundles := t.TempDir(), t.TempDir()
			for i, f := range a.Files {
				to := filepath.Join(bundles, string(rune('a'+i/26))+string(rune('a'+i%26))+".sigstore.json")
				if !strings.HasSuffix(f.Name, ".json") || strings.Contains(f.Name, "root") {
					to = filepath.Join(dir, f.Name)
				}
				if err := os.WriteFile(to, f.Data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			now := func() time.Time { return when }
			config := "policies:\n  - name: all\n    trust: [trust.yaml]\n    bundles: {folder: " + bundles + "}\n"
			if err := os.WriteFile(filepath.Join(dir, FileName), []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			want, reasons := verified(t, now, "-t", filepath.Join(dir, "trust.yaml"), "-a", bundles, subject)
			w := &world{t: t, dir: dir}
			o := w.options()
			o.Now = now
			s, err := New(o)
			if err != nil {
				if want == "misused" {
					outcomes[want]++
					return // neither takes the trust file
				}
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			got, lines := admitted(t, s, "registry.example/greet/greet@"+subject)
			if got != want {
				t.Errorf("the webhook says %s, hallmark-verify %s", got, want)
			}
			if diff := cmp.Diff(reasons, lines); diff != "" {
				t.Errorf("reasons (-hallmark-verify +webhook):\n%s", diff)
			}
			outcomes[got]++
		})
	}
	if outcomes[answer.Verified] < 5 || outcomes[answer.Refused] < 20 {
		t.Errorf("outcomes %v, expected more of each", outcomes)
	}
}

// The same of images in a registry: single ones and indexes, by tag and digest.
func TestSameAsVerifyInRegistries(t *testing.T) {
	w := newWorld(t)
	hour := func(n int) time.Time { return time.Now().Add(-time.Duration(n) * time.Hour) }
	images := []string{w.good("shop/app", "good"), w.host + "/shop/app:good", w.host + "/shop/app:absent"}
	add := func(children int, tag string, sign func(digests []criteria.Digest)) {
		image, digests := w.push("shop/app", tag, children)
		sign(digests)
		images = append(images, image, w.host+"/shop/app:"+tag)
	}
	add(0, "unsigned", func([]criteria.Digest) {})
	add(0, "stranger", func(d []criteria.Digest) { w.attest("shop/app", newKey(t), true, hour(1), d...) })
	add(0, "withdrawn", func(d []criteria.Digest) {
		w.attest("shop/app", w.key, true, hour(2), d...)
		w.attest("shop/app", w.key, false, hour(1), d...)
	})
	add(0, "old", func(d []criteria.Digest) { w.attest("shop/app", w.key, true, hour(24*100), d...) })
	add(3, "index", func(d []criteria.Digest) { w.attest("shop/app", w.key, true, hour(1), d...) })
	add(3, "half", func(d []criteria.Digest) { w.attest("shop/app", w.key, true, hour(1), d[:2]...) })
	add(2, "head", func(d []criteria.Digest) { w.attest("shop/app", w.key, true, hour(1), d[0]) })
	s := w.server()
	outcomes := make(map[string]int)
	for _, image := range images {
		want, reasons := verified(t, w.now, "-t", filepath.Join(w.dir, "trust.yaml"), "--allow-http-registry", image)
		got, lines := admitted(t, s, image)
		if got != want {
			t.Errorf("%s: the webhook says %s, hallmark-verify %s", image, got, want)
		}
		// The registry of these tests lists in another order each time.
		slices.Sort(reasons)
		slices.Sort(lines)
		if diff := cmp.Diff(reasons, lines); diff != "" {
			t.Errorf("%s: reasons (-hallmark-verify +webhook):\n%s", image, diff)
		}
		outcomes[got]++
	}
	if outcomes[answer.Verified] != 4 || outcomes[answer.Unknown] != 1 || outcomes[answer.Refused] != len(images)-5 {
		t.Errorf("outcomes %v of %d", outcomes, len(images))
	}
}

// check says without a cluster what the webhook says, with the exit codes of
// every command.
func TestCheckCommand(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	bad, _ := w.push("shop/app", "2", 0)
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pod := func(image string) string {
		return "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n    - name: c\n      image: " + image + "\n"
	}
	service := "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}]}\n"
	run := func(stdin string, args ...string) (int, string, string) {
		var out, diagnostics bytes.Buffer
		code := Main(append([]string{"hallmark-admission", "check", "--trust-dir", w.dir, "--allow-http-registry"}, args...), console.IO{
			In: strings.NewReader(stdin), Out: &out, Err: &diagnostics, Env: func(string) string { return "" }, Now: w.now,
		})
		return code, out.String(), diagnostics.String()
	}
	list := "apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(pod(good)), "\n", "\n  ") + "\n- " + strings.ReplaceAll(strings.TrimSpace(pod(bad)), "\n", "\n  ") + "\n"
	for what, c := range map[string]struct {
		content, want string
		code          int
	}{
		"good":             {pod(good), "allowed Pod default/p\n  " + good, 0},
		"bad":              {pod(bad), "denied Pod default/p\n  image " + bad, 1},
		"several":          {service + "---\n" + pod(good) + "---\n\n---\n" + pod(bad), "skipped Service s", 1},
		"a list":           {list, "no-bundle", 1},
		"JSON":             {string(encoded(t, podObject(good))), "allowed Pod shop/p", 0},
		"a service":        {service, "skipped Service s", 0},
		"no such image":    {pod(w.host + "/shop/app:absent"), "could not tell Pod default/p", 3},
		"bad and unknown":  {pod(w.host+"/shop/app:absent") + "---\n" + pod(bad), "denied", 1},
		"no image":         {pod("'no image'"), "denied", 1},
		"not YAML":         {"a: [", "document 1", 2},
		"no object":        {"a: 1\n", "it is no Kubernetes object", 2},
		"a key twice":      {pod(bad) + "spec: {}\n", "document 1", 2},
		"a number as key":  {"1: 2\n", "it is no Kubernetes object", 2},
		"nothing":          {"---\n", "hold no objects", 2},
		"containers twice": {strings.Replace(pod(bad), "spec:\n", "spec:\n  containers: []\n", 1), "document 1", 2},
	} {
		path := file("manifest.yaml", c.content)
		code, out, diagnostics := run("", path)
		if code != c.code || !strings.Contains(out+diagnostics, c.want) {
			t.Errorf("%s: exits %d and says:\n%s%swant %d and %q", what, code, out, diagnostics, c.code, c.want)
		}
		fromStdin, _, _ := run(c.content, "-")
		inJSON, data, _ := run("", "-o", "json", path)
		var checked Checked
		if err := json.Unmarshal([]byte(data), &checked); err != nil || fromStdin != code || inJSON != code {
			t.Errorf("%s: exits %d, from standard input %d, as JSON %d: %s", what, code, fromStdin, inJSON, data)
		}
		if want := map[int]string{0: Allowed, 1: Denied, 2: "misused", 3: CouldNotTell}[c.code]; checked.Outcome != want {
			t.Errorf("%s: the JSON says %q, want %q", what, checked.Outcome, want)
		}
	}
	for what, args := range map[string][]string{
		"no manifest": {}, "no such file": {filepath.Join(dir, "absent.yaml")}, "no such flag": {"--policy", "x", "y"},
		"no such directory": {"--trust-dir", filepath.Join(dir, "absent"), "-"}, "no lookups": {"--lookups", "0", "-"},
	} {
		if code, out, _ := run(pod(good), args...); code != console.Usage {
			t.Errorf("%s: exits %d and says %s", what, code, out)
		}
	}
}
