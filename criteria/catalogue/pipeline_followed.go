package catalogue

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/in-toto/in-toto-golang/in_toto"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/intoto"
)

// pipelineFollowed verifies an in-toto pipeline as section 5.2 of the
// specification says (https://github.com/in-toto/docs/blob/v1.0/in-toto-spec.md),
// with the library's functions for signatures, thresholds and artifact rules.
//
// The library's InTotoVerify, which does it all in one call, is not used: it
// judges a layout's expiry by the wall clock, so that a decision could not be
// replayed; it reads links from a directory by a pattern made of step names; it
// prints warnings; and it runs the commands that a layout's inspections and
// sublayouts name. A layout that asks for any of what is not done here answers
// unknown, never pass.
var pipelineFollowed = criteria.Kind{
	Name:     "pipeline-followed",
	Title:    "Every step of the pipeline was done as laid out",
	Doc:      "The owners' in-toto layout was followed: each step is signed by those it names, materials and products fit its rules, and the artifact is a product of the last step.",
	Practice: criteria.SupplyChain,
	Level:    criteria.Advanced,
	Refs:     []string{"SLSA Build L2", "SSDF PO.3.2", "SSDF PS.3.2"},
	Scope:    criteria.AboutArtifacts,
	Needs:    []criteria.Fact{criteria.FactPipeline},
	New: func(params []byte) (criteria.Criterion, error) {
		var p struct {
			// Owners are the public keys, in PEM, that must all have signed
			// the layout. Without any the answer is unknown.
			Owners []string `json:"owners"`
		}
		if err := criteria.DecodeParams(params, &p); err != nil {
			return nil, err
		}
		c := pipelineFollowedCriterion{owners: make(map[string]in_toto.Key)}
		for i, text := range p.Owners {
			key, err := ownerKey(text)
			if err != nil {
				return nil, &criteria.ParamError{Key: "owners", Msg: fmt.Sprintf("key %d: %v", i+1, err)}
			}
			if _, twice := c.owners[key.KeyID]; twice {
				return nil, &criteria.ParamError{Key: "owners", Msg: fmt.Sprintf("key %d stands there twice", i+1)}
			}
			c.owners[key.KeyID] = key
		}
		return c, nil
	},
}

func ownerKey(text string) (in_toto.Key, error) {
	var key in_toto.Key
	if strings.Contains(text, "PRIVATE KEY") {
		return key, fmt.Errorf("is a private key: name the public one, and replace this one, which is no longer secret")
	}
	if err := key.LoadKeyReaderDefaults(strings.NewReader(text)); err != nil {
		return key, fmt.Errorf("is no public key in PEM: %w", err)
	}
	if key.KeyVal.Certificate != "" {
		return key, fmt.Errorf("is a certificate: name the public key in it")
	}
	return key, nil
}

type pipelineFollowedCriterion struct{ owners map[string]in_toto.Key }

func (c pipelineFollowedCriterion) Evaluate(in criteria.Input) criteria.Outcome {
	if len(c.owners) == 0 {
		return criteria.CannotTell("the policy names no owners of the pipeline's layout (owners)")
	}
	var findings []criteria.Finding
	var steps int
	for _, e := range in.Evidence {
		if e.Facts.Pipeline == nil {
			continue
		}
		v := verification{where: e.Name}
		n := c.verify(&v, e.Facts.Pipeline, in.Subject.Digest, in.Now)
		steps += n
		findings = append(findings, v.findings...)
	}
	if steps == 0 && len(findings) == 0 {
		return criteria.CannotTell("no in-toto layout and links about %s", in.Subject.Name)
	}
	return criteria.Conclude(fmt.Sprintf("%d steps were done as their owners laid out", steps), findings)
}

// verification collects what is wrong with one pipeline.
type verification struct {
	where    string
	findings []criteria.Finding
}

func (v *verification) add(status criteria.Status, id, format string, args ...any) {
	v.findings = append(v.findings, criteria.Finding{ID: id, Status: status, Where: v.where, Message: fmt.Sprintf(format, args...)})
}

// verify returns the number of steps that it looked at. It stops where what
// follows would rest on what is not verified.
func (c pipelineFollowedCriterion) verify(v *verification, p *criteria.Pipeline, artifact criteria.Digest, now time.Time) int {
	layout, err := intoto.ParseLayout(p.Layout)
	if err != nil {
		v.add(criteria.Unknown, "layout-unreadable", "the layout cannot be read: %v", err)
		return 0
	}
	// "Verify that the layout is signed by all of the owners' keys."
	ids := make([]string, 0, len(c.owners))
	for id := range c.owners {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if err := in_toto.VerifyLayoutSignatures(layout, map[string]in_toto.Key{id: c.owners[id]}); err != nil {
			v.add(criteria.Fail, "layout-unsigned", "the layout is not signed by owner %.8s", id)
		}
	}
	if len(v.findings) > 0 {
		return 0
	}
	// "Verify that the layout has not expired." By the decision's time.
	expires, err := time.Parse(in_toto.ISO8601DateSchema, layout.Layout.Expires)
	switch {
	case err != nil:
		v.add(criteria.Unknown, "layout-unreadable", "the layout's expires %q is no time", layout.Layout.Expires)
		return 0
	case !now.Before(expires):
		v.add(criteria.Fail, "layout-expired", "the layout expired on %s", expires.Format(time.DateOnly))
	}
	// What cannot be verified without running commands or asking the clock.
	if n := len(layout.Layout.Inspect); n > 0 {
		v.add(criteria.Unknown, "layout-inspections", "the layout has %d inspections, commands that hallmark never runs: express them as rules of the steps", n)
		return 0
	}
	if len(layout.Layout.RootCas)+len(layout.Layout.IntermediateCas) > 0 {
		v.add(criteria.Unknown, "layout-certificates", "the layout names certificate authorities: only keys are supported")
		return 0
	}
	// Each step by those whom it names, as often as it asks.
	links := make(map[string]map[string]in_toto.Metadata)
	for i, doc := range p.Links {
		link, err := intoto.ParseLink(doc)
		if err != nil {
			v.add(criteria.Unknown, "link-unreadable", "link %d cannot be read: %v", i+1, err)
			return 0
		}
		name := link.Link.Name
		step := slices.IndexFunc(layout.Layout.Steps, func(s in_toto.Step) bool { return s.Name == name })
		if step < 0 {
			v.add(criteria.Warn, "link-unexpected", "there is a link of %q, which is no step of the layout", name)
			continue
		}
		if links[name] == nil {
			links[name] = make(map[string]in_toto.Metadata)
		}
		for _, sig := range link.Sigs() {
			// Others' signatures say nothing, and the library takes them in
			// the order of a map.
			if !slices.Contains(layout.Layout.Steps[step].PubKeys, sig.KeyID) {
				continue
			}
			if _, twice := links[name][sig.KeyID]; twice {
				v.add(criteria.Fail, "link-ambiguous", "key %.8s signed two links of step %q", sig.KeyID, name)
				return 0
			}
			links[name][sig.KeyID] = link
		}
	}
	reduced := make(map[string]in_toto.Metadata)
	for _, step := range layout.Layout.Steps {
		if len(step.CertificateConstraints) > 0 {
			v.add(criteria.Unknown, "layout-certificates", "step %q is done by holders of certificates: only keys are supported", step.Name)
			continue
		}
		one := layout.Layout
		one.Steps = []in_toto.Step{step}
		if step.Threshold < 1 {
			one.Steps[0].Threshold = 1 // a step that nobody signs is no step
		}
		verified, err := in_toto.VerifyLinkSignatureThesholds(one, links, nil, nil)
		if err != nil {
			v.add(criteria.Fail, "step-unsigned", "step %q has %d links by keys it names of which not enough are validly signed: it takes %d", step.Name, len(links[step.Name]), one.Steps[0].Threshold)
			continue
		}
		people := make(map[string]bool)
		for id, link := range verified[step.Name] {
			people[layout.Layout.Keys[id].KeyVal.Public] = true
			if _, ok := link.GetPayload().(in_toto.Link); !ok {
				v.add(criteria.Unknown, "layout-sublayouts", "step %q is done by a sublayout, which is not supported", step.Name)
			}
		}
		if len(people) < one.Steps[0].Threshold {
			v.add(criteria.Fail, "step-unsigned", "step %q takes %d people and is signed by one key under several names", step.Name, one.Steps[0].Threshold)
			continue
		}
		// All links of a step must report the same.
		same, err := in_toto.ReduceStepsMetadata(one, verified)
		if err != nil {
			v.add(criteria.Fail, "step-disputed", "the links of step %q report different materials or products", step.Name)
			continue
		}
		reduced[step.Name] = same[step.Name]
		// The specification leaves it at a warning: how a command is spelled
		// is the word of the one who ran it.
		for _, id := range sortedKeys(verified[step.Name]) {
			link := verified[step.Name][id].GetPayload().(in_toto.Link)
			if !slices.Equal(link.Command, step.ExpectedCommand) {
				v.add(criteria.Warn, "step-command", "step %q expects the command %q, key %.8s ran %q", step.Name, strings.Join(step.ExpectedCommand, " "), id, strings.Join(link.Command, " "))
			}
		}
	}
	if len(reduced) < len(layout.Layout.Steps) {
		return 0
	}
	for _, step := range layout.Layout.Steps {
		if err := in_toto.VerifyArtifacts([]any{step}, reduced); err != nil {
			v.add(criteria.Fail, "step-rules", "step %q: %s", step.Name, inOrder(err.Error()))
		}
	}
	last := layout.Layout.Steps[len(layout.Layout.Steps)-1]
	products := reduced[last.Name].GetPayload().(in_toto.Link).Products
	for _, hashes := range products {
		if value, ok := hashes[artifact.Algorithm()]; ok && strings.EqualFold(value, artifact.Hex()) {
			return len(layout.Layout.Steps)
		}
	}
	v.add(criteria.Fail, "not-a-product", "%s is not among the %d products of the last step, %q", artifact.Short(), len(products), last.Name)
	return len(layout.Layout.Steps)
}

func sortedKeys(m map[string]in_toto.Metadata) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

var listed = regexp.MustCompile(`(?s)(materials|products|is not in) \[([^\]]*)\]`)

// inOrder sorts the artifacts in a message of the library, which lists them in
// the order of a map, and shortens the list.
func inOrder(msg string) string {
	return listed.ReplaceAllStringFunc(msg, func(s string) string {
		m := listed.FindStringSubmatch(s)
		names := strings.Fields(m[2])
		slices.Sort(names)
		for i, n := range names {
			names[i] = path.Clean(n)
		}
		more := ""
		if len(names) > 3 {
			more = fmt.Sprintf(" and %d more", len(names)-3)
			names = names[:3]
		}
		return m[1] + " " + strings.Join(names, ", ") + more
	})
}
