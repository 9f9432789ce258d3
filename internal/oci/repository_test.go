package oci_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/internal/oci"
)

// both runs a test against a registry that lists referrers and one that does
// not.
func both(t *testing.T, test func(t *testing.T, w *world)) {
	for _, api := range []bool{true, false} {
		t.Run(fmt.Sprintf("referrers_api=%t", api), func(t *testing.T) { test(t, newWorld(t, api)) })
	}
}

// What is published about a file is found by who holds the file, and by who
// holds its manifest's digest; about another file, nothing is.
func TestPublishedFile(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		r := w.open(t)
		one, h := putFile(t, r, "one", "1")
		two, h2 := putFile(t, r, "two", "2")
		a, b, c := bundle("a"), bundle("b"), bundle("c")
		refer(t, r, one, a, b)
		refer(t, r, two, c)

		fresh := w.open(t)
		got := found(t, fresh, h)
		slices.Sort(got)
		if diff := cmp.Diff([]string{string(a), string(b)}, got); diff != "" {
			t.Errorf("bundles about one (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{string(c)}, found(t, fresh, h2)); diff != "" {
			t.Errorf("bundles about two (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{string(c)}, found(t, fresh, two.Digest)); diff != "" {
			t.Errorf("bundles about two's manifest (-want +got):\n%s", diff)
		}
		if got := found(t, fresh, hashOf([]byte("3"))); len(got) != 0 {
			t.Errorf("bundles about what is not there = %q", got)
		}
	})
}

// Nothing is there yet, not even the repository: that is an answer.
func TestNothingThere(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		if got := found(t, w.open(t), hashOf([]byte("1"))); len(got) != 0 {
			t.Errorf("Bundles = %q, want none", got)
		}
	})
}

// Publishing twice writes nothing.
func TestTwiceAddsNothing(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		for round := range 2 {
			r := w.open(t)
			w.requests()
			d, _ := putFile(t, r, "one", "1")
			refer(t, r, d, bundle("a"), bundle("b"))
			for _, s := range w.requests() {
				if round == 1 && !strings.HasPrefix(s, "GET ") && !strings.HasPrefix(s, "HEAD ") {
					t.Errorf("publishing again sent %s", s)
				}
			}
		}
	})
}

// The same file released under another name keeps its artifact, so that what
// was attested about it stays found.
func TestSameFileOtherName(t *testing.T) {
	w := newWorld(t, true)
	r := w.open(t)
	before, h := putFile(t, r, "LICENSE", "free")
	refer(t, r, before, bundle("a"))
	after, _ := putFile(t, w.open(t), "LICENSE.txt", "free")
	if before.Digest != after.Digest {
		t.Errorf("PutFile = %s, want %s as before", after.Digest, before.Digest)
	}
	if got := found(t, w.open(t), h); len(got) != 1 {
		t.Errorf("Bundles = %q, want one", got)
	}
}

// A registry and a layout name the same things by the same digests.
func TestSameDigestsAsLayout(t *testing.T) {
	r := newWorld(t, true).open(t)
	l, err := oci.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path, h := file(t, "1")
	inLayout, err := l.StoreFile(context.Background(), "one", path, h)
	if err != nil {
		t.Fatal(err)
	}
	inRegistry, _ := putFile(t, r, "one", "1")
	if inLayout.Digest != inRegistry.Digest || inLayout.Size != inRegistry.Size {
		t.Errorf("the file is %s in the layout and %s in the registry", inLayout.Digest, inRegistry.Digest)
	}
	b, err := l.StoreBundle(bundle("a"))
	if err != nil {
		t.Fatal(err)
	}
	referrer, err := l.Refer(b, inLayout)
	if err != nil {
		t.Fatal(err)
	}
	if got := refer(t, r, inRegistry, bundle("a"))[0]; got.Digest != referrer.Digest {
		t.Errorf("the bundle is %s in the layout and %s in the registry", referrer.Digest, got.Digest)
	}
}

// A file that changed since it was judged is not published, and neither is one
// that is there already.
func TestChangedFile(t *testing.T) {
	r := newWorld(t, true).open(t)
	_, h := putFile(t, r, "one", "1")
	path, _ := file(t, "2")
	for _, want := range []string{h.String(), hashOf([]byte("3")).String()} {
		if _, err := r.PutFile(context.Background(), "one", path, mustHash(t, want)); err == nil || !strings.Contains(err.Error(), "changed") {
			t.Errorf("PutFile(other bytes as %s) = %v, want that it changed", want, err)
		}
	}
}
