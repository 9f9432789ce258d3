package sign_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/attest/sign"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/sigstore/cosign/v2/pkg/cosign"
)

func ask(word string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(word), nil }
}

func nobody(t *testing.T) func() ([]byte, error) {
	return func() ([]byte, error) {
		t.Error("a password was asked for although the key is not encrypted")
		return nil, errors.New("asked")
	}
}

func sameKey(t *testing.T, got, want *sign.Key) {
	t.Helper()
	if got.Algorithm() != want.Algorithm() || got.Fingerprint() != want.Fingerprint() {
		t.Errorf("read the key %v, want %v", got, want)
	}
}

func TestKeysRoundTrip(t *testing.T) {
	t.Parallel()
	for _, a := range sign.Algorithms() {
		k := generate(t, a)
		if k.Algorithm() != a {
			t.Errorf("Generate(%s) gave a key for %s", a, k.Algorithm())
		}
		plain, err := k.Encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := sign.ParseKey(plain, nobody(t))
		if err != nil {
			t.Fatalf("%s: ParseKey() = %v", a, err)
		}
		sameKey(t, got, k)
		sealed, err := k.Encode([]byte("open sesame"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err = sign.ParseKey(sealed, ask("open sesame")); err != nil {
			t.Fatalf("%s: ParseKey() of an encrypted key = %v", a, err)
		}
		sameKey(t, got, k)
		public, err := k.PublicPEM()
		if err != nil {
			t.Fatal(err)
		}
		block, rest := pem.Decode(public)
		if block == nil || len(rest) > 0 || block.Type != "PUBLIC KEY" {
			t.Fatalf("%s: PublicPEM() = %s", a, public)
		}
		sum := sha256.Sum256(block.Bytes)
		if want := base64.StdEncoding.EncodeToString(sum[:]); k.Fingerprint() != want {
			t.Errorf("%s: Fingerprint() = %q, want %q", a, k.Fingerprint(), want)
		}
	}
}

func TestGenerateRefusesUnknownAlgorithms(t *testing.T) {
	for _, a := range []sign.Algorithm{"", "rsa-1024", sign.RSA2048, "ecdsa", "ML-DSA-65"} {
		if k, err := sign.Generate(a); err == nil {
			t.Errorf("Generate(%q) = %v, want an error", a, k)
		}
	}
}

// openssl's older forms, and how it writes them.
func TestParseKeyLegacyForms(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	parameters := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 5, 43, 129, 4, 0, 34}})
	ecPEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})
	for name, test := range map[string]struct {
		data []byte
		want sign.Algorithm
	}{
		"sec1":                 {ecPEM, sign.ECDSAP384},
		"sec1_with_parameters": {append(parameters, ecPEM...), sign.ECDSAP384},
		"sec1_with_newlines":   {append(bytes.Clone(ecPEM), "\n\r\n"...), sign.ECDSAP384},
		"pkcs1":                {pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(r)}), sign.RSA2048},
	} {
		k, err := sign.ParseKey(test.data, nobody(t))
		if err != nil {
			t.Errorf("%s: ParseKey() = %v", name, err)
			continue
		}
		if k.Algorithm() != test.want {
			t.Errorf("%s: ParseKey() gave a key for %s, want %s", name, k.Algorithm(), test.want)
		}
		if err := verifyWith(k, signed(t, k, verdict(t, 1, criteria.Pass)), artifact(0)); err != nil {
			t.Errorf("%s: what it signed: %v", name, err)
		}
	}
}

func TestParseKeyRefusals(t *testing.T) {
	t.Parallel()
	k := generate(t, sign.ECDSAP256)
	plain, err := k.Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := k.Encode([]byte("open sesame"))
	if err != nil {
		t.Fatal(err)
	}
	public, err := k.PublicPEM()
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p521DER, err := x509.MarshalPKCS8PrivateKey(p521)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(plain)
	sealedBlock, _ := pem.Decode(sealed)
	heavy := bytes.Replace(sealedBlock.Bytes, []byte(`"N":65536`), []byte(`"N":1073741824`), 1)
	if bytes.Equal(heavy, sealedBlock.Bytes) {
		t.Fatal("the cost was not altered")
	}
	asPEM := func(kind string, data []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}) }
	for name, test := range map[string]struct {
		data     []byte
		password func() ([]byte, error)
		want     string
	}{
		"empty":             {nil, nil, "is not in PEM"},
		"der":               {block.Bytes, nil, "is not in PEM"},
		"truncated":         {plain[:len(plain)/2], nil, "is not in PEM"},
		"gzip":              {[]byte{0x1f, 0x8b, 8, 0}, nil, "is not in PEM"},
		"two_keys":          {append(bytes.Clone(plain), plain...), nil, "something follows the key"},
		"public":            {public, nil, "is public"},
		"openssh":           {asPEM("OPENSSH PRIVATE KEY", block.Bytes), nil, "is a key of OpenSSH"},
		"pkcs8_encrypted":   {asPEM("ENCRYPTED PRIVATE KEY", block.Bytes), ask("x"), "is encrypted as PKCS#8"},
		"old_encryption":    {pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: block.Bytes}), nil, "has headers"},
		"other_block":       {asPEM("MESSAGE", block.Bytes), nil, "holds no private key"},
		"damaged":           {asPEM("PRIVATE KEY", block.Bytes[:len(block.Bytes)-9]), nil, "is damaged"},
		"pkcs8_named_sec1":  {asPEM("EC PRIVATE KEY", block.Bytes), nil, "is damaged"},
		"p521":              {asPEM("PRIVATE KEY", p521DER), nil, "P-521, expected P-256 or P-384"},
		"nobody_to_ask":     {sealed, nil, "nobody to ask"},
		"asking_fails":      {sealed, func() ([]byte, error) { return nil, errors.New("no terminal") }, "asking for its password: no terminal"},
		"wrong_password":    {sealed, ask("hunter2"), "the password is wrong"},
		"no_password":       {sealed, ask(""), "the password is wrong"},
		"sealed_damaged":    {asPEM("ENCRYPTED SIGSTORE PRIVATE KEY", sealedBlock.Bytes[:40]), ask("open sesame"), "is damaged"},
		"sealed_with_cost":  {asPEM("ENCRYPTED SIGSTORE PRIVATE KEY", heavy), ask("open sesame"), "the password is wrong, or the key is damaged"},
		"sealed_not_a_key":  {asPEM("ENCRYPTED SIGSTORE PRIVATE KEY", []byte(`{}`)), ask("open sesame"), "the password is wrong, or the key is damaged"},
		"sealed_other_kind": {asPEM("ENCRYPTED COSIGN PRIVATE KEY", []byte(`[1]`)), ask("open sesame"), "the password is wrong, or the key is damaged"},
	} {
		got, err := sign.ParseKey(test.data, test.password)
		if err == nil || got != nil {
			t.Errorf("%s: ParseKey() = %v, %v, want an error", name, got, err)
			continue
		}
		if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: ParseKey() = %v, want %q", name, err, test.want)
		}
	}
	if _, err := sign.ParseKey(sealed, ask("hunter2")); !errors.Is(err, sign.ErrPassword) {
		t.Errorf("ParseKey() with a wrong password = %v, want ErrPassword", err)
	}
}

func TestWeakKeysAreRefused(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	k, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	data := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)})
	if _, err := sign.ParseKey(data, nil); err == nil || !strings.Contains(err.Error(), "1024 bits") {
		t.Errorf("ParseKey() of an RSA key of 1024 bits = %v, want a refusal that says so", err)
	}
}

// cosign itself reads the keys that we encrypt.
func TestCosignReadsKeys(t *testing.T) {
	t.Parallel()
	for _, a := range sign.Algorithms() {
		k := generate(t, a)
		data, err := k.Encode([]byte("open sesame"))
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := cosign.LoadPrivateKey(data, []byte("open sesame"))
		if err != nil {
			t.Errorf("%s: cosign reading our key: %v", a, err)
			continue
		}
		public, err := theirs.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(der); base64.StdEncoding.EncodeToString(sum[:]) != k.Fingerprint() {
			t.Errorf("%s: cosign read another key", a)
		}
	}
}

// We read the keys that cosign makes and those that it imports.
func TestKeysFromCosign(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"open sesame", ""} {
		made, err := cosign.GenerateKeyPair(func(bool) ([]byte, error) { return []byte(password), nil })
		if err != nil {
			t.Fatal(err)
		}
		k, err := sign.ParseKey(made.PrivateBytes, ask(password))
		if err != nil {
			t.Fatalf("ParseKey() of cosign's key with the password %q = %v", password, err)
		}
		public, err := k.PublicPEM()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(public, made.PublicBytes) {
			t.Errorf("the public key is\n%s, cosign says\n%s", public, made.PublicBytes)
		}
	}
	// A key that cosign imported from openssl's form.
	for _, a := range []sign.Algorithm{sign.Ed25519, sign.RSA3072} {
		k := generate(t, a)
		path := filepath.Join(t.TempDir(), "key.pem")
		if err := k.Save(path, nil); err != nil {
			t.Fatal(err)
		}
		made, err := cosign.ImportKeyPair(path, func(bool) ([]byte, error) { return []byte("open sesame"), nil })
		if err != nil {
			t.Fatalf("%s: cosign importing our key: %v", a, err)
		}
		got, err := sign.ParseKey(made.PrivateBytes, ask("open sesame"))
		if err != nil {
			t.Fatalf("%s: ParseKey() of what cosign imported = %v", a, err)
		}
		sameKey(t, got, k)
	}
}

// Whatever goes wrong, and however a key is printed, nothing of the key or the
// password shows.
func TestSecretsDoNotShow(t *testing.T) {
	k := generate(t, sign.Ed25519)
	plain, err := k.Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(plain)
	seed := block.Bytes[len(block.Bytes)-32:]
	sealed, err := k.Encode([]byte("open sesame"))
	if err != nil {
		t.Fatal(err)
	}
	holder := struct {
		Key *sign.Key
		By  sign.Key
	}{k, *k}
	var shown []string
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q", "%T"} {
		shown = append(shown, fmt.Sprintf(format, k), fmt.Sprintf(format, *k), fmt.Sprintf(format, holder), fmt.Sprintf(format, keySigner(t, k)))
	}
	asJSON, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	shown = append(shown, string(asJSON))
	// Every way of damaging the file.
	for i := range plain {
		for _, data := range [][]byte{plain[:i], append(append(bytes.Clone(plain[:i]), '!'), plain[i:]...), append(append(bytes.Clone(plain[:i]), plain[i]^1), plain[i+1:]...)} {
			if _, err := sign.ParseKey(data, nil); err != nil {
				shown = append(shown, err.Error())
			}
		}
	}
	if _, err := sign.ParseKey(sealed, ask("hunter2")); err != nil {
		shown = append(shown, err.Error())
	}
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, append(plain, "more"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sign.LoadKey(path, nil); err != nil {
		shown = append(shown, err.Error())
	}
	if len(shown) < 100 {
		t.Fatalf("only %d texts were looked at", len(shown))
	}
	secrets := []string{"open sesame", "hunter2", string(seed), fmt.Sprintf("%x", seed), strings.Trim(fmt.Sprint(seed[:8]), "[]"), base64.StdEncoding.EncodeToString(seed)[:16]}
	for line := range strings.Lines(string(plain)) {
		if !strings.HasPrefix(line, "-----") {
			secrets = append(secrets, line[20:40])
		}
	}
	for _, text := range shown {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%q shows a secret", text)
			}
		}
	}
}

// Whatever is read as a key is a key: it writes itself so that it is read as
// the same.
func FuzzParseKey(f *testing.F) {
	for _, a := range []sign.Algorithm{sign.ECDSAP256, sign.ECDSAP384, sign.Ed25519} {
		k := generate(f, a)
		for _, password := range []string{"", "open sesame"} {
			data, err := k.Encode([]byte(password))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add([]byte("-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		// Nobody answers, since each answer costs a quarter of a second; the
		// encrypted form is another module's.
		k, err := sign.ParseKey(data, func() ([]byte, error) { return nil, errors.New("nobody answers") })
		if err != nil {
			if k != nil {
				t.Errorf("ParseKey() = %v together with %v", k, err)
			}
			return
		}
		again, err := k.Encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := sign.ParseKey(again, nil)
		if err != nil {
			t.Fatal(err)
		}
		sameKey(t, got, k)
	})
}
