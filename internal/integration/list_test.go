//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Images of several repositories in one list: each is asked for where it lies,
// one no among them is one line, and what verified is not asked for again.
func TestVerifyList(t *testing.T) {
	t.Parallel()
	registry := services.Registry
	single, multi := pushImage(t, registry), pushIndex(t, registry)
	other := image{registry: registry, repository: multi.repository}
	check(t, remote.Write(other.tag(t, "other"), program120(t, "linux/s390x")))
	r := newImages(t, single, multi)
	hallmark(t).run(append(signerKinds()["key"].args(t, r.release), "--allow-http-registry")...).exits(0)
	trust := r.consumer(t)

	list := filepath.Join(t.TempDir(), "images.txt")
	write := func(lines ...string) { check(t, os.WriteFile(list, []byte(strings.Join(lines, "\n")+"\n"), 0o600)) }
	manifests := len(single.manifests()) + len(multi.manifests())
	for _, p := range []*program{hallmarkVerify(t), verifyOf(hallmark(t))} {
		done := filepath.Join(t.TempDir(), "done")
		verify := func(args ...string) result {
			return p.run(append([]string{"-t", trust, "--allow-http-registry", "--from-file", list}, args...)...)
		}
		write("# what runs", single.reference(), multi.reference(), multi.by(multi.children[0]))
		verify("--resume", done).exits(0).says(fmt.Sprintf("%d verified", manifests+1))
		verify("--resume", done).exits(0).says(fmt.Sprintf("%d verified (%d of them before)", manifests+1, manifests+1))
		write(registry+"/"+other.repository+":other", single.reference(), registry+"/"+single.repository+":nothing")
		got := verify("--resume", done, "-o", "jsonl")
		got.exits(1)
		for _, want := range []string{`"outcome":"refused","reasons":[{"code":"no-bundle"`, `"outcome":"unknown"`, `"recorded":`, `{"summary":{"outcome":"refused"`} {
			if !strings.Contains(got.stdout, want) {
				t.Errorf("%s wrote no %s:\n%s", got.line, want, got.stdout)
			}
		}
	}
}
