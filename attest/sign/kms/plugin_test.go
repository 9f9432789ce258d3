package kms_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/attest/sign/kms"
	"github.com/hallmark-project/hallmark/internal/custody"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	sigstore "github.com/sigstore/sigstore/pkg/signature/kms"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/common"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/handler"
)

// The test binary is the plug-in too, under the name that it is found by.
func TestMain(m *testing.M) {
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	if strings.HasPrefix(name, "sigstore-kms-") {
		os.Exit(plugin(name))
	}
	os.Exit(m.Run())
}

// plugin is a key service that keeps its keys in the folder TEST_KEYS. Honest
// keys are answered for by Sigstore's own half of the protocol; the others do
// what their names say.
func plugin(name string) int {
	args, err := handler.GetPluginArgs(os.Args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if os.Args[1] != common.ProtocolVersion {
		handler.WriteErrorResponse(os.Stdout, fmt.Errorf("unknown protocol %q", os.Args[1]))
		return 1
	}
	signing := args.MethodName == common.SignMessageMethodName
	key, fault, _ := strings.Cut(args.InitOptions.KeyResourceID, "?")
	if when, after, ok := strings.Cut(fault, "@"); ok {
		if fault = ""; (after == "sign") == signing {
			fault = when
		}
	}
	switch fault {
	case "hang":
		time.Sleep(time.Minute)
	case "hang-in-a-child":
		cmd := exec.Command(os.Args[0], os.Args[1], strings.ReplaceAll(os.Args[2], "hang-in-a-child", "hang"))
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.Start()
		return 0
	case "crash":
		panic("the plug-in broke")
	case "killed":
		p, _ := os.FindProcess(os.Getpid())
		p.Kill()
		time.Sleep(time.Minute)
	case "garbage":
		fmt.Print("<html>502 Bad Gateway</html>")
		return 0
	case "nothing":
		fmt.Fprintln(os.Stderr, "cannot reach \x1b[31m"+os.Getenv("VAULT_ADDR"))
		return 3
	case "endless":
		os.Stdout.WriteString(`{"publicKey":{"publicKeyPEM":"`)
		for {
			os.Stdout.WriteString(strings.Repeat("A", 1<<16)) // its errors are nothing to it
		}
	case "endless-stderr":
		for range 1000 {
			os.Stderr.WriteString(strings.Repeat("A", 1<<16))
		}
		os.Stderr.WriteString("\n" + strings.Repeat("again\n", 1000))
	case "trailing":
		fmt.Print(`{"publicKey":{"publicKeyPEM":"bXlwZW0="}} and more`)
		return 0
	case "empty":
		fmt.Print(`{}`)
		return 0
	case "no-key":
		fmt.Print(`{"publicKey":{"publicKeyPEM":"bXlwZW0="},"signMessage":{"signature":"bXlwZW0="}}`)
		return 0
	case "refuses":
		handler.WriteErrorResponse(os.Stdout, fmt.Errorf("permission denied\nfor \x1b]0;token\x07 %s", os.Getenv("VAULT_TOKEN")))
		return 1
	case "talks":
		fmt.Fprintf(os.Stderr, "first\r\n\n\x1b[2Jtouch your token\u202e\nwith %s", os.Getenv("VAULT_TOKEN"))
	case "exits-7":
		defer os.Exit(7)
	case "environment":
		var mine []string
		for _, entry := range os.Environ() {
			if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "TEST_R") || custody.Secret(name) {
				mine = append(mine, entry)
			}
		}
		fmt.Fprintln(os.Stderr, "environment\n"+strings.Join(mine, "\n"))
		handler.WriteErrorResponse(os.Stdout, errors.New(strings.Join(mine, " ")))
		return 1
	case "arguments":
		os.WriteFile(filepath.Join(os.Getenv("TEST_KEYS"), "arguments"), []byte(os.Args[2]), 0o600)
		handler.WriteErrorResponse(os.Stdout, errors.New("wrote its arguments down"))
		return 1
	case "another":
		key = "another"
	case "":
	default:
		handler.WriteErrorResponse(os.Stdout, fmt.Errorf("no fault %q", fault))
		return 1
	}
	data, err := os.ReadFile(filepath.Join(os.Getenv("TEST_KEYS"), key))
	if err != nil {
		handler.WriteErrorResponse(os.Stdout, fmt.Errorf("no key %q", key))
		return 1
	}
	private, err := cryptoutils.UnmarshalPEMToPrivateKey(data, nil)
	if err != nil {
		handler.WriteErrorResponse(os.Stdout, err)
		return 1
	}
	sv, err := signature.LoadSignerVerifier(private, args.InitOptions.HashFunc)
	if err != nil {
		handler.WriteErrorResponse(os.Stdout, err)
		return 1
	}
	if _, err := handler.Dispatch(os.Stdout, os.Stdin, args, local{sv, private}); err != nil {
		return 1
	}
	return 0
}

// local makes a key a key service, as Sigstore wants it.
type local struct {
	signature.SignerVerifier
	private crypto.PrivateKey
}

var _ sigstore.SignerVerifier = local{}

func (l local) SupportedAlgorithms() []string { return []string{"any"} }
func (l local) DefaultAlgorithm() string      { return "any" }
func (l local) CreateKey(context.Context, string) (crypto.PublicKey, error) {
	return nil, errors.New("makes no keys")
}

func (l local) CryptoSigner(context.Context, func(error)) (crypto.Signer, crypto.SignerOpts, error) {
	return nil, nil, errors.New("is not asked by the protocol")
}

// house is a folder with the plug-ins of some services on PATH, and one with
// the keys that they keep.
type house struct{ bin, keys string }

func open(t *testing.T, services ...string) house {
	t.Helper()
	h := house{t.TempDir(), t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	suffix := ""
	if runtime.GOOS == "windows" {
		suffix = ".exe"
	}
	for i, s := range services {
		path := filepath.Join(h.bin, "sigstore-kms-"+s+suffix)
		if i > 0 && os.Link(filepath.Join(h.bin, "sigstore-kms-"+services[0]+suffix), path) == nil {
			continue
		}
		if err := os.WriteFile(path, data, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", h.bin)
	t.Setenv("TEST_KEYS", h.keys)
	return h
}

func (h house) keep(t *testing.T, name string, private crypto.Signer) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.keys, name), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Every kind of key, through Sigstore's own half of the protocol, for every
// service that is known and one that is not.
func TestAsk(t *testing.T) {
	h := open(t, append(kms.Services(), "my-hsm")...)
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	rsa2048, _ := rsa.GenerateKey(rand.Reader, 2048)
	message := []byte("what is signed")
	for name, tt := range map[string]struct {
		private crypto.Signer
		hash    crypto.Hash
	}{"p256": {p256, crypto.SHA256}, "p384": {p384, crypto.SHA384}, "ed25519": {ed, 0}, "rsa": {rsa2048, crypto.SHA256}} {
		h.keep(t, name, tt.private)
		for _, service := range append(kms.Services(), "my-hsm") {
			p, err := kms.Find(service+"://"+name, kms.Options{})
			if err != nil {
				t.Fatal(err)
			}
			public, err := p.PublicKey(t.Context())
			if err != nil {
				t.Fatalf("%s: %v", service, err)
			}
			if err := cryptoutils.EqualKeys(public, tt.private.Public()); err != nil {
				t.Errorf("PublicKey() of %s://%s is another: %v", service, name, err)
			}
			signed := message
			if tt.hash != 0 {
				hash := tt.hash.New()
				hash.Write(message)
				signed = hash.Sum(nil)
			}
			sig, err := p.Sign(t.Context(), signed, tt.hash)
			if err != nil {
				t.Fatalf("%s: %v", service, err)
			}
			hash := tt.hash
			if hash == 0 {
				hash = crypto.SHA256
			}
			v, err := signature.LoadVerifier(public, hash)
			if err != nil {
				t.Fatal(err)
			}
			if err := v.VerifySignature(bytes.NewReader(sig), bytes.NewReader(message)); err != nil {
				t.Errorf("Sign() of %s://%s: %v", service, name, err)
			}
		}
	}
}

// Our half of the protocol asks what Sigstore's asks.
func TestAsksAsSigstoreDoes(t *testing.T) {
	h := open(t, "hashivault")
	digest := sha256.Sum256([]byte("what is signed"))
	p, err := kms.Find("hashivault://key?arguments", kms.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Sign(t.Context(), digest[:], crypto.SHA256); err == nil {
		t.Fatal("Sign() gave no error")
	}
	a := h.question(t)
	sv, err := sigstore.Get(t.Context(), "hashivault://key?arguments", crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	signer, opts, err := sv.CryptoSigner(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signer.Sign(nil, digest[:], opts); err == nil {
		t.Fatal("Sign() gave no error")
	}
	b := h.question(t)
	// They give no time here; we always do.
	if a.InitOptions.CtxDeadline == nil || a.SignMessage.SignOptions.RPCOptions.CtxDeadline == nil {
		t.Error("no deadline is given")
	}
	a.InitOptions.CtxDeadline, a.InitOptions.RPCOptions.CtxDeadline, a.SignMessage.SignOptions.RPCOptions.CtxDeadline = nil, nil, nil
	b.InitOptions.CtxDeadline, b.InitOptions.RPCOptions.CtxDeadline, b.SignMessage.SignOptions.RPCOptions.CtxDeadline = nil, nil, nil
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	if !bytes.Equal(x, y) {
		t.Errorf("we ask    %s\nthey ask  %s", x, y)
	}
}

// question is what the plug-in was asked last.
func (h house) question(t *testing.T) common.PluginArgs {
	t.Helper()
	path := filepath.Join(h.keys, "arguments")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var args common.PluginArgs
	if err := json.Unmarshal(data, &args); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	return args
}

func TestFaults(t *testing.T) {
	h := open(t, "hashivault")
	private, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	another, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	h.keep(t, "key", private)
	h.keep(t, "another", another)
	t.Setenv("VAULT_TOKEN", "hvs.open-sesame")
	t.Setenv("VAULT_ADDR", "https://vault.example")
	digest := sha256.Sum256([]byte("what is signed"))
	for _, tt := range []struct{ fault, want string }{
		{"hang", "sigstore-kms-hashivault did not answer in time"},
		{"crash", "sigstore-kms-hashivault answers nothing and exits with 2"},
		{"killed", "sigstore-kms-hashivault broke down: signal: killed"},
		{"garbage", "sigstore-kms-hashivault answers something else than JSON"},
		{"trailing", "sigstore-kms-hashivault answers something else than JSON"},
		{"nothing", "sigstore-kms-hashivault answers nothing and exits with 3; it said: cannot reach \ufffd[31mhttps://vault.example"},
		{"endless", "sigstore-kms-hashivault answers more than 65536 bytes"},
		{"empty", "sigstore-kms-hashivault answers without a"},
		{"refuses", "sigstore-kms-hashivault: permission denied for \ufffd]0;token\ufffd ***"},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			if runtime.GOOS == "windows" && tt.fault == "killed" {
				t.Skip("programs that are killed exit with a code here")
			}
			o := kms.Options{}
			if tt.fault == "hang" {
				o.Timeout = 300 * time.Millisecond
			}
			p, err := kms.Find("hashivault://key?"+tt.fault, o)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			for _, ask := range []func() (any, error){
				func() (any, error) { return p.PublicKey(t.Context()) },
				func() (any, error) { return p.Sign(t.Context(), digest[:], crypto.SHA256) },
			} {
				got, err := ask()
				if !errors.Is(err, kms.ErrService) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("asking = %v, %v, want %q", got, err, tt.want)
				}
				if err != nil && strings.Contains(err.Error(), "sesame") {
					t.Errorf("%v shows a secret", err)
				}
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
	t.Run("no-key", func(t *testing.T) {
		p, err := kms.Find("hashivault://key?no-key", kms.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if key, err := p.PublicKey(t.Context()); !errors.Is(err, kms.ErrService) || !strings.Contains(err.Error(), "a public key that is none") {
			t.Errorf("PublicKey() = %v, %v", key, err)
		}
	})
	// What a plug-in leaves behind holds nobody up, and the answer that it gave
	// counts; exit codes mean nothing in the protocol.
	t.Run("hang-in-a-child", func(t *testing.T) {
		p, err := kms.Find("hashivault://key?hang-in-a-child", kms.Options{})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := p.PublicKey(t.Context()); !errors.Is(err, kms.ErrService) {
			t.Errorf("PublicKey() = %v, want none", err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("it took %v", took)
		}
	})
	t.Run("endless-stderr", func(t *testing.T) {
		lines, longest := 0, 0
		p, err := kms.Find("hashivault://key?endless-stderr", kms.Options{Tell: func(line string) { lines++; longest = max(longest, len(line)) }})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.PublicKey(t.Context()); err != nil || lines > 100 || longest > 1000 {
			t.Errorf("PublicKey() = %v, told %d lines, the longest of %d bytes", err, lines, longest)
		}
	})
	t.Run("talks", func(t *testing.T) {
		var lines []string
		p, err := kms.Find("hashivault://key?talks", kms.Options{Tell: func(line string) { lines = append(lines, line) }})
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.PublicKey(t.Context())
		if want := []string{"first", "\ufffd[2Jtouch your token\ufffd", "with ***"}; err != nil || fmt.Sprint(lines) != fmt.Sprint(want) {
			t.Errorf("PublicKey() = %v, told %q, want %q", err, lines, want)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		p, err := kms.Find("hashivault://key?hang", kms.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(200*time.Millisecond, cancel)
		if _, err := p.PublicKey(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("PublicKey() = %v, want %v", err, context.Canceled)
		}
	})
}

// Each plug-in has its own secrets and nobody else's.
func TestEnvironment(t *testing.T) {
	open(t, append(kms.Services(), "my-hsm")...)
	for _, name := range []string{"HALLMARK_PASSWORD", "COSIGN_PASSWORD", "SIGSTORE_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"} {
		t.Setenv(name, "open sesame")
	}
	t.Setenv("TEST_REGION", "somewhere")
	held := map[string]string{"VAULT_TOKEN": "of vault", "PKCS11_PIN": "of token", "SIGSTORE_KMS_PKCS11_PIN": "of token too", "HALLMARK_PASSWORD": "open sesame"}
	for _, service := range append(kms.Services(), "my-hsm") {
		var told []string
		p, err := kms.Find(service+"://key?environment", kms.Options{
			Env: func(name string) string { return held[name] }, Tell: func(line string) { told = append(told, line) },
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.PublicKey(t.Context())
		if err == nil {
			t.Fatal("the plug-in did not repeat its environment")
		}
		all := strings.Join(told, "\n") + err.Error()
		if strings.Contains(all, "open sesame") || strings.Contains(all, "of vault") || strings.Contains(all, "of token") {
			t.Errorf("%s: a secret shows in %s", service, all)
		}
		for name, own := range map[string]string{"VAULT_TOKEN": "hashivault", "PKCS11_PIN": "pkcs11kms", "SIGSTORE_KMS_PKCS11_PIN": "pkcs11kms", "HALLMARK_PASSWORD": "", "COSIGN_PASSWORD": "", "SIGSTORE_ID_TOKEN": "", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": ""} {
			if got := strings.Contains("\n"+all, "\n"+name+"=***"); got != (own == service) {
				t.Errorf("%s has %s: %v", service, name, got)
			}
		}
		if !strings.Contains(all, "TEST_REGION=somewhere") {
			t.Errorf("%s lacks what is not secret: %s", service, all)
		}
	}
}

func TestFind(t *testing.T) {
	open(t, "awskms")
	for _, tt := range []struct{ ref, want string }{
		{"awskms://", "names no key of awskms"},
		{"hashivault://key", "sigstore-kms-hashivault is not on PATH, the plug-in that asks hashivault"},
		{"awskm://alias/key", `no key service is known as "awskm", and no sigstore-kms-awskm is on PATH: did you mean "awskms"?`},
		{"env://COSIGN_PRIVATE_KEY", `no key service is known as "env", and no sigstore-kms-env is on PATH: known are awskms, azurekms, gcpkms, hashivault, pkcs11kms`},
		{"pkcs11:object=release", "sigstore-kms-pkcs11kms is not on PATH"},
		{"pkcs11kms://object=release", "sigstore-kms-pkcs11kms is not on PATH"},
		{"pkcs11:object=release?pin-value=open%20sesame", "pin-source"},
		{"pkcs11kms://object=release?PIN-VALUE=open%20sesame", "pin-source"},
		{"pkcs11:object=release;pin=sesame", "pin-source"},
		{"pkcs11:object=release?module-path=/m&Pin_Value=sesame", "pin-source"},
		{"hashivault://user:sesame@vault.example/key", "holds a password"},
		{"../awskms://key", "begins with no name"},
		{"AWSKMS://key", "begins with no name"},
		{"://key", "begins with no name"},
		{"-v://key", "begins with no name"},
		{"awskms://sesame\x1b[31m", "do not print"},
		{"awskms://sesame\xff", "do not print"},
		{"awskms://sesame" + strings.Repeat("a", 5000), "too long"},
		{"release.key", "names no key service"},
	} {
		if p, err := kms.Find(tt.ref, kms.Options{}); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("Find(%q) = %v, %v, want %q", tt.ref, p, err, tt.want)
		}
	}
	// An endpoint with a port, as awskms and hashivault have it, is no password.
	if _, err := kms.Find("awskms://localhost:4566/arn:aws:kms:eu-central-1:1:key/mine@2", kms.Options{}); err != nil {
		t.Errorf("Find() = %v", err)
	}
}

// Whoever can write to the folder that somebody happens to be in must not choose
// what runs.
func TestRelativePath(t *testing.T) {
	h := open(t, "awskms")
	t.Chdir(h.bin)
	t.Setenv("PATH", "."+string(os.PathListSeparator)+"elsewhere")
	if p, err := kms.Find("awskms://key", kms.Options{}); !errors.Is(err, kms.ErrNoPlugin) || !strings.Contains(err.Error(), "relative entry of PATH") {
		t.Errorf("Find() = %v, %v, want a refusal", p, err)
	}
}

func TestNotExecutable(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("what is executable shows in the name here")
	}
	h := open(t)
	if err := os.WriteFile(filepath.Join(h.bin, "sigstore-kms-awskms"), []byte("no program"), 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := kms.Find("awskms://key", kms.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.PublicKey(t.Context()); !errors.Is(err, kms.ErrService) || !strings.Contains(err.Error(), "could not be started: exec format error") {
		t.Errorf("PublicKey() = %v", err)
	}
}

func TestIs(t *testing.T) {
	for ref, want := range map[string]bool{
		"awskms://alias/key": true, "pkcs11:token=t;object=o": true, "pkcs11kms://object=o": true, "unheard://of": true,
		"release.key": false, "/etc/keys/release.key": false, `C:\keys\release.key`: false, "pkcs11": false, "keys/pkcs11:key": false, "": false,
	} {
		if got := kms.Is(ref); got != want {
			t.Errorf("Is(%q) = %v, want %v", ref, got, want)
		}
	}
}
