package verification

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/answer"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
)

// folder is what is released together, with where its bundles are: what
// an image layout holds, or what a dossier is about.
type folder struct {
	subjects []criteria.Subject
	source   verify.Source
}

// inFolder returns what arg names, nil where it is no image layout, written as
// oci:DIR or oci:DIR:TAG, and no dossier.
func inFolder(ctx context.Context, arg string) (*folder, error) {
	if strings.HasPrefix(arg, "oci:") {
		return inLayout(ctx, arg)
	}
	info, err := os.Stat(arg)
	if err != nil || !info.IsDir() {
		return nil, nil
	}
	for _, name := range []string{decisionFile, attestationsDir} {
		if _, err := os.Lstat(filepath.Join(arg, name)); err != nil {
			return nil, nil
		}
	}
	return inDossier(arg)
}

func inLayout(ctx context.Context, arg string) (*folder, error) {
	p, err := oci.ParsePlace(arg)
	if err != nil {
		return nil, console.Misused(err)
	}
	held, err := p.Held(ctx)
	if err != nil {
		return nil, console.Unable(err)
	}
	out := &folder{source: source.Layout(p.Layout())}
	for _, h := range held {
		name := h.Name
		if name == "" {
			name = h.Digest.String()
		}
		if h.File {
			d, err := criteria.ParseDigest(h.Digest.String())
			if err != nil {
				return nil, console.Unable(err)
			}
			out.subjects = append(out.subjects, criteria.Subject{Name: name, Digest: d})
			continue
		}
		for _, s := range answer.Released("oci:"+p.Layout()+":"+name, h.Image) {
			s.Name = fmt.Sprintf("%s@%s", s.Name, s.Digest)
			out.subjects = append(out.subjects, s)
		}
	}
	if len(out.subjects) == 0 {
		return nil, console.Unable(fmt.Errorf("%s holds no image and no file", arg))
	}
	return out, nil
}

// What a dossier is told by, and where its bundles are
// (docs/wire-format.md, "The dossier").
const (
	decisionFile    = "decision.json"
	attestationsDir = "attestations"
)

// inDossier reads what a dossier is about. Whoever wrote it says only what is
// asked about: that it was released is for the bundles to show.
func inDossier(dir string) (*folder, error) {
	data, err := regular.File(filepath.Join(dir, decisionFile), strict.MaxReport)
	if err != nil {
		return nil, console.Unable(err)
	}
	var d struct {
		Release struct {
			Artifacts []criteria.Subject `json:"artifacts"`
		} `json:"release"`
	}
	if err := strict.JSON(data, &d); err != nil {
		return nil, console.Unable(fmt.Errorf("reading %s: %w", filepath.Join(dir, decisionFile), err))
	}
	for _, s := range d.Release.Artifacts {
		if s.Digest.IsZero() {
			return nil, console.Unable(fmt.Errorf("reading %s: artifact %q has no digest", filepath.Join(dir, decisionFile), s.Name))
		}
	}
	if len(d.Release.Artifacts) == 0 {
		return nil, console.Unable(errors.New("reading " + filepath.Join(dir, decisionFile) + ": it lists no artifact"))
	}
	return &folder{subjects: d.Release.Artifacts, source: source.Once(filepath.Join(dir, attestationsDir))}, nil
}
