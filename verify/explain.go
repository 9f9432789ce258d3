package verify

import (
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	sigstore "github.com/sigstore/sigstore-go/pkg/verify"
)

// explain says what is wrong with b, a bundle with a certificate that was
// refused with err under trusted. Nothing is decided here: a bundle is looked at
// once more only to tell people which of its parts nobody should believe.
//
// sigstore-go's steps have no error types, so they are told by what their errors
// begin with, and one of another name is quoted as it is.
func explain(b *parsed, trusted *root.TrustedRoot, err error) (string, Step) {
	step, cause := failure(err)
	switch step {
	case StepLog:
		return unlogged(b, trusted, cause), step
	case StepTime:
		return untimed(b, trusted, cause), step
	case StepCertificate:
		return unvouched(b, trusted, cause), step
	case StepSCT:
		return unpromised(b, trusted, cause), step
	case StepSignature:
		return "its signature does not verify: " + cause, step
	}
	return "its certificate, log entry, timestamp or signature does not verify: " + cause, StepSignature
}

func unlogged(b *parsed, trusted *root.TrustedRoot, cause string) string {
	entries, err := b.TlogEntries()
	if err != nil {
		return fmt.Sprintf("its log entry cannot be read: %v", err)
	}
	if len(entries) == 0 {
		return "it has no log entry"
	}
	known := false
	for _, e := range entries {
		log, ok := logOf(trusted, e)
		if !ok {
			continue
		}
		known = true
		if t := e.IntegratedTime(); e.HasInclusionPromise() && !t.IsZero() {
			if why := outside(t, log.ValidityPeriodStart, log.ValidityPeriodEnd); why != "" {
				return fmt.Sprintf("its log entry says %s, and the trusted root trusts that log %s", stamp(t), why)
			}
		}
	}
	switch {
	case !known:
		return "its log entry is from no log that the trusted root lists"
	case strings.Contains(cause, "does not match expected root"):
		return "its log entry is not of this signature, or not in the log: the proof leads elsewhere"
	}
	return "its log entry does not verify: " + cause
}

func untimed(b *parsed, _ *root.TrustedRoot, cause string) string {
	if stamps, err := b.Timestamps(); err == nil && len(stamps) == 0 {
		return "nobody says when it was signed: it has no timestamp, and its log gives no time"
	}
	const last = "unable to verify signed timestamps: "
	if i := strings.LastIndex(cause, last); i >= 0 {
		cause = cause[i+len(last):]
	}
	return "its timestamp does not verify: " + cause
}

func unvouched(b *parsed, trusted *root.TrustedRoot, cause string) string {
	content, err := b.VerificationContent()
	if err != nil || content.Certificate() == nil {
		return "its certificate cannot be read"
	}
	leaf := content.Certificate()
	authority := issuerOf(leaf, trusted)
	if authority == nil {
		return "its certificate is from no certificate authority that the trusted root lists"
	}
	for _, t := range witnessed(b, trusted) {
		if why := outside(t, leaf.NotBefore, leaf.NotAfter); why != "" {
			return fmt.Sprintf("it was signed on %s, and its certificate was valid %s", stamp(t), why)
		}
		if why := outside(t, authority.ValidityPeriodStart, authority.ValidityPeriodEnd); why != "" {
			return fmt.Sprintf("it was signed on %s, and the trusted root trusts its certificate authority %s", stamp(t), why)
		}
	}
	return "its certificate does not verify: " + cause
}

// witnessed are the times at which others say that b was signed.
func witnessed(b *parsed, trusted *root.TrustedRoot) []time.Time {
	var times []time.Time
	if logged, err := sigstore.VerifyTlogEntry(b, trusted, 1, true); err == nil {
		for _, t := range logged {
			times = append(times, t.Time)
		}
	}
	if stamped, _, err := sigstore.VerifySignedTimestamp(b, trusted); err == nil {
		for _, t := range stamped {
			times = append(times, t.Time)
		}
	}
	return times
}

// promises is the extension in which a certificate has what certificate logs
// promised (RFC 6962, section 3.3).
var promises = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}

func unpromised(b *parsed, _ *root.TrustedRoot, _ string) string {
	content, err := b.VerificationContent()
	if err != nil || content.Certificate() == nil {
		return "its certificate cannot be read"
	}
	for _, e := range content.Certificate().Extensions {
		if e.Id.Equal(promises) {
			return "its certificate is in no certificate log that the trusted root trusted then"
		}
	}
	return "no certificate log has promised to hold its certificate"
}

// retired says why the logs that hold b are not to be believed, or nothing.
// times are those at which others say that it was signed; where nobody does, the
// present counts, by which it was.
//
// sigstore-go looks at how long a log is trusted only where the log itself
// gives a time, which Rekor v2 does not. Without this, who came by the key of a
// log that was given up could go on logging.
//
// > Optional validity period for this key, *inclusive* of the endpoints.
// https://github.com/sigstore/protobuf-specs/blob/v0.5.2/protos/sigstore_common.proto
func retired(b *parsed, trusted *root.TrustedRoot, times []sigstore.TimestampVerificationResult, now time.Time) string {
	entries, err := b.TlogEntries()
	if err != nil {
		return fmt.Sprintf("its log entry cannot be read: %v", err)
	}
	for _, e := range entries {
		log, ok := logOf(trusted, e)
		// A promise has a time, and was verified with it; what was not, did not
		// count.
		if !ok || e.HasInclusionPromise() {
			continue
		}
		if len(times) == 0 {
			if why := outside(now, log.ValidityPeriodStart, log.ValidityPeriodEnd); why != "" {
				return fmt.Sprintf("nobody says when its log entry was made, and the trusted root trusts that log %s", why)
			}
		}
		for _, t := range times {
			if why := outside(t.Timestamp, log.ValidityPeriodStart, log.ValidityPeriodEnd); why != "" {
				return fmt.Sprintf("it was signed on %s, and the trusted root trusts its log %s", stamp(t.Timestamp), why)
			}
		}
	}
	return ""
}

// logsEnd is when the first log of trusted ends that has an entry of b without
// a promise; zero where none does.
func logsEnd(b *parsed, trusted *root.TrustedRoot) (end time.Time) {
	entries, err := b.TlogEntries()
	if err != nil {
		return time.Time{} // it was not verified then
	}
	for _, e := range entries {
		if log, ok := logOf(trusted, e); ok && !e.HasInclusionPromise() {
			end = sooner(end, log.ValidityPeriodEnd)
		}
	}
	return end
}

// logOf is the log that e says it is in.
func logOf(trusted *root.TrustedRoot, e *tlog.Entry) (*root.TransparencyLog, bool) {
	log, ok := trusted.RekorLogs()[hex.EncodeToString([]byte(e.LogKeyID()))]
	return log, ok && log != nil
}

// outside says which end of a span t is beyond, or nothing. An end that is zero
// is none.
func outside(t, start, end time.Time) string {
	switch {
	case !start.IsZero() && t.Before(start):
		return "from " + stamp(start) + " on"
	case !end.IsZero() && t.After(end):
		return "until " + stamp(end)
	}
	return ""
}
