package recheck

import (
	"context"
	"fmt"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/criteria/evidence"
	"github.com/hallmark-project/hallmark/internal/advisory"
	"github.com/hallmark-project/hallmark/verify"
)

// The predicate types of documents that are attested whole. Some tools add the
// version of the document's form.
const (
	spdxType      = "https://spdx.dev/Document"
	cycloneDXType = "https://cyclonedx.org/bom"
	openVEXType   = "https://openvex.dev/ns"
)

// Check answers about the artifact of r, which v verified.
func Check(ctx context.Context, v *verify.Verifier, r *verify.Result, x *advisory.Index, o Options) (Answer, error) {
	a, err := gather(ctx, v, r)
	if err != nil {
		return Answer{}, err
	}
	return judge(ctx, a, x, o)
}

// gather takes from r the documents that are about its artifact: attested whole,
// or referred to by their digest.
func gather(ctx context.Context, v *verify.Verifier, r *verify.Result) (attested, error) {
	a := attested{subject: r.Subject, resource: r.Verdict.Resource}
	format, err := readers()
	if err != nil {
		return attested{}, err
	}
	signers := make(map[criteria.Digest]string)
	for _, s := range r.Statements {
		signers[s.Digest] = s.Signer.String()
		d := document{signer: s.Signer.String(), digest: s.Digest}
		switch {
		case is(s.PredicateType, spdxType):
			d.format = format["spdx-json"]
		case is(s.PredicateType, cycloneDXType):
			d.format = format["cyclonedx-json"]
		case is(s.PredicateType, openVEXType):
			d.format = format["openvex"]
		default:
			continue
		}
		d.name = "statement " + s.Digest.Short()
		d.data = s.Predicate()
		a.add(d)
	}
	for _, ref := range r.References {
		d := document{name: ref.Name, digest: ref.Digest, signer: signers[ref.Statement]}
		switch trimmed(ref.MediaType) {
		case "application/spdx+json":
			d.format = format["spdx-json"]
		case "text/spdx":
			d.format = format["spdx-tag-value"]
		case "application/vnd.cyclonedx+json":
			d.format = format["cyclonedx-json"]
		case "application/vnd.cyclonedx+xml":
			d.format = format["cyclonedx-xml"]
		case "application/json":
			// So VEX is referred to; what turns out to be none has no effect.
			d.format = format["openvex"]
		default:
			if ref.State == verify.Unsought && ref.MediaType == "" {
				// Nobody knows what it was: it may have been a bill.
				a.gaps = append(a.gaps, "a document is referred to that nobody could look for: "+ref.Message)
			}
			continue
		}
		if d.name == "" {
			d.name = "document " + ref.Digest.Short()
		}
		if ref.State != verify.Found {
			d.problem = ref.Message
			if d.problem == "" {
				d.problem = "it was not found"
			}
			a.add(d)
			continue
		}
		data, err := v.Document(ctx, ref)
		if err := ctx.Err(); err != nil {
			return attested{}, err
		}
		if err != nil {
			d.problem = err.Error()
		}
		d.data = data
		a.add(d)
	}
	if len(r.References) > verify.MaxReferences {
		a.gaps = append(a.gaps, fmt.Sprintf("more than %d documents are referred to, and not all were looked for", verify.MaxReferences))
	}
	return a, nil
}

func (a *attested) add(d document) {
	if d.format.Name() == "openvex" {
		a.vex = append(a.vex, d)
		return
	}
	a.bills = append(a.bills, d)
}

// is reports whether a predicate type is the one called name, or that with a
// version.
func is(predicateType, name string) bool {
	rest, ok := strings.CutPrefix(predicateType, name)
	return ok && (rest == "" || rest[0] == '/')
}

// readers are the formats of documents, by name.
func readers() (map[string]criteria.Format, error) {
	out := make(map[string]criteria.Format)
	for _, f := range evidence.All() {
		out[f.Name()] = f
	}
	for _, name := range []string{"spdx-json", "spdx-tag-value", "cyclonedx-json", "cyclonedx-xml", "openvex"} {
		if out[name] == nil {
			return nil, fmt.Errorf("there is no format %s", name)
		}
	}
	return out, nil
}
