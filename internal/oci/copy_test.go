package oci_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/hallmark-project/hallmark/internal/oci"
)

// cargo is an index with three children and much that is known about it.
type cargo struct {
	index    v1.Hash
	children []v1.Hash
	// bundles are what is to be found about each digest.
	bundles map[v1.Hash][]string
	// deep is what refers to what refers to the index.
	deep v1.Hash
}

// load puts a cargo into team/app of w, under the tag v1.
func load(t *testing.T, w *world) cargo {
	t.Helper()
	index, err := random.Index(300, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(w.host+"/team/app:v1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(tag, index); err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	c := cargo{bundles: make(map[v1.Hash][]string)}
	if c.index, err = index.Digest(); err != nil {
		t.Fatal(err)
	}
	r := w.open(t)
	describe := func(h v1.Hash) v1.Descriptor {
		d, err := r.Subject(context.Background(), h)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	about := func(h v1.Hash, words ...string) []v1.Descriptor {
		var all [][]byte
		for _, word := range words {
			all = append(all, bundle(word))
			c.bundles[h] = append(c.bundles[h], string(bundle(word)))
		}
		slices.Sort(c.bundles[h])
		return refer(t, r, describe(h), all...)
	}
	entries := about(c.index, "index-1", "index-2")
	for i, d := range m.Manifests {
		c.children = append(c.children, d.Digest)
		about(d.Digest, fmt.Sprint("child-", i))
	}
	c.deep = about(entries[0].Digest, "deep")[0].Digest
	// What cosign kept before.
	attach(t, r, c.index, bundle("older"))
	data := []byte(`{"critical":{}}`)
	if err := r.PutBytes(context.Background(), data); err != nil {
		t.Fatal(err)
	}
	signatures := image("signatures")
	signatures.Layers = []v1.Descriptor{{
		MediaType: "application/vnd.dev.cosign.simplesigning.v1+json", Size: int64(len(data)), Digest: hashOf(data),
		Annotations: map[string]string{"dev.cosignproject.cosign/signature": "AA=="},
	}}
	if err := r.PutBytes(context.Background(), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	push(t, w, "sha256-"+c.children[0].Hex+".sig", types.OCIManifestSchema1, signatures)
	return c
}

// arrived holds what r has against c.
func (c cargo) arrived(t *testing.T, find func(v1.Hash) ([][]byte, error)) {
	t.Helper()
	for h, want := range c.bundles {
		got, err := find(h)
		if err != nil {
			t.Errorf("Bundles(%s) = %v", h, err)
			continue
		}
		var texts []string
		older := 0
		for _, b := range got {
			if !bytes.Contains(b, []byte(`"hint":"x"`)) {
				older++
				continue
			}
			texts = append(texts, string(b))
		}
		slices.Sort(texts)
		if diff := cmp.Diff(want, texts); diff != "" {
			t.Errorf("bundles about %s (-want +got):\n%s", h, diff)
		}
		if h == c.index && older != 1 {
			t.Errorf("%d bundles of the older layout about the index, want one", older)
		}
	}
}

func place(t testing.TB, s string) oci.Place {
	t.Helper()
	p, err := oci.ParsePlace(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var both2 = oci.CopyOptions{From: access, To: access}

func mustCopy(t testing.TB, from, to string) oci.Report {
	t.Helper()
	report, err := oci.Copy(context.Background(), place(t, from), place(t, to), both2)
	if err != nil {
		t.Fatalf("Copy(%s, %s) = %v", from, to, err)
	}
	for _, p := range report.Parts {
		if p.State == oci.Left {
			t.Errorf("Copy(%s, %s) left %s %s behind: %s", from, to, p.Kind, p.Digest, p.Why)
		}
	}
	return report
}

// states counts a report's parts by kind and state.
func states(r oci.Report) map[string]int {
	out := make(map[string]int)
	for _, p := range r.Parts {
		out[p.Kind+" "+p.State]++
	}
	return out
}

// inLayout finds in the layout in dir.
func inLayout(t *testing.T, dir string) func(v1.Hash) ([][]byte, error) {
	t.Helper()
	l, err := oci.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Contents(nil)
	if err != nil {
		t.Fatal(err)
	}
	return func(h v1.Hash) ([][]byte, error) { return c.Bundles(h, maxBundle) }
}

func inRegistry(t *testing.T, w *world) func(v1.Hash) ([][]byte, error) {
	t.Helper()
	return func(h v1.Hash) ([][]byte, error) { return w.open(t).Bundles(context.Background(), h, maxBundle) }
}

var (
	allCopied = map[string]int{
		"index copied": 1, "image copied": 3, "tag copied": 1, "referrer copied": 6, "attestations copied": 1, "signatures copied": 1,
	}
	allThere = map[string]int{
		"index there": 1, "image there": 3, "tag there": 1, "referrer there": 6, "attestations there": 1, "signatures there": 1,
	}
)

// From every kind of place to every kind, an index arrives with its children and
// all that is known about any of it; again, nothing is sent.
func TestCopy(t *testing.T) {
	for _, from := range []string{"api", "no_api", "layout"} {
		for _, to := range []string{"api", "no_api", "layout"} {
			t.Run(from+"_to_"+to, func(t *testing.T) {
				w := newWorld(t, from != "no_api")
				c := load(t, w)
				src := w.host + "/team/app:v1"
				if from == "layout" {
					dir := "oci:" + filepath.Join(t.TempDir(), "layout") + ":v1"
					mustCopy(t, src, dir)
					src = dir
				}
				var dst string
				var find func(v1.Hash) ([][]byte, error)
				target := newWorld(t, to != "no_api")
				dir := filepath.Join(t.TempDir(), "copy")
				if to == "layout" {
					dst = "oci:" + dir + ":release"
					find = func(h v1.Hash) ([][]byte, error) { return inLayout(t, dir)(h) }
				} else {
					dst = target.host + "/team/app:release"
					find = inRegistry(t, target)
				}
				report := mustCopy(t, src, dst)
				if diff := cmp.Diff(allCopied, states(report)); diff != "" {
					t.Errorf("copied (-want +got):\n%s", diff)
				}
				if len(report.Digests) != 1 || report.Digests[0] != c.index || report.From != src || report.To != dst {
					t.Errorf("the report is about %v from %s to %s", report.Digests, report.From, report.To)
				}
				c.arrived(t, find)

				before := tree(t, dir)
				target.requests()
				report = mustCopy(t, src, dst)
				if diff := cmp.Diff(allThere, states(report)); diff != "" {
					t.Errorf("copied again (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
					t.Errorf("copying again changed the layout:\n%s", diff)
				}
				for _, s := range target.requests() {
					if !strings.HasPrefix(s, "GET ") && !strings.HasPrefix(s, "HEAD ") {
						t.Errorf("copying again sent %s", s)
					}
				}
				if to == "layout" {
					return
				}
				// And back, to a place that other tools read.
				back := filepath.Join(t.TempDir(), "back")
				mustCopy(t, dst, "oci:"+back+":v1")
				path, err := layout.FromPath(back)
				if err != nil {
					t.Fatal(err)
				}
				index, err := path.ImageIndex()
				if err != nil {
					t.Fatal(err)
				}
				copied, err := index.ImageIndex(c.index)
				if err == nil {
					err = validate.Index(copied)
				}
				if err != nil {
					t.Errorf("the layout is not valid to another reader: %v", err)
				}
			})
		}
	}
}

// tree is every file below dir with its content, none where dir is absent.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A dossier's layout has many files and no tags: all of them are copied, and
// found at the destination by who holds the files.
func TestCopyFiles(t *testing.T) {
	for _, api := range []bool{true, false} {
		dir := filepath.Join(t.TempDir(), "layout")
		l, err := oci.Create(dir)
		if err != nil {
			t.Fatal(err)
		}
		shared, err := l.StoreBundle(bundle("all"))
		if err != nil {
			t.Fatal(err)
		}
		var files []v1.Hash
		for i := range 5 {
			path, h := file(t, fmt.Sprint("content ", i))
			d, err := l.StoreFile(context.Background(), fmt.Sprint("file-", i), path, h)
			if err != nil {
				t.Fatal(err)
			}
			e, err := l.Refer(shared, d)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.List(d, e); err != nil {
				t.Fatal(err)
			}
			files = append(files, h)
		}
		w := newWorld(t, api)
		report := mustCopy(t, "oci:"+dir, w.host+"/team/app")
		want := map[string]int{"file copied": 5, "tag copied": 5, "referrer copied": 5}
		if diff := cmp.Diff(want, states(report)); diff != "" {
			t.Errorf("referrers API %t: copied (-want +got):\n%s", api, diff)
		}
		for _, h := range files {
			if got := found(t, w.open(t), h); len(got) != 1 || got[0] != string(bundle("all")) {
				t.Errorf("referrers API %t: Bundles(%s) = %q", api, h, got)
			}
		}
		// One of them, by the file's own digest, to another registry and into a
		// layout.
		one := w.host + "/team/app@" + files[2].String()
		other := newWorld(t, !api)
		mustCopy(t, one, other.host+"/team/app")
		if got := found(t, other.open(t), files[2]); len(got) != 1 {
			t.Errorf("Bundles = %q, want one", got)
		}
		if got := found(t, other.open(t), files[1]); len(got) != 0 {
			t.Errorf("Bundles of another file = %q, want none", got)
		}
		into := filepath.Join(t.TempDir(), "one")
		mustCopy(t, one, "oci:"+into)
		if got, err := inLayout(t, into)(files[2]); err != nil || len(got) != 1 {
			t.Errorf("Bundles = %q, %v, want one", got, err)
		}
		// One tag cannot name five files.
		if _, err := oci.Copy(context.Background(), place(t, "oci:"+dir), place(t, w.host+"/team/app:v1"), both2); err == nil || !strings.Contains(err.Error(), "holds 5 images and files") {
			t.Errorf("Copy of five files to one tag = %v", err)
		}
	}
}

// A tag at the destination that leads elsewhere stays, and nothing is sent,
// unless that is asked for.
func TestCopyTaken(t *testing.T) {
	w, target := newWorld(t, true), newWorld(t, true)
	load(t, w)
	other := push(t, target, "v1", types.OCIManifestSchema1, image("other"))
	target.requests()
	_, err := oci.Copy(context.Background(), place(t, w.host+"/team/app:v1"), place(t, target.host+"/team/app:v1"), both2)
	var taken *oci.TakenError
	if !errors.As(err, &taken) || taken.Have != other.Digest || taken.Tag != "v1" {
		t.Errorf("Copy = %v, want that the tag is taken", err)
	}
	for _, s := range target.requests() {
		if !strings.HasPrefix(s, "GET ") && !strings.HasPrefix(s, "HEAD ") {
			t.Errorf("a refused copy sent %s", s)
		}
	}
	o := both2
	o.Force = true
	if _, err := oci.Copy(context.Background(), place(t, w.host+"/team/app:v1"), place(t, target.host+"/team/app:v1"), o); err != nil {
		t.Errorf("Copy with force = %v", err)
	}
	m, err := target.open(t).Manifest(context.Background(), "v1")
	if err != nil || m.Digest == other.Digest {
		t.Errorf("the tag leads to %s, %v, want what was copied", m.Digest, err)
	}

	// In a layout, too.
	dir := "oci:" + filepath.Join(t.TempDir(), "layout") + ":v1"
	push(t, w, "v2", types.OCIManifestSchema1, image("v2"))
	mustCopy(t, w.host+"/team/app:v1", dir)
	if _, err := oci.Copy(context.Background(), place(t, w.host+"/team/app:v2"), place(t, dir), both2); !errors.As(err, &taken) {
		t.Errorf("Copy = %v, want that the tag is taken", err)
	}
	if _, err := oci.Copy(context.Background(), place(t, w.host+"/team/app:v2"), place(t, dir), o); err != nil {
		t.Errorf("Copy with force = %v", err)
	}
	back := newWorld(t, true)
	if report := mustCopy(t, dir, back.host+"/team/app:v2"); len(report.Digests) != 1 || report.Digests[0] == taken.Have {
		t.Errorf("the layout's tag leads to %v, want what was copied last", report.Digests)
	}
}

// What cosign keeps under a tag is added to what is there, on both sides.
func TestCopyMergesSignatures(t *testing.T) {
	for _, into := range []string{"registry", "layout"} {
		w, target := newWorld(t, true), newWorld(t, true)
		c := load(t, w)
		dst := target.host + "/team/app:v1"
		find := inRegistry(t, target)
		dir := filepath.Join(t.TempDir(), "layout")
		mustCopy(t, w.host+"/team/app:v1", dst)
		attach(t, target.open(t), c.index, bundle("theirs"))
		if into == "layout" {
			mustCopy(t, dst, "oci:"+dir+":v1")
			dst, find = "oci:"+dir+":v1", func(h v1.Hash) ([][]byte, error) { return inLayout(t, dir)(h) }
		}
		attach(t, w.open(t), c.index, bundle("ours"))
		report := mustCopy(t, w.host+"/team/app:v1", dst)
		if got := states(report)["attestations copied"]; got != 1 {
			t.Errorf("%s: the report is %v, want that attestations were copied", into, states(report))
		}
		got, err := find(c.index)
		older := 0
		for _, b := range got {
			if !bytes.Contains(b, []byte(`"hint":"x"`)) {
				older++
			}
		}
		if err != nil || older != 3 {
			t.Errorf("%s: %d attestations, %v, want 3", into, older, err)
		}
		if got := states(mustCopy(t, w.host+"/team/app:v1", dst))["attestations there"]; got != 1 {
			t.Errorf("%s: copying again copied attestations", into)
		}
	}
}

// What cannot be copied of the evidence is left behind, with its reason; the
// rest is copied.
func TestCopyLeavesBehind(t *testing.T) {
	lose := func(part string) func(http.ResponseWriter, *http.Request, http.Handler) {
		return to(part, func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) { rw.WriteHeader(http.StatusNotFound) })
	}
	for _, tt := range []struct {
		name string
		// lost is what the source has lost.
		lost func(c cargo, r *oci.Repository) string
		kind string
		why  string
	}{
		{"a_bundle", func(cargo, *oci.Repository) string { return "/blobs/" + hashOf(bundle("index-1")).String() }, "referrer", "404 Not Found"},
		{"a_referrer", func(c cargo, _ *oci.Repository) string { return "/manifests/" + c.deep.String() }, "referrer", "404 Not Found"},
		{"a_signature", func(cargo, *oci.Repository) string { return "/blobs/" + hashOf([]byte(`{"critical":{}}`)).String() }, "signatures", "404 Not Found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, target := newWorld(t, true), newWorld(t, false)
			c := load(t, w)
			w.set(lose(tt.lost(c, w.open(t))))
			report, err := oci.Copy(context.Background(), place(t, w.host+"/team/app:v1"), place(t, target.host+"/team/app:v1"), both2)
			if err != nil {
				t.Fatal(err)
			}
			if report.Left() != 1 {
				t.Errorf("%d parts were left behind: %v", report.Left(), states(report))
			}
			for _, p := range report.Parts {
				if p.State == oci.Left && (p.Kind != tt.kind || !strings.Contains(p.Why, tt.why)) {
					t.Errorf("%s was left behind: %s, want %s: %s", p.Kind, p.Why, tt.kind, tt.why)
				}
			}
			if _, err := target.open(t).Manifest(context.Background(), c.index.String()); err != nil {
				t.Errorf("the index did not arrive: %v", err)
			}
			// When it is found again, the rest follows.
			w.set(nil)
			report = mustCopy(t, w.host+"/team/app:v1", target.host+"/team/app:v1")
			c.arrived(t, inRegistry(t, target))
			if got := states(report); got[tt.kind+" copied"] == 0 {
				t.Errorf("copying again: %v, want the %s copied", got, tt.kind)
			}
		})
	}
}

// A layer that nobody may pass on is left behind, and said so each time.
func TestCopyForeignLayer(t *testing.T) {
	w, target := newWorld(t, true), newWorld(t, true)
	m := image("windows")
	m.Layers = []v1.Descriptor{{
		MediaType: types.DockerForeignLayer, Size: 5, Digest: hashOf([]byte("layer")), URLs: []string{"https://vendor.example/layer"},
	}}
	if err := w.open(t).PutBytes(context.Background(), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	push(t, w, "v1", types.OCIManifestSchema1, m)
	for range 2 {
		report, err := oci.Copy(context.Background(), place(t, w.host+"/team/app:v1"), place(t, target.host+"/team/app:v1"), both2)
		if err != nil {
			t.Fatal(err)
		}
		if report.Left() != 1 || !strings.Contains(report.Parts[1].Why, "it is fetched from https://vendor.example/layer") {
			t.Errorf("the report is %v", report.Parts)
		}
	}
}

// Where it is not known what there is, or the image itself cannot be copied,
// that is an error, and the destination's tag is not written.
func TestCopyCannot(t *testing.T) {
	for name, tt := range map[string]struct {
		source, target func(http.ResponseWriter, *http.Request, http.Handler)
		want           string
	}{
		"referrers unknown": {source: to("/referrers/", func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) { rw.WriteHeader(500) }), want: "is not known: "},
		"tag unknown":       {source: to(".sig", func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) { rw.WriteHeader(500) }), want: "is not known: "},
		"blobs gone":        {source: to("/blobs/", func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) { rw.WriteHeader(404) }), want: "404 Not Found"},
		"other bytes": {source: to("/blobs/", func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
			rec := &recorder{header: make(http.Header)}
			registry.ServeHTTP(rec, r)
			_, _ = rw.Write(bytes.Repeat([]byte("x"), rec.body.Len()))
		}), want: "its bytes are others than its digest says"},
		"too many bytes": {source: to("/blobs/", func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
			registry.ServeHTTP(rw, r)
			_, _ = io.WriteString(rw, "more")
		}), want: ""},
		"quota": {target: to("/uploads/", func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) { rw.WriteHeader(403) }), want: "403 Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			w, target := newWorld(t, true), newWorld(t, true)
			load(t, w)
			w.set(tt.source)
			target.set(tt.target)
			report, err := oci.Copy(context.Background(), place(t, w.host+"/team/app:v1"), place(t, target.host+"/team/app:release"), both2)
			if name == "too many bytes" {
				// The registry says how many there are, and net/http takes no more.
				if err != nil {
					t.Errorf("Copy = %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Copy = %v, want %s", err, tt.want)
			}
			if len(report.Parts) == 0 {
				t.Error("the report says nothing")
			}
			if strings.Contains(tt.want, "not known") {
				return
			}
			target.set(nil)
			if m, err := target.open(t).Manifest(context.Background(), "release"); !oci.IsMissing(err) {
				t.Errorf("the tag leads to %s, %v, want none", m.Digest, err)
			}
		})
	}
}

// A connection that is cut in the middle of a blob is made anew.
func TestCopyCutOff(t *testing.T) {
	w, target := newWorld(t, true), newWorld(t, true)
	c := load(t, w)
	var cut sync.Map
	w.set(to("/blobs/", func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		if _, again := cut.LoadOrStore(r.URL.Path, true); r.Method == http.MethodGet && !again {
			hijack(rw, "HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\na")
			return
		}
		registry.ServeHTTP(rw, r)
	}))
	mustCopy(t, w.host+"/team/app:v1", target.host+"/team/app:v1")
	w.set(nil)
	c.arrived(t, inRegistry(t, target))
}

// Within one registry, blobs are not sent.
func TestCopyMounts(t *testing.T) {
	w := newWorld(t, true)
	load(t, w)
	var mounts, uploads atomic.Int32
	w.set(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		switch {
		case r.Method == http.MethodHead && strings.Contains(r.URL.Path, "/mirror/app/blobs/"):
			// This registry has each blob everywhere; others do not.
			rw.WriteHeader(http.StatusNotFound)
			return
		case r.Method == http.MethodPost && r.URL.Query().Get("mount") != "" && r.URL.Query().Get("from") == "team/app":
			mounts.Add(1)
			rw.WriteHeader(http.StatusCreated)
			return
		case strings.Contains(r.URL.Path, "/uploads/"):
			uploads.Add(1)
		}
		registry.ServeHTTP(rw, r)
	})
	a := access
	o := oci.CopyOptions{From: a, To: a}
	if _, err := oci.Copy(context.Background(), place(t, w.host+"/team/app:v1"), place(t, w.host+"/mirror/app:v1"), o); err != nil {
		t.Fatal(err)
	}
	if mounts.Load() == 0 || uploads.Load() != 0 {
		t.Errorf("%d blobs were mounted and %d requests uploaded", mounts.Load(), uploads.Load())
	}
}

// A layout that broke off is completed.
func TestCopyIntoBrokenLayout(t *testing.T) {
	w := newWorld(t, true)
	c := load(t, w)
	dir := filepath.Join(t.TempDir(), "layout")
	mustCopy(t, w.host+"/team/app:v1", "oci:"+dir+":v1")
	blob := filepath.Join(dir, "blobs", "sha256", hashOf(bundle("child-1")).Hex)
	if err := os.WriteFile(blob, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustCopy(t, w.host+"/team/app:v1", "oci:"+dir+":v1")
	c.arrived(t, inLayout(t, dir))
}

// crane reads what arrived.
func TestCopyForCrane(t *testing.T) {
	w, target := newWorld(t, true), newWorld(t, false)
	c := load(t, w)
	mustCopy(t, w.host+"/team/app:v1", target.host+"/team/app:v1")
	tag, err := name.NewTag(target.host+"/team/app:v1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Index(tag)
	if err == nil {
		err = validate.Index(pulled)
	}
	if err != nil {
		t.Errorf("the index is not valid to another reader: %v", err)
	}
	d, err := name.NewDigest(target.host+"/team/app@"+c.index.String(), name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Referrers(d)
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil || len(m.Manifests) != 2 || m.Manifests[0].ArtifactType != oci.BundleType {
		data, _ := json.Marshal(m)
		t.Errorf("go-containerregistry finds the referrers %s, %v, want two bundles", data, err)
	}
}

func TestParsePlace(t *testing.T) {
	digest := "sha256:" + strings.Repeat("ab", 32)
	for _, tt := range []struct{ in, want string }{
		{"registry.example/app", "registry.example/app"},
		{"registry.example/app:v1", "registry.example/app:v1"},
		{"registry.example/app@" + digest, "registry.example/app@" + digest},
		{"oci:dir", "oci:dir"},
		{"oci:some/dir/:v1", "oci:" + filepath.Join("some", "dir") + ":v1"},
		{"oci:/abs", "oci:" + string(filepath.Separator) + "abs"},
	} {
		if got, err := oci.ParsePlace(tt.in); err != nil || got.String() != tt.want {
			t.Errorf("ParsePlace(%q) = %s, %v, want %s", tt.in, got, err, tt.want)
		}
	}
	for in, want := range map[string]string{
		"oci:": "names no folder", "oci::v1": "names no folder", "oci:dir:": "has a tag", "oci:dir:a:b": "has a tag",
		"docker://registry.example/app:v1": "is not known here", "oci-archive:x.tar": "is not known here",
		"registry.example/App": "has capitals", "": "names no repository",
	} {
		if got, err := oci.ParsePlace(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParsePlace(%q) = %s, %v, want %s", in, got, err, want)
		}
	}
}
