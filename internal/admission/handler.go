package admission

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"runtime/debug"
	"slices"
	"time"
)

// Limits on requests. The API server takes objects of some 3 MB, and sends an
// update with the object twice.
const (
	maxBody     = 8 << 20
	mostBodies  = 256 << 10 // larger than nearly all
	maxLarge    = 64 << 20  // of bodies that are larger, at once
	maxRequests = 500       // at once

	defaultTimeout = 10 * time.Second // what the API server waits if nobody says otherwise
	maxTimeout     = 30 * time.Second // the longest that it can be told to wait
)

// deadline is how long an answer may take: what the API server waits, as it says
// itself, less what the way back takes.
func deadline(r *http.Request) (time.Duration, error) {
	d := defaultTimeout
	if v := r.URL.Query().Get("timeout"); v != "" {
		var err error
		if d, err = time.ParseDuration(v); err != nil || d <= 0 {
			return 0, fmt.Errorf("timeout %s is no length of time", quote(v))
		}
	}
	d = min(d, maxTimeout)
	return d - min(d/5, 500*time.Millisecond), nil
}

// question answers the body of a request, in one word for metrics, too. An error
// says that the body is no question.
type question func(ctx context.Context, began time.Time, body []byte) (data []byte, word string, err error)

// review is the question of an API server.
func (s *Server) review(endpoint string, pin bool) question {
	return func(ctx context.Context, began time.Time, body []byte) ([]byte, string, error) {
		req, err := decode(body)
		if err != nil {
			return nil, "", err
		}
		d := s.asker.decide(ctx, s.state.Load(), req, pin)
		s.metrics.decision(d)
		s.record(endpoint, req, d, time.Since(began))
		data, err := encode(d.response(req.UID))
		return data, d.answer(), err
	}
}

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, endpoint string, ask question) {
	began := time.Now()
	answer := "refused"
	s.metrics.inFlight.Inc()
	defer func() {
		s.metrics.inFlight.Dec()
		if p := recover(); p != nil {
			answer = "fault"
			s.log.Error("answering failed unexpectedly", "fault", fmt.Sprint(p), "stack", string(debug.Stack()))
			http.Error(w, "answering failed unexpectedly", http.StatusInternalServerError)
		}
		s.metrics.requests.WithLabelValues(endpoint, answer).Inc()
		s.metrics.duration.WithLabelValues(endpoint).Observe(time.Since(began).Seconds())
	}()
	refuse := func(status int, format string, args ...any) {
		msg := printable(fmt.Sprintf(format, args...))
		s.log.Warn("request refused", "endpoint", endpoint, "status", status, "reason", msg, "from", r.RemoteAddr)
		http.Error(w, msg, status)
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(http.StatusMethodNotAllowed, "expected POST")
		return
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		refuse(http.StatusUnsupportedMediaType, "expected application/json")
		return
	}
	limit, err := deadline(r)
	if err != nil {
		refuse(http.StatusBadRequest, "%v", err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	select {
	case s.requests <- struct{}{}:
		defer func() { <-s.requests }()
	case <-ctx.Done():
		w.Header().Set("Retry-After", "1")
		refuse(http.StatusServiceUnavailable, "more than %d requests at once", maxRequests)
		return
	}
	body, done, err := s.read(ctx, w, r)
	defer done()
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		refuse(http.StatusRequestEntityTooLarge, "the request has more than %d bytes", maxBody)
		return
	case errors.Is(err, errNoRoom):
		w.Header().Set("Retry-After", "1")
		refuse(http.StatusServiceUnavailable, "%v", err)
		return
	case err != nil:
		refuse(http.StatusBadRequest, "reading the request: %v", err)
		return
	}
	data, word, err := ask(ctx, began, body)
	if err != nil {
		refuse(http.StatusBadRequest, "%v", err)
		return
	}
	answer = word
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(data); err != nil {
		s.log.Debug("the answer was not taken", "endpoint", endpoint, "error", err.Error())
	}
}

// errNoRoom is met where larger requests take all the room there is.
var errNoRoom = errors.New("too many large requests at once")

// read reads the body. Those that are larger than nearly all wait until there is
// room for them; done gives it back.
func (s *Server) read(ctx context.Context, w http.ResponseWriter, r *http.Request) (body []byte, done func(), err error) {
	done = func() {}
	in := http.MaxBytesReader(w, r.Body, maxBody)
	if r.ContentLength > maxBody {
		return nil, done, &http.MaxBytesError{Limit: maxBody}
	}
	var b bytes.Buffer
	if n := r.ContentLength; n >= 0 && n <= mostBodies {
		b.Grow(int(n) + bytes.MinRead)
	} else {
		// First what most have, without asking.
		if _, err := b.ReadFrom(io.LimitReader(in, mostBodies)); err != nil {
			return nil, done, err
		}
		if b.Len() == mostBodies {
			size := n
			if size < 0 {
				size = maxBody
			}
			if err := s.large.Acquire(ctx, size); err != nil {
				return nil, done, errNoRoom
			}
			done = func() { s.large.Release(size) }
		}
	}
	if _, err := b.ReadFrom(in); err != nil {
		done()
		return nil, func() {}, err
	}
	return b.Bytes(), done, nil
}

// answer is d in one word, for metrics and logs.
func (d *decision) answer() string {
	if d.allowed {
		return "allowed"
	}
	return "denied"
}

// response is d as the API server is told.
func (d *decision) response(uid string) *response {
	r := &response{UID: uid, Allowed: d.allowed, Warnings: d.limited(), AuditAnnotations: d.notes}
	if !d.allowed {
		reason := "Forbidden"
		if d.code == http.StatusInternalServerError {
			reason = "InternalError"
		}
		r.Status = &status{Status: "Failure", Message: d.message, Reason: reason, Code: d.code}
		return r
	}
	if d.patch != nil {
		r.Patch, r.PatchType = d.patch, "JSONPatch"
	}
	return r
}

// maxWarnings bounds the warnings of one answer; the API server drops all of
// them where they have more than 4 KiB.
const maxWarnings = 12

func (d *decision) limited() []string {
	if len(d.warnings) <= maxWarnings {
		return d.warnings
	}
	return append(slices.Clone(d.warnings[:maxWarnings-1]), fmt.Sprintf("hallmark: and %d more warnings", len(d.warnings)-maxWarnings+1))
}

// record logs d: what was denied and what was admitted without a yes always, the
// rest where somebody wants to know. No part of an object is logged but the
// names of its images.
func (s *Server) record(endpoint string, r *request, d *decision, took time.Duration) {
	level, what := slog.LevelDebug, "allowed"
	switch {
	case !d.allowed:
		level, what = slog.LevelInfo, "denied"
	case d.glass:
		level, what = slog.LevelWarn, "admitted by break-glass"
	case d.open:
		level, what = slog.LevelWarn, "admitted though it could not be told"
	case d.notes["not-verified"] != "":
		level, what = slog.LevelInfo, "admitted, not verified"
	}
	ctx := context.Background()
	if !s.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("endpoint", endpoint), slog.String("uid", r.UID), slog.String("operation", printable(r.Operation)), slog.String("kind", printable(r.Kind.Kind)),
		slog.String("namespace", printable(r.Namespace)), slog.String("name", printable(r.Name)), slog.String("user", printable(r.User.Username)),
		slog.Bool("dryRun", r.DryRun), slog.Float64("seconds", took.Seconds()),
	}
	if d.message != "" {
		attrs = append(attrs, slog.String("message", d.message))
	}
	for _, k := range sortedKeys(d.notes) {
		attrs = append(attrs, slog.String(k, d.notes[k]))
	}
	s.log.LogAttrs(ctx, level, what, attrs...)
}
