package schema_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/criteria/catalogue"
	"github.com/hallmark-project/hallmark/criteria/expression"
	"github.com/hallmark-project/hallmark/internal/releasefile"
	"github.com/hallmark-project/hallmark/internal/schema"
	"github.com/hallmark-project/hallmark/verify"
)

var update = flag.Bool("update", false, "rewrite docs/schema")

const root = "../.."

func TestSchemasAreCurrent(t *testing.T) {
	docs, err := schema.Docs(os.DirFS(root), "criteria", "verify", "internal/releasefile", "internal/admission")
	if err != nil {
		t.Fatal(err)
	}
	if docs["Waiver.Owner"] == "" || docs["File.Artifacts"] == "" || docs["Expect.Resource"] == "" {
		t.Fatal("Docs found no comments")
	}
	for _, f := range schema.Files() {
		got, err := schema.Of(f, docs)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(root, "docs", "schema", f.Name)
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("docs/schema/%s is old, run go test ./internal/schema -update: (-want +got)\n%s", f.Name, diff)
		}
	}
}

func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join(root, "docs", "schema", name))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate reads data as an editor does.
func validate(t *testing.T, s *jsonschema.Schema, data []byte) error {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal(data, &n); err != nil {
		t.Fatal(err)
	}
	stampsAreText(&n)
	var v any
	if err := n.Decode(&v); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

// stampsAreText takes times for text: YAML 1.2 and with it editors know none.
func stampsAreText(n *yaml.Node) {
	if n.Tag == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, c := range n.Content {
		stampsAreText(c)
	}
}

const trust = `verifier: https://example.test/verifier/v1
resource: pkg:generic/greet@1.2.0
signers:
  - name: release key
    key: |
      -----BEGIN PUBLIC KEY-----
      MCowBQYDK2VwAyEAKHrEtQICfHk3SJdUd+vPmVGfvzsjT20xduzmc9EA5CI=
      -----END PUBLIC KEY-----
level: standard
criteria: [changes-reviewed]
maxAge: 90d
`

// required is what a trust file may ask beside the verdict.
const required = `attestations:
  - name: scan
    predicateType: https://example.test/scan/v1
    threshold: 1
    time: metadata.finishedOn
    maxAge: 7d
    where: [{path: scanner.id, equals: x}]
    all:
      - {path: result, oneOf: [PASSED, 1, true]}
      - any:
          - {path: "findings[*].score", atMost: 6.9}
          - {path: reviewed, exists: true}
provenance:
  level: 2
  sourceRepository: https://github.com/acme/greet
  tag: v1.*
  builders: [{id: https://github.com/actions/runner/github-hosted, trustedRoot: public-good}]
source: {verifier: https://example.test/source, resource: git+https://github.com/acme/greet, level: 3, maxAge: unlimited}
sbom: {formats: [spdx, cyclonedx]}
vex: {resolved: true}
`

// Every example validates, and so does what the readers accept.
func TestExamplesValidate(t *testing.T) {
	counts := make(map[string]int)
	schemas := map[string]*jsonschema.Schema{
		"hallmark.yaml": compile(t, "hallmark.schema.json"),
		"policy.yaml":   compile(t, "policy.schema.json"),
		"trust.yaml":    compile(t, "trust.schema.json"),
	}
	err := filepath.WalkDir(filepath.Join(root, "examples"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		s := schemas[d.Name()]
		if s == nil {
			return nil
		}
		counts[d.Name()]++
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := validate(t, s, data); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hallmark.yaml", "policy.yaml"} {
		if counts[name] == 0 {
			t.Errorf("found no example of %s", name)
		}
	}
	for _, doc := range []string{trust, trust + required} {
		if _, err := verify.ParseTrust("trust.yaml", []byte(doc)); err != nil {
			t.Errorf("ParseTrust = %v", err)
		}
		if err := validate(t, schemas["trust.yaml"], []byte(doc)); err != nil {
			t.Errorf("trust.yaml: %v", err)
		}
	}
	for _, maxAge := range []string{"90d", "1d12h", "unlimited"} {
		if err := validate(t, schemas["trust.yaml"], []byte(strings.Replace(trust, "90d", maxAge, 1))); err != nil {
			t.Errorf("trust.yaml with maxAge %s: %v", maxAge, err)
		}
	}
}

// What the schemas refuse, the readers refuse.
func TestSchemasRefuse(t *testing.T) {
	read := map[string]func([]byte) error{
		"hallmark.schema.json": func(b []byte) error { _, err := releasefile.Parse("hallmark.yaml", b); return err },
		"policy.schema.json": func(b []byte) error {
			_, err := criteria.ParsePolicy("policy.yaml", b, catalogue.All(), expression.Compile)
			return err
		},
		"trust.schema.json": func(b []byte) error { _, err := verify.ParseTrust("trust.yaml", b); return err },
	}
	for _, tt := range []struct{ schema, doc string }{
		{"hallmark.schema.json", "{}"},
		{"hallmark.schema.json", "relase: {}"},
		{"hallmark.schema.json", "release: {name: a, version: 1, resource: b, source: 'gitCommit:12'}\nartifacts: [a]\npolicy: p\nverifier: {id: x}"},
		{"policy.schema.json", "{}"},
		{"policy.schema.json", "profile: expert"},
		{"policy.schema.json", "profile: basic\ncriteria: {vulnerabilites: {}}"},
		{"policy.schema.json", "profile: basic\nown: [{name: a, scope: world, needs: [tests], expression: 'true'}]"},
		{"policy.schema.json", "profile: basic\nown: [{name: a, scope: source, needs: [test], expression: 'true'}]"},
		{"policy.schema.json", "profile: basic\nwaivers: [{id: a, criterion: tests-pass, finding: b}]"},
		{"policy.schema.json", "profile: basic\nattest: {inlineLimit: 0B}"},
		{"policy.schema.json", "profile: basic\nattest: {inlineLimit: 8MB}"},
		{"trust.schema.json", "{}"},
		{"trust.schema.json", strings.Replace(trust, "maxAge: 90d", "maxAge: long", 1)},
		{"trust.schema.json", strings.Replace(trust, "maxAge: 90d\n", "", 1)},
		{"trust.schema.json", strings.Replace(trust, "standard", "best", 1)},
		{"trust.schema.json", trust + strings.Replace(required, "where:", "were:", 1)},
		{"trust.schema.json", trust + strings.Replace(required, "predicateType: https://example.test/scan/v1", "name2: x", 1)},
		{"trust.schema.json", trust + strings.Replace(required, "atMost: 6.9", "atMost: [6.9]", 1)},
		{"trust.schema.json", trust + strings.Replace(required, "exists: true", "exist: true", 1)},
		{"trust.schema.json", trust + strings.Replace(required, "spdx, ", "swid, ", 1)},
		{"trust.schema.json", trust + strings.Replace(required, "resolved: true", "resolved: soon", 1)},
		{"trust.schema.json", trust + strings.Replace(required, "  tag: v1.*", "  tags: v1.*", 1)},
	} {
		if err := validate(t, compile(t, tt.schema), []byte(tt.doc)); err == nil {
			t.Errorf("%s accepts %q", tt.schema, tt.doc)
		}
		if err := read[tt.schema]([]byte(tt.doc)); err == nil {
			t.Errorf("%s refuses %q, which the reader accepts", tt.schema, tt.doc)
		}
	}
}
