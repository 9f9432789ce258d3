package verify

import (
	"fmt"
	"sync"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// opened is a statement whose signature is a trusted signer's, whatever it is
// about and whenever it is asked.
type opened struct {
	bundle, digest criteria.Digest
	signed         *signed
	payload        *payload
}

// about returns the statement as one about the bytes with digests, if it is that,
// and if somebody who signed it is trusted now and may sign such a statement.
func (o *opened) about(digests []criteria.Digest, now time.Time) (*verified, *Reason) {
	_, name, ok := o.payload.subject(digests...)
	if !ok {
		return nil, &Reason{Code: WrongSubject, Message: "it is about " + others(o.payload)}
	}
	var by []*entry
	why := ""
	for _, e := range o.signed.by {
		switch {
		case !e.may(o.payload.PredicateType):
			why = fmt.Sprintf("%s is not trusted for statements of type %q", o.signed.Signer, o.payload.PredicateType)
		case o.signed.valid(e, now) != "":
			why = fmt.Sprintf("%s is trusted %s", o.signed.Signer, e.valid(now))
		default:
			by = append(by, e)
		}
	}
	if len(by) == 0 {
		return nil, &Reason{Code: UntrustedSigner, Message: why}
	}
	signature := o.signed.Signature
	signature.Signer.Name = by[0].Name
	return &verified{
		bundle: o.bundle, digest: o.digest, name: name,
		signature: signature, by: by, payload: o.payload, until: o.signed.until,
	}, nil
}

// maxKept bounds the bytes of bundles that a [Verifier] keeps open. A verdict
// and its findings about 1,024 artifacts have less than 1 MiB.
const maxKept = 16 << 20

// keep holds statements about several subjects that were opened, by the digest
// of their bundle's bytes. A release's verdict is about all its artifacts: who
// verifies a thousand of them would verify its signature a thousand times.
//
// Only what verified is kept, and only what cannot change: who signed these
// bytes, where that rests on no log that ends. Whether the statement is about the subject asked for, and whether its
// key is still trusted, is asked anew each time.
type keep struct {
	mu    sync.Mutex
	by    map[criteria.Digest]*opened
	bytes int
}

func (k *keep) get(bundle criteria.Digest) *opened {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.by[bundle]
}

func (k *keep) put(o *opened, size int) {
	if len(o.payload.Subject) < 2 || size > maxKept {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.by[o.bundle] != nil {
		return
	}
	if k.bytes += size; k.by == nil || k.bytes > maxKept {
		k.by, k.bytes = make(map[criteria.Digest]*opened), size
	}
	k.by[o.bundle] = o
}
