// Package releasefile reads hallmark.yaml, the file in which a release manager
// says what the release is and where its evidence lies, and gathers both from
// the release folder. It never reads outside that folder: a link that leads
// out of it is refused, not followed.
package releasefile

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/strict"
	"go.yaml.in/yaml/v3"
)

// File is hallmark.yaml. Paths in it use slashes and are relative to Root.
type File struct {
	Release ReleaseSpec `yaml:"release"`
	// At is the time as of which the release is judged; default now.
	At time.Time `yaml:"at"`
	// Root is the release folder, relative to the file's own; default ".".
	Root string `yaml:"root"`
	// Artifacts are paths or patterns as in [path.Match] of what is released.
	Artifacts []string `yaml:"artifacts"`
	// Images are references to images in registries, REGISTRY/REPOSITORY:TAG or
	// @sha256:…. Of an index every child is released with it.
	Images []string `yaml:"images"`
	// Checksums is a file in the form of sha256sum that must list every
	// artifact with the digest it has.
	Checksums string         `yaml:"checksums"`
	Policy    string         `yaml:"policy"`
	Evidence  []EvidenceSpec `yaml:"evidence"`
	Verifier  VerifierSpec   `yaml:"verifier"`
	Signer    SignerSpec     `yaml:"signer"`
	Publish   PublishSpec    `yaml:"publish"`
	Trust     TrustSpec      `yaml:"trust"`

	name string // the file's path, for messages and as the base of Root
	root *yaml.Node
}

// ReleaseSpec says what is released.
type ReleaseSpec struct {
	Name    string `yaml:"name"`
	Version string `yaml:"version"`
	// Resource is how consumers ask for it: a package URL with version, or a
	// download address.
	Resource string `yaml:"resource"`
	// Repository is the source's SPDX download location.
	Repository string `yaml:"repository"`
	// Source is the commit released; Previous the one of the release before,
	// absent for a first release. gitCommit:<hex>.
	Source   criteria.Digest `yaml:"source"`
	Previous criteria.Digest `yaml:"previous"`
}

// EvidenceSpec says where one report lies and how to read it.
type EvidenceSpec struct {
	Path   string `yaml:"path"`
	Format string `yaml:"format"`
	// About is what the report is about where it does not say so itself:
	// "source", "artifacts", an artifact's name, the path of another report,
	// or a digest. It is the pipeline's word, and counts as that.
	About Words `yaml:"about"`
	// Time is when the report was made, DatabaseTime when its scanner's
	// database was last updated, where the report does not say.
	Time         time.Time `yaml:"time"`
	DatabaseTime time.Time `yaml:"databaseTime"`
	// TrustedRoot is the path of what the report's signatures are verified with:
	// a Sigstore trusted root, or a public key in PEM. Default the root of
	// Sigstore's public instance. It counts only if the policy accepts it.
	TrustedRoot string `yaml:"trustedRoot"`
	// RegistryKeys is the path of a package registry's keys, as npm's answers
	// them at /-/npm/v1/keys. With it, the registry's attestation that it
	// published the package must stand in the report, too. It counts only if the
	// policy accepts it, under trustedRoots.
	RegistryKeys string `yaml:"registryKeys"`
}

// VerifierSpec says who answers for the verdict.
type VerifierSpec struct {
	// ID is the URI that consumers pin together with the signer.
	ID string `yaml:"id"`
	// PolicyURI is where the policy can be read; default its path.
	PolicyURI string `yaml:"policyUri"`
	// RunURL is the pipeline run that made this release.
	RunURL string `yaml:"runUrl"`
}

// SignerSpec says what signs, and who else sees it. Without a key and without
// keyless, a key is kept in the user's configuration folder. Paths are relative
// to hallmark.yaml.
type SignerSpec struct {
	// Key is a private key's path, or a reference to one in a key service.
	Key string `yaml:"key"`
	// Keyless signs with a short-lived certificate of Fulcio instead, in the
	// name of whoever the identity token is for.
	Keyless bool `yaml:"keyless"`
	// SigningConfig is the Sigstore signing configuration that names the
	// services to ask; with keyless, the default is the public-good instance.
	SigningConfig string `yaml:"signingConfig"`
	// TrustedRoot is the Sigstore trusted root that consumers verify with. It is
	// required with services of one's own.
	TrustedRoot string `yaml:"trustedRoot"`
	// FulcioURL, RekorURL and TimestampServerURL name services without a signing
	// configuration. RekorVersion is 1 or 2; default 1.
	FulcioURL          string `yaml:"fulcioUrl"`
	RekorURL           string `yaml:"rekorUrl"`
	RekorVersion       int    `yaml:"rekorVersion"`
	TimestampServerURL string `yaml:"timestampServerUrl"`
	// OIDCIssuer and OIDCClientID are where and as what a person logs in.
	OIDCIssuer   string `yaml:"oidcIssuer"`
	OIDCClientID string `yaml:"oidcClientId"`
	// Identity and Issuer are what the certificate must say, exactly. Where it
	// says anything else, nothing is signed.
	Identity string `yaml:"identity"`
	Issuer   string `yaml:"issuer"`
	// Private makes no log entry: nothing about the release leaves the house
	// before it is published.
	Private bool `yaml:"private"`
	// Outage is what to do where a service does not answer: fail, timestamp
	// (do without a log entry where a timestamp authority answers), or queue
	// (keep what there is, for hallmark attest --resume). Default fail.
	Outage string `yaml:"outage"`
}

// PublishSpec says where to publish beside the dossier.
type PublishSpec struct {
	// Directory is a folder, relative to hallmark.yaml, into which bundles are
	// also written, beside the artifacts for example.
	Directory string `yaml:"directory"`
	// Registry is a repository of an OCI registry, REGISTRY/REPOSITORY, into
	// which files and bundles about them are also published. Bundles about
	// images are published where the images are.
	Registry string `yaml:"registry"`
	// Legacy has bundles about images published in cosign's older layout, too.
	Legacy bool `yaml:"legacy"`
}

// TrustSpec is what the trust file written for consumers asks.
type TrustSpec struct {
	// MaxAge is how old a verdict may be, such as 90d, or unlimited; default 365d.
	MaxAge string `yaml:"maxAge"`
	// Level and Criteria are what a consumer requires; default the policy's
	// profile and no single criterion.
	Level    criteria.Level `yaml:"level"`
	Criteria []string       `yaml:"criteria"`
}

// Words is one word or a list of words.
type Words []string

// UnmarshalYAML implements [yaml.Unmarshaler].
func (w *Words) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*w = Words{n.Value}
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		return &strict.Error{Msg: "expected a word or a list of words"}
	}
	for _, c := range n.Content {
		if c.Kind != yaml.ScalarNode {
			return &strict.Error{Msg: "expected a word or a list of words"}
		}
		*w = append(*w, c.Value)
	}
	return nil
}

// Parse reads hallmark.yaml from data; file is its path.
func Parse(file string, data []byte) (*File, error) {
	node, err := strict.Parse(file, data)
	if err != nil {
		return nil, err
	}
	f := &File{name: file, root: node}
	if err := strict.Decode(file, node, f); err != nil {
		return nil, err
	}
	var faults strict.Errors
	need := func(ok bool, at *yaml.Node, format string, args ...any) {
		if !ok {
			faults = append(faults, &strict.Error{File: file, Line: at.Line, Column: at.Column, Msg: fmt.Sprintf(format, args...)})
		}
	}
	rel := child(node, "release")
	if rel == nil {
		rel = node
	}
	need(f.Release.Name != "", rel, "release.name is missing")
	need(f.Release.Version != "", rel, "release.version is missing")
	need(f.Release.Resource != "", rel, "release.resource is missing: the package URL or address by which consumers ask for this release")
	need(!f.Release.Source.IsZero(), rel, "release.source is missing: the commit, gitCommit:<hex>")
	need(f.Release.Source.IsZero() || f.Release.Source.Algorithm() == "gitCommit", rel, "release.source must be a commit, gitCommit:<hex>")
	need(f.Release.Previous.IsZero() || f.Release.Previous.Algorithm() == "gitCommit", rel, "release.previous must be a commit, gitCommit:<hex>")
	need(len(f.Artifacts) > 0 || len(f.Images) > 0, node, "artifacts is missing: paths or patterns of what is released; or images")
	need(f.Checksums == "" || len(f.Artifacts) > 0, node, "checksums lists files, and artifacts names none")
	need(f.Policy != "", node, "policy is missing: the path of policy.yaml")
	f.Signer.faults(child(node, "signer"), need)
	need(f.Verifier.ID != "", node, "verifier.id is missing: the URI that consumers know your verdicts by")
	for i, e := range f.Evidence {
		at := item(node, "evidence", i)
		need(e.Path != "", at, "evidence needs a path")
		need(e.Format != "", at, "evidence needs a format: list them with: hallmark criteria --formats")
	}
	if f.Trust.MaxAge != "" && f.Trust.MaxAge != "unlimited" {
		_, err := criteria.ParseAge(f.Trust.MaxAge)
		at := child(node, "trust")
		need(err == nil, at, "trust.maxAge: %v", err)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return f, nil
}

// Load reads the file at path.
func Load(path string) (*File, error) {
	data, err := regular.File(path, strict.MaxConfig)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// Folder returns the release folder.
func (f *File) Folder() string {
	return filepath.Join(filepath.Dir(f.name), filepath.FromSlash(f.Root))
}

// Beside returns a path that the file gives relative to its own folder.
func (f *File) Beside(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(filepath.Dir(f.name), filepath.FromSlash(p))
}

func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func item(n *yaml.Node, key string, i int) *yaml.Node {
	if list := child(n, key); list != nil && i < len(list.Content) {
		return list.Content[i]
	}
	return n
}

func (f *File) faultAt(at *yaml.Node, format string, args ...any) *strict.Error {
	return &strict.Error{File: f.name, Line: at.Line, Column: at.Column, Msg: fmt.Sprintf(format, args...)}
}
