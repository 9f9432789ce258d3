//go:build unix

package main

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/attest/sign"
)

// Whatever goes well or wrong, hallmark writes no password, no PIN, no token and
// nothing of a private key: not to people, not as JSON, not into the dossier.
// And no program that it starts is given any but its own.
func TestCustody(t *testing.T) {
	const (
		password = "correct-horse-battery-staple"
		wrong    = "hunter2-hunter2"
		pin      = "4711-4711"
		token    = "eyJhbGciOiJSUzI1NiJ9.opensesame.opensesame"
	)
	dir := t.TempDir()
	bin, records := filepath.Join(dir, "bin"), filepath.Join(dir, "records")
	for _, d := range []string{bin, records} {
		check(t, os.Mkdir(d, 0o700))
	}
	self, err := os.Executable()
	check(t, err)
	check(t, os.Symlink(self, filepath.Join(bin, "hallmark")))
	// Programs that hallmark starts write down what they were given. The plug-in
	// tells people its PIN, which it should not.
	record := "#!/bin/sh\n{ env; ulimit -c; echo \"$@\"; } >\"$RECORDS/$(basename \"$0\")\"\n"
	check(t, os.WriteFile(filepath.Join(bin, "git"), []byte(record+"exit 1\n"), 0o700))
	check(t, os.WriteFile(filepath.Join(bin, "sigstore-kms-pkcs11kms"), []byte(record+`echo "trying $PKCS11_PIN" >&2; printf '{"errorMessage":"PIN %s is wrong"}' "$PKCS11_PIN"`+"\n"), 0o700))
	check(t, os.WriteFile(filepath.Join(bin, "sigstore-kms-other"), []byte(record+"exit 1\n"), 0o700))

	examples, err := filepath.Abs("../../examples")
	check(t, err)
	release := filepath.Join(examples, "quickstart", "hallmark.yaml")
	found, err := filepath.Glob(filepath.Join(examples, "refused", "*", "hallmark.yaml"))
	check(t, err)
	if len(found) == 0 {
		t.Fatal("there is no example of a refused release")
	}
	refused := found[0]
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string, mode fs.FileMode) string {
		check(t, os.WriteFile(path(name), []byte(text), mode))
		return path(name)
	}
	env := []string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + dir, "XDG_CONFIG_HOME=" + path("config"), "TMPDIR=" + dir, "RECORDS=" + records,
		"PKCS11_PIN=" + pin, "VAULT_TOKEN=" + token, "HALLMARK_REGISTRY_PASSWORD=" + wrong, "COSIGN_PASSWORD=" + wrong, "NO_COLOR=1",
	}
	var said []byte
	run := func(code int, args ...string) {
		t.Helper()
		cmd := exec.Command(filepath.Join(bin, "hallmark"), args...)
		cmd.Env, cmd.Dir = env, dir
		out, err := cmd.CombinedOutput()
		said = append(said, out...)
		var exit *exec.ExitError
		got := 0
		if errors.As(err, &exit) {
			got = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if got != code {
			t.Errorf("hallmark %s = %d, want %d\n%s", strings.Join(args, " "), got, code, out)
		}
	}

	good := append([]string{"HALLMARK_PASSWORD=" + password}, env...)
	bad := append([]string{"HALLMARK_PASSWORD=" + wrong}, env...)
	env = good
	run(0, "key", "generate", "--out", path("a.key"), "--encrypt")
	run(0, "key", "generate", "--out", path("b.key"), "--encrypt", "-o", "json")
	run(2, "key", "generate", "--out", path("a.key"), "--encrypt")
	run(0, "key", "generate", "--out", path("plain.key"))
	run(0, "release", "-f", release, "--out", path("out"), "--key", path("a.key"))
	run(0, "release", "-f", release, "--out", path("out"), "--key", path("a.key"), "-o", "json")
	run(0, "release", "-f", release, "--out", path("plain"), "--key", path("plain.key"), "-o", "json")
	run(1, "release", "-f", refused, "--out", path("refused"), "--key", path("a.key"))
	run(0, "attest", "-f", release, "--out", path("out"), "--key", path("b.key"), "-o", "json")
	run(0, "inspect", path("out/attestations/verdict.sigstore.json"))
	run(2, "release", "-f", release, "--out", path("none"), "--key", path("none.key"))
	run(2, "attest", "-f", release, "--out", path("none"), "--key", path("a.key"))
	env = bad
	run(2, "release", "-f", release, "--out", path("none"), "--key", path("a.key"))
	run(2, "release", "-f", release, "--out", path("none"), "--key", path("a.key"), "--password-file", write("open", password, 0o644))
	run(0, "release", "-f", release, "--out", path("filed"), "--key", path("a.key"), "--password-file", write("word", password+"\n", 0o600))
	// What is no password is given as one, and what is no key.
	run(2, "release", "-f", release, "--out", path("none"), "--key", path("word"))
	run(2, "release", "-f", release, "--out", path("none"), "--key", path("a.key"), "--password-file", path("plain.key"))
	damaged, err := os.ReadFile(path("plain.key"))
	check(t, err)
	run(2, "release", "-f", release, "--out", path("none"), "--key", write("damaged.key", string(damaged[:len(damaged)/2]), 0o600))
	run(2, "release", "-f", path("plain.key"), "--out", path("none"))
	// Key services.
	run(3, "release", "-f", release, "--out", path("none"), "--key", "pkcs11:object=o")
	run(2, "release", "-f", release, "--out", path("none"), "--key", "pkcs11:object=o?pin-value="+pin)
	run(3, "release", "-f", release, "--out", path("none"), "--key", "other://key")
	run(2, "release", "-f", release, "--out", path("none"), "--key", "unheard-of://key")
	// The default key, and git.
	run(0, "init")

	secrets := map[string]string{"the password": password, "another password": wrong, "the PIN": pin, "the token": token}
	for _, name := range []string{"a.key", "b.key", "plain.key"} {
		k, err := sign.LoadKey(path(name), func() ([]byte, error) { return []byte(password), nil })
		check(t, err)
		text, err := k.Encode(nil)
		check(t, err)
		block, _ := pem.Decode(text)
		private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		check(t, err)
		// The private scalar stands in front of the public point.
		scalar := block.Bytes[36:68]
		if again, err := x509.MarshalPKCS8PrivateKey(private); err != nil || !bytes.Equal(again, block.Bytes) {
			t.Fatal("the key is not in the form that is looked for")
		}
		secrets["the raw key "+name] = string(scalar)
		secrets["the key in hex "+name] = hex.EncodeToString(scalar)
		for offset := range 3 {
			// Base64 of the same bytes, however they are aligned.
			secrets["the key in base64 "+name+string(rune('0'+offset))] = base64.StdEncoding.EncodeToString(scalar[offset:])[:32]
		}
	}
	// One that is not found where it is would be found nowhere.
	plain, err := os.ReadFile(path("plain.key"))
	check(t, err)
	for i, line := range strings.Split(string(plain), "\n") {
		if i > 0 && len(line) > 40 && !strings.HasPrefix(line, "-") {
			secrets["a line of the key "+string(rune('0'+i))] = line
		}
	}
	if len(secrets) < 4+3*5+2 || !bytes.Contains(plain, []byte(secrets["a line of the key 1"])) {
		t.Fatalf("only %d secrets are looked for", len(secrets))
	}
	look := func(where string, text []byte) {
		for what, secret := range secrets {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s is in %s", what, where)
			}
		}
	}
	if len(said) < 10_000 {
		t.Errorf("hallmark wrote only %d bytes", len(said))
	}
	look("what hallmark said", said)
	files := 0
	for _, out := range []string{"out", "plain", "refused", "filed", "config", "hallmark.yaml"} {
		check(t, filepath.WalkDir(path(out), func(p string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) && p == path(out) {
				return nil
			}
			if err != nil || d.IsDir() {
				return err
			}
			files++
			text, err := os.ReadFile(p)
			look(p, text)
			return err
		}))
	}
	if files < 30 {
		t.Errorf("only %d files were looked at", files)
	}

	// What was started.
	for name, own := range map[string]string{"git": "", "sigstore-kms-other": "", "sigstore-kms-pkcs11kms": pin} {
		text, err := os.ReadFile(filepath.Join(records, name))
		if err != nil {
			t.Errorf("%s was not started: %v", name, err)
			continue
		}
		for what, secret := range secrets {
			if secret != own && bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s was given %s", name, what)
			}
		}
		if own != "" && bytes.Count(text, []byte(own)) != 1 {
			t.Errorf("%s was given its own secret %d times, want once, in its environment", name, bytes.Count(text, []byte(own)))
		}
		if lines := strings.Split(string(text), "\n"); !slices.Contains(lines, "0") {
			t.Errorf("%s may dump its memory: %s", name, text)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
