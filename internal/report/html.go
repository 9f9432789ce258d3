package report

import (
	"html/template"
	"io"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// HTML shows d as one page that needs nothing else: no script, no request to
// anywhere. Everything from reports is escaped.
func HTML(w io.Writer, d criteria.Decision) error {
	type line struct {
		Criterion, Status, Why, About string
		Details                       []string
	}
	page := struct {
		Decision criteria.Decision
		Verdict  string
		Summary  string
		At       string
		Rows     []line
	}{Decision: d, Verdict: "PASSED", Summary: Summary(d), At: d.Time.Format(time.RFC3339)}
	switch {
	case d.CouldNotTell():
		page.Verdict = "COULD NOT TELL"
	case !d.Passed:
		page.Verdict = "FAILED"
	}
	for _, r := range rows(d) {
		page.Rows = append(page.Rows, line{r.criterion, r.outcome.Status.String(), r.outcome.Reason, r.about(d), r.details(true)})
	}
	return pageTemplate.Execute(w, page)
}

var pageTemplate = template.Must(template.New("decision").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{.Decision.Release.Name}} {{.Decision.Release.Version}}: {{.Verdict}}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f23; background: #fff }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid #d8dee4 }
td:first-child { white-space: nowrap; font-weight: 600 } ul { margin: .2rem 0; padding-left: 1.2rem; color: #57606a }
.verdict { font-size: 1.3rem; font-weight: 700 } .pass { color: #116329 } .fail, .error { color: #a40e26; font-weight: 700 }
.unknown, .warn, .waived, .needs-review { color: #7a4100 } .not-applicable { color: #57606a } code { font-size: .85em; word-break: break-all }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117 } .pass { color: #56d364 } .fail, .error { color: #ff7b72 } .unknown, .warn, .waived, .needs-review { color: #e3b341 } ul, .not-applicable { color: #9198a1 } th, td { border-color: #30363d } }
</style>
<h1>{{.Decision.Release.Name}} {{.Decision.Release.Version}}</h1>
<p class="verdict">{{.Verdict}}</p>
<p>{{.Summary}}. Profile {{.Decision.Policy.Profile}}, judged as of {{.At}}{{if .Decision.TimeDeclared}} (declared){{end}}, policy <code>{{.Decision.Policy.Digest}}</code>.</p>
<table><thead><tr><th>criterion<th>outcome<th>why</tr></thead><tbody>
{{range .Rows}}<tr><td>{{.Criterion}}<td class="{{.Status}}">{{.Status}}<td>{{.Why}}{{with .About}} ({{.}}){{end}}{{with .Details}}<ul>{{range .}}<li>{{.}}{{end}}</ul>{{end}}</tr>
{{end}}</tbody></table>
{{with .Decision.Warnings}}<h2>Warnings</h2><ul>{{range .}}<li>{{.}}{{end}}</ul>{{end}}
<h2>Artifacts</h2><ul>{{range .Decision.Release.Artifacts}}<li>{{.Name}} <code>{{.Digest}}</code>{{end}}</ul>
<h2>Evidence</h2><ul>{{range .Decision.Evidence}}<li>{{.Name}} ({{.Format}}) <code>{{.Digest}}</code>{{with .Problem}}: {{.}}{{end}}{{end}}</ul>
</html>
`))
