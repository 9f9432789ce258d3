// Package cloudbuild reads the provenance of Google Cloud Build as evidence. Its
// signatures are not Sigstore's: slsa-verifier verifies them, with Google's keys
// that are built into it, and asks nobody. It is a package of its own because
// slsa-verifier brings hundreds of others along.
package cloudbuild

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// Builder is the id of Google Cloud Build's own workers, without a version.
const Builder = "https://cloudbuild.googleapis.com/GoogleHostedWorker"

// Provenance reads what
//
//	gcloud artifacts docker images describe IMAGE@DIGEST --show-provenance --format json
//
// prints: an image with every provenance that Google Cloud Build signed about it,
// v0.1 and v1.0 (https://cloud.google.com/build/docs/securing-builds/generate-validate-build-provenance).
// slsa-verifier writes to standard error which key signed.
type Provenance struct{}

var _ criteria.Format = Provenance{}

// Name implements [criteria.Format].
func (Provenance) Name() string { return "gcb-provenance" }

// Gives implements [criteria.Format].
func (Provenance) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactBuilds} }

// document is as much of the report as is needed to ask slsa-verifier.
type document struct {
	Image struct {
		Digest string `json:"digest"`
	} `json:"image_summary"`
	Summary struct {
		Provenance []json.RawMessage `json:"provenance"`
	} `json:"provenance_summary"`
}

type entry struct {
	Envelope struct {
		Payload string `json:"payload"`
	} `json:"envelope"`
}

// maxProvenance bounds how many builds of one image are looked at.
const maxProvenance = 100

// Read implements [criteria.Format].
func (Provenance) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	var doc document
	if err := strict.JSON(data, &doc); err != nil {
		return criteria.Facts{}, err
	}
	var whole map[string]json.RawMessage
	if err := strict.JSON(data, &whole); err != nil {
		return criteria.Facts{}, err
	}
	image, err := criteria.ParseDigest(doc.Image.Digest)
	if err != nil || image.Algorithm() != "sha256" {
		return criteria.Facts{}, fmt.Errorf("names no image: image_summary.digest is %q, expected sha256:<64 hex digits>", doc.Image.Digest)
	}
	switch n := len(doc.Summary.Provenance); {
	case n == 0:
		return criteria.Facts{}, errors.New("holds no provenance: provenance_summary is empty")
	case n > maxProvenance:
		return criteria.Facts{}, fmt.Errorf("holds %d provenances, expected at most %d", n, maxProvenance)
	}
	facts := criteria.Facts{Subjects: []criteria.Digest{image}, Builds: &criteria.Builds{}}
	for i, raw := range doc.Summary.Provenance {
		build, finished, err := read(whole, image, raw)
		if err != nil {
			return criteria.Facts{}, fmt.Errorf("provenance %d: %w", i+1, err)
		}
		facts.Builds.Items = append(facts.Builds.Items, build)
		if i == 0 || finished.Before(facts.Time) {
			facts.Time = finished
		}
	}
	return facts, nil
}
