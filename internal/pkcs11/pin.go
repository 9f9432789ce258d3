package pkcs11

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hallmark-project/hallmark/internal/custody"
)

// maxPIN is more than any token takes.
const maxPIN = 1 << 10

// pin returns the PIN: out of the file that the URI names, else out of the
// environment; nil if there is none. The caller clears it.
func pin(u URI, env func(string) string) ([]byte, error) {
	if u.PINSource == "" {
		for _, name := range []string{"SIGSTORE_KMS_PKCS11_PIN", "PKCS11_PIN"} {
			if v := env(name); v != "" {
				return []byte(v), nil
			}
		}
		return nil, nil
	}
	if strings.HasPrefix(u.PINSource, "|") {
		return nil, errors.New("reading the PIN: pin-source is a command, which is not run: expected a file")
	}
	// https://www.rfc-editor.org/rfc/rfc7512#section-2.4: a path, or a file URI.
	path := u.PINSource
	if rest, ok := strings.CutPrefix(path, "file:"); ok {
		path = rest
		if rest, ok := strings.CutPrefix(rest, "//"); ok {
			path = strings.TrimPrefix(rest, "localhost")
		}
	}
	if !filepath.IsAbs(path) {
		return nil, errors.New("reading the PIN: pin-source is no absolute path of a file")
	}
	data, err := custody.ReadFile(path, maxPIN)
	if err != nil {
		return nil, fmt.Errorf("reading the PIN from %s: %w", path, err)
	}
	word := bytes.TrimRight(data, "\r\n")
	if len(word) == 0 {
		return nil, fmt.Errorf("reading the PIN from %s: it is empty", path)
	}
	return word, nil
}
