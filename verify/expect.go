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
	// version, or the address it is downloaded from. This or Resources is
	// required: without it a verdict about one product passes for another's.
	Resource string `yaml:"resource"`
	// Resources are patterns of what the artifact may be called, in place of
	// Resource: * stands for any characters but a slash, ** for any characters.
	// What comes before the first star must name a product or a publisher.
	Resources []string `yaml:"resources"`
	// Signers may each sign on their own, or so many of them together as
	// Threshold says. At least one.
	Signers []Signer `yaml:"signers"`
	// Threshold is how many different signers must have signed one and the same
	// verdict; zero is one. A FAILED by any one of them counts.
	Threshold int `yaml:"threshold"`
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

	// Attestations are statements that must be there beside the verdict.
	Attestations []Attestation `yaml:"attestations"`
	// Provenance is how it must have been built.
	Provenance *Provenance `yaml:"provenance"`
	// Source is what must have been said of the commit it was built from.
	Source *SourceVerdict `yaml:"source"`
	// SBOM is a bill of materials that must be there, VEX what must be said of its
	// vulnerabilities.
	SBOM *SBOM `yaml:"sbom"`
	VEX  *VEX  `yaml:"vex"`

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
	// The time of a PASSED verdict must lie within. So must every time at which
	// a witness saw the signature, and where Require names none who says when,
	// the present: nobody but the holder of the key says then when it signed, so
	// a key past NotAfter signs nothing any more, and nothing it signed counts.
	NotBefore time.Time `yaml:"notBefore"`
	NotAfter  time.Time `yaml:"notAfter"`

	// Issuer is the OIDC issuer and Identity the certificate's subject
	// alternative name, both exact. IdentityPattern is a regular expression
	// instead of Identity, which must match all of it.
	Issuer          string `yaml:"issuer"`
	Identity        string `yaml:"identity"`
	IdentityPattern string `yaml:"identityPattern"`
	// Certificate is what else the certificate must say.
	Certificate Certificate `yaml:"certificate"`
	// TrustedRoot is the Sigstore trusted root that vouches for the identity: a
	// file, relative to the trust file, [PublicGood], or [TUF] and the address of
	// a repository. A key needs one only where Require names a witness.
	TrustedRoot string `yaml:"trustedRoot"`
	// Require are the witnesses that must have seen each of the signer's
	// bundles. For an identity, none named means every log that the trusted
	// root lists, and a time by anyone it lists; for a key, none.
	Require []Witness `yaml:"require"`
}

// Certificate is what a certificate says about what ran when it was issued: the
// extensions of Fulcio, which it takes from the identity token
// (https://github.com/sigstore/fulcio/blob/v1.8.8/docs/oid-info.md). Each is
// exact, or a pattern in which * stands for any characters but a slash and **
// for any characters; one that is empty is not asked.
type Certificate struct {
	// SourceRepository is the repository's address, SourceRef the branch or tag
	// such as refs/tags/v1.2.0, SourceDigest the commit.
	SourceRepository string `yaml:"sourceRepository"`
	SourceRef        string `yaml:"sourceRef"`
	SourceDigest     string `yaml:"sourceDigest"`
	// SourceOwner is the address of the repository's owner. The ids are the
	// forge's own, which outlive names.
	SourceOwner        string `yaml:"sourceOwner"`
	SourceRepositoryID string `yaml:"sourceRepositoryId"`
	SourceOwnerID      string `yaml:"sourceOwnerId"`
	// SourceVisibility is public, private or internal, when it was signed.
	SourceVisibility string `yaml:"sourceVisibility"`
	// Workflow is the workflow that was started, with its ref (the extension
	// "Build Config URI"). Builder is the one that signed (the extension "Build
	// Signer URI"): another where the first calls a reusable workflow.
	Workflow string `yaml:"workflow"`
	Builder  string `yaml:"builder"`
	// Trigger is what started the build, such as push.
	Trigger string `yaml:"trigger"`
	// Runner is where it ran: github-hosted, gitlab-hosted or self-hosted.
	Runner string `yaml:"runner"`
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
