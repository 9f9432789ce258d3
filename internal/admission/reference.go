package admission

import (
	"strings"

	"github.com/google/go-containerregistry/pkg/v1"

	"github.com/hallmark-project/hallmark/internal/oci"
)

// parseImage reads an image as a container names it. Who names neither tag nor
// digest means the tag latest, as kubelets do.
func parseImage(s string) (oci.Reference, error) {
	named := strings.Contains(s, "@") || strings.LastIndexByte(s, ':') > strings.LastIndexByte(s, '/')
	if !named && s != "" {
		ref, err := oci.ParseReference(s + ":latest")
		if err == nil {
			return ref, nil
		}
		// Its fault is told in the words that were written.
	}
	return oci.ParseReference(s)
}

// called is a repository's name as patterns are written: Docker Hub as people
// write it, the registry in lower case.
func called(ref oci.Reference) string {
	host, path, _ := strings.Cut(ref.Repository(), "/")
	host = strings.ToLower(host)
	if host == "index.docker.io" {
		host = "docker.io"
	}
	return host + "/" + path
}

func hasDigest(ref oci.Reference) bool { return ref.Digest != (v1.Hash{}) }
