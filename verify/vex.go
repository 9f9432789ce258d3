package verify

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// VEX is what a trust file requires to be said of the artifact's
// vulnerabilities: an OpenVEX document in a statement about it.
type VEX struct {
	// Resolved asks that no vulnerability is left of which the newest word is
	// affected or under_investigation.
	Resolved bool `yaml:"resolved"`
	// MaxAge is how old the newest document may be; none is any age.
	MaxAge MaxAge `yaml:"maxAge"`
	// Signers may sign OpenVEX documents, and nothing else; default those of the
	// trust file.
	Signers []Signer `yaml:"signers"`
}

func (x VEX) clone() *VEX {
	x.Signers = cloneSigners(x.Signers)
	return &x
}

func (x VEX) faults() []fault {
	var faults []fault
	if x.MaxAge < 0 && x.MaxAge != Unlimited {
		faults = append(faults, fault{[]any{"maxAge"}, "maxAge must be positive"})
	}
	return append(faults, signersFaults(x.Signers)...)
}

// vexTypes are the predicate types of OpenVEX documents: cosign leaves out the
// version.
func vexTypes() []string {
	return []string{"https://openvex.dev/ns/v0.2.0", "https://openvex.dev/ns/v0.0.1", "https://openvex.dev/ns"}
}

// vexed is a [VEX] that is ready to be asked.
type vexed struct {
	VEX
	signers span
}

// word is what is said of one vulnerability in one product.
type word struct {
	vulnerability string
	open          bool // affected or under investigation
	time          time.Time
	// whole is where a word on the whole product stands, where this is one on a
	// part of it.
	whole string
}

// judge returns which documents meet x, or why they do not. Every document by
// x's signers is heard: one that cannot be read might say affected.
func (x *vexed) judge(statements []*verified, now time.Time) (*satisfied, *Reason) {
	met := &satisfied{Requirement: Requirement{Kind: VEXRequired}}
	no := func(st *verified, format string, args ...any) (*satisfied, *Reason) {
		return nil, unmetReason(st, fmt.Sprintf("vex "+format, args...))
	}
	newest := make(map[string]word)
	from := make(map[string]*verified)
	var last time.Time
	for _, st := range statements {
		if st = x.signers.only(st); st == nil || !slices.Contains(vexTypes(), st.payload.PredicateType) {
			continue
		}
		words, made, err := readVEX(st.payload.Predicate)
		if err != nil {
			return no(st, "is not met: a document cannot be read: %v", err)
		}
		if made.After(last) {
			last = made
		}
		met.add(st)
		met.PredicateType = st.payload.PredicateType
		for key, w := range words {
			if w.time.After(now.Add(Skew)) && !w.open {
				return no(st, "is not met: %s is spoken of on %s, later than now", w.vulnerability, stamp(w.time))
			}
			if old, ok := newest[key]; !ok || w.after(old) {
				newest[key], from[key] = w, st
			}
		}
	}
	if len(met.Statements) == 0 {
		return no(nil, "is required, and no OpenVEX document by its signers was found")
	}
	if x.MaxAge > 0 {
		switch {
		case last.IsZero():
			return no(nil, "is not met: no document says when it was made")
		case last.After(now.Add(Skew)):
			return no(nil, "is not met: the newest document is of %s, later than now", stamp(last))
		case now.Sub(last) > time.Duration(x.MaxAge):
			return no(nil, "is not met: the newest document is of %s, longer ago than %s", stamp(last), x.MaxAge)
		}
	}
	met.ends(last, x.MaxAge)
	var open []string
	var nearest *verified
	for key, w := range newest {
		// One part's word says nothing of another part, and none of the whole; the
		// whole's says something of each.
		if whole, ok := newest[w.whole]; !w.open || w.whole != "" && ok && !whole.open && whole.after(w) {
			continue
		}
		if !slices.Contains(open, w.vulnerability) {
			open = append(open, w.vulnerability)
		}
		if nearest == nil || compareStatements(from[key], nearest) < 0 {
			nearest = from[key]
		}
	}
	if x.Resolved && len(open) > 0 {
		slices.Sort(open)
		text := strings.Join(open[:min(len(open), 5)], ", ")
		if len(open) > 5 {
			text += fmt.Sprintf(" and %d more", len(open)-5)
		}
		return no(nearest, "is not met: affected or under investigation: %s", text)
	}
	return met, nil
}

// after reports whether w decides against old. An open one that nobody dates
// cannot be shown to be older; of the same time, the open one decides.
func (w word) after(old word) bool {
	switch {
	case old.open && old.time.IsZero():
		return false
	case w.open && w.time.IsZero():
		return true
	case w.time.Equal(old.time):
		return w.open
	}
	return w.time.After(old.time)
}

// readVEX returns the newest word of an OpenVEX document on each vulnerability
// in each product, and when the document was made, zero where it does not say.
func readVEX(predicate jsontext.Value) (map[string]word, time.Time, error) {
	var doc struct {
		Context     string `json:"@context"`
		Timestamp   string `json:"timestamp"`
		LastUpdated string `json:"last_updated"`
		Statements  []struct {
			Vulnerability jsontext.Value   `json:"vulnerability"`
			Products      []jsontext.Value `json:"products"`
			Parts         []jsontext.Value `json:"subcomponents"` // in the first version
			Status        string           `json:"status"`
			Timestamp     string           `json:"timestamp"`
			LastUpdated   string           `json:"last_updated"`
		} `json:"statements"`
	}
	fail := func(format string, args ...any) (map[string]word, time.Time, error) {
		return nil, time.Time{}, fmt.Errorf(format, args...)
	}
	if err := strict.JSON(predicate, &doc); err != nil {
		return fail("%v", err)
	}
	if doc.Context != "https://openvex.dev/ns" && !strings.HasPrefix(doc.Context, "https://openvex.dev/ns/") {
		return fail("it is no OpenVEX document")
	}
	if len(doc.Statements) == 0 {
		return fail("it says nothing")
	}
	// first reads the first of some times that is there.
	first := func(texts ...string) (time.Time, error) {
		for _, t := range texts {
			if t != "" {
				return parseTime(t)
			}
		}
		return time.Time{}, nil
	}
	made, err := first(doc.LastUpdated, doc.Timestamp)
	if err != nil {
		return fail("%v", err)
	}
	words := make(map[string]word)
	for i, s := range doc.Statements {
		name := vexName(s.Vulnerability, "name", "@id")
		if name == "" {
			return fail("statement %d names no vulnerability", i+1)
		}
		w := word{vulnerability: name}
		switch s.Status {
		case "affected", "under_investigation":
			w.open = true
		case "not_affected", "fixed":
		default:
			return fail("statement %d has status %q", i+1, clip(s.Status))
		}
		// > statement timestamps […] cascade down from the encapsulating document
		// https://github.com/openvex/spec/blob/v0.2.0/OPENVEX-SPEC.md
		if w.time, err = first(s.LastUpdated, s.Timestamp, doc.Timestamp); err != nil {
			return fail("statement %d: %v", i+1, err)
		}
		products := s.Products
		if len(products) == 0 {
			products = []jsontext.Value{nil}
		}
		for _, p := range products {
			key := strconv.Quote(name) + strconv.Quote(vexName(p, "@id"))
			parts, err := vexParts(p)
			if err != nil {
				return fail("statement %d: %v", i+1, err)
			}
			spoken := w
			keys := []string{key}
			if parts = append(parts, s.Parts...); len(parts) > 0 {
				keys, spoken.whole = nil, key
			}
			for _, part := range parts {
				called := vexName(part, "@id")
				if called == "" {
					called = string(part)
				}
				keys = append(keys, key+strconv.Quote(called))
			}
			for _, k := range keys {
				if old, ok := words[k]; !ok || spoken.after(old) {
					words[k] = spoken
				}
			}
		}
	}
	return words, made, nil
}

// vexParts are the parts of product that a statement is about, none where it is
// about all of it.
func vexParts(product jsontext.Value) ([]jsontext.Value, error) {
	if product.Kind() != '{' {
		return nil, nil
	}
	list, why := member(product, "subcomponents")
	switch {
	case why != "":
		return nil, errors.New(why)
	case list == nil || list.Kind() == 'n':
		return nil, nil
	case list.Kind() != '[':
		return nil, errors.New("subcomponents is no list")
	}
	var parts []jsontext.Value
	if why := elements(list, func(v jsontext.Value) bool { parts = append(parts, v); return true }); why != "" {
		return nil, errors.New(why)
	}
	return parts, nil
}

// vexName is v where it is text, as in the first version, or the first of keys
// in it that is text.
func vexName(v jsontext.Value, keys ...string) string {
	if text, ok := read(v); ok && text.kind == textValue {
		return text.text
	}
	for _, key := range keys {
		found, why := member(v, key)
		if text, ok := read(found); why == "" && ok && text.kind == textValue && text.text != "" {
			return text.text
		}
	}
	if v.Kind() == '{' && len(keys) == 1 {
		return string(v) // a product by its identifiers
	}
	return ""
}
