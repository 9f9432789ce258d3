package publish

import (
	"fmt"
	"mime"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/oci"
)

// checkDocument refuses what would not be found as what it is: bytes with
// another digest, or a media type that makes readers take it for something else.
func checkDocument(subject criteria.Digest, d attest.Document, data []byte) error {
	if subject.IsZero() {
		return fmt.Errorf("document %s has no subject to be found by", d.Name)
	}
	if got := criteria.DigestOf(data); !got.Matches(d.Digest) {
		return fmt.Errorf("document %s holds other bytes: it is %s, expected %s", d.Name, got, d.Digest)
	}
	kind, parameters, err := mime.ParseMediaType(d.MediaType)
	if err != nil || kind != d.MediaType || len(parameters) > 0 {
		return fmt.Errorf("document %s: %q is no media type such as application/spdx+json", d.Name, d.MediaType)
	}
	if kind == oci.BundleType || kind == oci.FileType {
		return fmt.Errorf("document %s: media type %s is another kind of thing", d.Name, kind)
	}
	return nil
}
