package verification

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzDossier: whatever a dossier says of itself, what it names has a digest, or
// nothing is asked.
func FuzzDossier(f *testing.F) {
	f.Add([]byte(`{"release":{"artifacts":[{"name":"a","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000"}]}}`))
	f.Add([]byte(`{"release":{"artifacts":[{"name":"a"}]}}`))
	f.Add([]byte(`{"release":{"artifacts":[]},"release":{}}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, decisionFile), data, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := inDossier(dir)
		if err != nil {
			return
		}
		if len(got.subjects) == 0 || got.source == nil {
			t.Error("nothing was named, without an error")
		}
		for _, s := range got.subjects {
			if s.Digest.IsZero() {
				t.Errorf("%q has no digest", s.Name)
			}
		}
	})
}
