package admission

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/hallmark-project/hallmark/internal/answer"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// warmAtOnce is how many images are looked at ahead at once: few, so that who
// asks in the meantime is not kept waiting.
const warmAtOnce = 2

// readList reads images, one a line; empty lines and those that begin with # are
// passed over.
func readList(name string) ([]string, error) {
	data, err := regular.File(name, strict.MaxConfig)
	if err != nil {
		return nil, err
	}
	var out []string
	scan := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; scan.Scan(); n++ {
		line := strings.TrimSpace(scan.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if _, err := parseImage(line); err != nil {
			return nil, &strict.Error{File: name, Line: n, Column: 1, Msg: err.Error()}
		}
		out = append(out, line)
	}
	return out, scan.Err()
}

// warm looks at the listed images under every policy that could be asked about
// them, in the background. Nothing waits for it and nothing depends on it.
func (s *Server) warm(ctx context.Context) {
	if s.o.Warm == "" {
		return
	}
	go func() {
		list, err := readList(s.o.Warm)
		if err != nil {
			s.log.Error("the list of images to look at ahead cannot be used", "error", err.Error())
			return
		}
		now := s.state.Load()
		var g errgroup.Group
		g.SetLimit(warmAtOnce)
		for _, name := range list {
			if ctx.Err() != nil {
				return
			}
			g.Go(func() error {
				s.warmOne(ctx, now, name)
				return nil
			})
		}
		_ = g.Wait()
		s.log.Info("looked ahead", "images", len(list))
	}()
}

func (s *Server) warmOne(ctx context.Context, now *state, name string) {
	ctx, cancel := context.WithTimeout(ctx, s.o.Limits.Lookup)
	defer cancel()
	ref, err := parseImage(name)
	if err != nil {
		return // the list was read
	}
	matching := slices.DeleteFunc(slices.Clone(now.policies), func(p *policy) bool { return !matchesAny(p.images, called(ref)) })
	if len(matching) == 0 {
		s.log.Info("looked ahead: no policy is about it", "image", name)
		return
	}
	ref, problem := s.asker.resolve(ctx, now, ref)
	for _, p := range matching {
		v := problem
		if v == nil {
			v = s.asker.ask(ctx, now, p, ref)
		}
		if v.outcome != answer.Verified {
			s.log.Info("looked ahead: not verified", "image", name, "policy", p.Name, "outcome", v.outcome, "reasons", fmt.Sprint(v.lines))
		}
	}
}
