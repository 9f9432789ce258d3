package sign

import (
	"errors"
	"fmt"

	"github.com/hallmark-project/hallmark/attest"
)

// Outage is what to do where a service does not answer. None of them weakens
// anything in silence: what is missing is missing in the bundle, and a trust
// file that requires it refuses the bundle.
type Outage string

// The ways to deal with an outage.
const (
	// Fail signs nothing. It is the zero value's meaning too.
	Fail Outage = "fail"
	// TimestampOnly does without a transparency log that does not answer, where
	// a timestamp authority says when the signature was made.
	TimestampOnly Outage = "timestamp"
	// Queue keeps what was signed, and what could not be, for [Resume].
	Queue Outage = "queue"
)

// Outages lists every [Outage].
func Outages() []Outage { return []Outage{Fail, TimestampOnly, Queue} }

// OutageError means that a service did not answer, or not with anything that
// could be its answer. Try again later; where [Outage] is [Queue], keep Bundle.
type OutageError struct {
	// Service is which kind of service it is, URL where.
	Service, URL string
	// Bundle is signed and lacks what the service should have added. It is nil
	// where nothing was signed, or where what was signed cannot be completed
	// later. Nobody has verified it and nobody should publish it.
	Bundle attest.Bundle
	// Err is what happened.
	Err error
}

func (e *OutageError) Error() string {
	return fmt.Sprintf("the %s %s does not answer: %v", e.Service, e.URL, e.Err)
}

// Unwrap returns what happened.
func (e *OutageError) Unwrap() error { return e.Err }

// RefusedError means that a service answered no. Asking again changes nothing.
type RefusedError struct {
	Service, URL string
	// Status is the HTTP status.
	Status int
	// Message is what the service said, safe to show.
	Message string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the %s %s refuses (HTTP %d): %s", e.Service, e.URL, e.Status, e.Message)
}

// errRedirect means that a service sends us elsewhere. Nobody follows: who was
// to be asked is written in the configuration.
var errRedirect = errors.New("it redirects elsewhere, which is not followed")
