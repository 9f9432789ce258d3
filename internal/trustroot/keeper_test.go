package trustroot_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/internal/deptest"
	"github.com/hallmark-project/hallmark/internal/trustroot"
	"github.com/hallmark-project/hallmark/internal/trustroot/tuftest"
)

var (
	began   = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	expires = began.AddDate(0, 0, 7)
)

func content(n int) map[string]string {
	return map[string]string{
		trustroot.TrustedRoot:   fmt.Sprintf(`{"root":%d}`, n),
		trustroot.SigningConfig: fmt.Sprintf(`{"config":%d}`, n),
		"unasked":               "x",
	}
}

// world is a keeper with a clock and what it warned of.
type world struct {
	trustroot.Keeper
	now    time.Time
	warned []string
}

func newWorld(dir string) *world {
	w := &world{now: began}
	w.Keeper = trustroot.Keeper{
		Dir: dir, Now: func() time.Time { return w.now },
		Warn: func(s string) { w.warned = append(w.warned, s) },
	}
	return w
}

// begun is a world that knows r.
func begun(t *testing.T, r *tuftest.Repository) *world {
	t.Helper()
	w := newWorld(t.TempDir())
	if replaced, err := w.Begin(r.URL, r.Root); err != nil || replaced {
		t.Fatalf("Begin = %v, %v, want a beginning", replaced, err)
	}
	return w
}

// want fetches both targets and holds them against content(n).
func (w *world) want(t *testing.T, r *tuftest.Repository, n int) {
	t.Helper()
	got, err := w.Fetch(t.Context(), r.URL, trustroot.TrustedRoot, trustroot.SigningConfig)
	if err != nil {
		t.Fatalf("Fetch: %v", err)
	}
	if string(got[0]) != content(n)[trustroot.TrustedRoot] || string(got[1]) != content(n)[trustroot.SigningConfig] {
		t.Errorf("Fetch = %q, want those of version %d", got, n)
	}
}

// refuses fetches and wants to be told that nothing can be had, and why.
func (w *world) refuses(t *testing.T, r *tuftest.Repository, why string) *trustroot.UnavailableError {
	t.Helper()
	got, err := w.Fetch(t.Context(), r.URL, trustroot.TrustedRoot)
	var unavailable *trustroot.UnavailableError
	if got != nil || !errors.As(err, &unavailable) || !strings.Contains(err.Error(), why) {
		t.Fatalf("Fetch = %q, %v, want none: %s", got, err, why)
	}
	return unavailable
}

func TestFetch(t *testing.T) {
	r := tuftest.New(t, expires, content(1))
	w := begun(t, r)
	w.want(t, r, 1)
	asked := r.Asked()
	if asked == 0 {
		t.Fatal("the repository was not asked")
	}

	// Within a day nobody is asked, though there is something newer.
	r.Publish(t, expires, content(2))
	w.now = began.Add(23 * time.Hour)
	w.want(t, r, 1)
	if r.Asked() != asked {
		t.Errorf("within a day, the repository was asked %d times more", r.Asked()-asked)
	}
	w.now = began.Add(25 * time.Hour)
	w.want(t, r, 2)
	if len(w.warned) > 0 {
		t.Errorf("warned of %q", w.warned)
	}

	// Rotated keys are followed, from what is kept and from the beginning.
	r.Rotate(t)
	r.Rotate(t)
	r.Publish(t, expires, content(3))
	w.now = began.Add(50 * time.Hour)
	w.want(t, r, 3)
	fresh := begun(t, r)
	fresh.now = w.now
	fresh.want(t, r, 3)
	s, err := w.State(r.URL + "/")
	if err != nil || s.Version != 3 || !s.Refreshed.Equal(w.now) || !s.Expires.Equal(expires) || len(s.Files) != 2 {
		t.Errorf("State = %+v, %v, want version 3, refreshed just now, with two files", s, err)
	}
}

// A repository that does not answer keeps nobody from using what has not
// expired; and it is soon not waited for any more.
func TestFetchWithoutAnswer(t *testing.T) {
	for name, lie := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"busy": func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		},
		"hangs": func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true },
		"a page": func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write([]byte("<html>log in</html>"))
			return true
		},
		"endless": func(w http.ResponseWriter, r *http.Request) bool {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					break
				}
			}
			return true
		},
		"leads astray": func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := tuftest.New(t, expires, content(1))
			w := begun(t, r)
			w.want(t, r, 1)
			r.Lie(lie)
			w.now = began.Add(25 * time.Hour)
			start := time.Now()
			w.want(t, r, 1)
			if took := time.Since(start); took > 15*time.Second {
				t.Errorf("it took %s", took)
			}
			if len(w.warned) != 1 || !strings.Contains(w.warned[0], "did not answer, so what it distributed on 2026-11-01 is used") {
				t.Errorf("warned of %q, want that it did not answer", w.warned)
			}
			asked := r.Asked()
			w.now = w.now.Add(time.Minute)
			w.want(t, r, 1)
			if r.Asked() != asked {
				t.Error("a minute later it was asked again")
			}
			w.now = expires.Add(time.Minute)
			r.Close() // quickly
			w.refuses(t, r, "fetching from "+r.URL)
		})
	}
}

func TestOffline(t *testing.T) {
	r := tuftest.New(t, expires, content(1))
	w := begun(t, r)
	w.Offline = true
	if e := w.refuses(t, r, "nothing was fetched from "+r.URL+" yet, and the network is not to be used"); e.Unbegun || !strings.Contains(e.Hint(), "hallmark trust root --tuf "+r.URL) {
		t.Errorf("hint %q, want how to fetch it", e.Hint())
	}
	other := newWorld(t.TempDir())
	other.Offline = true
	if e := other.refuses(t, r, "nobody said by which root.json"); !strings.Contains(e.Hint(), "--root FILE") {
		t.Errorf("hint %q, want how to begin", e.Hint())
	}
	if _, err := other.Fetch(t.Context(), trustroot.PublicGood, trustroot.TrustedRoot); err == nil || !strings.Contains(err.Error(), "nothing was fetched") {
		t.Errorf("Fetch of the public repository = %v, want that nothing was fetched", err)
	}
	if r.Asked() != 0 {
		t.Fatalf("offline, the repository was asked %d times", r.Asked())
	}

	w.Offline = false
	w.want(t, r, 1)
	asked := r.Asked()
	w.Offline = true
	w.now = expires.Add(-time.Minute)
	w.want(t, r, 1)
	w.now = expires.Add(time.Minute)
	w.refuses(t, r, "on 2026-11-01 counts no more")
	if r.Asked() != asked {
		t.Errorf("offline, the repository was asked %d times", r.Asked()-asked)
	}

	// A folder that cannot be written to is enough to read from.
	if os.Getuid() != 0 {
		if err := os.Chmod(w.Dir, 0o500); err != nil {
			t.Fatal(err)
		}
	}
	w.now = began
	w.want(t, r, 1)
}

// Whoever is between a repository and us, or in the cache, gains nothing.
func TestFetchLies(t *testing.T) {
	later := began.Add(25 * time.Hour)
	t.Run("rolled_back", func(t *testing.T) {
		r := tuftest.New(t, expires, content(1))
		w := begun(t, r)
		r.Publish(t, expires, content(2))
		w.want(t, r, 2)
		r.Back(t, 1, expires, content(1))
		w.now = later
		w.want(t, r, 2)
		if len(w.warned) != 1 || !strings.Contains(w.warned[0], "version") {
			t.Errorf("warned of %q, want the version", w.warned)
		}
		if _, err := w.Refresh(t.Context(), r.URL, trustroot.TrustedRoot); err == nil {
			t.Error("Refresh of what was rolled back succeeded")
		}
	})
	t.Run("altered_target", func(t *testing.T) {
		r := tuftest.New(t, expires, content(1))
		w := begun(t, r)
		r.Alter("."+trustroot.TrustedRoot, []byte(`{"root":9}`))
		w.refuses(t, r, "hash")
	})
	t.Run("not_distributed", func(t *testing.T) {
		r := tuftest.New(t, expires, map[string]string{"unasked": "x"})
		begun(t, r).refuses(t, r, "it distributes no trusted_root.json")
	})
	t.Run("expired", func(t *testing.T) {
		r := tuftest.New(t, began.Add(-time.Hour), content(1))
		begun(t, r).refuses(t, r, "expired")
	})
	t.Run("strangers_root", func(t *testing.T) {
		r, other := tuftest.New(t, expires, content(1)), tuftest.New(t, expires, content(1))
		w := newWorld(t.TempDir())
		if _, err := w.Begin(r.URL, other.Root); err != nil {
			t.Fatal(err)
		}
		w.refuses(t, r, "fetching from")
		// Begun anew with its own, it works.
		if replaced, err := w.Begin(r.URL, r.Root); err != nil || !replaced {
			t.Errorf("Begin = %v, %v, want the old one replaced", replaced, err)
		}
		w.want(t, r, 1)
		// The same again forgets nothing.
		if replaced, err := w.Begin(r.URL, r.Root); err != nil || replaced {
			t.Errorf("Begin = %v, %v, want nothing changed", replaced, err)
		}
		w.Offline = true
		w.want(t, r, 1)
	})
	t.Run("cache", func(t *testing.T) {
		r := tuftest.New(t, expires, content(1))
		w := begun(t, r)
		w.want(t, r, 1)
		name := only(t, w.Dir)
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		w.Offline = true
		for _, altered := range []string{
			"", "{}", string(data[:len(data)/2]),
			strings.Replace(string(data), `"trusted_root.json":"ey`, `"trusted_root.json":"fy`, 1),
			strings.Replace(string(data), r.URL, "https://stranger.invalid", 1),
			strings.Replace(string(data), `"begun":"sha256:`, `"begun":"`, 1),
		} {
			if altered == string(data) {
				t.Fatal("nothing was altered")
			}
			if err := os.WriteFile(name, []byte(altered), 0o600); err != nil {
				t.Fatal(err)
			}
			w.refuses(t, r, r.URL)
		}
	})
}

// only is the one file in dir.
func only(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 1 {
		t.Fatalf("the folder holds %q, %v, want one file", names, err)
	}
	return names[0]
}

func TestBeginRefuses(t *testing.T) {
	r := tuftest.New(t, expires, content(1))
	w := newWorld(t.TempDir())
	for name, give := range map[string]struct {
		address string
		root    []byte
	}{
		"no root":    {r.URL, nil},
		"a page":     {r.URL, []byte("<html>")},
		"unsigned":   {r.URL, []byte(strings.Replace(string(r.Root), `"sig":"`, `"sig":"00`, 1))},
		"no address": {"", r.Root},
		"a path":     {"/var/tuf", r.Root},
		"a user":     {"https://me:secret@tuf.example", r.Root},
		"a query":    {"https://tuf.example/?a=b", r.Root},
		"no host":    {"https:///tuf", r.Root},
		"a scheme":   {"ftp://tuf.example", r.Root},
	} {
		if replaced, err := w.Begin(give.address, give.root); err == nil {
			t.Errorf("%s: Begin = %v, want an error", name, replaced)
		}
	}
	if _, err := (trustroot.Keeper{}).Begin(r.URL, r.Root); err == nil {
		t.Error("a keeper without a folder began")
	}
	if _, err := (trustroot.Keeper{}).Fetch(t.Context(), r.URL, trustroot.TrustedRoot); err == nil {
		t.Error("a keeper without a folder fetched")
	}
}

// Several processes share a folder.
func TestFetchTogether(t *testing.T) {
	r := tuftest.New(t, expires, content(1))
	w := begun(t, r)
	var g sync.WaitGroup
	for range 8 {
		g.Go(func() {
			k := trustroot.Keeper{Dir: w.Dir, Now: func() time.Time { return began }}
			got, err := k.Fetch(t.Context(), r.URL, trustroot.TrustedRoot)
			if err != nil || string(got[0]) != content(1)[trustroot.TrustedRoot] {
				t.Errorf("Fetch = %q, %v", got, err)
			}
		})
	}
	g.Wait()
}

func TestFetchCancelled(t *testing.T) {
	r := tuftest.New(t, expires, content(1))
	w := begun(t, r)
	ctx, cancel := context.WithCancel(t.Context())
	r.Lie(func(_ http.ResponseWriter, req *http.Request) bool { cancel(); <-req.Context().Done(); return true })
	if got, err := w.Fetch(ctx, r.URL, trustroot.TrustedRoot); got != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("Fetch = %q, %v, want that it was cancelled", got, err)
	}
}

// FuzzKept: whatever stands in the cache, offline nothing comes out of it but
// what the repository signed.
func FuzzKept(f *testing.F) {
	r := tuftest.New(f, expires, content(1))
	dir := f.TempDir()
	k := trustroot.Keeper{Dir: dir, Now: func() time.Time { return began }}
	if _, err := k.Begin(r.URL, r.Root); err != nil {
		f.Fatal(err)
	}
	if _, err := k.Fetch(f.Context(), r.URL, trustroot.TrustedRoot); err != nil {
		f.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 1 {
		f.Fatalf("the folder holds %q, %v", names, err)
	}
	data, err := os.ReadFile(names[0])
	if err != nil {
		f.Fatal(err)
	}
	for at := 0; at < len(data); at += 997 {
		altered := append([]byte(nil), data...)
		altered[at] ^= 1
		f.Add(altered)
	}
	f.Add(data)
	f.Add([]byte(`{"address":"` + r.URL + `","begun":"sha256:` + strings.Repeat("0", 64) + `","root":"e30=","timestamp":"e30=","snapshot":"e30=","targets":"e30="}`))
	k.Offline = true
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(names[0], data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = k.State(r.URL)
		got, err := k.Fetch(t.Context(), r.URL, trustroot.TrustedRoot)
		if err == nil && string(got[0]) != content(1)[trustroot.TrustedRoot] {
			t.Errorf("Fetch = %q, which nobody signed", got)
		}
	})
}

func TestImports(t *testing.T) {
	const hallmark = "github.com/hallmark-project/hallmark/"
	deptest.MayImportOnly(t, "criteria", "internal/atomicfile", "internal/regular", "internal/strict")
	deptest.MustNotImport(t, hallmark+"attest", hallmark+"verify", "os/exec", "github.com/sigstore/sigstore-go/pkg/sign", "github.com/sigstore/sigstore-go/pkg/verify")
}

// Two processes share a folder. What one has fetched meanwhile is not rolled back
// by the other, which was given something older, or nothing.
func TestNotRolledBackByAnother(t *testing.T) {
	for name, answered := range map[string]bool{"given something older": true, "given nothing": false} {
		t.Run(name, func(t *testing.T) {
			r := tuftest.New(t, expires, content(1))
			w := begun(t, r)
			w.want(t, r, 1)
			w.now = began.Add(25 * time.Hour)
			other := newWorld(w.Dir)
			other.now = w.now.Add(time.Second)
			var asked, down atomic.Bool
			r.Lie(func(rw http.ResponseWriter, req *http.Request) bool {
				if strings.HasSuffix(req.URL.Path, "timestamp.json") && asked.CompareAndSwap(false, true) {
					r.Publish(t, expires, content(2))
					if _, err := other.Refresh(context.Background(), r.URL, trustroot.TrustedRoot); err != nil {
						t.Errorf("Refresh by the other: %v", err)
					}
					down.Store(!answered)
				}
				if down.Load() {
					http.Error(rw, "down", http.StatusNotFound)
				}
				return down.Load()
			})
			w.want(t, r, 1)
			if !asked.Load() {
				t.Fatal("the repository was not asked")
			}
			r.Lie(nil)
			other.Offline, other.now = true, other.now.Add(time.Minute)
			other.want(t, r, 2)
		})
	}
}
