package artifact_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/hallmark-project/hallmark/verify/artifact"
)

// BenchmarkSubjects compares with what a plain Go loop needs for the same
// files, one core each: run with -cpu 1.
func BenchmarkSubjects(b *testing.B) {
	for _, set := range []struct{ files, size int }{{1, 256 << 20}, {64, 4 << 20}, {512, 16 << 10}} {
		dir := b.TempDir()
		data := bytes.Repeat([]byte("greet"), set.size/5+1)[:set.size]
		var paths []string
		for i := range set.files {
			path := filepath.Join(dir, fmt.Sprintf("%04d", i))
			if err := os.WriteFile(path, data, 0o644); err != nil {
				b.Fatal(err)
			}
			paths = append(paths, path)
		}
		total := int64(set.files * set.size)
		b.Run(fmt.Sprintf("loop/%dx%d", set.files, set.size), func(b *testing.B) {
			b.SetBytes(total)
			buffer := make([]byte, 64<<10)
			for b.Loop() {
				for _, path := range paths {
					f, err := os.Open(path)
					if err != nil {
						b.Fatal(err)
					}
					h := sha256.New()
					for {
						n, err := f.Read(buffer)
						h.Write(buffer[:n])
						if err == io.EOF {
							break
						}
						if err != nil {
							b.Fatal(err)
						}
					}
					h.Sum(nil)
					f.Close()
				}
			}
		})
		b.Run(fmt.Sprintf("subjects/%dx%d", set.files, set.size), func(b *testing.B) {
			b.SetBytes(total)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := artifact.Subjects(context.Background(), artifact.Options{}, dir); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
