package publish_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/publish"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
)

// plain reaches registries on loopback.
var plain = oci.Access{AllowHTTP: true, Patience: oci.Patience{
	Answer: 5 * time.Second, Stall: 5 * time.Second, Attempts: 2, Backoff: time.Millisecond, Settle: 5 * time.Millisecond,
}}

// newRegistry starts a registry and returns the name of a repository in it.
func newRegistry(t testing.TB, referrers bool, between func(http.Handler) http.Handler) string {
	t.Helper()
	h := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(referrers))
	if between != nil {
		h = between(h)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://") + "/team/app"
}

func openRegistry(t testing.TB, name string) *publish.Registry {
	t.Helper()
	r, err := publish.NewRegistry(name, plain)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func fromRegistry(t testing.TB, name string) verify.Source {
	t.Helper()
	s, err := source.Registry(name, plain)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Files and images, one bundle about several, in registries of both kinds; and
// all of it again.
func TestRegistry(t *testing.T) {
	for _, referrers := range []bool{true, false} {
		t.Run(fmt.Sprintf("referrers_api=%t", referrers), func(t *testing.T) {
			var writes atomic.Int32
			repository := newRegistry(t, referrers, func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method != http.MethodGet && r.Method != http.MethodHead {
						writes.Add(1)
					}
					h.ServeHTTP(w, r)
				})
			})
			image, err := random.Image(100, 2)
			if err != nil {
				t.Fatal(err)
			}
			if err := crane.Push(image, repository+":v1", crane.Insecure); err != nil {
				t.Fatal(err)
			}
			id, err := image.Digest()
			if err != nil {
				t.Fatal(err)
			}
			pushed, err := criteria.ParseDigest(id.String())
			if err != nil {
				t.Fatal(err)
			}
			one, onePath := artifact(t, "one", "1")
			two, twoPath := artifact(t, "two", "2")
			all, single := bundle(t, "all", one.Digest, two.Digest, pushed), bundle(t, "one", one.Digest)
			files := []publish.File{{Subject: one, Path: onePath}, {Subject: two, Path: twoPath}}
			about := []publish.About{{one.Digest, all}, {two.Digest, all}, {pushed, all}, {one.Digest, single}}
			var first []publish.Published
			for round := range 2 {
				before := writes.Load()
				got, err := openRegistry(t, repository).PublishAll(context.Background(), files, about)
				if err != nil {
					t.Fatal(err)
				}
				if len(got) != 6 || got[0].What != "one" || !strings.HasPrefix(got[5].What, "bundle sha256:") || !strings.HasPrefix(got[5].Location, repository+"@sha256:") {
					t.Errorf("PublishAll = %v", got)
				}
				if round == 0 {
					first = got
					continue
				}
				if diff := cmp.Diff(first, got); diff != "" {
					t.Errorf("publishing again (-first +second):\n%s", diff)
				}
				if n := writes.Load() - before; n != 0 {
					t.Errorf("publishing again wrote %d times", n)
				}
			}
			s := fromRegistry(t, repository)
			sorted := func(l ...attest.Bundle) (out []string) {
				for _, b := range l {
					out = append(out, string(b))
				}
				slices.Sort(out)
				return out
			}
			for _, tt := range []struct {
				about criteria.Digest
				want  []string
			}{{one.Digest, sorted(all, single)}, {two.Digest, sorted(all)}, {pushed, sorted(all)}} {
				got := found(t, s, tt.about)
				slices.Sort(got)
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("bundles about %s (-want +got):\n%s", tt.about, diff)
				}
			}
		})
	}
}

// Publish alone finds what AddFile stored, also in another run.
func TestRegistryOneByOne(t *testing.T) {
	repository := newRegistry(t, false, nil)
	one, path := artifact(t, "one", "1")
	if err := openRegistry(t, repository).AddFile(context.Background(), one, path); err != nil {
		t.Fatal(err)
	}
	p := openRegistry(t, repository)
	b := bundle(t, "b", one.Digest)
	at := publishOne(t, p, one.Digest, b)
	if again := publishOne(t, p, one.Digest, b); again != at || !strings.HasPrefix(at, repository+"@sha256:") {
		t.Errorf("Publish = %s, then %s", at, again)
	}
	if got := found(t, fromRegistry(t, repository), one.Digest); len(got) != 1 {
		t.Errorf("Bundles = %d, want one", len(got))
	}
}

// What cannot be published is refused.
func TestRegistryRefuses(t *testing.T) {
	p := openRegistry(t, newRegistry(t, true, nil))
	one, path := artifact(t, "one", "1")
	b := bundle(t, "b", one.Digest)
	if _, err := p.Publish(context.Background(), one.Digest, b); err == nil || !strings.Contains(err.Error(), "it holds no file and no image with that digest") {
		t.Errorf("Publish about what is not there = %v", err)
	}
	if err := p.AddFile(context.Background(), criteria.Subject{Name: "one", Digest: criteria.DigestOf([]byte("2"))}, path); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("AddFile of other bytes = %v", err)
	}
	if err := p.AddFile(context.Background(), one, path); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "{}", `{"dsseEnvelope":{"payload":"!"}}`} {
		if _, err := p.Publish(context.Background(), one.Digest, attest.Bundle(bad)); err == nil {
			t.Errorf("Publish(%q) = nil, want an error", bad)
		}
	}
	other, err := criteria.ParseDigest("sha512:" + strings.Repeat("0", 128))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Publish(context.Background(), other, b); err == nil || !strings.Contains(err.Error(), `not by "sha512"`) {
		t.Errorf("Publish about %s = %v", other, err)
	}
	if _, err := publish.NewRegistry("registry.example/App", plain); err == nil {
		t.Error("NewRegistry with capitals = nil, want an error")
	}
}

// Where it fails in the middle, both halves are known, and publishing again
// completes it.
func TestRegistryHalfARelease(t *testing.T) {
	for _, referrers := range []bool{true, false} {
		t.Run(fmt.Sprintf("referrers_api=%t", referrers), func(t *testing.T) {
			var full atomic.Bool
			var left atomic.Int32
			repository := newRegistry(t, referrers, func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if full.Load() && r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/sha256:") && left.Add(-1) < 0 {
						w.WriteHeader(http.StatusForbidden)
						fmt.Fprint(w, `{"errors":[{"code":"DENIED","message":"quota exceeded"}]}`)
						return
					}
					h.ServeHTTP(w, r)
				})
			})
			var files []publish.File
			var about []publish.About
			for i := range 5 {
				a, path := artifact(t, fmt.Sprint("file", i), fmt.Sprint(i))
				files = append(files, publish.File{Subject: a, Path: path})
				for j := range 4 {
					about = append(about, publish.About{Subject: a.Digest, Bundle: bundle(t, fmt.Sprintf("%d-%d", i, j), a.Digest)})
				}
			}
			full.Store(true)
			left.Store(12)
			_, err := openRegistry(t, repository).PublishAll(context.Background(), files, about)
			var half *publish.IncompleteError
			if !errors.As(err, &half) {
				t.Fatalf("PublishAll = %v, want an IncompleteError", err)
			}
			if len(half.Published) != 12 || len(half.Missing) != 13 || half.Repository != repository {
				t.Errorf("%d published, %d missing in %s, want 12 and 13", len(half.Published), len(half.Missing), half.Repository)
			}
			if !strings.HasPrefix(err.Error(), "publishing into "+repository+": 12 of 25 published, missing\n  bundle sha256:") || !strings.Contains(err.Error(), "quota exceeded") {
				t.Errorf("PublishAll = %v", err)
			}
			var cause *oci.Error
			if !errors.As(err, &cause) || cause.Status != http.StatusForbidden {
				t.Errorf("the cause of %v is %v, want the registry's", err, cause)
			}
			// What is said to be published is.
			s := fromRegistry(t, repository)
			there := 0
			for _, f := range files {
				there += len(found(t, s, f.Subject.Digest))
			}
			if want := 12 - len(files); there != want {
				t.Errorf("%d bundles are found, want %d", there, want)
			}
			full.Store(false)
			if _, err := openRegistry(t, repository).PublishAll(context.Background(), files, about); err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if got := found(t, fromRegistry(t, repository), f.Subject.Digest); len(got) != 4 {
					t.Errorf("%s: Bundles = %d, want 4", f.Subject.Name, len(got))
				}
			}
		})
	}
}

// Interrupted, it ends, and says that all of it is missing.
func TestRegistryInterrupted(t *testing.T) {
	repository := newRegistry(t, true, nil)
	one, path := artifact(t, "one", "1")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := openRegistry(t, repository).PublishAll(ctx, []publish.File{{Subject: one, Path: path}}, []publish.About{{one.Digest, bundle(t, "b", one.Digest)}})
	var half *publish.IncompleteError
	if !errors.As(err, &half) || len(half.Missing) != 2 || !errors.Is(err, context.Canceled) {
		t.Errorf("PublishAll = %v, want that both are missing, as it was cancelled", err)
	}
}

// Many publish at once: through one publisher, and through several.
func TestRegistryConcurrently(t *testing.T) {
	for _, referrers := range []bool{true, false} {
		repository := newRegistry(t, referrers, nil)
		one, path := artifact(t, "one", "1")
		var all sync.WaitGroup
		for p := range 4 {
			r := openRegistry(t, repository)
			all.Go(func() {
				if err := r.AddFile(context.Background(), one, path); err != nil {
					t.Error(err)
				}
				var inner sync.WaitGroup
				for i := range 5 {
					inner.Go(func() {
						if _, err := r.Publish(context.Background(), one.Digest, bundle(t, fmt.Sprintf("%d-%d", p, i), one.Digest)); err != nil {
							t.Error(err)
						}
					})
				}
				inner.Wait()
			})
		}
		all.Wait()
		if got := found(t, fromRegistry(t, repository), one.Digest); len(got) != 20 {
			t.Errorf("referrers API %t: Bundles = %d, want 20", referrers, len(got))
		}
	}
}

// BenchmarkRegistry publishes 100 referrers of one image into an empty
// repository, and in turn has go-containerregistry, which is what crane is made
// of, push the same 100 manifests one after the other, as a script of crane
// commands would, and 8 at a time.
func BenchmarkRegistry(b *testing.B) {
	const count = 100
	base, err := random.Image(100, 1)
	if err != nil {
		b.Fatal(err)
	}
	id, err := base.Digest()
	if err != nil {
		b.Fatal(err)
	}
	size, err := base.Size()
	if err != nil {
		b.Fatal(err)
	}
	subject, err := criteria.ParseDigest(id.String())
	if err != nil {
		b.Fatal(err)
	}
	var about []publish.About
	var images []v1.Image
	for i := range count {
		data := bundle(b, fmt.Sprint(i), subject)
		about = append(about, publish.About{Subject: subject, Bundle: data})
		images = append(images, referrer(b, data, v1.Descriptor{MediaType: types.DockerManifestSchema2, Size: size, Digest: id}))
	}
	for _, referrers := range []bool{true, false} {
		fresh := func(b *testing.B) string {
			b.StopTimer()
			repository := newRegistry(b, referrers, nil)
			if err := crane.Push(base, repository+":v1", crane.Insecure); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			return repository
		}
		b.Run(fmt.Sprintf("referrers_api=%t/hallmark", referrers), func(b *testing.B) {
			for b.Loop() {
				repository := fresh(b)
				a := plain
				a.Patience.Settle = 0 // as people have it
				r, err := publish.NewRegistry(repository, a)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := r.PublishAll(context.Background(), nil, about); err != nil {
					b.Fatal(err)
				}
			}
		})
		for _, jobs := range []int{1, 8} {
			b.Run(fmt.Sprintf("referrers_api=%t/crane,jobs=%d", referrers, jobs), func(b *testing.B) {
				for b.Loop() {
					repository, err := name.NewRepository(fresh(b), name.Insecure)
					if err != nil {
						b.Fatal(err)
					}
					pusher, err := remote.NewPusher(remote.WithJobs(4))
					if err != nil {
						b.Fatal(err)
					}
					var all sync.WaitGroup
					work := make(chan v1.Image)
					for range jobs {
						all.Go(func() {
							for image := range work {
								h, err := image.Digest()
								if err == nil {
									err = pusher.Push(context.Background(), repository.Digest(h.String()), image)
								}
								if err != nil {
									b.Error(err)
								}
							}
						})
					}
					for _, image := range images {
						work <- image
					}
					close(work)
					all.Wait()
				}
			})
		}
	}
}

// referrer is an image like the one by which a bundle refers to subject.
func referrer(b *testing.B, bundle []byte, subject v1.Descriptor) v1.Image {
	b.Helper()
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), "application/vnd.oci.empty.v1+json")
	image, err := mutate.AppendLayers(image, static.NewLayer(bundle, oci.BundleType))
	if err != nil {
		b.Fatal(err)
	}
	annotated, ok := mutate.Subject(image, subject).(v1.Image)
	if !ok {
		b.Fatal("no image")
	}
	if _, err := annotated.RawManifest(); err != nil {
		b.Fatal(err)
	}
	var m v1.Manifest
	raw, _ := annotated.RawManifest()
	if err := json.Unmarshal(raw, &m); err != nil || m.Subject == nil {
		b.Fatalf("the manifest %s has no subject: %v", raw, err)
	}
	return annotated
}
