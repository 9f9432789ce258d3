package console

import (
	"fmt"
	"time"
)

// redraw is how often a [Counter] is drawn at most.
const redraw = 100 * time.Millisecond

// Counter shows, on a terminal only and once it takes a while, how many of
// something are done, on a line that goes away for what is written between. It
// is for one goroutine: the one that writes the rest.
type Counter struct {
	c           IO
	what        string
	total, n    int
	begun, last time.Time
	shown       bool
}

// Count begins a Counter.
func (c IO) Count(what string, total int) *Counter {
	return &Counter{c: c, what: what, total: total, begun: time.Now()}
}

// Add says that one more is done.
func (p *Counter) Add() {
	p.n++
	now := time.Now()
	if !p.c.Terminal || now.Sub(p.begun) < slow || now.Sub(p.last) < redraw {
		return
	}
	p.last, p.shown = now, true
	fmt.Fprintf(p.c.Err, "\r\x1b[K%s %d of %d", p.what, p.n, p.total)
}

// Clear takes the line away, before something else is written and in the end.
func (p *Counter) Clear() {
	if p.shown {
		p.shown = false
		fmt.Fprint(p.c.Err, "\r\x1b[K")
	}
}
