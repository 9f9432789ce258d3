package admission

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"

	"github.com/hallmark-project/hallmark/internal/answer"
	"github.com/hallmark-project/hallmark/internal/oci"
)

// decision is the answer to a request, and what is recorded about it.
type decision struct {
	allowed  bool
	message  string // why not
	code     int    // the HTTP status that goes with it
	warnings []string
	notes    map[string]string // audit annotations
	patch    []byte
	findings []*finding
	// exempt, glass and open say that it was allowed though nothing says that it
	// should be: in a namespace that is exempt, by break-glass, since it could not
	// be told.
	exempt, glass, open bool
}

// finding is what one policy says of one image.
type finding struct {
	image  string // as it is written
	digest string // empty where it is not known
	places []place
	policy string
	mode   Mode
	v      *verdict
	open   bool // accepted though it could not be told
}

func (f *finding) verified() bool { return f.v.outcome == answer.Verified }

// denies reports whether f alone is a no to the request.
func (f *finding) denies() bool { return !f.verified() && !f.open && f.mode == Enforce }

// denied is a decision about a request that is not understood.
func denied(code int, format string, args ...any) *decision {
	return &decision{code: code, message: "hallmark: " + printable(fmt.Sprintf(format, args...))}
}

// image is one image of a request, in all its places.
type image struct {
	name   string
	places []place
	ref    oci.Reference
	fault  error
}

// decide answers r under s before ctx ends. pin makes it write the verified
// digest behind each tag.
func (a *asker) decide(ctx context.Context, s *state, r *request, pin bool) *decision {
	switch r.Operation {
	case "CREATE", "UPDATE":
	case "DELETE":
		return &decision{allowed: true} // nothing runs that did not
	default:
		return denied(403, "operation %s is none that runs an image: leave it out of the webhook's rules", quote(r.Operation))
	}
	if r.Namespace == "" {
		return denied(403, "the request names no namespace, and what runs images is in one")
	}
	if s.exempt[r.Namespace] {
		return &decision{allowed: true, exempt: true, notes: map[string]string{"exempt": r.Namespace}}
	}
	w, err := images(r.Kind, r.Object)
	if err != nil {
		return denied(403, "%v", err)
	}
	var before *workload
	if r.Operation == "UPDATE" {
		// What it was before only takes something away from what is asked; if it
		// cannot be read, everything is.
		if before, err = images(r.Kind, r.OldObject); err != nil {
			before = nil
		}
	}
	d := &decision{}
	why, asked, fault := glass(s.file.BreakGlass, r, w, before)
	if fault != "" {
		return denied(403, "%s", fault)
	}
	list := changed(w, before, func(image string) bool { return s.newly(r.Namespace, image, w, before) })
	d.findings = a.find(ctx, s, r.Namespace, w.labels, list)
	d.conclude(list)
	if asked && !d.allowed {
		d.allowed, d.glass, d.open = true, true, false
		d.warnings = append(d.warnings, warning("hallmark: admitted by break-glass, which is recorded: "+d.message))
		d.note("break-glass", r.User.Username+": "+why)
		d.message = ""
	}
	if d.allowed && pin {
		d.pin(list)
	}
	return d
}

// changed are the images of w that before did not name, and of those that it did
// the ones that newly says are under another policy now. One that an object names
// already runs already: were it asked about again, who takes away a finalizer
// would be told that the image is too old by now.
func changed(w, before *workload, newly func(image string) bool) []*image {
	old := make(map[string]bool)
	if before != nil {
		for _, p := range before.places {
			old[p.image] = true
		}
	}
	var out []*image
	by := make(map[string]*image)
	for _, p := range w.places {
		if old[p.image] && !newly(p.image) {
			continue
		}
		i := by[p.image]
		if i == nil {
			i = &image{name: p.image}
			if p.image == "" {
				i.fault = fmt.Errorf("%s names no image", p.what)
			} else {
				i.ref, i.fault = parseImage(p.image)
			}
			by[p.image] = i
			out = append(out, i)
		}
		i.places = append(i.places, p)
	}
	return out
}

// newly reports whether a policy is about an image by the labels of w, and was not
// by those of before: who puts a label on what runs puts it under that policy.
func (s *state) newly(namespace, image string, w, before *workload) bool {
	if maps.Equal(w.labels, before.labels) {
		return false
	}
	ref, err := parseImage(image)
	if err != nil {
		return false
	}
	name := called(ref)
	return slices.ContainsFunc(s.policies, func(p *policy) bool {
		return p.matches(namespace, name, w.labels) && !p.matches(namespace, name, before.labels)
	})
}

// find asks every policy that matches about every image, all at once.
func (a *asker) find(ctx context.Context, s *state, namespace string, labels map[string]string, list []*image) []*finding {
	found := make([][]*finding, len(list))
	var wait sync.WaitGroup
	for i, img := range list {
		matching := a.matching(s, namespace, labels, img)
		if len(matching) == 0 || img.fault != nil {
			found[i] = []*finding{a.unmatched(s, img)}
			continue
		}
		if fast := a.remember(s, namespace, img, matching); fast != nil {
			found[i] = fast
			continue
		}
		wait.Go(func() { found[i] = a.inquire(ctx, s, namespace, img, matching) })
	}
	wait.Wait()
	return slices.Concat(found...)
}

func (a *asker) matching(s *state, namespace string, labels map[string]string, img *image) []*policy {
	if img.fault != nil {
		return nil
	}
	name := called(img.ref)
	var out []*policy
	for _, p := range s.policies {
		if p.matches(namespace, name, labels) {
			out = append(out, p)
		}
	}
	return out
}

// unmatched is what is said of an image that no policy is about, or that is
// none. The latter is never allowed: what a node makes of it, nobody knows.
func (a *asker) unmatched(s *state, img *image) *finding {
	f := &finding{image: img.name, places: img.places, policy: "unmatched", mode: Enforce}
	now := a.now()
	if img.fault != nil {
		f.policy = "none"
		f.v = unknown(now, badImage, 0, "%v", img.fault)
		f.v.outcome = answer.Refused
		return f
	}
	if hasDigest(img.ref) {
		f.digest = img.ref.Digest.String()
	}
	f.v = unknown(now, isUnmatched, 0, "no policy is about this image here")
	f.v.outcome = answer.Refused
	switch s.file.Unmatched {
	case WarnUnmatched:
		f.mode = Warn
	case AllowUnmatched:
		f.mode = Audit
	}
	return f
}

// remember answers from what is known already, nil where something is not.
func (a *asker) remember(s *state, namespace string, img *image, matching []*policy) []*finding {
	ref := img.ref
	if !hasDigest(ref) {
		r := a.tagged(s.repos.id + " " + ref.String())
		if r == nil || r.problem != nil {
			return nil
		}
		ref = r.image.Reference
	}
	out := make([]*finding, len(matching))
	for i, p := range matching {
		v := a.known(s, p, ref)
		if v == nil {
			return nil
		}
		out[i] = newFinding(img, ref, p, namespace, v)
	}
	img.ref = ref
	a.metrics.hits.Add(float64(len(out)))
	return out
}

// inquire asks whoever has to be asked.
func (a *asker) inquire(ctx context.Context, s *state, namespace string, img *image, matching []*policy) []*finding {
	out := make([]*finding, len(matching))
	a.metrics.misses.Add(float64(len(out)))
	ref, problem := a.resolve(ctx, s, img.ref)
	if problem == nil {
		img.ref = ref
	}
	var wait sync.WaitGroup
	for i, p := range matching {
		if problem != nil {
			out[i] = newFinding(img, img.ref, p, namespace, problem)
			continue
		}
		wait.Go(func() { out[i] = newFinding(img, ref, p, namespace, a.ask(ctx, s, p, ref)) })
	}
	wait.Wait()
	return out
}

func newFinding(img *image, ref oci.Reference, p *policy, namespace string, v *verdict) *finding {
	f := &finding{image: img.name, places: img.places, policy: p.Name, mode: p.Mode, v: v}
	if hasDigest(ref) {
		f.digest = ref.Digest.String()
	}
	f.open = v.outcome == answer.Unknown && p.failsOpen(namespace)
	return f
}

// conclude makes the answer of the findings: every image must be verified under
// every policy that denies.
func (d *decision) conclude(list []*image) {
	d.allowed = true
	var against []*finding
	var recorded []string
	for _, f := range d.findings {
		switch {
		case f.verified():
		case f.denies():
			d.allowed = false
			against = append(against, f)
		case f.open:
			d.open = true
			d.warnings = append(d.warnings, warning("hallmark: could not tell, and admitted all the same: "+f.sentence()))
			recorded = append(recorded, "failed open: "+f.sentence())
		case f.mode == Warn:
			d.warnings = append(d.warnings, warning("hallmark: "+f.sentence()))
			recorded = append(recorded, f.sentence())
		default:
			recorded = append(recorded, f.sentence())
		}
	}
	if len(recorded) > 0 {
		d.note("not-verified", strings.Join(recorded, "\n"))
	}
	var verified []string
	for _, i := range list {
		if i.verified(d.findings) {
			verified = append(verified, i.name+" is "+i.ref.Digest.String())
		}
	}
	if len(verified) > 0 {
		d.note("verified", strings.Join(verified, "\n"))
	}
	if !d.allowed {
		d.code, d.message = 403, message(against)
	}
}

// verified reports whether every policy that was asked about i accepted it.
func (i *image) verified(findings []*finding) bool {
	n := 0
	for _, f := range findings {
		if f.image == i.name {
			if n++; !f.verified() {
				return false
			}
		}
	}
	return n > 0
}

// maxNote bounds an audit annotation.
const maxNote = 4 << 10

func (d *decision) note(key, value string) {
	if len(value) > maxNote {
		value = strings.ToValidUTF8(value[:maxNote], "") + "…"
	}
	if d.notes == nil {
		d.notes = make(map[string]string)
	}
	d.notes[key] = value
}

// pin writes the digest that was verified behind each tag, so that what runs is
// what was verified, whatever the tag leads to later.
func (d *decision) pin(list []*image) {
	type change struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value string `json:"value"`
	}
	var changes []change
	for _, i := range list {
		if i.fault != nil || strings.Contains(i.name, "@") || !hasDigest(i.ref) || !i.verified(d.findings) {
			continue
		}
		for _, p := range i.places {
			// That it is still what we looked at when the patch is applied.
			changes = append(changes, change{"test", p.path, i.name}, change{"replace", p.path, i.name + "@" + i.ref.Digest.String()})
		}
	}
	if len(changes) == 0 {
		return
	}
	patch, err := json.Marshal(changes)
	if err != nil {
		*d = *denied(500, "writing the patch: %v", err)
		return
	}
	d.patch = patch
}

// Limits on what people are told: a terminal holds no more, and the API server
// cuts warnings off.
const (
	maxTold    = 3    // images with their reasons
	maxMessage = 4000 // bytes
	maxWarning = 250  // bytes
)

// message says why against deny, each with the digest and the reasons as hallmark
// verify gives them.
func message(against []*finding) string {
	var b strings.Builder
	seen := make(map[string]bool)
	more := 0
	for _, f := range against {
		if !seen[f.image] && len(seen) == maxTold {
			more++
			continue
		}
		seen[f.image] = true
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		b.WriteString(f.headline())
		for _, line := range f.v.lines {
			b.WriteString("\n  " + line)
		}
	}
	if more > 0 {
		fmt.Fprintf(&b, "\nand %d more", more)
	}
	s := "hallmark: " + b.String()
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "…"
	}
	return s
}

// headline names the image, what became of it and under which policy.
func (f *finding) headline() string {
	var b strings.Builder
	b.WriteString("image " + shown(f.image))
	if f.digest != "" && !strings.Contains(f.image, f.digest) {
		b.WriteString(", which is " + f.digest + ",")
	}
	if len(f.places) > 0 {
		b.WriteString(" in " + printable(f.places[0].what))
		if n := len(f.places) - 1; n > 0 {
			b.WriteString(" and " + strconv.Itoa(n) + " more")
		}
	}
	switch {
	case f.v.reason == badImage || f.v.reason == isUnmatched:
		b.WriteString(" is refused:")
	case f.v.outcome == answer.Refused:
		b.WriteString(" is refused by policy " + f.policy + ":")
	default:
		b.WriteString(": policy " + f.policy + " could not tell:")
	}
	return b.String()
}

// sentence is the headline with the first reason, on one line.
func (f *finding) sentence() string {
	s := f.headline()
	if len(f.v.lines) > 0 {
		s += " " + f.v.lines[0]
	}
	return s
}

// shown is an image's name as it is written, if that is no danger to read.
func shown(name string) string {
	if name != "" && len(name) <= 300 && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return name
	}
	return strconv.QuoteToASCII(strings.ToValidUTF8(name[:min(len(name), 300)], ""))
}

// warning shortens s to what a terminal is shown of it.
func warning(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxWarning {
		s = strings.ToValidUTF8(s[:maxWarning-3], "") + "…"
	}
	return s
}
