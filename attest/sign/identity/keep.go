package identity

import (
	"context"
	"sync"
	"time"
)

// leastLeft is how long a token has to be good for to be handed out again: the
// request to Fulcio is still to be made.
const leastLeft = 30 * time.Second

// Keep returns a source that asks s only when the token that it gave is about
// to expire, so that nobody logs in twice for one release. It is safe for
// concurrent use: whoever asks meanwhile waits.
func Keep(s Source, now func() time.Time) Source {
	return &kept{source: s, now: now, last: make(map[string]Token)}
}

type kept struct {
	source Source
	now    func() time.Time
	mu     sync.Mutex
	last   map[string]Token // by audience
}

func (k *kept) Name() string { return k.source.Name() }

func (k *kept) Token(ctx context.Context, audience string) (Token, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if t, ok := k.last[audience]; ok && k.now().Add(leastLeft).Before(t.Expires()) {
		return t, nil
	}
	t, err := k.source.Token(ctx, audience)
	if err != nil {
		return Token{}, err
	}
	k.last[audience] = t
	return t, nil
}
