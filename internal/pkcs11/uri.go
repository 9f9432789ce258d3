package pkcs11

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// maxURI is more than any token and key take to be named.
const maxURI = 4 << 10

// URI names a key on a token, as RFC 7512 writes it
// (https://www.rfc-editor.org/rfc/rfc7512#section-2.3). What is empty may be
// anything.
type URI struct {
	Token, Manufacturer, Model, Serial string // of the token
	Object                             string // the key's label
	ID                                 []byte // the key's id
	Slot                               *uint  // the slot that holds the token

	ModulePath, ModuleName string // the library that speaks to the token
	PINSource              string // the file that holds the PIN
}

// ParseURI reads a URI, with or without its scheme. An attribute that is not
// known is refused, since it would narrow down what is meant. No error repeats
// what was read.
func ParseURI(s string) (URI, error) {
	u, err := parseURI(s)
	if err != nil {
		return URI{}, fmt.Errorf("reading the key's URI: %w", err)
	}
	return u, nil
}

func parseURI(s string) (URI, error) {
	if len(s) > maxURI {
		return URI{}, fmt.Errorf("it is too long: more than %d bytes", maxURI)
	}
	s = strings.TrimPrefix(strings.TrimPrefix(s, "pkcs11:"), "//")
	path, query, _ := strings.Cut(s, "?")
	var u URI
	seen := make(map[string]bool)
	each := func(part, separator string, known []string, set func(name, value string) error) error {
		for attribute := range strings.SplitSeq(part, separator) {
			if attribute == "" {
				continue
			}
			name, raw, ok := strings.Cut(attribute, "=")
			if name == "pin-value" {
				return errors.New("pin-value is refused, since every user of the machine can see the plug-in's arguments: set PKCS11_PIN, or name a file with pin-source")
			}
			if !slices.Contains(known, name) {
				what := "an attribute"
				if isName(name) {
					what = "an attribute " + name
				}
				if near := strict.Nearest(name, known); near != "" {
					return fmt.Errorf("it has %s that is not known: did you mean %s?", what, near)
				}
				return fmt.Errorf("it has %s that is not known: known there are %s", what, strings.Join(known, ", "))
			}
			if !ok {
				return fmt.Errorf("%s has no value", name)
			}
			if seen[name] {
				return fmt.Errorf("%s stands there twice", name)
			}
			seen[name] = true
			value, err := url.PathUnescape(raw)
			if err != nil {
				return fmt.Errorf("%s is not percent-encoded as it should be", name)
			}
			if value == "" {
				return fmt.Errorf("%s is empty: leave it out if it may be anything", name)
			}
			if name != "id" && (!utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl)) {
				return fmt.Errorf("%s holds characters that do not print", name)
			}
			if err := set(name, value); err != nil {
				return err
			}
		}
		return nil
	}
	err := each(path, ";", []string{"token", "manufacturer", "model", "serial", "object", "id", "type", "slot-id"}, func(name, value string) error {
		switch name {
		case "token":
			u.Token = value
		case "manufacturer":
			u.Manufacturer = value
		case "model":
			u.Model = value
		case "serial":
			u.Serial = value
		case "object":
			u.Object = value
		case "id":
			u.ID = []byte(value)
		case "type":
			if value != "private" && value != "public" {
				return errors.New("type is neither private nor public: expected a key pair")
			}
		case "slot-id":
			n, err := strconv.ParseUint(value, 10, 32)
			if err != nil {
				return errors.New("slot-id is no number")
			}
			slot := uint(n)
			u.Slot = &slot
		}
		return nil
	})
	if err != nil {
		return URI{}, err
	}
	err = each(query, "&", []string{"module-path", "module-name", "pin-source"}, func(name, value string) error {
		switch name {
		case "module-path":
			u.ModulePath = value
		case "module-name":
			u.ModuleName = value
		case "pin-source":
			u.PINSource = value
		}
		return nil
	})
	if err != nil {
		return URI{}, err
	}
	if u.ModulePath != "" && u.ModuleName != "" {
		return URI{}, errors.New("it has module-path and module-name: expected one of them")
	}
	return u, nil
}

// isName reports whether s can be the name of an attribute; what cannot may be
// anything, a PIN among them.
func isName(s string) bool {
	return len(s) <= 20 && s != "" && !strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && r != '-' && r != '_' })
}

// key names the key for people, "" if any key is meant.
func (u URI) key() string {
	var words []string
	if u.Object != "" {
		words = append(words, fmt.Sprintf("labelled %q", u.Object))
	}
	if len(u.ID) > 0 {
		words = append(words, fmt.Sprintf("with id %x", u.ID))
	}
	return strings.Join(words, " and ")
}

// token names the token for people, "" if any token is meant.
func (u URI) token() string {
	var words []string
	for _, w := range []struct{ name, value string }{{"labelled", u.Token}, {"with serial", u.Serial}, {"of manufacturer", u.Manufacturer}, {"of model", u.Model}} {
		if w.value != "" {
			words = append(words, fmt.Sprintf("%s %q", w.name, w.value))
		}
	}
	if u.Slot != nil {
		words = append(words, fmt.Sprintf("in slot %d", *u.Slot))
	}
	return strings.Join(words, " and ")
}
