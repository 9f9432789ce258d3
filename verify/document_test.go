package verify_test

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
)

// library is a source of bundles and of documents: what lies under each digest,
// whatever that is. It counts how often it is asked.
type library struct {
	found
	documents map[criteria.Digest][]io.Reader
	fault     error
	asked     int
}

func (l *library) Document(_ context.Context, d criteria.Digest, read func(io.Reader) error) error {
	l.asked++
	for _, r := range l.documents[d] {
		if err := read(r); err != nil {
			return err
		}
	}
	if l.fault != nil {
		return l.fault
	}
	if len(l.documents[d]) == 0 {
		return fmt.Errorf("looking in the library: %w", verify.ErrNoDocument)
	}
	return nil
}

func (l *library) holds(d criteria.Digest, content ...string) *library {
	if l.documents == nil {
		l.documents = make(map[criteria.Digest][]io.Reader)
	}
	for _, c := range content {
		l.documents[d] = append(l.documents[d], strings.NewReader(c))
	}
	return l
}

const bill = `{"bomFormat":"CycloneDX"}`

func refersTo(refs ...object) attest.Bundle {
	return signed(releaseKey, encode(statement(attest.ReferenceType, object{"attester": object{"id": verifierID}, "references": refs})))
}

func descriptor(content string) object {
	d := criteria.DigestOf([]byte(content))
	return object{"name": "evidence/linux.cdx.json", "mediaType": "application/vnd.cyclonedx+json", "downloadLocation": "ni:///x", "digest": object{"sha256": d.Hex()}}
}

func newVerifier(t testing.TB, src verify.Source, opts ...verify.Option) *verify.Verifier {
	t.Helper()
	v, err := verify.New(src, expect(), append(opts, verify.WithClock(func() time.Time { return thePresent }))...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// endless gives bytes for ever and counts them.
type endless struct{ n int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.n += int64(len(p))
	return len(p), nil
}

func TestReferences(t *testing.T) {
	good := signed(releaseKey, verdict(predicate()))
	d := criteria.DigestOf([]byte(bill))
	sum := sha512.Sum512([]byte(bill))
	long := hex.EncodeToString(sum[:])
	for _, tt := range []struct {
		name    string
		bundle  attest.Bundle
		library *library
		want    string // state
		message string
	}{
		{"found", refersTo(descriptor(bill)), new(library).holds(d, bill), verify.Found, ""},
		{"absent", refersTo(descriptor(bill)), new(library), verify.Absent, "no document with this digest"},
		{"altered", refersTo(descriptor(bill)), new(library).holds(d, bill+" "), verify.Altered, "what lies there is sha256:" + criteria.DigestOf([]byte(bill+" ")).Hex()},
		{"cut_off", refersTo(descriptor(bill)), new(library).holds(d, bill[:10]), verify.Altered, "what lies there is"},
		{"empty", refersTo(descriptor(bill)), new(library).holds(d, ""), verify.Altered, "what lies there is"},
		{"reference_to_the_wrong_digest", refersTo(descriptor("another")), new(library).holds(d, bill), verify.Absent, ""},
		{"altered_in_one_place", refersTo(descriptor(bill)), new(library).holds(d, "x", bill, "y"), verify.Found, ""},
		{"cannot_look", refersTo(descriptor(bill)), &library{fault: errors.New("it does not answer")}, verify.Unsought, "it does not answer"},
		{"cannot_look_everywhere", refersTo(descriptor(bill)), (&library{fault: errors.New("it does not answer")}).holds(d, "x"), verify.Unsought, "it does not answer"},
		{"found_where_it_could_look", refersTo(descriptor(bill)), (&library{fault: errors.New("it does not answer")}).holds(d, bill), verify.Found, ""},
		{"acts_on_no_terminal", refersTo(descriptor(bill)), &library{fault: errors.New("\x1b[2Jgone\nreferences found")}, verify.Unsought, " [2Jgone references found"},
		{"no_digest", refersTo(descriptor(bill).with(object{"digest": nil})), new(library).holds(d, bill), verify.Unsought, "gives no digest"},
		{"digest_of_a_commit", refersTo(descriptor(bill).with(object{"digest": object{"gitCommit": strings.Repeat("a", 40)}})), new(library), verify.Unsought, "gives no digest"},
		{"digest_upper_case", refersTo(descriptor(bill).with(object{"digest": object{"sha256": strings.ToUpper(d.Hex())}})), new(library).holds(d, bill), verify.Unsought, "gives no digest"},
		{"two_digests", refersTo(descriptor(bill).with(object{"digest": object{"sha256": d.Hex(), "sha512": long}})), new(library).holds(d, bill), verify.Found, ""},
		{
			"two_digests_of_two_things", refersTo(descriptor(bill).with(object{"digest": object{"sha256": d.Hex(), "sha512": strings.Repeat("a", 128)}})), new(library).holds(d, bill),
			verify.Altered, "what lies there is sha512:" + long,
		},
		{"unreadable", signed(releaseKey, encode(statement(attest.ReferenceType, object{"references": "all"}))), new(library), verify.Unsought, "cannot be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.library.found = found{good, tt.bundle}
			result, err := newVerifier(t, tt.library).Verify(context.Background(), artifact)
			if err != nil {
				t.Fatalf("Verify = %v: the answer must not depend on documents", err)
			}
			if len(result.References) != 1 {
				t.Fatalf("References = %+v, want one", result.References)
			}
			got := result.References[0]
			if got.State != tt.want || !strings.Contains(got.Message, tt.message) || (got.Message == "") != (tt.want == verify.Found) {
				t.Errorf("the document is %q, %q, want %q, %q", got.State, got.Message, tt.want, tt.message)
			}
			if !slices.ContainsFunc(result.Statements, func(s verify.Statement) bool { return s.Digest.Matches(got.Statement) }) {
				t.Errorf("the reference names %s, which is no statement of the result", got.Statement)
			}
		})
	}
}

// Who cannot look for documents does not say that there is none; and where it is
// not asked for, nobody looks.
func TestReferencesThatNobodyLooksFor(t *testing.T) {
	bundles := found{signed(releaseKey, verdict(predicate())), refersTo(descriptor(bill))}
	result, err := newVerifier(t, bundles).Verify(context.Background(), artifact)
	if err != nil || len(result.References) != 1 || result.References[0].State != verify.Unsought {
		t.Errorf("Verify = %+v, %v, want a document that nobody looked for", result, err)
	}
	l := (&library{found: bundles}).holds(criteria.DigestOf([]byte(bill)), bill)
	result, err = newVerifier(t, l, verify.WithoutDocuments()).Verify(context.Background(), artifact)
	if err != nil || len(result.References) != 1 || result.References[0].State != verify.Unsought || l.asked != 0 {
		t.Errorf("Verify without documents = %+v, %v, asked %d times", result, err, l.asked)
	}
}

// Only what a trusted signer says about this artifact is followed.
func TestReferencesOfStrangers(t *testing.T) {
	d := criteria.DigestOf([]byte(bill))
	stranger := signed(strangerKey, encode(statement(attest.ReferenceType, object{"references": []object{descriptor(bill)}})))
	elsewhere := signed(releaseKey, encode(statement(attest.ReferenceType, object{"references": []object{descriptor(bill)}}).with(object{"subject": about(otherOne)})))
	l := (&library{found: found{signed(releaseKey, verdict(predicate())), stranger, elsewhere}}).holds(d, bill)
	result, err := newVerifier(t, l).Verify(context.Background(), artifact)
	if err != nil || len(result.References) != 0 || l.asked != 0 {
		t.Errorf("Verify = %+v, %v, asked for %d documents, want none", result, err, l.asked)
	}
	// Of what is refused, nothing is followed.
	l = (&library{found: found{signed(releaseKey, verdict(failed())), refersTo(descriptor(bill))}}).holds(d, bill)
	if _, err := newVerifier(t, l).Verify(context.Background(), artifact); err == nil || l.asked != 0 {
		t.Errorf("Verify of what FAILED = %v, asked for %d documents, want none", err, l.asked)
	}
}

func TestHugeDocument(t *testing.T) {
	if testing.Short() {
		t.Skip("hashes 256 MiB")
	}
	d := criteria.DigestOf([]byte(bill))
	r := new(endless)
	l := &library{found: found{signed(releaseKey, verdict(predicate())), refersTo(descriptor(bill))}, documents: map[criteria.Digest][]io.Reader{d: {r}}}
	result, err := newVerifier(t, l).Verify(context.Background(), artifact)
	if err != nil || len(result.References) != 1 || result.References[0].State != verify.Oversize {
		t.Fatalf("Verify = %+v, %v, want a document that is too large", result, err)
	}
	if limit := int64(verify.MaxDocument) + 1<<20; r.n > limit {
		t.Errorf("%d bytes were read, expected at most %d", r.n, limit)
	}
}

// One bill about many artifacts is read once; one that was not there is looked
// for again.
func TestDocumentIsReadOnce(t *testing.T) {
	d := criteria.DigestOf([]byte(bill))
	l := &library{found: found{signed(releaseKey, verdict(predicate())), refersTo(descriptor(bill), descriptor(bill))}}
	v := newVerifier(t, l)
	for i, want := range []string{verify.Absent, verify.Absent, verify.Found, verify.Found} {
		subject := artifact
		if i%2 == 1 {
			subject = otherOne
		}
		if i == 2 {
			l.holds(d, bill)
			l.asked = 0
		}
		result, err := v.Verify(context.Background(), subject)
		if err != nil || len(result.References) != 2 || result.References[0].State != want || result.References[1].State != want {
			t.Fatalf("Verify %d = %+v, %v, want two documents %s", i, result, err, want)
		}
	}
	if l.asked != 1 {
		t.Errorf("a document that was found was asked for %d times", l.asked)
	}
}

func TestManyReferences(t *testing.T) {
	var refs []object
	for i := range verify.MaxReferences + 10 {
		refs = append(refs, descriptor(fmt.Sprint(i)))
	}
	l := &library{found: found{signed(releaseKey, verdict(predicate())), refersTo(refs...)}}
	result, err := newVerifier(t, l).Verify(context.Background(), artifact)
	if err != nil {
		t.Fatal(err)
	}
	last := result.References[len(result.References)-1]
	if len(result.References) != verify.MaxReferences+1 || l.asked != verify.MaxReferences || last.State != verify.Unsought {
		t.Errorf("%d references, %d asked for, the last %s, want %d, and a last one that says that there are more", len(result.References), l.asked, last.State, verify.MaxReferences+1)
	}
}

// Whoever acts on a document gets the bytes that were referred to, or none.
func TestDocument(t *testing.T) {
	d := criteria.DigestOf([]byte(bill))
	l := (&library{found: found{signed(releaseKey, verdict(predicate())), refersTo(descriptor(bill))}}).holds(d, bill)
	v := newVerifier(t, l)
	result, err := v.Verify(context.Background(), artifact)
	if err != nil {
		t.Fatal(err)
	}
	ref := result.References[0]
	for _, tt := range []struct {
		name    string
		content []string
		want    string
	}{
		{"there", []string{bill}, ""},
		{"there_too", []string{"x", bill, "x"}, ""},
		{"altered_meanwhile", []string{bill + "\n"}, "what lies there is sha256:"},
		{"gone", nil, "there is no such document"},
	} {
		l.documents = nil
		l.holds(d, tt.content...)
		data, err := v.Document(context.Background(), ref)
		if tt.want == "" && (err != nil || string(data) != bill) || tt.want != "" && (data != nil || err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: Document = %q, %v, want %q", tt.name, data, err, tt.want)
		}
		if tt.name == "gone" && !errors.Is(err, verify.ErrNoDocument) {
			t.Errorf("Document = %v, want ErrNoDocument", err)
		}
	}
	if data, err := v.Document(context.Background(), verify.Reference{Digest: d}); err == nil {
		t.Errorf("Document of a reference that nobody verified = %q", data)
	}
}

func TestReferencesCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	l := &library{found: found{signed(releaseKey, verdict(predicate())), refersTo(descriptor(bill))}}
	l.documents = map[criteria.Digest][]io.Reader{criteria.DigestOf([]byte(bill)): {reading(func(p []byte) (int, error) {
		cancel()
		return copy(p, bytes.Repeat([]byte("x"), len(p))), nil
	})}}
	if result, err := newVerifier(t, l).Verify(ctx, artifact); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify = %+v, %v, want %v", result, err, context.Canceled)
	}
}

type reading func([]byte) (int, error)

func (r reading) Read(p []byte) (int, error) { return r(p) }

// Reading that broke off and began again is one reading.
func TestDocumentReadAgain(t *testing.T) {
	d := criteria.DigestOf([]byte(bill))
	l := &flaky{found{signed(releaseKey, verdict(predicate())), refersTo(descriptor(bill))}}
	v := newVerifier(t, l)
	result, err := v.Verify(context.Background(), artifact)
	if err != nil || result.References[0].State != verify.Found {
		t.Fatalf("Verify = %+v, %v, want a document found at the second attempt", result, err)
	}
	if data, err := v.Document(context.Background(), result.References[0]); err != nil || !criteria.DigestOf(data).Matches(d) {
		t.Errorf("Document = %q, %v", data, err)
	}
}

type flaky struct{ found }

func (flaky) Document(_ context.Context, _ criteria.Digest, read func(io.Reader) error) error {
	broken := errors.New("the connection was cut")
	if err := read(io.MultiReader(strings.NewReader(bill[:5]), reading(func([]byte) (int, error) { return 0, broken }))); !errors.Is(err, broken) {
		return fmt.Errorf("reading = %v, want %v", err, broken)
	}
	return read(strings.NewReader(bill))
}

// The JSON form is a promise, as the rest of a result is.
func TestReferenceJSON(t *testing.T) {
	d := criteria.DigestOf([]byte(bill))
	l := (&library{found: found{signed(releaseKey, verdict(predicate())), refersTo(descriptor(bill), object{"digest": object{"sha256": thePolicy.Hex()}})}}).holds(d, bill)
	result, err := newVerifier(t, l).Verify(context.Background(), artifact)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(result.References, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/references.json", append(got, '\n'))
}

// States are closed, as codes are.
func TestStates(t *testing.T) {
	if diff := cmp.Diff([]string{"found", "absent", "altered", "too-large", "unknown"}, verify.States()); diff != "" {
		t.Errorf("States (-want +got):\n%s", diff)
	}
}

// A document is found only if its bytes have the digest that was signed, in
// however many pieces they come and whatever lies beside them.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(bill), []byte(bill), 3)
	f.Add([]byte(bill), []byte(bill+"\n"), 1)
	f.Add([]byte(""), []byte(""), 0)
	f.Add([]byte("a"), []byte("b"), 7)
	f.Fuzz(func(t *testing.T, want, lies []byte, piece int) {
		d := criteria.DigestOf(want)
		l := &library{found: found{signed(releaseKey, verdict(predicate())), refersTo(descriptor(string(want)))}}
		l.documents = map[criteria.Digest][]io.Reader{d: {&pieces{lies, max(1, piece%64)}}}
		result, err := newVerifier(t, l).Verify(context.Background(), artifact)
		if err != nil {
			t.Fatal(err)
		}
		if got := result.References[0].State == verify.Found; got != bytes.Equal(want, lies) {
			t.Errorf("with %q in the place of %q, found is %v", lies, want, got)
		}
	})
}

// pieces gives data in pieces of n bytes.
type pieces struct {
	data []byte
	n    int
}

func (p *pieces) Read(into []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(into[:min(len(into), p.n)], p.data)
	p.data = p.data[n:]
	return n, nil
}
