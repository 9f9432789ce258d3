package catalogue

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/in-toto/in-toto-golang/in_toto"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/criteria/evidence"
)

// pipelineWorld is a pipeline of two steps, signed by the library itself.
type pipelineWorld struct {
	t                      *testing.T
	owner, tester, builder in_toto.Key
	layout                 in_toto.Layout
	test, build            in_toto.Link
	artifact               criteria.Digest
	dsse                   bool
}

var pipelineNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func inTotoKey(t *testing.T, name byte) in_toto.Key {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{name}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	var key in_toto.Key
	if err := key.LoadKeyReaderDefaults(bytes.NewReader(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))); err != nil {
		t.Fatal(err)
	}
	return key
}

func publicHalf(key in_toto.Key) in_toto.Key {
	key.KeyVal.Private = ""
	return key
}

func publicPEM(t *testing.T, name byte) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{name}, 32)).Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func newPipelineWorld(t *testing.T) *pipelineWorld {
	w := &pipelineWorld{
		t: t, owner: inTotoKey(t, 'o'), tester: inTotoKey(t, 't'), builder: inTotoKey(t, 'b'),
		artifact: criteria.DigestOf([]byte("widget")),
	}
	source := in_toto.HashObj{"sha256": criteria.DigestOf([]byte("source")).Hex()}
	w.test = in_toto.Link{
		Type: "link", Name: "test", Command: []string{"go", "test"},
		Materials: map[string]in_toto.HashObj{"main.go": source}, Products: map[string]in_toto.HashObj{"main.go": source},
		ByProducts: map[string]any{"return-value": 0}, Environment: map[string]any{},
	}
	w.build = in_toto.Link{
		Type: "link", Name: "build", Command: []string{"go", "build"},
		Materials: map[string]in_toto.HashObj{"main.go": source}, Products: map[string]in_toto.HashObj{"widget": {"sha256": w.artifact.Hex()}},
		ByProducts: map[string]any{"return-value": 0}, Environment: map[string]any{},
	}
	w.layout = in_toto.Layout{
		Type: "layout", Expires: "2027-11-22T00:00:00Z",
		Keys: map[string]in_toto.Key{w.tester.KeyID: publicHalf(w.tester), w.builder.KeyID: publicHalf(w.builder)},
		Steps: []in_toto.Step{
			{
				Type: "step", PubKeys: []string{w.tester.KeyID}, ExpectedCommand: []string{"go", "test"}, Threshold: 1,
				SupplyChainItem: in_toto.SupplyChainItem{
					Name: "test", ExpectedMaterials: [][]string{{"ALLOW", "main.go"}, {"DISALLOW", "*"}}, ExpectedProducts: [][]string{{"ALLOW", "main.go"}, {"DISALLOW", "*"}},
				},
			},
			{
				Type: "step", PubKeys: []string{w.builder.KeyID}, ExpectedCommand: []string{"go", "build"}, Threshold: 1,
				SupplyChainItem: in_toto.SupplyChainItem{
					Name: "build", ExpectedMaterials: [][]string{{"MATCH", "*", "WITH", "PRODUCTS", "FROM", "test"}, {"DISALLOW", "*"}}, ExpectedProducts: [][]string{{"CREATE", "widget"}, {"DISALLOW", "*"}},
				},
			},
		},
		Inspect: []in_toto.Inspection{},
	}
	return w
}

func (w *pipelineWorld) sign(payload any, keys ...in_toto.Key) []byte {
	w.t.Helper()
	var m in_toto.Metadata = &in_toto.Metablock{Signed: payload, Signatures: []in_toto.Signature{}}
	if w.dsse {
		e := &in_toto.Envelope{}
		if err := e.SetPayload(payload); err != nil {
			w.t.Fatal(err)
		}
		m = e
	}
	for _, k := range keys {
		if err := m.Sign(k); err != nil {
			w.t.Fatal(err)
		}
	}
	file := filepath.Join(w.t.TempDir(), "m")
	if err := m.Dump(file); err != nil {
		w.t.Fatal(err)
	}
	doc, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	return doc
}

func oneDocumentALine(t *testing.T, docs ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, d := range docs {
		if err := json.Compact(&out, d); err != nil {
			t.Fatal(err)
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}

func pipelineParams(t *testing.T, owners ...string) []byte {
	t.Helper()
	params, err := json.Marshal(map[string]any{"owners": owners})
	if err != nil {
		t.Fatal(err)
	}
	return params
}

// outcome reads report as the engine does and asks about the artifact.
func pipelineOutcome(t *testing.T, params, report []byte, artifact criteria.Digest) criteria.Outcome {
	t.Helper()
	i := -1
	for j, f := range evidence.All() {
		if f.Name() == "in-toto-pipeline" {
			i = j
		}
	}
	if i < 0 {
		t.Fatal("no format in-toto-pipeline")
	}
	e := criteria.ReadEvidence(evidence.All()[i], "pipeline.jsonl", report, criteria.Declared{})
	if e.Problem != "" {
		return criteria.CannotTell("unreadable: %s", e.Problem)
	}
	c, err := pipelineFollowed.New(params)
	if err != nil {
		t.Fatal(err)
	}
	in := criteria.Input{Subject: criteria.Subject{Name: "widget", Digest: artifact}, Evidence: []criteria.Evidence{e}, Now: pipelineNow}
	got := c.Evaluate(in)
	for range 5 {
		if again := c.Evaluate(in); !cmp.Equal(got, again) {
			t.Errorf("Evaluate = %v, then %v", got, again)
		}
	}
	return got
}

func TestPipelineFollowed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		alter  func(w *pipelineWorld) (docs [][]byte)
		want   criteria.Status
		reason string
	}{
		{"as_laid_out", nil, criteria.Pass, "2 steps were done as their owners laid out"},
		{"as_laid_out_in_dsse", func(w *pipelineWorld) [][]byte { w.dsse = true; return nil }, criteria.Pass, "2 steps"},
		{"other_artifact", func(w *pipelineWorld) [][]byte { w.artifact = criteria.DigestOf([]byte("other")); return nil }, criteria.Fail, "is not among the 1 products of the last step"},
		{"expired", func(w *pipelineWorld) [][]byte { w.layout.Expires = "2026-11-22T12:00:00Z"; return nil }, criteria.Fail, "the layout expired on 2026-11-22"},
		{"expires_within_a_second", func(w *pipelineWorld) [][]byte { w.layout.Expires = "2026-11-22T12:00:01Z"; return nil }, criteria.Pass, "2 steps"},
		{"layout_by_another", func(w *pipelineWorld) [][]byte { w.owner = w.tester; return nil }, criteria.Fail, "the layout is not signed by owner"},
		{"layout_unsigned", func(w *pipelineWorld) [][]byte {
			return [][]byte{w.sign(w.layout), w.sign(w.test, w.tester), w.sign(w.build, w.builder)}
		}, criteria.Fail, "the layout is not signed by owner"},
		{"layout_altered", func(w *pipelineWorld) [][]byte {
			doc := bytes.Replace(w.sign(w.layout, w.owner), []byte("2027-"), []byte("2099-"), 1)
			return [][]byte{doc, w.sign(w.test, w.tester), w.sign(w.build, w.builder)}
		}, criteria.Fail, "the layout is not signed by owner"},
		{"link_altered", func(w *pipelineWorld) [][]byte {
			doc := bytes.Replace(w.sign(w.build, w.builder), []byte(`"return-value": 0`), []byte(`"return-value": 1`), 1)
			return [][]byte{w.sign(w.layout, w.owner), w.sign(w.test, w.tester), doc}
		}, criteria.Fail, `step "build" has 1 links by keys it names of which not enough are validly signed`},
		{"link_by_another", func(w *pipelineWorld) [][]byte { w.builder = w.tester; return nil }, criteria.Fail, `step "build" has 0 links`},
		{"link_missing", func(w *pipelineWorld) [][]byte {
			return [][]byte{w.sign(w.layout, w.owner), w.sign(w.build, w.builder)}
		}, criteria.Fail, `step "test" has 0 links`},
		{"no_links", func(w *pipelineWorld) [][]byte { return [][]byte{w.sign(w.layout, w.owner)} }, criteria.Unknown, "holds a layout without links"},
		{"link_of_one_step_as_another", func(w *pipelineWorld) [][]byte {
			w.test.Name = "build"
			return nil
		}, criteria.Fail, `step "test" has 0 links`},
		{"threshold_not_met", func(w *pipelineWorld) [][]byte {
			w.layout.Steps[0].Threshold = 2
			w.layout.Steps[0].PubKeys = append(w.layout.Steps[0].PubKeys, w.builder.KeyID)
			return nil
		}, criteria.Fail, "it takes 2"},
		{"threshold_met", func(w *pipelineWorld) [][]byte {
			w.layout.Steps[0].Threshold = 2
			w.layout.Steps[0].PubKeys = append(w.layout.Steps[0].PubKeys, w.builder.KeyID)
			return [][]byte{w.sign(w.layout, w.owner), w.sign(w.test, w.tester), w.sign(w.test, w.builder), w.sign(w.build, w.builder)}
		}, criteria.Pass, "2 steps"},
		{"threshold_zero_and_no_link", func(w *pipelineWorld) [][]byte {
			w.layout.Steps[0].Threshold = 0
			return [][]byte{w.sign(w.layout, w.owner), w.sign(w.build, w.builder)}
		}, criteria.Fail, `step "test" has 0 links`},
		{"one_key_under_two_names", func(w *pipelineWorld) [][]byte {
			alias := publicHalf(w.tester)
			alias.KeyID = strings.Repeat("ab", 32)
			w.layout.Keys[alias.KeyID] = alias
			w.layout.Steps[0].Threshold = 2
			w.layout.Steps[0].PubKeys = append(w.layout.Steps[0].PubKeys, alias.KeyID)
			under := w.tester
			under.KeyID = alias.KeyID
			return [][]byte{w.sign(w.layout, w.owner), w.sign(w.test, w.tester, under), w.sign(w.build, w.builder)}
		}, criteria.Fail, "signed by one key under several names"},
		{"disputed", func(w *pipelineWorld) [][]byte {
			w.layout.Steps[0].Threshold = 2
			w.layout.Steps[0].PubKeys = append(w.layout.Steps[0].PubKeys, w.builder.KeyID)
			other := w.test
			other.Products = map[string]in_toto.HashObj{}
			return [][]byte{w.sign(w.layout, w.owner), w.sign(w.test, w.tester), w.sign(other, w.builder), w.sign(w.build, w.builder)}
		}, criteria.Fail, `the links of step "test" report different`},
		{"two_links_by_one_key", func(w *pipelineWorld) [][]byte {
			return [][]byte{w.sign(w.layout, w.owner), w.sign(w.test, w.tester), w.sign(w.test, w.tester), w.sign(w.build, w.builder)}
		}, criteria.Fail, "signed two links"},
		{"built_from_something_else", func(w *pipelineWorld) [][]byte {
			for _, name := range []string{"d.go", "a.go", "c.go", "b.go", "e.go"} {
				w.build.Materials[name] = in_toto.HashObj{"sha256": strings.Repeat("0", 64)}
			}
			return nil
		}, criteria.Fail, `step "build": artifact verification failed for Step 'build', materials a.go, b.go, c.go and 2 more disallowed by rule [DISALLOW *]`},
		{"smuggled_product", func(w *pipelineWorld) [][]byte {
			w.build.Products["backdoor"] = in_toto.HashObj{"sha256": strings.Repeat("0", 64)}
			return nil
		}, criteria.Fail, "products backdoor disallowed"},
		{"inspections", func(w *pipelineWorld) [][]byte {
			w.layout.Inspect = []in_toto.Inspection{{
				Type: "inspection", Run: []string{"touch", filepath.Join(w.t.TempDir(), "ran")},
				SupplyChainItem: in_toto.SupplyChainItem{Name: "look", ExpectedMaterials: [][]string{}, ExpectedProducts: [][]string{}},
			}}
			return nil
		}, criteria.Unknown, "commands that hallmark never runs"},
		{"sublayout", func(w *pipelineWorld) [][]byte {
			return [][]byte{w.sign(w.layout, w.owner), w.sign(w.layout, w.tester), w.sign(w.build, w.builder)}
		}, criteria.Unknown, "sublayouts are not supported"},
		{"certificate_authority", func(w *pipelineWorld) [][]byte {
			w.layout.RootCas = map[string]in_toto.Key{w.owner.KeyID: publicHalf(w.owner)}
			return nil
		}, criteria.Unknown, "only keys are supported"},
		{"certificate_constraint", func(w *pipelineWorld) [][]byte {
			w.layout.Steps[0].CertificateConstraints = []in_toto.CertificateConstraint{{CommonName: "*"}}
			return nil
		}, criteria.Unknown, "only keys are supported"},
		{"other_command", func(w *pipelineWorld) [][]byte { w.build.Command = []string{"make"}; return nil }, criteria.Warn, `expects the command "go build"`},
		{"link_of_no_step", func(w *pipelineWorld) [][]byte {
			other := w.test
			other.Name = "deploy"
			return [][]byte{w.sign(w.layout, w.owner), w.sign(w.test, w.tester), w.sign(w.build, w.builder), w.sign(other, w.tester)}
		}, criteria.Warn, "no step of the layout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newPipelineWorld(t)
			var docs [][]byte
			if tt.alter != nil {
				docs = tt.alter(w)
			}
			if docs == nil {
				docs = [][]byte{w.sign(w.layout, w.owner), w.sign(w.test, w.tester), w.sign(w.build, w.builder)}
			}
			got := pipelineOutcome(t, pipelineParams(t, publicPEM(t, 'o')), oneDocumentALine(t, docs...), w.artifact)
			if got.Status != tt.want || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("Evaluate = %v %q, want %v …%s…", got.Status, got.Reason, tt.want, tt.reason)
			}
		})
	}
}

func TestPipelineOwners(t *testing.T) {
	w := newPipelineWorld(t)
	report := oneDocumentALine(t, w.sign(w.layout, w.owner, w.builder), w.sign(w.test, w.tester), w.sign(w.build, w.builder))
	for _, tt := range []struct {
		name   string
		owners []string
		want   criteria.Status
	}{
		{"none", nil, criteria.Unknown},
		{"one", []string{publicPEM(t, 'o')}, criteria.Pass},
		{"both_signed", []string{publicPEM(t, 'o'), publicPEM(t, 'b')}, criteria.Pass},
		{"one_did_not_sign", []string{publicPEM(t, 'o'), publicPEM(t, 't')}, criteria.Fail},
	} {
		if got := pipelineOutcome(t, pipelineParams(t, tt.owners...), report, w.artifact); got.Status != tt.want {
			t.Errorf("%s: Evaluate = %v %q, want %v", tt.name, got.Status, got.Reason, tt.want)
		}
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}})
	for _, bad := range []string{"", "owner.pub", string(private), publicPEM(t, 'o') + publicPEM(t, 'o')[:20]} {
		if _, err := pipelineFollowed.New(pipelineParams(t, publicPEM(t, 'o'), bad)); err == nil && !strings.HasPrefix(bad, publicPEM(t, 'o')) {
			t.Errorf("New with owner %q accepted", bad)
		}
	}
	if _, err := pipelineFollowed.New(pipelineParams(t, publicPEM(t, 'o'), publicPEM(t, 'o'))); err == nil {
		t.Errorf("New accepted one owner twice")
	}
	if _, err := pipelineFollowed.New([]byte(`{"owner": []}`)); err == nil || !strings.Contains(err.Error(), `"owners"`) {
		t.Errorf("New with a misspelled parameter = %v, want a hint", err)
	}
}

// The pipeline of the quickstart, made with in-toto's own tools.
func TestQuickstartPipeline(t *testing.T) {
	dir := filepath.FromSlash("../../examples/quickstart")
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if os.IsNotExist(err) {
			t.Skipf("the quickstart has no %s yet", name)
		}
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	docs := [][]byte{read("evidence/in-toto/root.layout")}
	links, err := filepath.Glob(filepath.Join(dir, "evidence", "in-toto", "*.link"))
	if err != nil || len(links) == 0 {
		t.Fatalf("links of the quickstart: %v, %v", links, err)
	}
	for _, l := range links {
		doc, err := os.ReadFile(l)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc)
	}
	params := pipelineParams(t, string(read("evidence/in-toto/owner.pub")))
	for _, name := range []string{"greet_1.2.0_linux_amd64", "greet_1.2.0_darwin_arm64"} {
		artifact := criteria.DigestOf(read("dist/" + name))
		if got := pipelineOutcome(t, params, oneDocumentALine(t, docs...), artifact); got.Status != criteria.Pass {
			t.Errorf("%s: Evaluate = %v %q, want pass", name, got.Status, got.Reason)
		}
	}
}
