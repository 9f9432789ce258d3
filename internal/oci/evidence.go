package oci

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/hallmark-project/hallmark/internal/strict"
	"golang.org/x/sync/errgroup"
)

// Limits on what is read about one digest. What is beyond them is refused and
// not cut off.
const (
	maxAbout = 1 << 30  // bytes of bundles about one digest
	maxKept  = 64 << 20 // bytes of bundles and manifests that are kept
)

// Bundles returns the bundles about digest, each at most limit bytes: of a
// released file, or of an image or any other manifest. Whoever may write to the
// repository may have put them there.
//
// Referrers are looked at themselves, whatever the registry says they are. What
// is listed and cannot be read is an error: it could be what withdraws a
// release.
func (r *Repository) Bundles(ctx context.Context, digest v1.Hash, limit int64) ([][]byte, error) {
	var file v1.Descriptor
	var isFile bool
	var own, files [][]byte
	room := r.room(digest)
	g, ctx2 := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		if file, isFile, err = r.File(ctx2, digest); err == nil && isFile && file.Digest != digest {
			files, err = r.about(ctx2, file.Digest, limit, room)
		}
		return err
	})
	// A file may itself be somebody's manifest.
	g.Go(func() (err error) {
		own, err = r.about(ctx2, digest, limit, room)
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	seen := make(map[v1.Hash]bool, len(own)+len(files))
	var out [][]byte
	var total int64
	for _, b := range append(files, own...) {
		if h := hashOf(b); !seen[h] {
			seen[h] = true
			out = append(out, b)
			total += int64(len(b))
		}
	}
	if total > maxAbout {
		return nil, r.wrong("reading what is attested about "+digest.String(), "more than %d bytes", maxAbout)
	}
	return out, nil
}

// room is how many bytes may still be read about one digest, where
// [Access].MaxBundles bounds them. It is taken before anything is read, as the
// registry says how much there is; what is more than it said is not read.
type room struct {
	left atomic.Int64
	full error
}

func (r *Repository) room(digest v1.Hash) *room {
	most := r.client.access.MaxBundles
	if most <= 0 {
		return nil
	}
	m := &room{full: r.wrong("reading what is attested about "+digest.String(), "more than %d bytes", most)}
	m.left.Store(most)
	return m
}

// take returns how many bytes may be read of layer, at most limit.
func (m *room) take(layer v1.Descriptor, limit int64) (int64, error) {
	if m == nil {
		return limit, nil
	}
	size := max(layer.Size, 1)
	if m.left.Add(-size) < 0 {
		return 0, m.full
	}
	return min(limit, size), nil
}

// about returns the bundles that refer to the manifest called h, and those that
// are attached to it as cosign did it before there were referrers. What stands in
// both places is returned twice: one of them may have been crippled, to hide
// the other.
func (r *Repository) about(ctx context.Context, h v1.Hash, limit int64, room *room) ([][]byte, error) {
	var referrers []v1.Descriptor
	var image v1.Manifest
	g, ctx2 := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		referrers, err = r.Referrers(ctx2, h)
		return err
	})
	g.Go(func() (err error) {
		image, _, err = r.attached(ctx2, h)
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}

	found := make([][][]byte, len(referrers)+1)
	g, ctx2 = errgroup.WithContext(ctx)
	g.SetLimit(Jobs)
	for i, d := range referrers {
		g.Go(func() (err error) {
			layers, err := r.layers(ctx2, d.Digest)
			if err == nil {
				found[i], err = r.bundles(ctx2, layers, limit, room)
			}
			return err
		})
	}
	g.Go(func() (err error) {
		found[len(referrers)], err = r.bundles(ctx2, image.Layers, limit, room)
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var out [][]byte
	for _, f := range found {
		out = append(out, f...)
	}
	return out, nil
}

// bundles returns the bundles that layers are, or become.
func (r *Repository) bundles(ctx context.Context, layers []v1.Descriptor, limit int64, room *room) ([][]byte, error) {
	var out [][]byte
	for _, layer := range layers {
		isEnvelope := layer.MediaType == envelopeType
		if !isBundle(layer) && !isEnvelope {
			continue
		}
		most, err := room.take(layer, limit)
		if err != nil {
			return nil, err
		}
		data, err := r.keep(layer.Digest, func() ([]byte, error) { return r.Blob(ctx, layer.Digest, most) })
		if err != nil {
			return nil, err
		}
		if isEnvelope {
			data = converted(data, layer.Annotations)
		}
		out = append(out, data)
	}
	return out, nil
}

// layers returns the layers of a manifest.
func (r *Repository) layers(ctx context.Context, h v1.Hash) ([]v1.Descriptor, error) {
	data, err := r.keep(h, func() ([]byte, error) {
		m, err := r.Manifest(ctx, h.String())
		return m.Data, err
	})
	if err != nil {
		return nil, err
	}
	m, err := parseImage(data)
	if err != nil {
		return nil, r.wrong("reading manifest "+h.String(), "%w", err)
	}
	return m.Layers, nil
}

// maxLayers bounds the layers of one manifest: cosign's attestations are one
// image with a layer for each.
const maxLayers = MaxReferrers

// parseImage reads a manifest whose layers can be asked for.
func parseImage(data []byte) (v1.Manifest, error) {
	var m v1.Manifest
	if err := strict.JSON(data, &m); err != nil {
		return m, err
	}
	if len(m.Layers) > maxLayers {
		return m, fmt.Errorf("it has more than %d layers", maxLayers)
	}
	for _, l := range m.Layers {
		if _, err := parseHash(l.Digest.String()); err != nil {
			return m, err
		}
	}
	return m, nil
}

// isBundle reports whether a layer is a Sigstore bundle, of whatever version:
// the verifier says which it takes.
func isBundle(layer v1.Descriptor) bool {
	return strings.HasPrefix(string(layer.MediaType), "application/vnd.dev.sigstore.bundle")
}

// kept are bytes by their digest, which never change: one bundle about five
// hundred files is read once.
type kept struct {
	mu    sync.Mutex
	bytes map[v1.Hash][]byte
	total int
}

func (r *Repository) keep(h v1.Hash, read func() ([]byte, error)) ([]byte, error) {
	k := &r.kept
	k.mu.Lock()
	data, ok := k.bytes[h]
	k.mu.Unlock()
	if ok {
		return data, nil
	}
	data, err := read()
	if err != nil {
		return nil, err
	}
	most := maxKept
	if m := r.client.access.MaxKept; m > 0 {
		most = int(m)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.bytes == nil || k.total+len(data) > most {
		k.bytes, k.total = make(map[v1.Hash][]byte), 0
	}
	if _, ok := k.bytes[h]; !ok && len(data) <= most {
		k.bytes[h] = data
		k.total += len(data)
	}
	return data, nil
}
