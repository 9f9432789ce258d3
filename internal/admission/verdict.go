package admission

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/hallmark-project/hallmark/internal/answer"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/verify"
)

// verdict is what is known of an image under a policy, or under one of its
// trust files: as much as is told, and for how long it counts.
type verdict struct {
	outcome string // of package answer
	// reason is one word for programs: a code of package verify, or one of those
	// below.
	reason string
	lines  []string // for people
	made   time.Time
	keep   time.Duration
	// until is when the yes ends whatever is kept: the verdict is too old then, or
	// its key no longer trusted. Zero is never.
	until time.Time
	// tried is when it was last asked anew while it stood, in Unix nanoseconds.
	tried atomic.Int64
}

// The reasons that are none of package verify's.
const (
	isVerified     = "verified"
	isUnmatched    = "unmatched"
	badImage       = "bad-image"
	notInTime      = "timeout"
	badAddress     = "address-not-allowed"
	noCredentials  = "unauthorized"
	notFound       = "not-found"
	rateLimited    = "rate-limited"
	registryFailed = "registry"
	unreadable     = "unreadable"
	overloaded     = "overloaded"
	internalFault  = "internal"
)

// What is known only for a while. A no is asked again soon: whoever signs a
// moment too late should not have to wait. What could not be told is asked again
// sooner still, but not by every request.
const (
	keepUnknown      = 5 * time.Second
	keepUnauthorized = 30 * time.Second
	keepAtMost       = time.Minute // however long a registry asks to be left alone
)

// counts reports whether v may still be given as an answer.
func (v *verdict) counts(now time.Time) bool {
	age := now.Sub(v.made)
	switch {
	case age >= v.keep:
		return false
	// The clock was set back: how old it is, is not known.
	case now.Round(0).Before(v.made.Round(0).Add(-verify.Skew)):
		return false
	}
	return v.until.IsZero() || now.Before(v.until)
}

// ages reports whether v should be asked anew before it ends, so that nobody has
// to wait then.
func (v *verdict) ages(now time.Time) bool { return now.Sub(v.made) >= v.keep/3*2 }

// due reports whether v may be asked anew now, and if so notes that it is: what
// cannot be told again is not asked by every request.
func (v *verdict) due(now time.Time) bool {
	last := v.tried.Load()
	return now.UnixNano()-last >= int64(keepUnknown) && v.tried.CompareAndSwap(last, now.UnixNano())
}

// maxLines bounds the reasons that are kept of one verdict, and maxLine each of
// them in bytes.
const (
	maxLines = 6
	maxLine  = 500
)

// unknown is what is said where it could not be told.
func unknown(now time.Time, reason string, keep time.Duration, format string, args ...any) *verdict {
	return &verdict{outcome: answer.Unknown, reason: reason, lines: []string{printable(fmt.Sprintf(format, args...))}, made: now, keep: keep}
}

// unable is [unknown] for an error that kept us from an answer.
func unable(now time.Time, err error) *verdict {
	reason, keep := classify(err)
	return unknown(now, reason, keep, "%v", err)
}

// classify says what kind of fault err is, and for how long it is believed.
func classify(err error) (reason string, keep time.Duration) {
	var registry *oci.Error
	var network net.Error
	switch {
	case errors.Is(err, oci.ErrAddress):
		return badAddress, keepUnauthorized
	case errors.As(err, &registry) && registry.Status != 0:
		switch status := registry.Status; {
		case status == http.StatusUnauthorized || status == http.StatusForbidden:
			return noCredentials, keepUnauthorized
		case status == http.StatusNotFound:
			return notFound, keepUnknown
		case status == http.StatusTooManyRequests:
			return rateLimited, min(max(registry.After, keepUnknown), keepAtMost)
		}
		return registryFailed, keepUnknown
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.As(err, &network) && network.Timeout():
		return notInTime, keepUnknown
	case registry != nil:
		return registryFailed, keepUnknown
	case errors.Is(err, fs.ErrNotExist):
		return notFound, keepUnknown
	}
	return unreadable, keepUnknown
}

// judged makes a verdict of what a trust file's verifier answered.
func judged(r answer.Report, now time.Time, keepYes, keepNo time.Duration) *verdict {
	v := &verdict{outcome: r.Outcome, reason: isVerified, made: now, keep: keepYes}
	switch r.Outcome {
	case answer.Verified:
		v.until = ends(r)
		return v
	case answer.Refused:
		v.keep = keepNo
	default:
		v.outcome, v.reason, v.keep = answer.Unknown, unreadable, keepUnknown
	}
	said := make(map[string]bool)
	more := 0
	for i, s := range r.Subjects {
		if s.Outcome != v.outcome {
			continue
		}
		for j, line := range s.Lines() {
			if said[line] {
				continue
			}
			said[line] = true
			if len(v.lines) == 0 && v.outcome == answer.Refused {
				v.reason = s.Reasons[j].Code
			}
			if i > 0 && len(v.lines) < maxLines {
				line = s.Name + " is " + s.Digest.String() + ": " + line
			}
			if len(v.lines) == maxLines {
				more++
				continue
			}
			v.lines = append(v.lines, printable(line))
		}
		if v.outcome == answer.Unknown && s.Cause() != nil && v.reason == unreadable {
			v.reason, v.keep = classify(s.Cause())
		}
	}
	if more > 0 {
		v.lines = append(v.lines, fmt.Sprintf("and %d more reasons", more))
	}
	return v
}

// ends is when the yes in r ends by itself: when the first of what it rests on
// is older than the trust file accepts, or the first key ends. Zero is never.
func ends(r answer.Report) time.Time {
	var end time.Time
	for _, s := range r.Subjects {
		if s.Result == nil {
			continue
		}
		if t := s.Result.Until(); !t.IsZero() && (end.IsZero() || t.Before(end)) {
			end = t
		}
	}
	return end
}

// together is what a policy says whose trust files said these: one yes is
// enough, and one that could not tell might have been it.
func together(trusts []*trust, verdicts []*verdict) *verdict {
	if len(verdicts) == 1 {
		return verdicts[0]
	}
	var first *verdict
	for _, outcome := range []string{answer.Verified, answer.Unknown, answer.Refused} {
		for _, v := range verdicts {
			if v.outcome == outcome && first == nil {
				first = v
			}
		}
	}
	if first.outcome == answer.Verified {
		return first
	}
	all := &verdict{outcome: first.outcome, reason: first.reason, made: first.made, keep: first.keep, until: first.until}
	for i, v := range verdicts {
		for _, line := range v.lines {
			if len(all.lines) < maxLines {
				all.lines = append(all.lines, trusts[i].name+": "+line)
			}
		}
	}
	return all
}

// printable makes one short line of text that strangers may have written.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxLine {
		s = strings.ToValidUTF8(s[:maxLine], "") + "…"
	}
	return s
}
