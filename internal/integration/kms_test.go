//go:build integration

package integration

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hsm is a token in SoftHSM, in a folder of its own.
type hsm struct {
	t      testing.TB
	module string
	conf   string
	label  string
	pin    string
}

// newHSM makes a token without keys.
func newHSM(t testing.TB) hsm {
	t.Helper()
	dir := t.TempDir()
	k := hsm{t: t, module: located(t, "softhsm"), conf: filepath.Join(dir, "softhsm2.conf"), label: "hallmark", pin: "open sesame 4711"}
	check(t, os.Mkdir(filepath.Join(dir, "tokens"), 0o700))
	check(t, os.WriteFile(k.conf, []byte("directories.tokendir = "+filepath.Join(dir, "tokens")+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600))
	k.add(k.label)
	return k
}

// add makes another token beside it.
func (k hsm) add(label string) {
	k.t.Helper()
	k.with(peer(k.t, "softhsm2-util")).run("--init-token", "--free", "--label", label, "--pin", k.pin, "--so-pin", "12345678").exits(0)
}

// with lets a program find the token; the PIN is another matter.
func (k hsm) with(p *program) *program { return p.with("SOFTHSM2_CONF=" + k.conf) }

// generate makes a key pair on the token, with the tool that people use.
func (k hsm) generate(kind, label, id string) {
	k.t.Helper()
	k.with(peer(k.t, "pkcs11-tool")).run("--token-label", k.label, "--login", "--pin", k.pin,
		"--keypairgen", "--key-type", kind, "--label", label, "--id", id).exits(0)
}

// uri names a key by its label.
func (k hsm) uri(label string) string { return k.named("token="+k.label+";object="+label, k.module) }

func (k hsm) named(path, module string) string {
	return "pkcs11:" + path + "?module-path=" + url.PathEscape(module)
}

// hallmark knows the PIN.
func (k hsm) hallmark() *program { return k.with(hallmark(k.t)).with("PKCS11_PIN=" + k.pin) }

// cosign speaks to the same plug-in, under the name that the protocol yields.
func (k hsm) cosign() *program {
	return k.with(peer(k.t, "cosign")).with("PKCS11_PIN=" + k.pin)
}

func forCosign(uri string) string { return "pkcs11kms://" + strings.TrimPrefix(uri, "pkcs11:") }

// Keys on a token sign as those in files do, for everybody who verifies.
func TestToken(t *testing.T) {
	k := newHSM(t)
	for label, kind := range map[string]string{"p256": "EC:prime256v1", "p384": "EC:secp384r1", "ed25519": "EC:edwards25519", "rsa": "rsa:3072"} {
		k.generate(kind, label, fmt.Sprintf("%x", label))
		t.Run(label, func(t *testing.T) {
			r := newRelease(t)
			k.hallmark().run("release", "-f", r.file, "--out", r.out, "--key", k.uri(label)).exits(0).hides(k.pin)
			hallmarkVerify(t).run(append([]string{"-t", r.trust(), "-a", r.attestations()}, r.artifacts...)...).exits(0)

			envelope, public := filepath.Join(r.dir, "verdict.dsse.json"), filepath.Join(r.dir, "key.pub")
			k.hallmark().run("attest", "-f", r.file, "--out", r.out, "--key", k.uri(label), "--envelope", envelope).exits(0)
			pem := k.cosign().run("public-key", "--key", forCosign(k.uri(label))).exits(0).stdout
			check(t, os.WriteFile(public, []byte(pem), 0o600))
			hallmarkVerify(t).run("-t", keyTrust(t, public), "-a", r.verdict(), r.artifacts[0]).exits(0)
			if label == "p384" {
				return // cosign and slsa-verifier want it hashed in two ways
			}
			peer(t, "cosign").run("verify-blob-attestation", "--bundle", r.verdict(), "--key", public, "--insecure-ignore-tlog", "--type", verdictType, r.artifacts[0]).exits(0).says("Verified OK")
			peer(t, "slsa-verifier").run("verify-vsa", "--attestation-path", envelope, "--subject-digest", digest(t, r.artifacts[0]).String(),
				"--verifier-id", verifierID, "--resource-uri", resourceURI, "--verified-level", "HALLMARK_RELEASE_STANDARD", "--public-key-path", public).exits(0).says("PASSED")
		})
	}
}

// The release file names the key, and where its PIN is; a run that has nothing
// new to sign does not need the PIN.
func TestTokenInReleaseFile(t *testing.T) {
	t.Parallel()
	k := newHSM(t)
	k.generate("EC:prime256v1", "release", "01")
	r := newRelease(t)
	pin := filepath.Join(r.dir, "pin")
	check(t, os.WriteFile(pin, []byte(k.pin+"\n"), 0o600))
	r.set(t, fmt.Sprintf("signer:\n  key: %q", k.uri("release")+"&pin-source=file:"+url.PathEscape(pin)))
	k.with(hallmark(t)).run("evaluate", "-f", r.file, "--out", r.out).exits(0)
	k.with(hallmark(t)).run("attest", "-f", r.file, "--out", r.out).exits(0).hides(k.pin)
	hallmarkVerify(t).run("-t", r.trust(), "-a", r.attestations(), r.artifacts[0]).exits(0)

	check(t, os.Chmod(pin, 0o640))
	k.with(hallmark(t)).run("attest", "-f", r.file, "--out", r.out).exits(3).says("others may use it (mode 0640)", "chmod 600 "+pin).hides(k.pin)
	check(t, os.Remove(pin))
	k.with(hallmark(t)).run("attest", "-f", r.file, "--out", r.out).exits(3).says("no such file")
}

// cosign makes a key on the token, signs with it, and hallmark signs with the
// same; a key is never replaced.
func TestTokenSharedWithCosign(t *testing.T) {
	t.Parallel()
	k := newHSM(t)
	r := newRelease(t)
	uri := k.uri("made")
	k.cosign().in(r.dir).run("generate-key-pair", "--kms", forCosign(uri)).exits(0)
	public := filepath.Join(r.dir, "cosign.pub")
	k.cosign().in(r.dir).run("generate-key-pair", "--kms", forCosign(uri)).fails().says(`the token holds one labelled "made": a key is never replaced`)
	k.cosign().in(r.dir).run("generate-key-pair", "--kms", forCosign(k.named("token="+k.label, k.module))).fails().says("the URI has no object")

	k.hallmark().run("release", "-f", r.file, "--out", r.out, "--key", uri).exits(0)
	peer(t, "cosign").run("verify-blob-attestation", "--bundle", r.verdict(), "--key", public, "--insecure-ignore-tlog", "--type", verdictType, r.artifacts[0]).exits(0)

	bundle := filepath.Join(r.dir, "blob.json")
	k.cosign().run("sign-blob", "--use-signing-config=false", "--tlog-upload=false", "--bundle", bundle, "--key", forCosign(uri), r.artifacts[0]).exits(0)
	peer(t, "cosign").run("verify-blob", "--key", public, "--bundle", bundle, "--insecure-ignore-tlog", r.artifacts[0]).exits(0).says("Verified OK")
	peer(t, "cosign").run("verify-blob", "--key", public, "--bundle", bundle, "--insecure-ignore-tlog", r.artifacts[1]).fails()
}

// Each thing that goes wrong is said, and nothing is signed.
func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	k := newHSM(t)
	k.generate("EC:prime256v1", "release", "01")
	k.generate("EC:prime256v1", "twin", "02")
	k.generate("EC:prime256v1", "twin", "03")
	k.generate("EC:secp521r1", "p521", "04")
	k.generate("rsa:1024", "rsa1024", "05")
	r := newRelease(t)
	noModule := filepath.Join(r.dir, "none.so")
	notModule := filepath.Join(r.dir, "hallmark.yaml")
	for _, tt := range []struct {
		name, key string
		env       []string
		code      int
		says      string
	}{
		{"wrong_pin", k.uri("release"), []string{"PKCS11_PIN=1111"}, 3, "the PIN is wrong; each wrong one brings the token closer to locking itself"},
		{"no_pin", k.uri("release"), []string{"PKCS11_PIN="}, 3, "set PKCS11_PIN, or name a file with pin-source"},
		{"pin_in_reference", k.uri("release") + "&pin-value=" + url.QueryEscape(k.pin), nil, 2, "every user of the machine would see"},
		{"no_such_token", k.named("token=elsewhere;object=release", k.module), nil, 3, `there is none labelled "elsewhere": there are "hallmark"`},
		{"no_such_key", k.uri("none"), nil, 3, `the token holds none labelled "none"`},
		{"two_keys", k.uri("twin"), nil, 3, `the token holds several private keys labelled "twin"`},
		{"any_key", k.named("token="+k.label, k.module), nil, 3, "the URI does not say which: add object or id"},
		{"no_such_module", k.named("token="+k.label+";object=release", noModule), nil, 3, noModule + ": no such file or directory"},
		{"not_a_module", k.named("token="+k.label+";object=release", notModule), nil, 3, "is no PKCS #11 module"},
		{"no_module", "pkcs11:token=" + k.label + ";object=release", nil, 3, "no module is named"},
		{"unknown_attribute", k.named("token="+k.label+";label=release", k.module), nil, 3, "an attribute label that is not known"},
		{"unsupported_curve", k.uri("p521"), nil, 3, "expected P-256, P-384 or Ed25519"},
		{"small_rsa", k.uri("rsa1024"), nil, 3, "RSA key of 1024 bits"},
		{"no_plugin", k.uri("release"), []string{"PATH=" + r.dir}, 2, "sigstore-kms-pkcs11kms is not on PATH"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			k.hallmark().with(tt.env...).run("release", "-f", r.file, "--out", out, "--key", tt.key).exits(tt.code).says(tt.says).hides(k.pin, url.QueryEscape(k.pin))
			release{out: out}.unsigned(t)
		})
	}
	// By id, one of the twins is meant.
	k.hallmark().run("release", "-f", r.file, "--out", r.out, "--key", k.named("token="+k.label+";object=twin;id=%03", k.module)).exits(0)
	// Two tokens of one label are two.
	k.add(k.label)
	k.hallmark().run("release", "-f", r.file, "--out", filepath.Join(r.dir, "twins"), "--key", k.uri("release")).exits(3).says(`there are 2 labelled "hallmark": add serial or slot-id`)
}

// A token that is locked, taken out, broken or lying signs nothing, and is not
// pushed into locking itself.
func TestLyingToken(t *testing.T) {
	t.Parallel()
	k := newHSM(t)
	k.generate("EC:prime256v1", "release", "01")
	module := lyingModule(t)
	r := newRelease(t)
	for _, tt := range []struct {
		token  string
		code   int
		says   string
		logins bool
	}{
		{"honest", 0, "verified", true},
		{"talks", 0, "verified", true},
		{"locked", 3, "its PIN is locked", false},
		{"final-try", 3, "one more wrong PIN would lock it, so it is not tried", false},
		{"locks", 3, "its PIN is locked", true},
		{"expired", 3, "its PIN has expired", true},
		{"may-not-sign", 3, `the key labelled "release" may not sign`, true},
		{"refuses", 3, "the key may not do this", true},
		{"cannot", 3, "the token cannot do this with keys of this kind", true},
		{"taken-out", 3, "the token was taken out", true},
		{"crashes", 3, "sigstore-kms-pkcs11kms answers nothing and exits with 2", true},
		{"lies", 3, "the token's signature is not by the public key of the same name", true},
		{"cuts-off", 3, "has 63 bytes, expected 64", true},
	} {
		t.Run(tt.token, func(t *testing.T) {
			dir := t.TempDir()
			out, logins := filepath.Join(dir, "out"), filepath.Join(dir, "logins")
			k.hallmark().with("FAULT="+tt.token, "SOFTHSM="+k.module, "FAULT_LOGINS="+logins).
				run("release", "-f", r.file, "--out", out, "--key", k.named("token="+k.label+";object=release", module)).exits(tt.code).says(tt.says).hides(k.pin)
			if tt.code != 0 {
				release{out: out}.unsigned(t)
			}
			if _, err := os.Stat(logins); (err == nil) != tt.logins {
				t.Errorf("it was tried to log in: %v, want %v", err == nil, tt.logins)
			}
		})
	}
}

// lyingModule builds testdata/token.c.
func lyingModule(t testing.TB) string {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("there is no C compiler here")
	}
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/miekg/pkcs11")
	headers, err := list.Output()
	check(t, err)
	module := filepath.Join(t.TempDir(), "token.so")
	build := exec.Command(cc, "-shared", "-fPIC", "-o", module, "-I", strings.TrimSpace(string(headers)), filepath.Join("testdata", "token.c"), "-ldl")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the module: %v\n%s", err, out)
	}
	return module
}
