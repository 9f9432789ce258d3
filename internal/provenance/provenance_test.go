package provenance

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/internal/deptest"
)

func TestImports(t *testing.T) {
	deptest.MayImportOnly(t, "internal/strict")
	deptest.MustNotImport(t, "net", "os", "crypto", "log")
}

// module is the folder of a module that is required, or skips the test.
func module(t testing.TB, path string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", path).Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skipf("the sources of %s are not here: %v", path, err)
	}
	return dir
}

// statement is the statement in a bundle or a bare envelope.
func statement(t testing.TB, file string) (predicateType string, predicate []byte) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Payload  string `json:"payload"`
		Envelope struct {
			Payload string `json:"payload"`
		} `json:"dsseEnvelope"`
		Attestations []struct {
			Bundle struct {
				Envelope struct {
					Payload string `json:"payload"`
				} `json:"dsseEnvelope"`
			} `json:"bundle"`
		} `json:"attestations"`
		Summary struct {
			Provenance []struct {
				Envelope struct {
					Payload string `json:"payload"`
				} `json:"envelope"`
			} `json:"provenance"`
		} `json:"provenance_summary"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	payloads := []string{doc.Payload, doc.Envelope.Payload}
	for _, a := range doc.Attestations {
		payloads = append(payloads, a.Bundle.Envelope.Payload)
	}
	for _, p := range doc.Summary.Provenance {
		payloads = append(payloads, p.Envelope.Payload)
	}
	for _, p := range payloads {
		raw, err := base64.StdEncoding.DecodeString(p)
		if err != nil {
			if raw, err = base64.URLEncoding.DecodeString(p); err != nil {
				t.Fatal(err)
			}
		}
		var s struct {
			PredicateType string          `json:"predicateType"`
			Predicate     json.RawMessage `json:"predicate"`
		}
		if p != "" && json.Unmarshal(raw, &s) == nil && Is(s.PredicateType) {
			return s.PredicateType, s.Predicate
		}
	}
	t.Fatalf("%s holds no provenance", file)
	return "", nil
}

const (
	generator = "https://github.com/slsa-framework/slsa-github-generator"
	example   = "https://github.com/slsa-framework/example-package"
)

// What builders really wrote, as slsa-verifier keeps it for its own tests.
func TestParseReal(t *testing.T) {
	root := module(t, "github.com/slsa-framework/slsa-verifier/v2")
	const anchor = "693130cb6cb840a7bc9cb18c6510d536a95dc7e6"
	const flow = ".github/workflows/verifier-e2e.all.workflow_dispatch.main.all.slsa3.yml"
	finished := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for file, want := range map[string]Provenance{
		"cli/slsa-verifier/testdata/gha_generic/v2.0.0/binary-linux-amd64-push-v14.2.intoto.jsonl": {
			BuilderID: generator + "/.github/workflows/generator_generic_slsa3.yml@refs/tags/v2.0.0", BuildType: generator + "/generic@v1",
			SourceRepository: example, SourceRef: "refs/tags/v14.2", SourceDigest: anchor, Workflow: flow, InvocationID: "8791219514-1",
		},
		"cli/slsa-verifier/testdata/gha_container-based/v2.0.0/binary-linux-amd64-push-v14.2.intoto.build.slsa": {
			BuilderID: generator + "/.github/workflows/builder_container-based_slsa3.yml@refs/tags/v2.0.0", BuildType: "https://slsa.dev/container-based-build/v0.1?draft",
			SourceRepository: example, SourceRef: "refs/tags/v14.2", SourceDigest: anchor, Workflow: flow,
			InvocationID: example + "/actions/runs/8791219514/attempts/1",
		},
		"cli/slsa-verifier/testdata/gha_maven/v2.0.0/binary-linux-amd64-push-v14.2.build.slsa": {
			BuilderID: generator + "/.github/workflows/builder_maven_slsa3.yml@refs/tags/v2.0.0", BuildType: generator + "/delegator-generic@v0",
			SourceRepository: example, SourceRef: "refs/tags/v14.2", SourceDigest: anchor, Workflow: flow,
			InvocationID: example + "/actions/runs/8791219514/attempts/1",
		},
		"cli/slsa-verifier/testdata/npm/gha/supreme-googles-cli-v02-tag.tgz.json": {
			BuilderID: "https://github.com/actions/runner", BuildType: "https://github.com/npm/cli/gha/v2",
			SourceRepository: "https://github.com/trishankatdatadog/supreme-goggles", SourceRef: "refs/tags/v1.0.5",
			SourceDigest: "38ebf99444e033b2f1550c9aaaeacd62d02a12ba", Workflow: ".github/workflows/npm-publish.yml", InvocationID: "4994975790-1",
		},
		"cli/slsa-verifier/testdata/npm/gha/provenance-npm-test-ossf.tgz.json": {
			BuilderID: generator + "/.github/workflows/builder_nodejs_slsa3.yml@refs/tags/v1.6.0", BuildType: generator + "/delegator-generic@v0",
			SourceRepository: "https://github.com/laurentsimon/provenance-npm-test", SourceRef: "refs/heads/main",
			SourceDigest: "34490b44db557f009617bcb92b8780f972c189ab", Workflow: ".github/workflows/release-slsa3.yml", InvocationID: "5016782196-1",
		},
		"cli/slsa-verifier/testdata/gcb_container/v0.3/gcloud-container-github-tag.json": {
			BuilderID: "https://cloudbuild.googleapis.com/GoogleHostedWorker@v0.3", BuildType: "https://cloudbuild.googleapis.com/CloudBuildYaml@v0.1",
			SourceRepository: example, SourceRef: "refs/tags/v33.0.4", SourceDigest: "c750fd73a1669b095df7c74da9f1ff2032f926c9",
			Workflow: "cloudbuild.yaml", InvocationID: "40edaaed-b2ce-49b7-bc4d-4f67779fd0dc", Finished: finished("2023-03-15T03:14:35.163724Z"),
		},
		"verifiers/internal/gcb/testdata/v1.0-gcloud-container-github-tag.json": {
			BuilderID: "https://cloudbuild.googleapis.com/GoogleHostedWorker", BuildType: "https://cloud.google.com/build/gcb-buildtypes/google-worker/v1",
			SourceRepository: "https://github.com/khalkie/gcb-prod-prov", SourceRef: "refs/tags/v33.0.4", SourceDigest: "2ce3f90facdb51aeb950d5bc641e981be61fdf48",
			Workflow:     "cloudbuild.yaml",
			InvocationID: "https://cloudbuild.googleapis.com/v1/projects/argo-local-khalk/locations/us-west2/builds/9c11d255-0469-4a6a-b7d0-d510c6697c54",
			Finished:     finished("2023-08-08T18:40:29.055034Z"),
		},
	} {
		predicateType, predicate := statement(t, filepath.Join(root, filepath.FromSlash(file)))
		got, err := Parse(predicateType, predicate)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

// Every provenance that slsa-verifier accepts can be read, and has a source with
// a commit.
func TestParseAllReal(t *testing.T) {
	root := filepath.Join(module(t, "github.com/slsa-framework/slsa-verifier/v2"), "cli", "slsa-verifier", "testdata")
	var files []string
	for _, pattern := range []string{"gha_*/*/*.intoto.jsonl", "gha_*/*/*.slsa", "npm/gha/*.tgz.json"} {
		found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 100 {
		t.Fatalf("found %d files in %s, expected more than 100", len(files), root)
	}
	for _, f := range files {
		if strings.Contains(f, "-invalid") {
			continue // altered by hand, which shows in what it says already
		}
		predicateType, predicate := statement(t, f)
		p, err := Parse(predicateType, predicate)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		if p.SourceRepository == "" || p.SourceDigest == "" || p.SourceRef == "" || p.Workflow == "" {
			t.Errorf("%s: %+v lacks a source, a ref or a workflow", f, p)
		}
	}
}

func TestParseSigstoreJS(t *testing.T) {
	root := module(t, "github.com/sigstore/sigstore-go")
	predicateType, predicate := statement(t, filepath.Join(root, "pkg/testing/data/bundles/sigstore.js@2.0.0-provenance.sigstore.json"))
	got, err := Parse(predicateType, predicate)
	if err != nil {
		t.Fatal(err)
	}
	want := Provenance{
		BuilderID: "https://github.com/actions/runner/github-hosted", BuildType: "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1",
		SourceRepository: "https://github.com/sigstore/sigstore-js", SourceRef: "refs/heads/main",
		SourceDigest: "f0b49a04e5a62250e0f60fb128004a73110fe311", Workflow: ".github/workflows/release.yml",
		InvocationID: "https://github.com/sigstore/sigstore-js/actions/runs/5904696764/attempts/1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
}

const (
	one1 = "1111111111111111111111111111111111111111"
	two2 = "2222222222222222222222222222222222222222"
)

func TestParseBuildTypes(t *testing.T) {
	for name, c := range map[string]struct {
		predicateType, predicate string
		want                     Provenance
	}{
		"GitHub": {
			V1, `{"buildDefinition":{"buildType":"https://actions.github.io/buildtypes/workflow/v1",
			"externalParameters":{"workflow":{"ref":"refs/tags/v1","repository":"https://github.com/o/r","path":".github/workflows/r.yml"}},
			"resolvedDependencies":[{"uri":"git+https://github.com/o/other@refs/tags/v1","digest":{"gitCommit":"` + two2 + `"}},
				{"uri":"git+https://github.com/o/r@refs/tags/v1","digest":{"gitCommit":"` + one1 + `"}}]},
			"runDetails":{"builder":{"id":"https://github.com/o/r/.github/workflows/r.yml@refs/tags/v1"},"metadata":{"invocationId":"i"}}}`,
			Provenance{
				BuilderID: "https://github.com/o/r/.github/workflows/r.yml@refs/tags/v1", BuildType: "https://actions.github.io/buildtypes/workflow/v1",
				SourceRepository: "https://github.com/o/r", SourceRef: "refs/tags/v1", SourceDigest: one1, Workflow: ".github/workflows/r.yml", InvocationID: "i",
			},
		},
		"GitLab": {
			V1, `{"buildDefinition":{"buildType":"https://gitlab.com/gitlab-org/gitlab-runner/-/blob/16.7.0/PROVENANCE.md",
			"externalParameters":{"CI_JOB_ID":"","entryPoint":"build-job","source":"https://gitlab.com/g/p"},
			"internalParameters":{"executor":"docker"},
			"resolvedDependencies":[{"uri":"https://gitlab.com/g/p","digest":{"sha256":"` + one1 + `"}}]},
			"runDetails":{"builder":{"id":"https://gitlab.com/g/p/-/runners/12270837"},"metadata":{"invocationId":"10340684631"}}}`,
			Provenance{
				BuilderID: "https://gitlab.com/g/p/-/runners/12270837", BuildType: "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/16.7.0/PROVENANCE.md",
				SourceRepository: "https://gitlab.com/g/p", SourceDigest: one1, Workflow: "build-job", InvocationID: "10340684631",
			},
		},
		"GitLab, v0.2": {
			V02, `{"builder":{"id":"https://gitlab.com/g/p/-/runners/1"},"buildType":"https://gitlab.com/gitlab-org/gitlab-runner/-/blob/15.4.0/PROVENANCE.md",
			"invocation":{"configSource":{"uri":"https://gitlab.com/g/p","digest":{"sha256":"` + one1 + `"},"entryPoint":"build"}},
			"materials":[{"uri":"https://gitlab.com/g/p","digest":{"sha256":"` + one1 + `"}}]}`,
			Provenance{
				BuilderID: "https://gitlab.com/g/p/-/runners/1", BuildType: "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/15.4.0/PROVENANCE.md",
				SourceRepository: "https://gitlab.com/g/p", SourceDigest: one1, Workflow: "build",
			},
		},
		"Tekton": {
			V1, `{"buildDefinition":{"buildType":"https://tekton.dev/chains/v2/slsa",
			"externalParameters":{"runSpec":{}},
			"resolvedDependencies":[{"name":"pipeline","uri":"git+https://github.com/catalog/p.git","digest":{"sha1":"` + two2 + `"}},
				{"name":"inputs/result","uri":"git+https://github.com/o/r.git","digest":{"sha1":"` + one1 + `"}},
				{"uri":"oci://gcr.io/x","digest":{"sha256":"abc"}}]},
			"runDetails":{"builder":{"id":"https://tekton.dev/chains/v2"}}}`,
			Provenance{
				BuilderID: "https://tekton.dev/chains/v2", BuildType: "https://tekton.dev/chains/v2/slsa",
				SourceRepository: "https://github.com/o/r", SourceDigest: one1,
			},
		},
		"Tekton with two sources": {
			V1, `{"buildDefinition":{"buildType":"https://tekton.dev/chains/v2/slsa",
			"resolvedDependencies":[{"name":"inputs/result","uri":"git+https://github.com/o/other.git","digest":{"sha1":"` + two2 + `"}},
				{"name":"inputs/result","uri":"git+https://github.com/o/r.git","digest":{"sha1":"` + one1 + `"}}]},
			"runDetails":{"builder":{"id":"https://tekton.dev/chains/v2"}}}`,
			Provenance{BuilderID: "https://tekton.dev/chains/v2", BuildType: "https://tekton.dev/chains/v2/slsa"},
		},
		"Tekton, v0.2": {
			V02, `{"builder":{"id":"https://tekton.dev/chains/v2"},"buildType":"tekton.dev/v1beta1/TaskRun",
			"invocation":{"configSource":{"uri":"git+https://github.com/catalog/t","digest":{"sha1":"` + two2 + `"},"entryPoint":"t.yaml"}},
			"materials":[{"uri":"oci://gcr.io/x","digest":{"sha256":"abc"}},{"uri":"git+https://github.com/o/r.git","digest":{"sha1":"` + one1 + `"}}]}`,
			Provenance{
				BuilderID: "https://tekton.dev/chains/v2", BuildType: "tekton.dev/v1beta1/TaskRun",
				SourceRepository: "https://github.com/o/r", SourceDigest: one1, Workflow: "t.yaml",
			},
		},
		"a build type without a rule": {
			V1, `{"buildDefinition":{"buildType":"https://example.com/own/v1",
			"externalParameters":{"workflow":{"repository":"https://github.com/o/r"}}},"runDetails":{"builder":{"id":"https://example.com/b"}}}`,
			Provenance{BuilderID: "https://example.com/b", BuildType: "https://example.com/own/v1"},
		},
		"a build type that only looks like GitLab's": {
			V1, `{"buildDefinition":{"buildType":"https://gitlab.com/gitlab-org/gitlab-runner/-/blob/evil/x/PROVENANCE.md",
			"externalParameters":{"source":"https://gitlab.com/g/p"}},"runDetails":{"builder":{"id":"https://example.com/b"}}}`,
			Provenance{BuilderID: "https://example.com/b", BuildType: "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/evil/x/PROVENANCE.md"},
		},
		"BuildKit": {
			V02, `{"builder":{"id":"https://github.com/o/r/actions/runs/1"},"buildType":"https://mobyproject.org/buildkit@v1",
			"materials":[{"uri":"pkg:docker/alpine@3","digest":{"sha256":"abc"}}],
			"invocation":{"configSource":{"uri":"https://github.com/o/r.git","digest":{"sha1":"` + one1 + `"},"entryPoint":"Dockerfile"}}}`,
			Provenance{
				BuilderID: "https://github.com/o/r/actions/runs/1", BuildType: "https://mobyproject.org/buildkit@v1",
				SourceRepository: "https://github.com/o/r", SourceDigest: one1, Workflow: "Dockerfile",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(c.predicateType, []byte(c.predicate))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	gitHub := func(workflow, dependencies string) string {
		return `{"buildDefinition":{"buildType":"https://actions.github.io/buildtypes/workflow/v1","externalParameters":{"workflow":` + workflow +
			`},"resolvedDependencies":` + dependencies + `},"runDetails":{"builder":{"id":"b"}}}`
	}
	for name, c := range map[string]struct{ predicateType, predicate, want string }{
		"another type":        {"https://slsa.dev/provenance/v2", `{}`, "no SLSA provenance"},
		"nothing":             {V1, ``, "holds no JSON"},
		"no builder":          {V1, `{}`, "names no builder"},
		"no builder, v0.2":    {V02, `{}`, "names no builder"},
		"a key twice":         {V02, `{"builder":{"id":"a","id":"b"}}`, "stands twice"},
		"cut off":             {V1, `{"runDetails":{"builder":{"id":"b"}}`, "ends in the middle"},
		"a cursor in the id":  {V02, `{"builder":{"id":"https://github.com/o/r\u001b[2K"}}`, "cannot be seen"},
		"a zero-width letter": {V02, `{"builder":{"id":"https://github.com/o\u200b/r"}}`, "cannot be seen"},
		"no repository":       {V1, gitHub(`{"ref":"refs/heads/main"}`, `[]`), "names no source"},
		"a ref in the repository": {
			V1, gitHub(`{"ref":"refs/heads/main","repository":"https://github.com/o/r@refs/tags/v1"}`, `[]`), "names no source",
		},
		"two commits": {
			V1, gitHub(`{"ref":"refs/heads/main","repository":"https://github.com/o/r"}`,
				`[{"uri":"git+https://github.com/o/r@refs/heads/main","digest":{"gitCommit":"`+one1+`"}},
				  {"uri":"git+https://github.com/o/r@refs/heads/main","digest":{"gitCommit":"`+two2+`"}}]`), "contradicts itself",
		},
		"two commits in one": {
			V1, gitHub(`{"ref":"refs/heads/main","repository":"https://github.com/o/r"}`,
				`[{"uri":"git+https://github.com/o/r@refs/heads/main","digest":{"gitCommit":"`+one1+`","sha1":"`+two2+`"}}]`), "two commits",
		},
		"a commit in upper case": {
			V1, gitHub(`{"ref":"refs/heads/main","repository":"https://github.com/o/r"}`,
				`[{"uri":"git+https://github.com/o/r@refs/heads/main","digest":{"gitCommit":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}]`), "no commit",
		},
		"another first material": {V02, `{"builder":{"id":"b"},"buildType":"` + generator + `/generic@v1",
			"invocation":{"configSource":{"uri":"git+https://github.com/o/r@refs/heads/main"}},
			"materials":[{"uri":"git+https://github.com/evil/r@refs/heads/main"}]}`, "contradicts itself"},
		"another source than the first dependency": {V1, `{"buildDefinition":{"buildType":"https://slsa.dev/container-based-build/v0.1?draft",
			"externalParameters":{"source":{"uri":"git+https://github.com/o/r@refs/heads/main"}},
			"resolvedDependencies":[{"uri":"git+https://github.com/evil/r@refs/heads/main"}]},"runDetails":{"builder":{"id":"b"}}}`, "contradicts itself"},
		"a delegator without dependencies": {V1, `{"buildDefinition":{"buildType":"` + generator + `/delegator-generic@v0"},"runDetails":{"builder":{"id":"b"}}}`, "names no source"},
		"parameters of another shape": {V1, `{"buildDefinition":{"buildType":"https://actions.github.io/buildtypes/workflow/v1","externalParameters":[]},
			"runDetails":{"builder":{"id":"b"}}}`, "externalParameters"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Parse(c.predicateType, []byte(c.predicate))
			if err == nil {
				t.Fatalf("Parse = %+v, want an error with %q", p, c.want)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("Parse: %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestParseTooLarge(t *testing.T) {
	if _, err := Parse(V1, make([]byte, MaxSize+1)); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("Parse of %d bytes: %v, want a refusal", MaxSize+1, err)
	}
}

func TestRepository(t *testing.T) {
	for uri, want := range map[string][2]string{
		"git+https://github.com/o/r@refs/tags/v1":     {"https://github.com/o/r", "refs/tags/v1"},
		"git+https://GitHub.com/o/r.git":              {"https://github.com/o/r", ""},
		"https://github.com/o/r/":                     {"https://github.com/o/r", ""},
		"https://github.com/o/r.git@refs/heads/a@b":   {"https://github.com/o/r", "refs/heads/a@b"},
		"git+ssh://git@github.com/o/r@refs/heads/x":   {"ssh://git@github.com/o/r", "refs/heads/x"},
		"https://github.com.evil.example/o/r":         {"https://github.com.evil.example/o/r", ""},
		"https://github.com@evil.example/o/r":         {"https://github.com@evil.example/o/r", ""},
		"https://github.com/O/r":                      {"https://github.com/O/r", ""},
		"git@github.com:o/r":                          {"git@github.com:o/r", ""},
		"":                                            {"", ""},
		"https://github.com":                          {"https://github.com", ""},
		"gs://bucket/source/x.tgz#1678850049133784":   {"gs://bucket/source/x.tgz#1678850049133784", ""},
		"git+https://gitlab.com/a/b/c.git@refs/x.git": {"https://gitlab.com/a/b/c", "refs/x.git"},
	} {
		repository, ref := Repository(uri)
		if got := [2]string{repository, ref}; got != want {
			t.Errorf("Repository(%q) = %q, want %q", uri, got, want)
		}
	}
}

// What is read does not depend on anything but the bytes, and what looks like
// nothing is never in it.
func FuzzParse(f *testing.F) {
	seeds := 0
	for _, s := range []string{
		`{"builder":{"id":"b"},"buildType":"t","invocation":{"configSource":{"uri":"git+https://github.com/o/r@refs/heads/main","digest":{"sha1":"` + one1 + `"}}}}`,
		`{"buildDefinition":{"buildType":"https://actions.github.io/buildtypes/workflow/v1","externalParameters":{"workflow":{"ref":"refs/tags/v1","repository":"https://github.com/o/r","path":"p"}},
			"resolvedDependencies":[{"uri":"git+https://github.com/o/r@refs/tags/v1","digest":{"gitCommit":"` + one1 + `"}}]},"runDetails":{"builder":{"id":"b"}}}`,
		`{"builder":{"id":"b"},"recipe":{"type":"t","arguments":{"substitutions":{"TAG_NAME":"v1"}}},"materials":[{"uri":"git+https://github.com/o/r"}]}`,
	} {
		for i := range uint8(3) {
			f.Add(i, []byte(s))
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		predicateType := []string{V01, V02, V1}[which%3]
		p, err := Parse(predicateType, data)
		q, again := Parse(predicateType, data)
		if p != q || (err == nil) != (again == nil) || err != nil && err.Error() != again.Error() {
			t.Fatalf("two readings differ: %+v, %v and %+v, %v", p, err, q, again)
		}
		if err != nil {
			if p != (Provenance{}) {
				t.Fatalf("Parse = %+v beside the error %v", p, err)
			}
			return
		}
		if p.BuilderID == "" || p.SourceDigest != "" && !isCommit(p.SourceDigest) {
			t.Fatalf("Parse = %+v", p)
		}
	})
}
