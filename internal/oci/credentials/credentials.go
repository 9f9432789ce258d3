// Package credentials finds what a registry is shown, where other tools keep it:
// in the environment, in Kubernetes pull secrets, and in the files of docker and
// podman with the helpers that they name. Nothing it returns or says holds a
// secret but the credential itself.
package credentials

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"

	"github.com/hallmark-project/hallmark/internal/oci"
)

// Options is where credentials are looked for.
type Options struct {
	// Env looks up environment variables; nothing is read from a nil one, nor
	// from files that it would name.
	Env func(name string) string
	// Home is the user's folder; empty looks into none.
	Home string
	// PullSecrets are files or folders of Kubernetes pull secrets
	// (.dockerconfigjson or .dockercfg). What is named must be there.
	PullSecrets []string
	// Helper asks a credential helper; package helper does. A file that names a
	// helper is refused where it is nil.
	Helper Helper
}

// Helper asks the credential helper called name, "ecr-login", for the credential
// of server; the zero value where it has none.
type Helper func(ctx context.Context, name, server string) (oci.Credential, error)

// New returns the credentials that o leads to. The first place that knows one
// counts:
//
//  1. HALLMARK_REGISTRY_USERNAME and HALLMARK_REGISTRY_PASSWORD, or
//     HALLMARK_REGISTRY_TOKEN, for what HALLMARK_REGISTRY names and nothing else
//  2. pull secrets
//  3. REGISTRY_AUTH_FILE
//  4. config.json in DOCKER_CONFIG, else in ~/.docker
//  5. containers/auth.json in XDG_RUNTIME_DIR, then in XDG_CONFIG_HOME, else in
//     ~/.config
//
// A file that is there and cannot be read is an error: who wrote it meant it.
func New(o Options) oci.Credentials { return &chain{o: o, read: make(map[string]file)} }

type chain struct {
	o    Options
	mu   sync.Mutex
	read map[string]file
}

// For implements [oci.Credentials].
func (c *chain) For(ctx context.Context, registry, repository string) (oci.Credential, error) {
	found, err := c.environment(registry, repository)
	if err != nil || !found.IsZero() {
		return found, err
	}
	for _, p := range c.places() {
		f, err := c.file(p)
		if err != nil {
			return oci.Credential{}, fmt.Errorf("looking for credentials in %s: %w", p.path, err)
		}
		found, err := f.credential(ctx, c.o.Helper, registry, repository)
		if err != nil {
			return oci.Credential{}, fmt.Errorf("looking for credentials in %s: %w", p.path, err)
		}
		if !found.IsZero() {
			return found, nil
		}
	}
	return oci.Credential{}, nil
}

func (c *chain) env(name string) string {
	if c.o.Env == nil {
		return ""
	}
	return c.o.Env(name)
}

func (c *chain) environment(registry, repository string) (oci.Credential, error) {
	where := c.env("HALLMARK_REGISTRY")
	user, password, token := c.env("HALLMARK_REGISTRY_USERNAME"), c.env("HALLMARK_REGISTRY_PASSWORD"), c.env("HALLMARK_REGISTRY_TOKEN")
	none := oci.Credential{}
	switch {
	case password == "" && token == "":
		return none, nil
	case where == "":
		return none, errors.New("HALLMARK_REGISTRY is missing: it says which registry may see the credentials in HALLMARK_REGISTRY_PASSWORD or HALLMARK_REGISTRY_TOKEN")
	case password != "" && token != "":
		return none, errors.New("HALLMARK_REGISTRY_PASSWORD and HALLMARK_REGISTRY_TOKEN cannot be given together")
	case token != "" && user != "":
		return none, errors.New("HALLMARK_REGISTRY_TOKEN takes no HALLMARK_REGISTRY_USERNAME: a token that stands for a password goes into HALLMARK_REGISTRY_PASSWORD")
	case password != "" && user == "":
		return none, errors.New("HALLMARK_REGISTRY_PASSWORD needs HALLMARK_REGISTRY_USERNAME")
	}
	if _, ok := covers(where, registry, repository); !ok {
		return none, nil
	}
	if token != "" {
		return oci.Credential{RegistryToken: token}, nil
	}
	return oci.Credential{Username: user, Password: password}, nil
}

// place is where a file of credentials may be.
type place struct {
	path string
	must bool // it was named, so it must be there
}

func (c *chain) places() []place {
	var out []place
	for _, p := range c.o.PullSecrets {
		out = append(out, place{p, true})
	}
	if p := c.env("REGISTRY_AUTH_FILE"); p != "" {
		out = append(out, place{p, true})
	}
	add := func(folder string, parts ...string) {
		if folder != "" {
			out = append(out, place{filepath.Join(append([]string{folder}, parts...)...), false})
		}
	}
	if dir := c.env("DOCKER_CONFIG"); dir != "" {
		add(dir, "config.json")
	} else {
		add(c.o.Home, ".docker", "config.json")
	}
	add(c.env("XDG_RUNTIME_DIR"), "containers", "auth.json")
	if dir := c.env("XDG_CONFIG_HOME"); dir != "" {
		add(dir, "containers", "auth.json")
	} else {
		add(c.o.Home, ".config", "containers", "auth.json")
	}
	return out
}

// file reads the file at p once.
func (c *chain) file(p place) (file, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.read[p.path]; ok {
		return f, nil
	}
	f, err := readFile(p.path)
	if errors.Is(err, fs.ErrNotExist) && !p.must {
		f, err = file{}, nil
	}
	if err == nil {
		c.read[p.path] = f
	}
	return f, err
}

// isHub reports whether host is a name of Docker Hub: whoever logs in there is
// written down under one that nobody speaks to.
func isHub(host string) bool {
	switch host {
	case "docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com":
		return true
	}
	return false
}

// covers reports whether key, as files and the environment name registries, is
// about a repository, and how closely: "https://registry.example/v1/",
// "registry.example:5000/team", "*.registry.example".
func covers(key, registry, repository string) (int, bool) {
	if _, rest, ok := strings.Cut(key, "://"); ok {
		key = rest
	}
	host, path, _ := strings.Cut(key, "/")
	path = strings.Trim(path, "/")
	// Docker writes the version of its interface behind the host.
	if path == "v1" || path == "v2" {
		path = ""
	}
	host, registry = strings.ToLower(host), strings.ToLower(registry)
	if host == "" || !sameRegistry(host, registry) {
		return 0, false
	}
	if path != "" && path != repository && !strings.HasPrefix(repository, path+"/") {
		return 0, false
	}
	closeness := 2 * len(path)
	if !strings.Contains(host, "*") {
		closeness++
	}
	return closeness, true
}

// sameRegistry compares hosts, where "*" stands for any one label or part of it,
// as in pull secrets (https://kubernetes.io/docs/concepts/containers/images/#config-json).
func sameRegistry(pattern, registry string) bool {
	if isHub(pattern) && isHub(registry) {
		return true
	}
	ph, pp := cutPort(pattern)
	rh, rp := cutPort(registry)
	if pp != rp {
		return false
	}
	pl, rl := strings.Split(ph, "."), strings.Split(rh, ".")
	if len(pl) != len(rl) {
		return false
	}
	for i := range pl {
		// "*" for a whole registry would show its credentials to every host.
		if pl[i] == rl[i] {
			continue
		}
		if !strings.Contains(pl[i], "*") || i == len(pl)-1 {
			return false
		}
		if ok, err := filepath.Match(pl[i], rl[i]); err != nil || !ok {
			return false
		}
	}
	return true
}

func cutPort(host string) (name, port string) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") {
		return host, "443"
	}
	return host[:i], host[i+1:]
}
