package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/sign"
	"github.com/hallmark-project/hallmark/attest/sign/identity"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/internal/dossier"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/releasefile"
	"github.com/hallmark-project/hallmark/internal/trustroot"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/urfave/cli/v2"
)

// signerFlags say what signs and who else sees it. Those that cosign has are
// named as there.
func signerFlags() []cli.Flag {
	return append(keyFlags(),
		&cli.StringFlag{Name: "identity-token", Usage: "sign keyless with the OIDC `TOKEN`, or with the one in a file"},
		&cli.StringFlag{Name: "oidc-provider", Usage: "sign keyless with the token of `NAME`: " + strings.Join(identity.Names(), ", ")},
		&cli.BoolFlag{Name: "keyless", Usage: "sign with a certificate for whoever the environment says we are, or for who logs in"},
		&cli.StringFlag{Name: "oidc-issuer", Usage: "log in at `URL`"},
		&cli.StringFlag{Name: "oidc-client-id", Usage: "log in as the client `ID`"},
		&cli.BoolFlag{Name: "device", Usage: "log in on another device, with a code shown here"},
		&cli.StringFlag{Name: "signing-config", Usage: "ask the services that the Sigstore signing configuration in `FILE` names"},
		&cli.StringFlag{Name: "trusted-root", Usage: "hold their answers against the Sigstore trusted root in `FILE`, which consumers use"},
		&cli.StringFlag{Name: "fulcio-url", Usage: "ask the certificate authority at `URL`"},
		&cli.StringFlag{Name: "rekor-url", Usage: "enter the signatures into the transparency log at `URL`"},
		&cli.IntFlag{Name: "rekor-version", Usage: "the log speaks version `N` of its API, 1 or 2", DefaultText: "1"},
		&cli.StringFlag{Name: "timestamp-server-url", Usage: "have the timestamp authority at `URL` say when"},
		&cli.StringFlag{Name: "certificate-identity", Usage: "sign nothing unless the certificate is for `IDENTITY`"},
		&cli.StringFlag{Name: "certificate-oidc-issuer", Usage: "sign nothing unless `ISSUER` vouches for the identity"},
		&cli.BoolFlag{Name: "private", Usage: "make no log entry"},
		&cli.StringFlag{Name: "outage", Usage: "where a service does not answer: `WAY` is fail, timestamp (do without the log), or queue; default fail"},
		&cli.StringFlag{Name: "tuf-mirror", Usage: "fetch trusted root and signing configuration from the TUF repository at `URL`"},
		&cli.StringFlag{Name: "tuf-root", Usage: "trust that repository by the root.json in `FILE`"},
	)
}

// signing is how a release is signed.
type signing struct {
	*sign.Signer
	// key signs; nil for keyless.
	key *sign.Key
	// service is true where a key service, or a token, keeps the key.
	service bool
	// where says what signs, for people.
	where string
	// root is the trusted root that consumers verify with, nil where no service
	// is asked; trusted is the same, read.
	root     []byte
	trusted  *root.TrustedRoot
	services sign.Services
	outage   sign.Outage
	private  bool
	// identity and issuer are what the certificate must say, if anything.
	identity, issuer string
	// claimed is the token that is at hand, nil where a person would be asked.
	claimed *identity.Token
}

// spec is the release file's signer as the flags change it. What --key, or an
// identity token, asks for replaces whatever the file says.
func spec(c *cli.Context, f *releasefile.File) (releasefile.SignerSpec, error) {
	s := f.Signer
	for _, p := range []*string{&s.SigningConfig, &s.TrustedRoot} {
		if *p != "" {
			*p = f.Beside(*p)
		}
	}
	if s.Key != "" && !sign.IsKMS(s.Key) {
		s.Key = f.Beside(s.Key)
	}
	keyless := c.Bool("keyless") || c.String("identity-token") != "" || c.String("oidc-provider") != ""
	services := false
	for _, name := range []string{"signing-config", "fulcio-url", "rekor-url", "timestamp-server-url"} {
		services = services || c.String(name) != ""
	}
	switch key := c.String("key"); {
	case key != "" && keyless:
		return s, console.Misused(errors.New("there is a key and an identity token: expected one of both"),
			"leave out --key (and HALLMARK_KEY), or what asks for a certificate")
	case key != "":
		if s.Keyless && !services {
			s = releasefile.SignerSpec{}
		}
		s.Key, s.Keyless, s.Identity, s.Issuer = key, false, "", ""
	case keyless, c.String("fulcio-url") != "", services && s.Key == "":
		s.Key, s.Keyless = "", true
	}
	if services {
		s.SigningConfig, s.FulcioURL, s.RekorURL, s.TimestampServerURL, s.RekorVersion = "", "", "", "", 0
	}
	for name, p := range map[string]*string{
		"signing-config": &s.SigningConfig, "trusted-root": &s.TrustedRoot, "fulcio-url": &s.FulcioURL, "rekor-url": &s.RekorURL,
		"timestamp-server-url": &s.TimestampServerURL, "oidc-issuer": &s.OIDCIssuer, "oidc-client-id": &s.OIDCClientID,
		"certificate-identity": &s.Identity, "certificate-oidc-issuer": &s.Issuer, "outage": &s.Outage,
	} {
		if v := c.String(name); v != "" {
			*p = v
		}
	}
	if v := c.Int("rekor-version"); v != 0 {
		s.RekorVersion = v
	}
	s.Private = s.Private || c.Bool("private")
	switch {
	case s.SigningConfig != "" && (s.FulcioURL != "" || s.RekorURL != "" || s.TimestampServerURL != ""):
		return s, console.Misused(errors.New("--signing-config names the services, and so do their addresses: expected one of both"))
	case (s.Identity == "") != (s.Issuer == ""):
		return s, console.Misused(errors.New("--certificate-identity and --certificate-oidc-issuer belong together: a name means something with who vouches for it"))
	case s.Identity != "" && !s.Keyless:
		return s, console.Misused(errors.New("--certificate-identity is for keyless signing, and a key signs"))
	case s.RekorVersion != 0 && s.RekorURL == "":
		return s, console.Misused(errors.New("--rekor-version is for --rekor-url, which is missing"))
	case s.Keyless && c.String("envelope") != "":
		return s, console.Misused(errors.New("--envelope is for slsa-verifier, which checks it with a public key, and a certificate signs"), "sign with a key: --key FILE")
	case s.Private && s.RekorURL != "":
		return s, console.Misused(errors.New("--private makes no log entry, and --rekor-url names a log"))
	}
	return s, nil
}

// chooseSigner returns what signs, as the flags and the release file say.
func chooseSigner(io console.IO, c *cli.Context, f *releasefile.File) (*signing, error) {
	s, err := spec(c, f)
	if err != nil {
		return nil, err
	}
	out := &signing{private: s.Private, outage: sign.Outage(s.Outage), identity: s.Identity, issuer: s.Issuer}
	if out.outage == "" {
		out.outage = sign.Fail
	}
	if !slices.Contains(sign.Outages(), out.outage) {
		return nil, console.Misused(fmt.Errorf("--outage is %q, expected fail, timestamp or queue", s.Outage))
	}
	if err := out.ask(io, c, s); err != nil {
		return nil, err
	}
	o := sign.Options{Services: out.services, Outage: out.outage, Now: io.Now}
	if out.root != nil {
		if out.trusted, err = root.NewTrustedRootFromJSON(out.root); err != nil {
			return nil, console.Misused(fmt.Errorf("reading the trusted root: %v", err))
		}
		o.Trusted = out.trusted
	}
	if !s.Keyless {
		out.service = sign.IsKMS(s.Key)
		if out.key, out.where, err = signingKey(io, c, s.Key); err != nil {
			return nil, err
		}
		if out.Signer, err = sign.NewKeySigner(out.key, o); err != nil {
			return nil, console.Misused(err)
		}
		return out, nil
	}
	tokens, asks, err := tokens(io, c, s, out.services)
	if err != nil {
		return nil, err
	}
	audience := identity.DefaultAudience
	if s.OIDCClientID != "" {
		audience = s.OIDCClientID
	}
	if !asks {
		// Who cannot sign shall know before anything is judged.
		t, err := tokens.Token(c.Context, audience)
		if errors.Is(err, identity.ErrExpired) {
			err = fmt.Errorf("%w; this machine's clock says %s", err, io.Now().UTC().Format(time.RFC3339))
		}
		if err != nil {
			return nil, tokenEnding(err)
		}
		out.claimed = &t
	}
	out.where = "certificate of " + out.services.Authority
	o.Tokens, o.Announce, o.Expect = tokens, out.announce(io), out.expect
	o.Audience = audience
	if out.Signer, err = sign.NewKeylessSigner(o); err != nil {
		return nil, console.Misused(err)
	}
	return out, nil
}

// ask fills in which services are asked, and the trusted root.
func (out *signing) ask(io console.IO, c *cli.Context, s releasefile.SignerSpec) error {
	var config []byte
	var err error
	switch {
	case s.SigningConfig != "":
		if config, err = regular.File(s.SigningConfig, sign.MaxSigningConfig); err != nil {
			return console.Misused(fmt.Errorf("reading the signing configuration: %w", err))
		}
	case s.FulcioURL != "" || s.RekorURL != "" || s.TimestampServerURL != "":
		out.services = sign.Services{Authority: s.FulcioURL}
		if s.RekorURL != "" {
			out.services.Logs = []sign.LogService{{URL: s.RekorURL, Version: uint32(max(s.RekorVersion, 1))}}
		}
		if s.TimestampServerURL != "" {
			out.services.Timestamps = []string{s.TimestampServerURL}
		}
		if s.Keyless && s.FulcioURL == "" {
			return console.Misused(errors.New("signing keyless needs a certificate authority, and none is named"), "name it with: --fulcio-url URL")
		}
	case !s.Keyless:
		return nil
	}
	if s.TrustedRoot != "" {
		if out.root, err = regular.File(s.TrustedRoot, sign.MaxTrustedRoot); err != nil {
			return console.Misused(fmt.Errorf("reading the trusted root: %w", err))
		}
	}
	if config == nil && out.services.Authority == "" && s.Keyless || out.root == nil && c.String("tuf-mirror") != "" {
		trusted, public, err := fetch(io, c)
		if err != nil {
			return console.Unable(err, "give the files of a deployment of your own with: --signing-config FILE --trusted-root FILE")
		}
		if out.root == nil {
			out.root = trusted
		}
		if config == nil && out.services.Authority == "" {
			config = public
		}
	}
	if out.root == nil {
		return console.Misused(errors.New("there is no trusted root to hold the services' answers against, and consumers need it"), "name it with: --trusted-root FILE")
	}
	if config != nil {
		if out.services, err = sign.ReadSigningConfig(config, io.Now()); err != nil {
			return console.Misused(err)
		}
	}
	if !s.Keyless {
		out.services.Authority = ""
	}
	if s.Private {
		if s.Keyless && out.services.Public() {
			return console.Misused(errors.New("a private release cannot be signed by the public certificate authority: it publishes every certificate, with the identity in it"),
				"sign with a key, or with an authority of your own")
		}
		out.services = out.services.Private()
	}
	return nil
}

// fetch asks a TUF repository for its trusted root and signing configuration.
func fetch(io console.IO, c *cli.Context) (trustedRoot, signingConfig []byte, err error) {
	dir, err := verification.TUFCache(io, "")
	if err != nil {
		return nil, nil, fmt.Errorf("fetching the trusted root: %w", err)
	}
	k := trustroot.Keeper{Dir: dir, Now: io.Now, Warn: func(text string) { fmt.Fprintf(io.Err, "hallmark: warning: %s\n", text) }}
	address := c.String("tuf-mirror")
	if address == "" {
		address = trustroot.PublicGood
	}
	if path := c.String("tuf-root"); path != "" {
		root, err := regular.File(path, sign.MaxTrustedRoot)
		if err != nil {
			return nil, nil, fmt.Errorf("reading the TUF root: %w", err)
		}
		if _, err := k.Begin(address, root); err != nil {
			return nil, nil, err
		}
	}
	files, err := k.Fetch(c.Context, address, trustroot.TrustedRoot, trustroot.SigningConfig)
	if err != nil {
		return nil, nil, err
	}
	return files[0], files[1], nil
}

// tokens is where the identity token comes from, and whether a person is asked
// for it.
func tokens(io console.IO, c *cli.Context, s releasefile.SignerSpec, services sign.Services) (source identity.Source, asks bool, err error) {
	e := identity.Environment{Env: io.Env, Now: io.Now, Warn: func(text string) { fmt.Fprintf(io.Err, "hallmark: warning: %s\n", text) }}
	if name := c.String("oidc-provider"); name != "" {
		if c.String("identity-token") != "" {
			return nil, false, console.Misused(errors.New("--identity-token and --oidc-provider both say where the token comes from"))
		}
		source, err = identity.Named(name, e)
	} else {
		var login identity.Source
		if io.Terminal {
			issuer := s.OIDCIssuer
			if issuer == "" {
				issuer = services.Issuer
			}
			l := identity.Login{
				Issuer: issuer, ClientID: s.OIDCClientID, Env: io.Env, Now: io.Now,
				Show: func(text string) { fmt.Fprintln(io.Err, text) },
			}
			if c.Bool("device") {
				login, err = identity.Device(l)
			} else {
				login, err = identity.Browser(l)
			}
			if err != nil {
				return nil, false, console.Misused(err)
			}
		}
		source, err = identity.Choose(c.Context, c.String("identity-token"), e, login)
		asks = err == nil && source == login
	}
	if errors.Is(err, identity.ErrNone) {
		return nil, false, console.Misused(err, "give one with: --identity-token FILE", "or sign with a key: --key FILE")
	}
	if err != nil {
		return nil, false, tokenEnding(err)
	}
	return identity.Keep(source, io.Now), asks, nil
}

// tokenEnding ends a command that got no identity token: because somebody did
// not answer, or because it was asked the wrong way.
func tokenEnding(err error) error {
	var network *url.Error
	var connection net.Error
	if errors.As(err, &network) || errors.As(err, &connection) || errors.Is(err, context.DeadlineExceeded) {
		return console.Unable(err)
	}
	return console.Misused(err)
}

// announce says, before it happens, whose name will be published where.
func (out *signing) announce(io console.IO) func(identity.Token) error {
	return func(t identity.Token) error {
		if t.Known() {
			if err := out.expect(t.CertificateIssuer(), t.Identity()); err != nil {
				return err
			}
		}
		log := ""
		if len(out.services.Logs) > 0 {
			log = out.services.Logs[0].URL
		}
		fmt.Fprintf(io.Err, "hallmark: %s\n", identity.Announce(t, out.services.Public(), log))
		return nil
	}
}

// expect refuses a certificate for somebody else than who was to sign.
func (out *signing) expect(issuer, name string) error {
	if out.identity == "" || name == out.identity && issuer == out.issuer {
		return nil
	}
	return console.Refuse(fmt.Errorf("refused: the certificate would be for %s (issuer %s), expected %s (issuer %s): nothing was signed",
		identity.Escape(name), identity.Escape(issuer), out.identity, out.issuer))
}

// signers are the signers of a trust file for consumers of these bundles: each
// with the witnesses that all of its bundles have, no more and no fewer.
func (out *signing) signers(bundles []attest.Bundle) ([]verify.Signer, error) {
	var signers []verify.Signer
	seals := make(map[string]sign.Seal)
	var order []string
	for _, b := range bundles {
		s, err := sign.Read(b)
		if err != nil {
			return nil, err
		}
		who := s.Issuer + "\x00" + s.Identity
		if all, ok := seals[who]; ok {
			s.Logs, s.Timestamps, s.SCT = min(s.Logs, all.Logs), min(s.Timestamps, all.Timestamps), s.SCT && all.SCT
		} else {
			order = append(order, who)
		}
		seals[who] = s
	}
	for _, who := range order {
		seal := seals[who]
		s := verify.Signer{Name: "release key"}
		if seal.Identity == "" {
			if out.key == nil {
				return nil, errors.New("a bundle is signed with a key, and a certificate was to sign")
			}
			pem, err := out.key.PublicPEM()
			if err != nil {
				return nil, err
			}
			s.Key = string(pem)
		} else {
			s.Name, s.Issuer, s.Identity, s.TrustedRoot = "release identity", seal.Issuer, seal.Identity, dossier.TrustedRootFile
		}
		s.Require = out.witnesses(seal)
		if len(s.Require) > 0 {
			s.TrustedRoot = dossier.TrustedRootFile
		}
		signers = append(signers, s)
	}
	return signers, nil
}

// witnesses are those that a seal shows, as far as the trusted root lists any
// to hold it against.
func (out *signing) witnesses(s sign.Seal) []verify.Witness {
	var seen []verify.Witness
	if out.trusted == nil {
		return nil
	}
	if s.Logs > 0 && len(out.trusted.RekorLogs()) > 0 {
		seen = append(seen, verify.Log)
	}
	if s.SCT && len(out.trusted.CTLogs()) > 0 {
		seen = append(seen, verify.SCT)
	}
	if s.Timestamps > 0 && len(out.trusted.TimestampingAuthorities()) > 0 {
		seen = append(seen, verify.Timestamp)
	}
	return seen
}

// sayWitnesses says who else saw the signatures, and what is missing.
func (out *signing) sayWitnesses(io console.IO, signers []verify.Signer) {
	for _, s := range signers {
		if s.Identity != "" {
			_ = io.Line("", "identity", identity.Escape(s.Identity), "issuer "+identity.Escape(s.Issuer))
		}
		if len(s.Require) > 0 {
			var names []string
			for _, w := range s.Require {
				names = append(names, map[verify.Witness]string{
					verify.Log: "transparency log", verify.SCT: "certificate log", verify.Timestamp: "timestamp authority",
				}[w])
			}
			_ = io.Line("", "witnessed", "by "+strings.Join(names, ", "))
		}
		switch {
		case len(out.services.Logs) > 0 && !slices.Contains(s.Require, verify.Log):
			_ = io.Line(console.Yellow, "weaker", "no log entry: the transparency log did not answer", "trust.yaml does not ask for one")
		case out.private:
			_ = io.Line("", "private", "no log entry was made")
		}
	}
}
