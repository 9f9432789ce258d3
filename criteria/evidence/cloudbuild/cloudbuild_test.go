package cloudbuild

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/criteria"
)

// testdata is where slsa-verifier keeps what Google Cloud Build really signed, and
// copies that were altered by hand.
func testdata(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/slsa-framework/slsa-verifier/v2").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skipf("the sources of slsa-verifier are not here: %v", err)
	}
	return dir
}

func realFile(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(testdata(t), filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func digest(t testing.TB, s string) criteria.Digest {
	t.Helper()
	d, err := criteria.ParseDigest(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestReadReal(t *testing.T) {
	image := digest(t, "sha256:87db6d5226440e72f7134b71163df45282127a3f7b0600c946683cb2f43a70a9")
	facts, err := Provenance{}.Read(bytes.NewReader(realFile(t, "cli/slsa-verifier/testdata/gcb_container/v0.3/gcloud-container-github-tag.json")))
	if err != nil {
		t.Fatal(err)
	}
	finished, err := time.Parse(time.RFC3339Nano, "2023-03-15T03:14:35.163724Z")
	if err != nil {
		t.Fatal(err)
	}
	want := criteria.Facts{
		Subjects: []criteria.Digest{image}, Time: finished,
		Builds: &criteria.Builds{Items: []criteria.Build{{
			Subjects: []criteria.Digest{image},
			Signer:   &criteria.BuildSigner{By: "slsa-verifier", Identity: Builder},
			Builder:  Builder + "@v0.3", Type: "https://cloudbuild.googleapis.com/CloudBuildYaml@v0.1",
			Repository: "https://github.com/slsa-framework/example-package", Ref: "refs/tags/v33.0.4",
			Commit: digest(t, "gitCommit:c750fd73a1669b095df7c74da9f1ff2032f926c9"), Workflow: "cloudbuild.yaml",
		}}},
	}
	if diff := cmp.Diff(want, facts, cmp.Comparer(func(a, b criteria.Digest) bool { return a == b })); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
}

// Of every version of the format, what slsa-verifier accepts is verified, and has
// a commit.
func TestReadRealVersions(t *testing.T) {
	for file, builds := range map[string]int{
		"cli/slsa-verifier/testdata/gcb_container/v0.2/gcloud-container-github.json": 1,
		"cli/slsa-verifier/testdata/gcb_container/v0.3/gcloud-container-github.json": 1,
		"verifiers/internal/gcb/testdata/v1.0-gcloud-container-github-single.json":   1,
		"verifiers/internal/gcb/testdata/v1.0-gcloud-container-github.json":          2,
		"verifiers/internal/gcb/testdata/v1.0-gcloud-container-gitlabent.json":       2,
	} {
		facts, err := Provenance{}.Read(bytes.NewReader(realFile(t, file)))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if len(facts.Builds.Items) != builds {
			t.Errorf("%s: %d builds, want %d", file, len(facts.Builds.Items), builds)
		}
		for _, b := range facts.Builds.Items {
			if b.Signer == nil || b.Commit.IsZero() || !strings.HasPrefix(b.Repository, "https://") || strings.Contains(b.Repository, "/commit/") {
				t.Errorf("%s: %+v, want a verified build with repository and commit", file, b)
			}
		}
	}
}

// What was altered is never verified, and says nothing but why; the same bytes
// always say it in the same words, or no decision could be replayed.
func TestReadAltered(t *testing.T) {
	const cli, internal = "cli/slsa-verifier/testdata/gcb_container/v0.3/gcloud-container-", "verifiers/internal/gcb/testdata/gcloud-container-"
	for file, want := range map[string]string{
		cli + "empty-signature.json":                       "no valid signature",
		cli + "empty-keyid.json":                           "no valid signature",
		cli + "invalid-keyid.json":                         "no valid signature",
		cli + "invalid-signature-region.json":              "no valid signature",
		cli + "invalid-signature-encoding.json":            "no valid signature",
		cli + "mismatch-metadata-kind.json":                "expected kind",
		cli + "mismatch-metadata-urisha256.json":           "resourceUri",
		cli + "mismatch-payload-builderid.json":            "no valid signature",
		cli + "mismatch-payload-digest.json":               "no valid signature",
		cli + "mismatch-summary-digest.json":               "not found",
		cli + "mismatch-text-digest.json":                  "does not match text provenance",
		cli + "mismatch-text-steps.json":                   "does not match text provenance",
		cli + "multiple-invalid-signatures.json":           "no valid signature",
		internal + "invalid-signature-payloadtype.json":    "payload type",
		internal + "invalid-signature-global-pae-key.json": "no valid signature",
		internal + "empty-payload.json":                    "no statement",
		internal + "invalid-payload-encoding.json":         "base64",
	} {
		data := realFile(t, file)
		for range 3 {
			facts, err := Provenance{}.Read(bytes.NewReader(data))
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			for _, b := range facts.Builds.Items {
				if b.Signer != nil || !strings.Contains(b.Problem, want) || b.Builder != "" || strings.Contains(b.Problem, "0xc0") {
					t.Errorf("%s: %+v, want the problem %q and nothing else", file, b, want)
				}
			}
		}
	}
}

// Of several, each is verified on its own: one that is signed does not stand in
// for the others.
func TestReadSeveral(t *testing.T) {
	facts, err := Provenance{}.Read(bytes.NewReader(realFile(t, "cli/slsa-verifier/testdata/gcb_container/v0.3/gcloud-container-multiple-provenance-2ndvalid.json")))
	if err != nil {
		t.Fatal(err)
	}
	var verified []bool
	for _, b := range facts.Builds.Items {
		verified = append(verified, b.Signer != nil)
	}
	if diff := cmp.Diff([]bool{false, true, false}, verified); diff != "" {
		t.Errorf("verified (-want +got):\n%s", diff)
	}
	if !facts.Time.IsZero() {
		t.Errorf("Time = %v of a report of which not all is verified, want none", facts.Time)
	}
}

func TestReadRefuses(t *testing.T) {
	const image = `"image_summary":{"digest":"sha256:87db6d5226440e72f7134b71163df45282127a3f7b0600c946683cb2f43a70a9"}`
	for doc, want := range map[string]string{
		``:                                       "is empty",
		`{}`:                                     "names no image",
		`{"image_summary":{"digest":"sha1:aa"}}`: "names no image",
		`{` + image + `}`:                        "holds no provenance",
		`{` + image + `,` + image + `}`:          "stands twice",
		`{` + image + `,"provenance_summary":{"provenance":{}}}`:                                     "provenance",
		`{` + image + `,"provenance_summary":{"provenance":[[]]}}`:                                   "provenance 1",
		`{` + image + `,"provenance_summary":{"provenance":[` + strings.Repeat("{},", 200) + `{}]}}`: "at most 100",
	} {
		if facts, err := (Provenance{}).Read(strings.NewReader(doc)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Read(%.80s) = %+v, %v, want an error with %q", doc, facts, err, want)
		}
	}
}

// What is not Google's word is never a build with a signer: whatever is changed in
// the signed payload, in the image's digest or in what is printed beside them.
func FuzzRead(f *testing.F) {
	dir := testdata(f)
	files, err := filepath.Glob(filepath.Join(dir, "cli", "slsa-verifier", "testdata", "gcb_container", "v0.?", "*.json"))
	if err != nil || len(files) < 20 {
		f.Fatalf("found %d seeds in %s: %v", len(files), dir, err)
	}
	known := make(map[string]bool) // verified statements, as they were built
	add := func(data []byte) {
		facts, err := Provenance{}.Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, b := range facts.Builds.Items {
			if b.Signer != nil {
				known[asJSON(f, b)] = true
			}
		}
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		add(data)
		f.Add(data)
	}
	if len(known) == 0 {
		f.Fatal("no seed is verified")
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		facts, err := Provenance{}.Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, b := range facts.Builds.Items {
			if b.Signer != nil && !known[asJSON(t, b)] {
				t.Fatalf("a build that nobody signed is verified: %s", asJSON(t, b))
			}
		}
	})
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
