package catalogue

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// fullBill has every element of every profile.
func fullBill() criteria.Evidence {
	sha512, err := criteria.ParseDigest("sha512:" + strings.Repeat("a", 128))
	if err != nil {
		panic(err)
	}
	part := func(ref string) criteria.Component {
		return criteria.Component{
			Ref: ref, Type: "library", Name: ref, Version: "1", Supplier: "Acme <info@acme.example>", PURL: "pkg:npm/" + ref + "@1",
			Digests: []criteria.Digest{sha512}, Licences: []string{"MIT"}, File: ref + ".tgz",
			Executable: "non-executable", Archive: "archive", Structured: "structured",
		}
	}
	e := billOf(part("a"), part("b"))
	c := e.Facts.Components
	c.Main = part("main")
	c.Authors, c.Tools, c.Lifecycles = []string{"Ada <ada@acme.example>"}, []criteria.Tool{{Name: "tool"}}, []string{"build"}
	c.Dependencies = []criteria.Dependency{{Ref: "main", On: []string{"a", "b"}}}
	return e
}

func TestSBOMQuality(t *testing.T) {
	for _, tt := range []struct {
		name, params string
		change       func(e *criteria.Evidence, c *criteria.Components)
		findings     string
	}{
		{name: "ntia, whole", params: `{"profile":"ntia"}`},
		{name: "cisa, whole", params: `{"profile":"cisa"}`},
		{name: "bsi, whole", params: `{"profile":"bsi"}`},

		{name: "no supplier", params: `{"profile":"ntia"}`, change: func(_ *criteria.Evidence, c *criteria.Components) { c.Items[0].Supplier = "" }, findings: "supplier"},
		{name: "no supplier of the product itself", params: `{"profile":"ntia"}`, change: func(_ *criteria.Evidence, c *criteria.Components) { c.Main.Supplier = "" }, findings: "supplier"},
		{name: "suppliers of a part is enough", params: `{"profile":"ntia","supplier":0.6}`, change: func(_ *criteria.Evidence, c *criteria.Components) { c.Items[0].Supplier = "" }},
		{name: "suppliers of too small a part", params: `{"profile":"ntia","supplier":0.7}`, change: func(_ *criteria.Evidence, c *criteria.Components) { c.Items[0].Supplier = "" }, findings: "supplier"},
		{name: "suppliers are not asked", params: `{"profile":"ntia","supplier":0}`, change: func(_ *criteria.Evidence, c *criteria.Components) { c.Items[0].Supplier = "" }},
		{name: "no name", params: `{"profile":"ntia"}`, change: func(_ *criteria.Evidence, c *criteria.Components) { c.Items[0].Name = "" }, findings: "name"},
		{name: "no version", params: `{"profile":"ntia"}`, change: func(_ *criteria.Evidence, c *criteria.Components) { c.Items[0].Version = "" }, findings: "version"},
		{name: "no identifier", params: `{"profile":"ntia"}`, change: func(_ *criteria.Evidence, c *criteria.Components) { c.Items[0].PURL = "" }, findings: "identifier"},
		{name: "a package URL that is none", params: `{"profile":"ntia"}`, change: func(_ *criteria.Evidence, c *criteria.Components) { c.Items[0].PURL = "a" }, findings: "identifier"},
		{name: "CPE identifies", params: `{"profile":"ntia"}`, change: func(_ *criteria.Evidence, c *criteria.Components) {
			c.Items[0].PURL, c.Items[0].CPEs = "", []string{"cpe:2.3:a:x:y:1:*:*:*:*:*:*:*"}
		}},
		{name: "SWID identifies", params: `{"profile":"ntia"}`, change: func(_ *criteria.Evidence, c *criteria.Components) { c.Items[0].PURL, c.Items[0].SWID = "", "tag" }},
		{name: "files need no identifier, version or supplier", params: `{"profile":"ntia"}`, change: func(_ *criteria.Evidence, c *criteria.Components) {
			c.Items = append(c.Items, criteria.Component{Type: "file", Name: "x"})
		}},
		{name: "no relation", params: `{"profile":"ntia"}`, change: func(_ *criteria.Evidence, c *criteria.Components) { c.Dependencies = nil }, findings: "relations"},
		{name: "entries that depend on nothing relate nothing", params: `{"profile":"ntia"}`, change: func(_ *criteria.Evidence, c *criteria.Components) {
			c.Dependencies = []criteria.Dependency{{Ref: "main"}, {Ref: "a"}, {Ref: "b"}}
		}, findings: "relations"},
		{name: "what depends on itself relates nothing", params: `{"profile":"ntia"}`, change: func(_ *criteria.Evidence, c *criteria.Components) {
			c.Dependencies = []criteria.Dependency{{Ref: "main", On: []string{"main"}}, {Ref: "a", On: []string{"a"}}, {Ref: "b", On: []string{"b"}}}
		}, findings: "relations"},
		{name: "a tool is no author", params: `{"profile":"ntia"}`, change: func(_ *criteria.Evidence, c *criteria.Components) { c.Authors = nil }, findings: "author"},
		{name: "no timestamp", params: `{"profile":"ntia"}`, change: func(e *criteria.Evidence, _ *criteria.Components) { e.Facts.Time = time.Time{} }, findings: "timestamp"},
		{name: "the pipeline's word is no timestamp", params: `{"profile":"ntia"}`, change: func(e *criteria.Evidence, _ *criteria.Components) {
			e.Facts.Time, e.Time, e.TimeVouched = time.Time{}, componentsNow, true
		}, findings: "timestamp"},
		{name: "empty", params: `{"profile":"ntia"}`, change: func(_ *criteria.Evidence, c *criteria.Components) { c.Items = nil }, findings: "empty-sbom"},
		{name: "nothing but files", params: `{"profile":"ntia"}`, change: func(_ *criteria.Evidence, c *criteria.Components) {
			c.Items = []criteria.Component{{Type: "file", Name: "x"}}
		}, findings: "empty-sbom"},
		{name: "ntia asks no hash, licence, tool or context", params: `{"profile":"ntia"}`, change: func(_ *criteria.Evidence, c *criteria.Components) {
			c.Items[0].Digests, c.Items[0].Licences, c.Tools, c.Lifecycles = nil, nil, nil, nil
		}},
		{name: "cisa asks hash, licence, tool and context", params: `{"profile":"cisa"}`, change: func(_ *criteria.Evidence, c *criteria.Components) {
			c.Items[0].Digests, c.Items[0].Licences, c.Tools, c.Lifecycles = nil, []string{"NOASSERTION"}, nil, nil
		}, findings: "context hash licence tool"},
		{name: "bsi asks for a recent format", params: `{"profile":"bsi"}`, change: func(_ *criteria.Evidence, c *criteria.Components) { c.Version = "1.5" }, findings: "format"},
		{name: "SPDX 2.3 passes ntia", params: `{"profile":"ntia"}`, change: func(_ *criteria.Evidence, c *criteria.Components) { c.Format, c.Version = "SPDX", "2.3" }},
		{name: "SPDX 2.3 fails bsi", params: `{"profile":"bsi"}`, change: func(_ *criteria.Evidence, c *criteria.Components) { c.Format, c.Version = "SPDX", "2.3" }, findings: "format"},
		{name: "SPDX 3.0.1 passes bsi", params: `{"profile":"bsi"}`, change: func(_ *criteria.Evidence, c *criteria.Components) { c.Format, c.Version = "SPDX", "3.0.1" }},
		{name: "bsi asks who can be reached, SHA-512 and the kind of file", params: `{"profile":"bsi"}`, change: func(_ *criteria.Evidence, c *criteria.Components) {
			c.Authors = []string{"Ada"}
			c.Items[0].Supplier, c.Items[0].File, c.Items[0].Archive = "Acme", "", ""
			c.Items[0].Digests = []criteria.Digest{linuxDigest}
		}, findings: "authorContact creator file fileKind sha512"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := fullBill()
			if tt.change != nil {
				tt.change(&e, e.Facts.Components)
			}
			o := newCriterion(t, sbomQuality, tt.params).Evaluate(componentsInput(t, e))
			var ids []string
			for _, f := range o.Findings {
				if f.Status != criteria.Fail {
					t.Errorf("%s is %s, want fail", f.ID, f.Status)
				}
				ids = append(ids, f.ID)
			}
			if got := strings.Join(ids, " "); got != tt.findings || (o.Status == criteria.Pass) != (tt.findings == "") {
				t.Errorf("Evaluate = %s (%s), findings %q, want %q", o.Status, o.Reason, got, tt.findings)
			}
		})
	}
	t.Run("one good bill is enough", func(t *testing.T) {
		poor := fullBill()
		poor.Facts.Components.Authors = nil
		if o := newCriterion(t, sbomQuality, `{"profile":"ntia"}`).Evaluate(componentsInput(t, poor, fullBill())); o.Status != criteria.Pass {
			t.Errorf("Evaluate = %s (%s), want pass", o.Status, o.Reason)
		}
	})
}

func TestSBOMQualityParams(t *testing.T) {
	for _, tt := range []struct{ params, key string }{
		{`{}`, "profile"},
		{`{"profile":"best"}`, "profile"},
		{`{"profile":"ntia","supplier":1.5}`, "supplier"},
		{`{"profile":"ntia","version":-1}`, "version"},
		{`{"profile":"ntia","supplier":0,"name":0,"version":0,"identifier":0,"relations":0,"author":0,"timestamp":0}`, ""},
	} {
		_, err := sbomQuality.New([]byte(tt.params))
		var pe *criteria.ParamError
		if !errors.As(err, &pe) || pe.Key != tt.key {
			t.Errorf("New(%s) = %v, want an error about %q", tt.params, err, tt.key)
		}
	}
}
