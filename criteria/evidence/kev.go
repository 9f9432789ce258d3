package evidence

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// kev reads the Known Exploited Vulnerabilities catalogue of CISA in JSON
// (https://www.cisa.gov/known-exploited-vulnerabilities-catalog).
type kev struct{}

func (kev) Name() string           { return "kev" }
func (kev) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactExploited} }

type kevCatalogue struct {
	Version         string    `json:"catalogVersion"`
	Released        time.Time `json:"dateReleased"`
	Count           *int      `json:"count"`
	Vulnerabilities []struct {
		ID string `json:"cveID"`
	} `json:"vulnerabilities"`
}

func (kev) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	var catalogue kevCatalogue
	if err := strict.JSON(data, &catalogue); err != nil {
		return criteria.Facts{}, err
	}
	n := len(catalogue.Vulnerabilities)
	switch {
	case n == 0:
		return criteria.Facts{}, errors.New("lists no vulnerability: the catalogue is never empty")
	case catalogue.Count != nil && *catalogue.Count != n:
		return criteria.Facts{}, fmt.Errorf("says that it lists %d vulnerabilities and lists %d: it is not whole", *catalogue.Count, n)
	}
	out := &criteria.Exploited{IDs: make([]string, 0, n)}
	for i, v := range catalogue.Vulnerabilities {
		if v.ID == "" {
			return criteria.Facts{}, fmt.Errorf("entry %d has no cveID", i+1)
		}
		out.IDs = append(out.IDs, v.ID)
	}
	return criteria.Facts{
		Time:      catalogue.Released,
		Tool:      criteria.Tool{Name: "CISA KEV", Version: catalogue.Version},
		Exploited: out,
	}, nil
}
