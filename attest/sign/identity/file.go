package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
)

// DefaultFile is where a platform puts a token for cosign and for us: usually a
// projected volume of Kubernetes.
const DefaultFile = "/var/run/sigstore/cosign/oidc-token"

// file is a token in a file. It is read anew each time, since platforms renew
// such tokens.
type file struct {
	path        string
	environment Environment
	// given says of a file that others may read that they may. A volume of
	// Kubernetes often can be read by everybody in its container, and nobody can
	// change that.
	given bool
}

func findFile(_ context.Context, e Environment) (Source, error) {
	_, err := os.Stat(e.file())
	switch {
	case err == nil:
		return file{path: e.file(), environment: e}, nil
	case errors.Is(err, fs.ErrNotExist) && e.File == "":
		return nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("looking for an identity token: there is no file %s", e.File)
	}
	return nil, fmt.Errorf("looking for an identity token: %w", err)
}

func (f file) Name() string { return "the file " + f.path }

func (f file) Token(_ context.Context, audience string) (Token, error) {
	raw, err := f.read()
	if err != nil {
		return Token{}, getting(f, err)
	}
	t, err := accept(raw, f.environment.Now, audience)
	if err != nil {
		return Token{}, getting(f, err)
	}
	return t, nil
}

func (f file) read() (string, error) {
	// Asked before opening, since opening a pipe waits for whoever writes it.
	before, err := os.Stat(f.path)
	if err != nil {
		return "", cause(err)
	}
	if !before.Mode().IsRegular() {
		return "", errors.New("is no regular file")
	}
	in, err := os.Open(f.path)
	if err != nil {
		return "", cause(err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return "", cause(err)
	}
	if !info.Mode().IsRegular() || !os.SameFile(before, info) {
		return "", errors.New("changed while it was opened")
	}
	// Windows keeps permissions elsewhere than in the mode.
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" {
		switch {
		case mode&0o022 != 0:
			return "", fmt.Errorf("others may change it (mode %04o), and with it who signs; chmod go-w %s", mode, f.path)
		case f.given && mode&0o044 != 0 && f.environment.Warn != nil:
			f.environment.Warn(fmt.Sprintf("others may read the token in %s (mode %04o), and sign with it while it is good; chmod 600 %s", f.path, mode, f.path))
		}
	}
	data, err := io.ReadAll(io.LimitReader(in, maxToken+1))
	if err != nil {
		return "", cause(err)
	}
	defer clear(data)
	if len(data) > maxToken {
		return "", fmt.Errorf("is too large for a token: more than %d bytes", maxToken)
	}
	if len(strings.TrimSpace(string(data))) == 0 {
		return "", errors.New("is empty")
	}
	return string(data), nil
}

// cause drops the path from an error, since the source names it.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
