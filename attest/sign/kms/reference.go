package kms

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// maxReference is more than any service needs to name a key, and less than what
// systems allow as one argument of a program.
const maxReference = 4 << 10

// Is reports whether ref names a key in a key service, and not a file.
func Is(ref string) bool {
	return strings.Contains(ref, "://") || strings.HasPrefix(ref, pkcs11URI)
}

// pkcs11URI begins a URI of a key on a PKCS #11 token
// (https://www.rfc-editor.org/rfc/rfc7512). The protocol knows only
// NAME://KEY, and cosign keeps "pkcs11:" to itself, so the plug-in for tokens is
// called pkcs11kms.
const (
	pkcs11URI = "pkcs11:"
	pkcs11kms = "pkcs11kms"
)

// service is what is known of a key service.
type service struct {
	name string
	// secrets are the environment variables that this plug-in alone is given.
	secrets []string
}

func services() []service {
	return []service{
		{"awskms", nil},
		{"azurekms", nil},
		{"gcpkms", nil},
		{"hashivault", []string{"VAULT_TOKEN", "BAO_TOKEN"}},
		{pkcs11kms, []string{"PKCS11_PIN", "SIGSTORE_KMS_PKCS11_PIN"}},
	}
}

// Services lists the names of the key services that are known. Others work
// where their plug-in is there.
func Services() []string {
	var names []string
	for _, s := range services() {
		names = append(names, s.name)
	}
	return names
}

// reference is a key in a key service.
type reference struct {
	service string
	key     string // what the service calls the key
}

// parse reads a reference. Its errors do not repeat it, since what is wrong with
// it may be that it holds a secret.
func parse(ref string) (reference, error) {
	if len(ref) > maxReference {
		return reference{}, fmt.Errorf("the reference is too long: more than %d bytes", maxReference)
	}
	if strings.ContainsFunc(ref, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }) {
		return reference{}, errors.New("the reference holds characters that do not print")
	}
	name, key, ok := strings.Cut(ref, "://")
	if rest, is := strings.CutPrefix(ref, pkcs11URI); is {
		name, key, ok = pkcs11kms, strings.TrimPrefix(rest, "//"), true
	}
	if !ok {
		return reference{}, errors.New("the reference names no key service: expected SERVICE://KEY, or pkcs11:…")
	}
	if !isName(name) {
		return reference{}, errors.New("the reference begins with no name of a key service: expected SERVICE://KEY, SERVICE in lower case letters, digits and hyphens")
	}
	if key == "" {
		return reference{}, fmt.Errorf("the reference names no key of %s", name)
	}
	// A reference is an argument of the plug-in, which every user of the machine
	// may see.
	if name == pkcs11kms {
		if holdsPIN(key) {
			return reference{}, errors.New("the reference holds a PIN, which every user of the machine would see among the plug-in's arguments: set PKCS11_PIN, or name a file with pin-source")
		}
	} else if user, _, ok := strings.Cut(key, "@"); ok && strings.Contains(user, ":") && !strings.Contains(user, "/") {
		return reference{}, errors.New("the reference holds a password, which every user of the machine would see among the plug-in's arguments: leave it to the plug-in's environment")
	}
	return reference{name, key}, nil
}

// holdsPIN reports whether a URI has pin-value, or what may have been meant as
// such: every attribute whose name begins with pin, but for pin-source.
func holdsPIN(uri string) bool {
	for attribute := range strings.FieldsFuncSeq(strings.ToLower(uri), func(r rune) bool { return r == ';' || r == '?' || r == '&' }) {
		if name, _, _ := strings.Cut(attribute, "="); strings.HasPrefix(strings.TrimSpace(name), "pin") && name != "pin-source" {
			return true
		}
	}
	return strings.Contains(strings.ToLower(uri), "pin-value")
}

func isName(s string) bool {
	return s != "" && len(s) <= 64 && s[0] >= 'a' && s[0] <= 'z' && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}

// unknown says that there is no plug-in for r, and what may have been meant.
func (r reference) unknown() error {
	if slices.Contains(Services(), r.service) {
		return fmt.Errorf("%w: %s is not on PATH, the plug-in that asks %s: install it, or build it as docs/signing.md shows", ErrNoPlugin, r.program(), r.service)
	}
	text := "known are " + strings.Join(Services(), ", ")
	if near := strict.Nearest(r.service, Services()); near != "" {
		text = fmt.Sprintf("did you mean %q?", near)
	}
	return fmt.Errorf("%w: no key service is known as %q, and no %s is on PATH: %s", ErrNoPlugin, r.service, r.program(), text)
}

// program is the name of the plug-in.
func (r reference) program() string { return "sigstore-kms-" + r.service }
