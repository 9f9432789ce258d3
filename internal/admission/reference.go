package admission

import (
	"fmt"
	"strconv"
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
			return ref, odd(ref)
		}
		// Its fault is told in the words that were written.
	}
	ref, err := oci.ParseReference(s)
	if err != nil {
		return ref, err
	}
	return ref, odd(ref)
}

// odd says what about ref's registry is another way to write what has a plain
// one, and leads to the same: policies go by names.
func odd(ref oci.Reference) error {
	host, _, _ := strings.Cut(ref.Repository(), "/")
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
			return fmt.Errorf("%s names no port: expected a number such as 5000", quote(host))
		}
	}
	if strings.HasSuffix(name, ".") || strings.Contains(name, "..") {
		return fmt.Errorf("%s has a dot too many", quote(host))
	}
	return nil
}

// called is a repository's name as patterns are written: see [registryName].
func called(ref oci.Reference) string {
	host, path, _ := strings.Cut(ref.Repository(), "/")
	return registryName(host) + "/" + path
}

// registryName is the one name of a registry: Docker Hub as people write it, in
// lower case, without the port that everybody means.
func registryName(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ":443")
	switch host {
	case "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com":
		return "docker.io"
	}
	return host
}

func hasDigest(ref oci.Reference) bool { return ref.Digest != (v1.Hash{}) }
