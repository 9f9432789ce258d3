package verification

import (
	"fmt"
	"io"
	"strings"

	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/verify"
)

// Became is what a person reads of a document that is referred to.
func Became(r verify.Reference) string {
	switch r.State {
	case verify.Found:
		return "referred to, found, digest matches"
	case verify.Absent:
		return "referred to, not found"
	case verify.Altered, verify.Oversize:
		return "referred to, not used: " + r.Message
	}
	return "referred to, could not tell: " + r.Message
}

// references writes what became of the documents that are referred to, each
// once: one bill may be about a thousand artifacts.
func references(c console.IO, w io.Writer, s Subject, said map[string]bool) {
	for _, r := range s.Result.References {
		label := "document"
		if isBill(r.MediaType) {
			label = "sbom"
		}
		name := r.Name
		if name == "" && !r.Digest.IsZero() {
			name = r.Digest.Short()
		}
		if name != "" {
			name += ": "
		}
		text := Became(r)
		key := r.Digest.String() + text
		if r.Digest.IsZero() {
			key = r.Statement.String() + name
		}
		if said[key] {
			continue
		}
		said[key] = true
		if r.State != verify.Found {
			text = c.Paint(console.Yellow, text)
		}
		fmt.Fprintf(w, "  %-8s  %s%s\n", label, name, text)
	}
}

func isBill(mediaType string) bool {
	return strings.HasPrefix(mediaType, "application/vnd.cyclonedx") || strings.HasPrefix(mediaType, "application/spdx") || mediaType == "text/spdx"
}
