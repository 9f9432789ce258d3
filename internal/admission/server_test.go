package admission

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/oci"
)

func TestValidate(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	bad, _ := w.push("shop/app", "2", 0)
	s := w.server()
	mustAllow(t, "a signed image", ask(t, s, good))
	mustAllow(t, "by tag", ask(t, s, w.host+"/shop/app:1"))
	mustDeny(t, "an unsigned image", ask(t, s, bad), "refused by policy shop", "no-bundle: no bundle about it was found", strings.Split(bad, "@")[1])
	mustDeny(t, "a good and a bad image", ask(t, s, good, bad), "no-bundle", `container "c1"`)
	mustDeny(t, "another repository", ask(t, s, strings.Replace(good, "/shop/", "/other/", 1)), "no policy is about this image here")
	// Signed by a stranger; and withdrawn.
	stranger, digests := w.push("shop/app", "3", 0)
	w.attest("shop/app", newKey(t), true, time.Now().Add(-time.Hour), digests...)
	mustDeny(t, "signed by a stranger", ask(t, s, stranger), "untrusted-signer")
	withdrawn, digests := w.push("shop/app", "4", 0)
	w.attest("shop/app", w.key, true, time.Now().Add(-2*time.Hour), digests...)
	w.attest("shop/app", w.key, false, time.Now().Add(-time.Hour), digests...)
	mustDeny(t, "withdrawn", ask(t, s, withdrawn), "failed: ")
	// What was answered before is answered again without a question to anyone.
	w.requests()
	mustAllow(t, "again", ask(t, s, good))
	mustAllow(t, "again by tag", ask(t, s, w.host+"/shop/app:1"))
	mustDeny(t, "again", ask(t, s, bad), "no-bundle")
	if got := w.requests(); len(got) > 0 {
		t.Errorf("what was known was asked again: %v", got)
	}
}

func TestIndex(t *testing.T) {
	w := newWorld(t)
	all, digests := w.push("shop/app", "all", 2)
	w.attest("shop/app", w.key, true, time.Now().Add(-time.Hour), digests...)
	part, digests := w.push("shop/app", "part", 2)
	w.attest("shop/app", w.key, true, time.Now().Add(-time.Hour), digests[:2]...)
	s := w.server()
	mustAllow(t, "an index with all its images", ask(t, s, all))
	mustAllow(t, "by tag", ask(t, s, w.host+"/shop/app:all"))
	mustDeny(t, "an index with an image that is not signed", ask(t, s, part), "linux/cpu1", digests[2].String(), "no-bundle")
}

// Without tag and digest an image is what kubelets take it for.
func TestLatest(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "latest")
	w.push("shop/other", "1", 0)
	s := w.server()
	mustAllow(t, "latest", ask(t, s, w.host+"/shop/app"))
	mustDeny(t, "no latest", ask(t, s, w.host+"/shop/other"), "could not tell", "404 Not Found")
	_, r, _ := post(t, s, "/mutate", encoded(t, reviewOf(podObject(w.host+"/shop/app"))))
	if want := `"value":"` + good + `"`; !strings.Contains(string(r.Patch), want) {
		t.Errorf("the patch is %s, want %s in it", r.Patch, want)
	}
}

// Where the bundles lie in a folder or a layout, an image that is named by
// digest is verified without a registry, and what is added or taken away counts
// at the next look.
func TestWithoutARegistry(t *testing.T) {
	w := newWorld(t)
	good, digests := w.push("shop/app", "1", 2)
	w.attest("shop/app", w.key, true, time.Now().Add(-time.Hour), digests...)
	bad, badDigests := w.push("shop/app", "2", 0)
	layout := filepath.Join(t.TempDir(), "layout")
	access := oci.Access{AllowHTTP: true, Patience: quick}
	for _, image := range []string{good, bad} {
		from, err := oci.ParsePlace(image)
		if err != nil {
			t.Fatal(err)
		}
		to, err := oci.ParsePlace("oci:" + layout)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := oci.Copy(context.Background(), from, to, oci.CopyOptions{From: access, To: access}); err != nil {
			t.Fatal(err)
		}
	}
	folder := t.TempDir()
	put := func(name string, passed bool, at time.Time, digests ...criteria.Digest) {
		if err := os.WriteFile(filepath.Join(folder, name), w.sign(w.key, passed, at, digests...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("1.sigstore.json", true, time.Now().Add(-time.Hour), digests...)
	for where, yaml := range map[string]string{"layout": "layout: " + layout, "folder": "folder: " + folder} {
		w.config(strings.Replace(w.policies(""), "    trust:", "    bundles: {"+yaml+"}\n    trust:", 1))
		s := w.server()
		w.requests()
		mustAllow(t, "signed, in a "+where, ask(t, s, good))
		mustDeny(t, "not signed, in a "+where, ask(t, s, bad), "no-bundle")
		if got := w.requests(); len(got) > 0 {
			t.Errorf("with bundles in a %s a registry was asked: %v", where, got)
		}
		mustAllow(t, "by tag", ask(t, s, w.host+"/shop/app:1")) // the tag is asked of the registry
		if where == "folder" {
			put("2.sigstore.json", true, time.Now().Add(-time.Hour), badDigests...)
			w.turn(time.Minute)
			mustAllow(t, "signed now", ask(t, s, bad))
			put("3.sigstore.json", false, time.Now().Add(-time.Minute), badDigests...)
			w.turn(2 * time.Minute)
			mustDeny(t, "withdrawn", ask(t, s, bad), "failed")
			if err := os.RemoveAll(folder); err != nil {
				t.Fatal(err)
			}
			w.turn(2 * time.Minute)
			mustDeny(t, "no folder", ask(t, s, good), "could not tell")
		}
	}
}
