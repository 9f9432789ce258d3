package attest_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
)

// Bills of materials as other tools write them are attested as they are: not a
// number, not an escape differs.
func TestRealBillsAreAttestedWhole(t *testing.T) {
	for format, pattern := range map[string]string{
		"cyclonedx-json": "../../shared/data/sbom/cyclonedx/*.json",
		"spdx-json":      "../../shared/data/sbom/spdx/*spdx2*.json",
	} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 {
			t.Skip("the shared data is absent")
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld()
			w.add("bill", format, string(data), []criteria.Digest{w.release.Artifacts[0].Digest}, criteria.FactComponents, criteria.Facts{Components: &criteria.Components{}})
			s := named(t, w.statements(t), "sbom-"+linux+"-2")
			if s.PredicateType() == attest.ReferenceType {
				t.Errorf("%s is attested by reference", file)
				continue
			}
			got := decode(t, read[struct {
				Predicate json.RawMessage `json:"predicate"`
			}](t, s).Predicate)
			if diff := cmp.Diff(decode(t, data), got); diff != "" {
				t.Errorf("%s is attested otherwise than it stands:\n%s", file, diff)
			}
		}
	}
}

func decode(t *testing.T, data []byte) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(strings.TrimPrefix(string(data), "\ufeff")))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
