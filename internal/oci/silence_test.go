package oci_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/internal/oci"
)

// Who has more to ask of a registry that was waited for in vain is told so and
// does not wait again, for a while; then the registry is asked anew.
func TestSilence(t *testing.T) {
	w := newWorld(t, true)
	a := access
	a.Patience.Answer = 300 * time.Millisecond
	r, err := oci.OpenRepository(w.host+"/app", a)
	if err != nil {
		t.Fatal(err)
	}
	w.set(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() })
	w.requests()
	for i := range 5 {
		if _, err := r.Manifest(context.Background(), "v1"); err == nil || oci.IsMissing(err) {
			t.Fatalf("Manifest of a registry that hangs = %v", err)
		}
		if n := len(w.requests()); n != map[bool]int{true: 1}[i == 0] {
			t.Errorf("question %d was asked %d times", i, n)
		}
	}
	w.set(nil)
	time.Sleep(400 * time.Millisecond)
	if _, err := r.Manifest(context.Background(), "v1"); !oci.IsMissing(err) {
		t.Errorf("Manifest of the registry, well again = %v, want that there is none", err)
	}
}
