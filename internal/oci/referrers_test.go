package oci_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/hallmark-project/hallmark/internal/oci"
)

// paged has a registry list referrers in pages of n. link says how the next
// page is named; %s is its address.
func paged(w *world, n int, link string) {
	w.set(to("/referrers/", func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		rec := &recorder{header: make(http.Header)}
		registry.ServeHTTP(rec, r)
		var index v1.IndexManifest
		if err := json.Unmarshal(rec.body.Bytes(), &index); err != nil {
			w.t.Errorf("the registry answers %d %q", rec.status, rec.body.String())
			return
		}
		slices.SortFunc(index.Manifests, func(a, b v1.Descriptor) int { return strings.Compare(a.Digest.Hex, b.Digest.Hex) })
		from, _ := strconv.Atoi(r.URL.Query().Get("from"))
		end := min(from+n, len(index.Manifests))
		if end < len(index.Manifests) {
			rw.Header().Set("Link", fmt.Sprintf(link, fmt.Sprintf("%s?from=%d", r.URL.Path, end)))
		}
		index.Manifests = index.Manifests[from:end]
		rw.Header().Set("Content-Type", string(types.OCIImageIndex))
		_ = json.NewEncoder(rw).Encode(index)
	}))
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

// What a release withdraws may be on the last page.
func TestPages(t *testing.T) {
	w := newWorld(t, true)
	r := w.open(t)
	d, h := putFile(t, r, "one", "1")
	var all [][]byte
	for i := range 7 {
		all = append(all, bundle(fmt.Sprint(i)))
	}
	refer(t, r, d, all...)
	for _, link := range []string{
		`<%s>; rel="next"`, `<%s>; rel=next`, `<%s> ; title="a, b; rel=prev" ; rel="last next"`,
		`<x>; rel="prev", <%s>; rel="NEXT"`, `<http://` + w.host + `%s>; rel="next"`,
	} {
		for _, n := range []int{1, 3, 6, 7} {
			paged(w, n, link)
			if got := found(t, w.open(t), h); len(got) != 7 {
				t.Errorf("%d on a page, %s: Bundles = %d, want 7", n, link, len(got))
			}
		}
	}
	for link, want := range map[string]string{
		`<http://other.example%s>; rel="next"`: "the rest of its list is at another host, other.example",
		`%s; rel="next"`:                       "its Link header cannot be read: the list may go on",
		`<%s; rel="next"`:                      "its Link header cannot be read: the list may go on",
	} {
		paged(w, 3, link)
		if got, err := w.open(t).Bundles(context.Background(), h, maxBundle); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: Bundles = %d, %v, want %s", link, len(got), err, want)
		}
	}
	// A later page that fails is no end.
	w.set(to("/referrers/", func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		if r.URL.RawQuery != "" {
			rw.WriteHeader(http.StatusNotFound)
			return
		}
		rw.Header().Set("Link", "<?page=2>; rel=next")
		registry.ServeHTTP(rw, r)
	}))
	if got, err := w.open(t).Bundles(context.Background(), h, maxBundle); err == nil {
		t.Errorf("Bundles = %d without the second page, want an error", len(got))
	}
}

// A list in a circle ends.
func TestPagesInACircle(t *testing.T) {
	w := newWorld(t, true)
	asked := 0
	w.set(to("/referrers/", func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
		asked++
		rw.Header().Set("Content-Type", string(types.OCIImageIndex))
		rw.Header().Set("Link", "<?again>; rel=next")
		fmt.Fprint(rw, `{"schemaVersion":2,"manifests":[]}`)
	}))
	_, err := w.open(t).Referrers(context.Background(), hashOf(nil))
	if err == nil || !strings.Contains(err.Error(), "more than 10000 pages") || asked > 10_002 {
		t.Errorf("Referrers = %v after %d pages, want that there are too many", err, asked)
	}
}

// Ten thousand referrers are read, and one more is too many.
func TestTenThousand(t *testing.T) {
	for _, api := range []bool{true, false} {
		for _, n := range []int{oci.MaxReferrers, oci.MaxReferrers + 1} {
			w := newWorld(t, api)
			w.set(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
				from, page := 0, n
				switch {
				case api && strings.Contains(r.URL.Path, "/referrers/"):
					from, _ = strconv.Atoi(r.URL.Query().Get("from"))
					page = 777
					if from+page < n {
						rw.Header().Set("Link", fmt.Sprintf("<?from=%d>; rel=next", from+page))
					}
				case !api && strings.HasSuffix(r.URL.Path, "/manifests/sha256-"+hashOf(nil).Hex):
				default:
					registry.ServeHTTP(rw, r)
					return
				}
				index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{}}
				for i := from; i < min(from+page, n); i++ {
					index.Manifests = append(index.Manifests, v1.Descriptor{MediaType: types.OCIManifestSchema1, Size: 1, Digest: hashOf([]byte(fmt.Sprint(i)))})
				}
				rw.Header().Set("Content-Type", string(types.OCIImageIndex))
				_ = json.NewEncoder(rw).Encode(index)
			})
			got, err := w.open(t).Referrers(context.Background(), hashOf(nil))
			if n == oci.MaxReferrers && (err != nil || len(got) != n) {
				t.Errorf("referrers API %t: Referrers = %d, %v, want %d", api, len(got), err, n)
			}
			if n > oci.MaxReferrers && err == nil {
				t.Errorf("referrers API %t: Referrers = %d, want that there are too many", api, len(got))
			}
		}
	}
}

// A registry that learnt to list referrers keeps those from before under the
// fallback tag: both count.
func TestOldAndNew(t *testing.T) {
	w := newWorld(t, true)
	old := func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) { rw.WriteHeader(http.StatusNotFound) }
	w.set(to("/referrers/", old))
	r := w.open(t)
	d, h := putFile(t, r, "one", "1")
	before := refer(t, r, d, bundle("before"))[0]
	w.set(nil)
	r = w.open(t)
	refer(t, r, d, bundle("after"))
	// What the registry does not list itself, because it came before.
	w.set(to("/referrers/", func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		rec := &recorder{header: make(http.Header)}
		registry.ServeHTTP(rec, r)
		var index v1.IndexManifest
		_ = json.Unmarshal(rec.body.Bytes(), &index)
		index.Manifests = slices.DeleteFunc(index.Manifests, func(d v1.Descriptor) bool { return d.Digest == before.Digest })
		rw.Header().Set("Content-Type", string(types.OCIImageIndex))
		_ = json.NewEncoder(rw).Encode(index)
	}))
	got := found(t, w.open(t), h)
	slices.Sort(got)
	want := []string{string(bundle("after")), string(bundle("before"))}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("Bundles = %q, want both", got)
	}
}

// Each way in which registries say that they list no referrers.
func TestNoReferrersAPI(t *testing.T) {
	for _, status := range []int{400, 404, 405, 406} {
		w := newWorld(t, true)
		w.set(to("/referrers/", func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) { rw.WriteHeader(status) }))
		r := w.open(t)
		d, h := putFile(t, r, "one", "1")
		refer(t, r, d, bundle("a"))
		if got := found(t, w.open(t), h); len(got) != 1 {
			t.Errorf("%d: Bundles = %d, want one", status, len(got))
		}
	}
}

// Publishers who write the fallback tag at the same time lose nothing.
func TestFallbackRaces(t *testing.T) {
	w := newWorld(t, false)
	first := w.open(t)
	d, h := putFile(t, first, "one", "1")
	const publishers, each = 6, 4
	var all sync.WaitGroup
	errs := make(chan error, publishers)
	for p := range publishers {
		all.Go(func() {
			// Each is a program of its own, as far as it knows.
			r := w.open(t)
			var entries []v1.Descriptor
			for i := range each {
				e, err := r.PutBundle(context.Background(), bundle(fmt.Sprintf("%d-%d", p, i)), d)
				if err != nil {
					errs <- err
					return
				}
				entries = append(entries, e)
			}
			for _, err := range r.List(context.Background(), []oci.Listing{{Subject: d.Digest, Entries: entries}}) {
				if err != nil {
					errs <- err
				}
			}
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	if got := found(t, w.open(t), h); len(got) != publishers*each {
		t.Errorf("Bundles = %d, want %d", len(got), publishers*each)
	}
}

// Within one program, publishers of one subject take turns.
func TestFallbackTurns(t *testing.T) {
	w := newWorld(t, false)
	r := w.open(t)
	d, h := putFile(t, r, "one", "1")
	const publishers = 20
	var all sync.WaitGroup
	for p := range publishers {
		all.Go(func() {
			e, err := r.PutBundle(context.Background(), bundle(fmt.Sprint(p)), d)
			if err == nil {
				err = r.List(context.Background(), []oci.Listing{{Subject: d.Digest, Entries: []v1.Descriptor{e}}})[0]
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := found(t, w.open(t), h); len(got) != publishers {
		t.Errorf("Bundles = %d, want %d", len(got), publishers)
	}
}

// What another publisher had listed and a third overwrote is put back with
// ours, so long as it is there.
func TestFallbackOverwritten(t *testing.T) {
	w := newWorld(t, false)
	r := w.open(t)
	d, h := putFile(t, r, "one", "1")
	refer(t, r, d, bundle("theirs"))
	// Somebody who does not look again, between our reading and our reading
	// again.
	puts := 0
	w.set(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		registry.ServeHTTP(rw, r)
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/manifests/sha256-"+d.Digest.Hex) {
			if puts++; puts == 1 {
				body := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`
				again, _ := http.NewRequest(http.MethodPut, "http://"+w.host+r.URL.Path, strings.NewReader(body))
				again.Header.Set("Content-Type", string(types.OCIImageIndex))
				registry.ServeHTTP(&recorder{header: make(http.Header)}, again)
			}
		}
	})
	refer(t, w.open(t), d, bundle("ours"))
	if got := found(t, w.open(t), h); len(got) != 2 {
		t.Errorf("Bundles = %q, want theirs and ours", got)
	}
	if puts != 2 {
		t.Errorf("the tag was written %d times, want 2", puts)
	}
}

// FuzzReferrers: what is read as a list of referrers has only digests that can
// be asked for, and says the same when it is written again.
func FuzzReferrers(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"mediaType":"a","size":1,"digest":"sha256:` + strings.Repeat("0", 64) + `","annotations":{"a":"b"}}]}`))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"mediaType":"a","size":1,"digest":"sha256:../../etc"}]}`))
	f.Add([]byte(`{"schemaVersion":2,"manifests":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		index, err := oci.ParseReferrers(data)
		if err != nil {
			return
		}
		for _, d := range index.Manifests {
			if s := d.Digest.String(); len(s) != 71 || !strings.HasPrefix(s, "sha256:") || strings.ContainsAny(s, "/.%") {
				t.Errorf("a digest %q was accepted", s)
			}
		}
		again, err := json.Marshal(index)
		if err != nil {
			t.Fatal(err)
		}
		if second, err := oci.ParseReferrers(again); err != nil || len(second.Manifests) != len(index.Manifests) {
			t.Errorf("written again it is %d entries, %v, want %d", len(second.Manifests), err, len(index.Manifests))
		}
	})
}

// FuzzLinks: whatever a Link header says, the next page is the same server's.
func FuzzLinks(f *testing.F) {
	f.Add(`</v2/x?n=1>; rel="next"`)
	f.Add(`<https://other.example/>; rel=next`)
	f.Add(`<a>; title="<,>", <//evil@registry.example:443/>; rel="prev next"`)
	f.Fuzz(func(t *testing.T, link string) {
		from := &url.URL{Scheme: "https", Host: "registry.example", Path: "/v2/a/referrers/x"}
		to, err := oci.NextPage(from, []string{link})
		if err != nil || to == nil {
			return
		}
		if to.Scheme != "https" || to.Hostname() != "registry.example" || to.User != nil {
			t.Errorf("NextPage(%q) = %s", link, to)
		}
	})
}

// FuzzChallenges: whatever a registry answers, reading it ends, and every scheme
// has a name.
func FuzzChallenges(f *testing.F) {
	f.Add(`Bearer realm="https://x/token",service="a, b",scope="repository:a:pull,push"`)
	f.Add(`Basic realm="x", Bearer realm=y`)
	f.Add(`Negotiate, Basic`)
	f.Add(`Bearer realm="unterminated\`)
	f.Fuzz(func(t *testing.T, h string) {
		for _, c := range oci.ParseChallenges(h) {
			if c == "" || c != strings.ToLower(c) {
				t.Errorf("ParseChallenges(%q) has a scheme %q", h, c)
			}
		}
	})
}
