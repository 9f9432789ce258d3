//go:build unix

package source_test

import (
	"context"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hallmark-project/hallmark/verify/source"
)

// A pipe would be waited for; it is refused instead.
func TestPipe(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "a.sigstore.json")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, pipe} {
		if got, err := source.Files(path).Bundles(context.Background(), one); err == nil {
			t.Errorf("Files(%q) = %q, want an error", path, texts(got))
		}
	}
}
