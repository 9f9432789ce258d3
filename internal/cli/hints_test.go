package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/internal/cli/console"
)

// TestHints holds what a release manager is told to do next, from the first
// evaluation with no evidence to one whose reports the policy does not vouch
// for.
func TestHints(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const head = `release:
  name: app
  version: 1.0.0
  resource: pkg:generic/app@1.0.0
  source: gitCommit:1111111111111111111111111111111111111111
artifacts: [app]
policy: policy.yaml
verifier:
  id: https://app.example/verifier/v1
`
	write("app", "binary")
	write("unit.xml", `<testsuite name="a" tests="1" failures="0" errors="0" skipped="0"><testcase name="b" classname="a"/></testsuite>`)
	for _, tc := range []struct {
		name, release, policy string
		want, not             []string
	}{
		{
			"nothing", head, "profile: basic\n",
			[]string{
				"hint: there is no test report under evidence in the release file; formats: go-test-json, junit\n",
				"hint: there is no list of tags under evidence in the release file; formats: git-tags, gitea\n",
				"hint: what is asked, and how to come by the evidence: hallmark criteria licences\n",
			},
			[]string{"vouched"},
		},
		{
			"not_vouched", head + "evidence: [{path: unit.xml, format: junit, about: source}]\n", "profile: basic\n",
			[]string{"list under vouched in the policy: junit\n", "no secrets scan under evidence"},
			[]string{"no test report under evidence"},
		},
		{
			"vouched", head + "evidence: [{path: unit.xml, format: junit, about: source}]\n", "profile: basic\nvouched: [junit]\n",
			[]string{"no secrets scan under evidence"},
			[]string{"list under vouched", "no test report under evidence"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			write("hallmark.yaml", tc.release)
			write("policy.yaml", tc.policy)
			var out, errs bytes.Buffer
			code := Main([]string{"hallmark", "evaluate", "-f", filepath.Join(dir, "hallmark.yaml"), "--out", filepath.Join(t.TempDir(), "out")}, console.IO{
				In: strings.NewReader(""), Out: &out, Err: &errs, Env: func(string) string { return "" }, Now: time.Now,
			})
			if code != console.CouldNotTell {
				t.Fatalf("evaluate exits %d, want %d:\n%s%s", code, console.CouldNotTell, &out, &errs)
			}
			for _, want := range tc.want {
				if !strings.Contains(errs.String(), want) {
					t.Errorf("evaluate does not say %q:\n%s", want, &errs)
				}
			}
			for _, not := range tc.not {
				if strings.Contains(errs.String(), not) {
					t.Errorf("evaluate says %q:\n%s", not, &errs)
				}
			}
		})
	}
}
