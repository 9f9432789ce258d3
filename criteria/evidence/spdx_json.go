package evidence

import (
	"io"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// spdxJSON reads SPDX 2.2 and 2.3 in JSON. It does not use the decoder of
// tools-golang: that one takes keys in any case, leaves escapes in creators and
// suppliers as they are, and needs quadratic time for lists of null.
type spdxJSON struct{}

func (spdxJSON) Name() string           { return "spdx-json" }
func (spdxJSON) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactComponents} }

func (spdxJSON) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	var doc spdxDocument
	if err := strict.JSON(data, &doc); err != nil {
		return criteria.Facts{}, err
	}
	return spdxFacts(&doc)
}
