package verify

import (
	"bytes"
	_ "embed"
)

// The trusted root of Sigstore's public instance, as the module
// github.com/sigstore/sigstore ships it. A test holds its digest and that it is
// the module's.
//
//go:generate go run ./internal/publicgood publicgood.trusted_root.json
//go:embed publicgood.trusted_root.json
var publicGood []byte

// PublicGoodRoot returns the trusted root that [PublicGood] names.
func PublicGoodRoot() []byte { return bytes.Clone(publicGood) }
