package cloudbuild

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/slsa-framework/slsa-verifier/v2/options"
	"github.com/slsa-framework/slsa-verifier/v2/verifiers"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/criteria/evidence/slsa"
	"github.com/hallmark-project/hallmark/internal/provenance"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// claims is as much of a signed statement as is needed to ask slsa-verifier
// whether it says what it says: it verifies nothing without an expectation.
type claims struct {
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

// read asks slsa-verifier about one provenance of the image alone: given
// several, it answers for the first that is signed, and does not say which.
func read(whole map[string]json.RawMessage, image criteria.Digest, raw json.RawMessage) (criteria.Build, time.Time, error) {
	unverified := func(format string, args ...any) (criteria.Build, time.Time, error) {
		// slsa-verifier adds lines that print structures with their addresses in
		// memory, which are never the same.
		problem, _, _ := strings.Cut(fmt.Sprintf(format, args...), "\n")
		problem = strings.TrimSuffix(strings.TrimSpace(problem), ":")
		if r := []rune(problem); len(r) > 300 {
			problem = string(r[:300]) + "…"
		}
		return criteria.Build{Subjects: []criteria.Digest{image}, Problem: problem}, time.Time{}, nil
	}
	var e entry
	if err := strict.JSON(raw, &e); err != nil {
		return criteria.Build{}, time.Time{}, err
	}
	payload, err := base64.StdEncoding.DecodeString(e.Envelope.Payload)
	if err != nil {
		if payload, err = base64.URLEncoding.DecodeString(e.Envelope.Payload); err != nil {
			return unverified("its payload is not in base64")
		}
	}
	var said claims
	if err := strict.JSON(payload, &said); err != nil {
		return unverified("its payload is no statement: %v", err)
	}
	source, err := sourceOf(said)
	if err != nil {
		return unverified("its payload is no provenance: %v", err)
	}
	alone, err := only(whole, raw)
	if err != nil {
		return criteria.Build{}, time.Time{}, err
	}
	builder := Builder
	statement, id, err := verifiers.VerifyImage(context.Background(), "", alone,
		&options.ProvenanceOpts{ExpectedDigest: image.Hex(), ExpectedSourceURI: source},
		&options.BuilderOpts{ExpectedID: &builder})
	if err != nil {
		return unverified("slsa-verifier does not accept it: %v", err)
	}
	// What slsa-verifier gives back is what it verified; what was read before
	// was only a question.
	build, ok, err := slsa.Build(statement, &criteria.BuildSigner{By: "slsa-verifier", Identity: id.Name()}, "")
	if err != nil || !ok {
		return unverified("what slsa-verifier accepted cannot be read: %v", err)
	}
	var verified claims
	if err := strict.JSON(statement, &verified); err != nil {
		return unverified("what slsa-verifier accepted cannot be read: %v", err)
	}
	p, err := provenance.Parse(verified.PredicateType, verified.Predicate)
	if err != nil {
		return unverified("what slsa-verifier accepted cannot be read: %v", err)
	}
	return build, p.Finished.UTC(), nil
}

// only is the report with one provenance.
func only(whole map[string]json.RawMessage, raw json.RawMessage) ([]byte, error) {
	summary, err := json.Marshal(map[string][]json.RawMessage{"provenance": {raw}})
	if err != nil {
		return nil, err
	}
	out := make(map[string]json.RawMessage, len(whole))
	for k, v := range whole {
		out[k] = v
	}
	out["provenance_summary"] = summary
	data, err := json.Marshal(out)
	return bytes.TrimSpace(data), err
}

// sourceOf is the source in the form in which slsa-verifier compares it.
func sourceOf(c claims) (string, error) {
	switch c.PredicateType {
	case provenance.V01:
		var p struct {
			Materials []struct {
				URI string `json:"uri"`
			} `json:"materials"`
		}
		if err := strict.JSON(c.Predicate, &p); err != nil {
			return "", err
		}
		if len(p.Materials) == 0 {
			return "", fmt.Errorf("it names no material")
		}
		// The commit stands in the address of builds by version 0.2.
		uri, _, _ := strings.Cut(strings.TrimPrefix(p.Materials[0].URI, "git+"), "#")
		uri, _, _ = strings.Cut(uri, "/commit/")
		return uri, nil
	case provenance.V1:
		var p struct {
			BuildDefinition struct {
				External struct {
					Config struct {
						Repository string `json:"repository"`
					} `json:"buildConfigSource"`
				} `json:"externalParameters"`
			} `json:"buildDefinition"`
		}
		if err := strict.JSON(c.Predicate, &p); err != nil {
			return "", err
		}
		return strings.TrimPrefix(p.BuildDefinition.External.Config.Repository, "git+"), nil
	}
	return "", fmt.Errorf("predicate type %q", c.PredicateType)
}
