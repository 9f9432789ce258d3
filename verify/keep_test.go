package verify

import (
	"fmt"
	"testing"

	"github.com/hallmark-project/hallmark/criteria"
)

// What is kept open is bounded, and what has one subject is not kept.
func TestKeepBounds(t *testing.T) {
	var k keep
	open := func(i, subjects int) *opened {
		p := &payload{}
		for range subjects {
			p.Subject = append(p.Subject, struct {
				Name   string            `json:"name"`
				Digest map[string]string `json:"digest"`
			}{})
		}
		return &opened{bundle: criteria.DigestOf(fmt.Append(nil, i)), payload: p}
	}
	for i := range 100 {
		o := open(i, 2)
		for range 2 {
			k.put(o, maxKept/10)
		}
		if k.get(o.bundle) != o {
			t.Errorf("bundle %d was not kept", i)
		}
		if n := len(k.by); n > 10 || k.bytes != n*(maxKept/10) {
			t.Fatalf("after %d bundles, %d are kept with %d bytes", i+1, n, k.bytes)
		}
	}
	for _, tt := range []struct{ subjects, size int }{{1, 1}, {2, maxKept + 1}} {
		o := open(1000+tt.subjects, tt.subjects)
		if k.put(o, tt.size); k.get(o.bundle) != nil {
			t.Errorf("a bundle of %d bytes about %d subjects was kept", tt.size, tt.subjects)
		}
	}
}
