package publish

import (
	"encoding/base64"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// claims is what a bundle says that it holds. Nobody verified it: it decides
// what the bundle's files are called and how often it lies there, and nothing
// else.
type claims struct {
	verdict bool
	failed  bool
	// time is when the verdict was made, zero if it gives none that we can read.
	time     time.Time
	subjects int
}

// claimed reads what bundle says of itself. What cannot be read claims nothing.
func claimed(bundle []byte) claims {
	var b struct {
		Envelope struct {
			Payload string `json:"payload"`
		} `json:"dsseEnvelope"`
	}
	if strict.JSON(bundle, &b) != nil {
		return claims{}
	}
	payload, err := base64.StdEncoding.DecodeString(b.Envelope.Payload)
	if err != nil {
		return claims{}
	}
	var s struct {
		PredicateType string     `json:"predicateType"`
		Subject       []struct{} `json:"subject"`
	}
	if strict.JSON(payload, &s) != nil {
		return claims{}
	}
	c := claims{subjects: len(s.Subject), verdict: s.PredicateType == attest.VerdictType}
	if !c.verdict {
		return c
	}
	var v struct {
		Predicate struct {
			Time   string `json:"timeVerified"`
			Result string `json:"verificationResult"`
		} `json:"predicate"`
	}
	if strict.JSON(payload, &v) != nil {
		return c
	}
	c.failed = v.Predicate.Result == "FAILED"
	if t, err := time.Parse(time.RFC3339Nano, v.Predicate.Time); err == nil {
		c.time = t
	}
	return c
}

// outranks reports whether the verdict c would decide against other, as in
// package verify: the later one does, of the same time the refusal, and a
// refusal without a time always.
func (c claims) outranks(other claims) bool {
	timeless := func(c claims) bool { return c.failed && c.time.IsZero() }
	switch {
	case timeless(c) || timeless(other):
		return timeless(c) && !timeless(other)
	case !c.time.Equal(other.time):
		return c.time.After(other.time)
	}
	return c.failed && !other.failed
}
