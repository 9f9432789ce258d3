package admission

import (
	"strings"
	"testing"
	"time"
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
