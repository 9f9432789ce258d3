package evidence

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/criteria"
)

func TestThreagileRisks(t *testing.T) {
	risk := func(id, rest string) string { return `{"category":"c","synthetic_id":"` + id + `"` + rest + `}` }
	f := mustRead(t, "threagile-risks", `[`+
		risk("b@x", `,"severity":"elevated","risk_status":"unchecked","exploitation_likelihood":"likely","title":"\u003cb\u003eBad\u003c/b\u003e at \u003cb\u003eR\u0026amp;D\u003c/b\u003e"`)+`,`+
		risk("a@x", `,"severity":"high","risk_status":"in-discussion"`)+`,`+
		risk("c@x", `,"severity":"low","risk_status":"false-positive"`)+`,`+
		risk("d@x", ``)+`,`+
		risk("e@x", `,"exploitation_likelihood":"likely","risk_status":"accepted"`)+`]`)
	want := &criteria.Threats{Modelled: -1, Listed: true, Items: []criteria.Threat{
		{ID: "a@x", Severity: "high", Status: "open"},
		{ID: "b@x", Title: "Bad at R&D", Severity: "elevated", Status: "open"},
		{ID: "c@x", Severity: "low", Status: "not-applicable"},
		{ID: "d@x", Severity: "low", Status: "open"},
		{ID: "e@x", Status: "accepted"},
	}}
	if diff := cmp.Diff(want, f.Threats); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
	if got := mustRead(t, "threagile-risks", "[]").Threats; !got.Listed || got.Modelled != -1 || len(got.Items) != 0 {
		t.Errorf("Read([]) = %+v, want an empty list of a model unknown", got)
	}
	mustRefuse(t, "threagile-risks", `null`, "expected a list")
	mustRefuse(t, "threagile-risks", `{}`, "expected a list")
	mustRefuse(t, "threagile-risks", `[{"RuleID":"aws"}]`, "not one of Threagile")
	mustRefuse(t, "threagile-risks", `[`+risk("a", "")+`,`+risk("a", "")+`]`, "stands twice")
	mustRefuse(t, "threagile-risks", `[`+risk("a", `,"risk_status":"done"`)+`]`, `unknown risk_status "done"`)
	mustRefuse(t, "threagile-risks", `[`+risk("a", `,"severity":"severe"`)+`]`, `unknown severity "severe"`)
}

func TestThreagileModel(t *testing.T) {
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, doc string
		want      criteria.Threats
	}{
		{
			"model", "threagile_version: 1.0.0\ntitle: greet\ndate: 2026-11-20\nauthor:\n  name: Carol\ntechnical_assets:\n  A:\n    id: a\n  B:\n    id: b\nrisk_tracking:\n  x@a:\n    status: accepted\n",
			criteria.Threats{Title: "greet", Reviewed: day, Reviewer: "Carol", Modelled: 2},
		},
		{"of_nothing", "threagile_version: 1.0.0\ntechnical_assets:\n", criteria.Threats{}},
		{"without_assets", "threagile_version: 1.0.0\ndate:\n", criteria.Threats{}},
		{"quoted_date", "threagile_version: 1.0.0\ndate: \"2026-11-20\"\n", criteria.Threats{Reviewed: day}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(&tt.want, mustRead(t, "threagile-model", tt.doc).Threats); diff != "" {
				t.Errorf("Read(%q) (-want +got):\n%s", tt.doc, diff)
			}
		})
	}
	mustRefuse(t, "threagile-model", "title: x\n", "threagile_version is missing")
	mustRefuse(t, "threagile-model", "[]\n", "threagile_version is missing")
	mustRefuse(t, "threagile-model", "threagile_version: 1.0.0\ndate: 20 November\n", "line 2, column 7: date")
	mustRefuse(t, "threagile-model", "threagile_version: 1.0.0\ntechnical_assets: [a]\n", "expected keys and values")
	mustRefuse(t, "threagile-model", "threagile_version: 1.0.0\nincludes:\n  - rest.yaml\n", "includes other files")
	mustRefuse(t, "threagile-model", "threagile_version: 1.0.0\ndate: 2026-11-20\ndate: 2026-11-21\n", "stands twice")
	mustRefuse(t, "threagile-model", "threagile_version: 1.0.0\n---\ndate: 2026-11-20\n", "second YAML document")
}

func TestThreatDragon(t *testing.T) {
	cell := func(kind, threats string) string {
		return `{"shape":"x","id":"c","data":{"type":"` + kind + `","name":"Web","threats":[` + threats + `]}}`
	}
	model := func(cells string) string {
		return `{"version":"2.4.0","summary":{"title":"Shop","id":0},"detail":{"reviewer":"Carol","diagrams":[{"id":0,"title":"D","cells":[` + cells + `]}]}}`
	}
	f := mustRead(t, "threat-dragon", model(
		cell("tm.Process", `{"id":"1","title":"Spoof","status":"Open","severity":"High"},{"id":"2","title":"Leak","status":"Mitigated","severity":"TBD"}`)+`,`+
			cell("tm.Store", `{"id":"1","title":"Spoof","status":"NotApplicable","severity":"Low"},{"title":"No id"}`)+`,`+
			cell("tm.Text", "")+`,`+cell("tm.BoundaryBox", "")+`,{"shape":"edge"}`))
	want := &criteria.Threats{Title: "Shop", Reviewer: "Carol", Modelled: 2, Listed: true, Items: []criteria.Threat{
		{ID: "1", Title: "Spoof at Web", Severity: "high", Status: "open"},
		{ID: "2", Title: "Leak at Web", Status: "mitigated"},
		{ID: "1#2", Title: "Spoof at Web", Severity: "low", Status: "not-applicable"},
		{ID: "No id", Title: "No id at Web", Status: "open"},
	}}
	if diff := cmp.Diff(want, f.Threats); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
	if got := mustRead(t, "threat-dragon", model("")).Threats; got.Modelled != 0 {
		t.Errorf("an empty diagram models %d elements, want 0", got.Modelled)
	}
	mustRefuse(t, "threat-dragon", `{"summary":{"title":"v1"},"detail":{"diagrams":[]}}`, "not a model of Threat Dragon 2")
	mustRefuse(t, "threat-dragon", `{"version":"2.0"}`, "not a model of Threat Dragon 2")
	mustRefuse(t, "threat-dragon", model(cell("tm.Process", `{"id":"1","status":"Closed"}`)), `unknown status "Closed"`)
	mustRefuse(t, "threat-dragon", model(cell("tm.Process", `{"id":"1","severity":"Severe"}`)), `unknown severity "Severe"`)
	mustRefuse(t, "threat-dragon", model(cell("tm.Process", `{}`)), "neither id nor title")
}
