//go:build integration

package integration

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// A registry is asked once about an image, however many ask at once and however
// often they ask afterwards; about one of which nothing is known, as seldom. Peers
// have been seen to pull one image 45 times.
func TestRegistryIsAskedOnce(t *testing.T) {
	t.Parallel()
	r := newImages(t, pushImage(t, services.Registry))
	hallmark(t).run(append(keyArgs(t, r.release), "--allow-http-registry")...).exits(0)
	unsigned := pushImage(t, services.Registry)
	p := newProxy(t, services.Registry)
	w := newWebhook(t, map[string]string{
		"admission.yaml": fmt.Sprintf("policies:\n  - {name: all, match: {images: ['%s/**']}, trust: [trust.yaml]}\nregistries: {allowedAddresses: [127.0.0.1]}\n", p.host),
		"trust.yaml":     read(t, r.consumer(t)),
	}, nil, "--cache-refused", "10m", "--cache-tag", "10m")
	c := newCaller("https://"+w.address+"/validate", w.cert.roots, 10*time.Second)
	single := r.images[0].via(p)
	good, tagged, bad := single.by(single.digest), single.reference(), unsigned.via(p).by(unsigned.digest)
	together := func(n int, image string, allowed bool) {
		t.Helper()
		var all sync.WaitGroup
		for i := range n {
			body := review(t, fmt.Sprintf("r-%d", i), "default", image, image, image)
			all.Go(func() {
				if v, err := c.ask(body); err != nil || v.Allowed != allowed {
					t.Errorf("%s: allowed %v, %v; want %v\n%s", image, v.Allowed, err, allowed, v.Status.Message)
				}
			})
		}
		all.Wait()
	}
	for _, tt := range []struct {
		what, image string
		allowed     bool
		most        int // requests to the registry
	}{
		// The image's manifest, its referrers, the three tags under which they may
		// be, and for each bundle a manifest and a blob.
		{"verified", good, true, 5 + 2*len(r.bundles(t))},
		{"refused", bad, false, 5},
		// What is already known of its digest is not asked again.
		{"a tag of what is known", tagged, true, 1},
	} {
		before := p.requests("")
		together(60, tt.image, tt.allowed)
		first := p.requests("") - before
		if first == 0 || first > tt.most {
			t.Errorf("%s: 60 reviews at once asked the registry %d times, want at most %d", tt.what, first, tt.most)
		}
		together(200, tt.image, tt.allowed)
		if later := p.requests("") - before - first; later != 0 {
			t.Errorf("%s: what is known was asked of the registry %d times", tt.what, later)
		}
	}
	// And with nobody there to be asked.
	p.down()
	together(50, good, true)
	together(50, tagged, true)
	together(50, bad, false)
}
