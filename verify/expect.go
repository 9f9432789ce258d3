package verify

import (
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// Expect is what a consumer expects: the trust file. Its zero value accepts
// nothing; [New] refuses one that would accept anyone.
type Expect struct {
	// Verifier is the id of whoever must have judged, exactly. Required.
	Verifier string `yaml:"verifier"`
	// Resource is what the artifact is called, exactly: a package URL with its
	// version, or the address it is downloaded from. Required: without it a
	// verdict about one product passes for another's.
	Resource string `yaml:"resource"`
	// Signers may each sign on their own. At least one.
	Signers []Signer `yaml:"signers"`
	// Level and Criteria must have been reached; a waived criterion was not.
	// At least one of Level, Criteria and Policies: a PASSED alone says only
	// that some policy was met.
	Level    criteria.Level `yaml:"level"`
	Criteria []string       `yaml:"criteria"`
	// MaxAge is how old a verdict may be. Required: [Unlimited] is a choice
	// that must be written down.
	MaxAge MaxAge `yaml:"maxAge"`
	// Policies are the accepted policies by digest; none means any.
	Policies []criteria.Digest `yaml:"policies"`

	// dir is where relative paths begin.
	dir string
}

// Signer is one who may sign: a key, or an identity that a certificate
// authority vouches for. It is one of both.
type Signer struct {
	// Name is for people.
	Name string `yaml:"name"`

	// Key is a public key in PEM (SubjectPublicKeyInfo): ECDSA, Ed25519 or RSA.
	Key string `yaml:"key"`
	// NotBefore and NotAfter bound when the key is trusted; zero is unbounded.
	// Nobody but the holder of a key says when it signed, so both the verdict's
	// time and the present must lie within: a key past NotAfter signs nothing
	// any more, and nothing it signed counts.
	NotBefore time.Time `yaml:"notBefore"`
	NotAfter  time.Time `yaml:"notAfter"`

	// Issuer is the OIDC issuer and Identity the certificate's subject
	// alternative name, both exact. IdentityPattern is a regular expression
	// instead of Identity, which must match all of it.
	Issuer          string `yaml:"issuer"`
	Identity        string `yaml:"identity"`
	IdentityPattern string `yaml:"identityPattern"`
	// TrustedRoot is the file with the Sigstore trusted root that vouches for
	// the identity, relative to the trust file. A key needs one only where
	// Require names a witness.
	TrustedRoot string `yaml:"trustedRoot"`
	// Require are the witnesses that must have seen each of the signer's
	// bundles. For an identity, none named means every log that the trusted
	// root lists, and a time by anyone it lists; for a key, none.
	Require []Witness `yaml:"require"`
}

// Witness is somebody else who must have seen a signature, or the certificate
// it was made with.
type Witness string

// The witnesses.
const (
	// Log is a transparency log (Rekor) that holds the signature.
	Log Witness = "log"
	// SCT is a certificate transparency log that promised to hold the
	// certificate (RFC 6962, "signed certificate timestamp").
	SCT Witness = "sct"
	// Timestamp is a timestamp authority (RFC 3161) that saw the signature.
	Timestamp Witness = "timestamp"
)

// Witnesses lists every [Witness].
func Witnesses() []Witness { return []Witness{Log, SCT, Timestamp} }

// MaxAge is how old a verdict may be. The zero value is none given.
type MaxAge criteria.Age

// Unlimited accepts a verdict of any age: whoever can hide newer bundles from a
// consumer can then keep a withdrawn release alive for ever.
const Unlimited MaxAge = -1
