package oci

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// Error is what went wrong between us and a registry: which, about what, while
// doing what, and what came back.
type Error struct {
	Registry, Repository string
	Doing                string // "reading manifest sha256:…"
	// Status is the HTTP status, 0 where no answer came or the answer was not
	// what it should be.
	Status int
	// Said is what the registry itself says of it: its code and message.
	Said string
	// After is how long it asks to be left alone.
	After time.Duration
	// Attempts is how often it was tried.
	Attempts int

	method string
	shown  bool // credentials were shown
	cause  error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s/%s: %s: ", e.Registry, e.Repository, e.Doing)
	if e.Status != 0 {
		fmt.Fprintf(&b, "%d %s", e.Status, http.StatusText(e.Status))
		if e.Said != "" {
			b.WriteString(": " + e.Said)
		}
		if why := e.why(); why != "" {
			b.WriteString(": " + why)
		}
	} else {
		fmt.Fprintf(&b, "%v", e.cause)
	}
	if e.Attempts > 1 {
		fmt.Fprintf(&b, ", after %d attempts", e.Attempts)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.cause }

// why says what a status means here.
func (e *Error) why() string {
	writing := e.method == http.MethodPut || e.method == http.MethodPost || e.method == http.MethodPatch
	switch e.Status {
	case http.StatusUnauthorized:
		if e.shown {
			return "the registry refuses the credentials that it was shown"
		}
		return "the registry asks for credentials, and there are none for it"
	case http.StatusForbidden:
		if writing {
			return "these credentials may not write here, or the repository is read-only or full"
		}
		return "these credentials may not read here"
	case http.StatusMethodNotAllowed:
		if writing {
			return "the registry takes nothing: it is read-only, or the tag is immutable"
		}
	case http.StatusBadRequest, http.StatusConflict, http.StatusPreconditionFailed:
		if writing && strings.Contains(strings.ToLower(e.Said), "immutable") {
			return "the tag is there and cannot be changed"
		}
	case http.StatusRequestEntityTooLarge, http.StatusInsufficientStorage:
		return "the registry takes nothing this large, or has no room left"
	case http.StatusTooManyRequests:
		if e.After > 0 {
			return fmt.Sprintf("the registry asks to be left alone for %s", e.After)
		}
		return "the registry asks for fewer requests"
	}
	return ""
}

// Hint returns what can be done about err, or nothing.
func Hint(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return ""
	}
	switch {
	case errors.Is(err, errPlain):
		return "the registry does not speak TLS: if that is meant, allow it with --allow-http-registry"
	case e.Status == http.StatusUnauthorized && !e.shown:
		return "log in with: docker login " + e.Registry
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden:
		return "log in as someone who may, with: docker login " + e.Registry
	case e.Status == http.StatusTooManyRequests, e.Status >= 500:
		return "try again later: what is there already is not sent again"
	}
	return ""
}

// IsMissing reports whether err says that a registry does not have what was
// asked for.
func IsMissing(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// errPlain is met where a registry answers in the clear.
var errPlain = errors.New("it answers in plain http, and that is not allowed")

// errFinal marks what no second attempt would change.
type errFinal struct{ error }

func (e errFinal) Unwrap() error { return e.error }

func final(format string, args ...any) error { return errFinal{fmt.Errorf(format, args...)} }

// said reads the words of a registry about an error (OCI distribution 1.1,
// "Error Codes"): one line without anything that could move a cursor.
func said(body []byte) string {
	var doc struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if strict.JSON(body, &doc) != nil {
		return ""
	}
	var words []string
	for _, e := range doc.Errors {
		switch {
		case e.Code == "" && e.Message == "":
		case e.Message == "":
			words = append(words, e.Code)
		case e.Code == "":
			words = append(words, e.Message)
		default:
			words = append(words, e.Code+" ("+e.Message+")")
		}
	}
	return clean(strings.Join(words, "; "), 300)
}

// clean makes one short line of text that a stranger wrote.
func clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.Join(strings.Fields(s), " "))
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return s
}
