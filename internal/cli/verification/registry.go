package verification

import (
	"context"
	"errors"
	"fmt"
	stdio "io"
	"os"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/answer"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/internal/oci/credentials"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
	"github.com/urfave/cli/v2"
)

// AccessFlags say how registries are reached.
func AccessFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "allow-http-registry", Usage: "ask registries without TLS where they have none: for tests"},
		&cli.StringSliceFlag{Name: "registry-credentials", Usage: "credentials: a Kubernetes pull secret in `FILE`; may be repeated"},
	}
}

// Access is how registries are reached, as the flags say. helper asks credential
// helpers; with none, a registry whose credentials a helper keeps is an error.
func Access(io console.IO, c *cli.Context, helper credentials.Helper) oci.Access {
	home, _ := os.UserHomeDir()
	return oci.Access{
		AllowHTTP: c.Bool("allow-http-registry"), UserAgent: "hallmark",
		Credentials: credentials.New(credentials.Options{
			Env: io.Env, Home: home, PullSecrets: c.StringSlice("registry-credentials"), Helper: helper,
		}),
	}
}

// RegistryEnding ends a command that a registry kept from its answer.
func RegistryEnding(err error) error {
	if hint := oci.Hint(err); hint != "" {
		return console.Unable(err, hint)
	}
	return console.Unable(err)
}

// Repository holds that s names a repository together with its registry: of
// what does not, the registry would be one that nobody named.
func Repository(s string) error {
	if _, err := oci.OpenRepository(s, oci.Access{}); err != nil {
		return console.Misused(err)
	}
	if host, _, ok := strings.Cut(s, "/"); !ok || !isHost(host) {
		return console.Misused(fmt.Errorf("repository %q: names no registry, expected REGISTRY/REPOSITORY", s), "if it is one of Docker Hub's: docker.io/"+s)
	}
	return nil
}

func isHost(s string) bool {
	return s == "localhost" || strings.ContainsAny(s, ".:") && strings.Trim(s, ".") != ""
}

// image returns the reference that arg is, if it is one and no file: it names
// its registry, so that nothing that was meant as a path is looked for in a
// registry of somebody else.
func image(arg string) (oci.Reference, bool, error) {
	if _, err := os.Lstat(arg); err == nil {
		return oci.Reference{}, false, nil
	}
	host, rest, ok := strings.Cut(arg, "/")
	if !ok || rest == "" || !isHost(host) {
		return oci.Reference{}, false, nil
	}
	name := rest[strings.LastIndexByte(rest, '/')+1:]
	if !strings.ContainsAny(name, ":@") {
		return oci.Reference{}, false, nil
	}
	ref, err := oci.ParseReference(arg)
	if err != nil {
		return ref, true, console.Misused(err)
	}
	return ref, true, nil
}

// images resolves the references, layouts and dossiers among the arguments, each once, and
// returns them as subjects, an index's children among them, with where their bundles
// are. The other arguments are returned as they are.
func images(c *cli.Context, a oci.Access, args []string) (subjects []criteria.Subject, found map[criteria.Digest][]verify.Source, others []string, err error) {
	found = make(map[criteria.Digest][]verify.Source)
	opened := make(map[string]*oci.Repository)
	for _, arg := range args {
		held, err := inFolder(c.Context, arg)
		if err != nil {
			return nil, nil, nil, err
		}
		if held != nil {
			subjects = append(subjects, held.subjects...)
			for _, s := range held.subjects {
				found[s.Digest] = append(found[s.Digest], held.source)
			}
			continue
		}
		ref, ok, err := image(arg)
		if err != nil {
			return nil, nil, nil, err
		}
		if !ok {
			others = append(others, arg)
			continue
		}
		if err := online(c, arg); err != nil {
			return nil, nil, nil, err
		}
		repository := opened[ref.Repository()]
		if repository == nil {
			repository = ref.Open(a)
			opened[ref.Repository()] = repository
		}
		resolved, err := repository.Resolve(c.Context, ref)
		if err != nil {
			return nil, nil, nil, RegistryEnding(err)
		}
		for _, s := range released(arg, ref, resolved) {
			subjects = append(subjects, s)
			// What is known in one repository is not overlooked for what another
			// says of the same image.
			if src := source.Repository(repository); !slices.Contains(found[s.Digest], src) {
				found[s.Digest] = append(found[s.Digest], src)
			}
		}
	}
	return subjects, found, others, nil
}

// released are the manifests that arg, a reference, leads to. A tag may lead
// elsewhere tomorrow: what is shown is what was verified.
func released(arg string, ref oci.Reference, resolved oci.Image) []criteria.Subject {
	out := answer.Released(arg, resolved)
	for i, s := range out {
		platform := strings.TrimPrefix(s.Name, arg)
		switch {
		case platform != "":
			out[i].Name = fmt.Sprintf("%s@%s%s", ref.Repository(), s.Digest, platform)
		case !strings.Contains(arg, "@"):
			out[i].Name = fmt.Sprintf("%s@%s", arg, s.Digest)
		}
	}
	return out
}

// routed asks for the bundles about an image wherever the image is, and for all
// others elsewhere.
type routed struct {
	images map[criteria.Digest][]verify.Source
	others verify.Source
}

// Bundles implements [verify.Source].
func (r routed) Bundles(ctx context.Context, subject criteria.Digest) ([]attest.Bundle, error) {
	if sources, ok := r.images[subject]; ok {
		var out []attest.Bundle
		for _, s := range sources {
			found, err := s.Bundles(ctx, subject)
			if err != nil {
				return nil, err
			}
			out = append(out, found...)
		}
		return out, nil
	}
	if r.others == nil && subject.Algorithm() == "gitCommit" {
		return nil, nil // what is said of a commit lies among what is about the image
	}
	if r.others == nil {
		return nil, errors.New("nobody said where its bundles are")
	}
	return r.others.Bundles(ctx, subject)
}

// Document implements [verify.DocumentSource]: a document lies where any of the
// images is, or where the other bundles are. All are asked: one may hand over
// other bytes than another.
func (r routed) Document(ctx context.Context, digest criteria.Digest, read func(stdio.Reader) error) error {
	sources := map[verify.Source]bool{r.others: true}
	for _, where := range r.images {
		for _, s := range where {
			sources[s] = true
		}
	}
	asked, found, problem := false, false, error(nil)
	for s := range sources {
		d, ok := s.(verify.DocumentSource)
		if !ok {
			continue
		}
		asked = true
		switch err := d.Document(ctx, digest, read); {
		case err == nil:
			found = true
		case !errors.Is(err, verify.ErrNoDocument):
			problem = err
		}
	}
	switch {
	case found:
		return nil
	case problem != nil:
		return problem
	case !asked:
		return errors.New("the source of the bundles cannot look for documents")
	}
	return verify.ErrNoDocument
}
