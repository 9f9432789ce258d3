//go:build integration && unix

package integration

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/hallmark-project/hallmark/attest/publish"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/oci"
)

// BenchmarkPublish100 publishes a hundred different bundles about one image,
// and has crane's library push the same manifests and blobs, in turns, each into
// a repository of its own. What is reported are the medians of what hallmark took
// for each of what crane took, in wall time and in CPU time of this process, and
// the milliseconds behind them:
//
//	go test -tags integration ./internal/integration/ -run XXX -bench Publish100 -benchtime 15x
//
// crane's library pushes one after the other, which is what a loop around crane
// does without the cost of starting it, and eight at once, as hallmark does.
// Where the registry does not list referrers, eight at once lose entries of each
// other's, so there it can only be one after the other.
func BenchmarkPublish100(b *testing.B) {
	r := signedRelease(b)
	template, err := os.ReadFile(r.verdict())
	check(b, err)
	for kind, registry := range registries() {
		at := map[string]int{"one after the other": 1}
		if registry == services.Registry {
			at["eight at once"] = oci.Jobs
		}
		for how, jobs := range at {
			b.Run(kind+", crane "+how, func(b *testing.B) {
				var walls, cpus, oursWall, oursCPU, theirsWall, theirsCPU []float64
				for b.Loop() {
					bundles := hundred(b, template)
					ours, theirs := benchImage(b, registry), benchImage(b, registry)
					images := asImages(b, bundles, theirs)
					us := func() cost { return costOf(func() { publishAll(b, ours, bundles) }) }
					them := func() cost { return costOf(func() { pushAll(b, theirs, images, jobs) }) }
					var a, c cost
					// Neither always goes first.
					if len(walls)%2 == 0 {
						a = us()
						c = them()
					} else {
						c = them()
						a = us()
					}
					for who, i := range map[string]image{"hallmark": ours, "crane": theirs} {
						if n := len(about(b, i)); n != len(bundles) {
							b.Fatalf("%s published %d of %d bundles", who, n, len(bundles))
						}
					}
					walls, cpus = append(walls, a.wall/c.wall), append(cpus, a.cpu/c.cpu)
					oursWall, oursCPU = append(oursWall, a.wall), append(oursCPU, a.cpu)
					theirsWall, theirsCPU = append(theirsWall, c.wall), append(theirsCPU, c.cpu)
				}
				b.ReportMetric(0, "ns/op")
				for unit, of := range map[string][]float64{
					"wall/crane": walls, "cpu/crane": cpus, "wall-ms": oursWall, "cpu-ms": oursCPU, "crane-wall-ms": theirsWall, "crane-cpu-ms": theirsCPU,
				} {
					b.ReportMetric(median(of), unit)
				}
				slices.Sort(walls)
				slices.Sort(cpus)
				b.Logf("%d pairs: wall %.2f to %.2f, CPU %.2f to %.2f of crane's", len(walls), walls[0], walls[len(walls)-1], cpus[0], cpus[len(cpus)-1])
			})
		}
	}
}

// cost is in milliseconds.
type cost struct{ wall, cpu float64 }

func costOf(f func()) cost {
	runtime.GC()
	used := func() time.Duration {
		var u syscall.Rusage
		if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
			return 0
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	began, before := time.Now(), used()
	f()
	return cost{float64(time.Since(began)) / 1e6, float64(used()-before) / 1e6}
}

func median(of []float64) float64 {
	s := slices.Sorted(slices.Values(of))
	return s[len(s)/2]
}

// hundred are a hundred bundles of a real one's size.
func hundred(b *testing.B, template []byte) [][]byte {
	b.Helper()
	var out [][]byte
	for range 100 {
		var bundle map[string]any
		check(b, json.Unmarshal(template, &bundle))
		signature := at(b, bundle, "dsseEnvelope", "signatures", 0).(map[string]any)
		signature["keyid"] = rand.Text()
		data, err := json.Marshal(bundle)
		check(b, err)
		out = append(out, data)
	}
	return out
}

// benchImage is an image that nobody refers to yet.
func benchImage(b *testing.B, registry string) image {
	b.Helper()
	i := image{registry: registry, repository: "acme/bench/" + strings.ToLower(rand.Text())}
	img := program120(b, "linux/amd64")
	check(b, remote.Write(i.tag(b, released120), img))
	var err error
	i.digest, err = img.Digest()
	check(b, err)
	return i
}

// publishAll has hallmark publish.
func publishAll(b *testing.B, i image, bundles [][]byte) {
	to, err := publish.NewRegistry(i.registry+"/"+i.repository, oci.Access{AllowHTTP: true})
	check(b, err)
	subject, err := criteria.ParseDigest(i.digest.String())
	check(b, err)
	var all []publish.About
	for _, data := range bundles {
		all = append(all, publish.About{Subject: subject, Bundle: data})
	}
	_, err = to.PublishAll(context.Background(), nil, all)
	check(b, err)
}

// pushAll has crane's library push, jobs at once.
func pushAll(b *testing.B, i image, images []v1.Image, jobs int) {
	repo, err := name.NewRepository(i.registry+"/"+i.repository, name.Insecure)
	check(b, err)
	pusher, err := remote.NewPusher()
	check(b, err)
	var g errgroup.Group
	g.SetLimit(jobs)
	for _, img := range images {
		g.Go(func() error {
			d, err := img.Digest()
			if err != nil {
				return err
			}
			return pusher.Push(context.Background(), repo.Digest(d.String()), img)
		})
	}
	check(b, g.Wait())
}

// asImages are the manifests by which hallmark has bundles refer to i, as crane's
// library takes them.
func asImages(b *testing.B, bundles [][]byte, i image) []v1.Image {
	b.Helper()
	ref, err := name.NewDigest(i.by(i.digest), name.Insecure)
	check(b, err)
	subject, err := remote.Head(ref)
	check(b, err)
	var out []v1.Image
	for _, data := range bundles {
		layer := static.NewLayer(data, types.MediaType(oci.BundleType))
		d, err := partial.Descriptor(layer)
		check(b, err)
		config := static.NewLayer([]byte("{}"), "application/vnd.oci.empty.v1+json")
		c, err := partial.Descriptor(config)
		check(b, err)
		manifest, err := json.Marshal(v1.Manifest{
			SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: oci.BundleType, Config: *c, Layers: []v1.Descriptor{*d}, Subject: subject,
			Annotations: map[string]string{"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": verdictType},
		})
		check(b, err)
		img, err := partial.CompressedToImage(pushed{manifest, layer})
		check(b, err)
		out = append(out, img)
	}
	return out
}

// pushed is a manifest with its one layer.
type pushed struct {
	manifest []byte
	layer    v1.Layer
}

func (p pushed) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
func (p pushed) RawManifest() ([]byte, error)        { return p.manifest, nil }
func (p pushed) RawConfigFile() ([]byte, error)      { return []byte("{}"), nil }

func (p pushed) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	if d, err := p.layer.Digest(); err != nil || d != h {
		return nil, fmt.Errorf("there is no layer %s", h)
	}
	return p.layer, nil
}
