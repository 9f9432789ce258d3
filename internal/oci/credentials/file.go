package credentials

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// maxFile bounds a file of credentials: those of whole companies are smaller.
const maxFile = 4 << 20

// file is what is read of a docker configuration, a podman auth.json or a pull
// secret.
type file struct {
	Auths       map[string]entry  `json:"auths"`
	CredsStore  string            `json:"credsStore"`
	CredHelpers map[string]string `json:"credHelpers"`
}

type entry struct {
	Auth          string `json:"auth"`
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// readFile reads the file at path, or in the folder that a pull secret is
// mounted as.
func readFile(path string) (file, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		for _, name := range []string{".dockerconfigjson", ".dockercfg", "config.json"} {
			inside := filepath.Join(path, name)
			if _, err := os.Stat(inside); err == nil {
				return readFile(inside)
			}
		}
		return file{}, errors.New("the folder holds no pull secret: expected .dockerconfigjson or .dockercfg")
	}
	data, err := regular.File(path, maxFile)
	if err != nil {
		return file{}, err
	}
	return parse(data, filepath.Base(path) == ".dockercfg")
}

// parse reads a file. The older kind is what the newer one has under "auths".
func parse(data []byte, older bool) (file, error) {
	var f file
	var err error
	if older {
		err = strict.JSON(data, &f.Auths)
	} else {
		err = strict.JSON(data, &f)
	}
	if err == nil {
		return f, nil
	}
	// The rest of what is said of bad JSON may repeat what stands there.
	var at *strict.Error
	if errors.As(err, &at) {
		return file{}, fmt.Errorf("line %d, column %d: expected a docker configuration, which is JSON", at.Line, at.Column)
	}
	return file{}, errors.New("expected a docker configuration, which is JSON")
}

// credential returns what f has for a repository.
func (f file) credential(ctx context.Context, ask Helper, registry, repository string) (oci.Credential, error) {
	name := f.CredsStore
	closest := -1
	for key, h := range f.CredHelpers {
		if n, ok := covers(key, registry, repository); ok && n > closest {
			closest, name = n, h
		}
	}
	if name != "" {
		if ask == nil {
			return oci.Credential{}, fmt.Errorf("it names the credential helper %q, and helpers are not run here", name)
		}
		server := registry
		if isHub(registry) {
			server = "https://index.docker.io/v1/"
		}
		found, err := ask(ctx, name, server)
		if err != nil || !found.IsZero() {
			return found, err
		}
	}
	closest = -1
	var key string
	for k, e := range f.Auths {
		// docker leaves an empty entry for what a helper keeps.
		n, ok := covers(k, registry, repository)
		if ok && e != (entry{}) && (n > closest || n == closest && k < key) {
			closest, key = n, k
		}
	}
	if closest < 0 {
		return oci.Credential{}, nil
	}
	found, err := f.Auths[key].credential()
	if err != nil {
		return found, fmt.Errorf("entry %q: %w", key, err)
	}
	return found, nil
}

func (e entry) credential() (oci.Credential, error) {
	c := oci.Credential{Username: e.Username, Password: e.Password, IdentityToken: e.IdentityToken, RegistryToken: e.RegistryToken}
	if e.Auth != "" {
		// Some tools write it without padding.
		text, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(e.Auth), "="))
		if err != nil {
			return oci.Credential{}, errors.New("its auth is not base64")
		}
		user, password, ok := strings.Cut(string(text), ":")
		if !ok {
			return oci.Credential{}, errors.New("its auth is not a user name and a password with a colon between them")
		}
		c.Username, c.Password = user, strings.TrimRight(password, "\x00")
	}
	return Exchanged(c), nil
}

// Exchanged returns c, whose password is a token to exchange where the user name
// says so (docker's login with a token).
func Exchanged(c oci.Credential) oci.Credential {
	if c.Username == "<token>" && c.IdentityToken == "" {
		c.Username, c.Password, c.IdentityToken = "", "", c.Password
	}
	return c
}
