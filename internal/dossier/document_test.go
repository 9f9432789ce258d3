package dossier_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/dossier"
)

// A document lies beside the bundles with the bytes of the report, which stays
// where it is: large or small, put there once or twice, or put right.
func TestAddDocument(t *testing.T) {
	for name, content := range map[string]string{"small": `{"bomFormat":"CycloneDX"}`, "large": strings.Repeat("x", 2<<20)} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, sub := range []string{dossier.EvidenceDir, dossier.AttestationsDir} {
				if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			d := attest.Document{Name: "evidence/bill.json", MediaType: "application/vnd.cyclonedx+json", Digest: criteria.DigestOf([]byte(content))}
			report := filepath.Join(dir, dossier.EvidenceDir, d.Digest.Hex())
			beside := filepath.Join(dir, dossier.AttestationsDir, "sha256-"+d.Digest.Hex()+".cdx.json")
			if err := dossier.AddDocument(dir, d); err == nil || !strings.Contains(err.Error(), "holds no report") {
				t.Errorf("AddDocument without a report = %v", err)
			}
			if err := os.WriteFile(report, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				if i == 2 {
					if err := os.Remove(beside); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(beside, []byte("altered"), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				if err := dossier.AddDocument(dir, d); err != nil {
					t.Fatalf("AddDocument = %v", err)
				}
				for _, path := range []string{report, beside} {
					if data, err := os.ReadFile(path); err != nil || string(data) != content {
						t.Errorf("%s holds %d bytes, %v, want the report", path, len(data), err)
					}
				}
			}
			if err := os.Remove(report); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(report, []byte(content+" "), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(beside); err != nil {
				t.Fatal(err)
			}
			if err := dossier.AddDocument(dir, d); err == nil || !strings.Contains(err.Error(), "was altered") {
				t.Errorf("AddDocument of an altered report = %v", err)
			}
			if _, err := os.Stat(beside); err == nil {
				t.Error("it was put there all the same")
			}
		})
	}
}
