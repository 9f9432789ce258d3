package pkcs11

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func nothing(string) string { return "" }

func only(name, value string) func(string) string {
	return func(n string) string {
		if n == name {
			return value
		}
		return ""
	}
}

func TestPIN(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := file("good", "1234\r\n", 0o600)
	slashed := filepath.ToSlash(good)
	for _, tt := range []struct {
		name   string
		source string
		env    func(string) string
		want   string
	}{
		{"environment", "", only("PKCS11_PIN", "5678"), "5678"},
		{"own_environment", "", only("SIGSTORE_KMS_PKCS11_PIN", "5678"), "5678"},
		{"file_before_environment", good, only("PKCS11_PIN", "5678"), "1234"},
		{"uri", "file:" + slashed, nothing, "1234"},
		{"uri_with_authority", "file://" + slashed, nothing, "1234"},
		{"uri_with_localhost", "file://localhost" + slashed, nothing, "1234"},
		{"none", "", nothing, ""},
	} {
		if runtime.GOOS == "windows" && strings.Contains(tt.name, "uri_") {
			continue // a drive's letter is no authority
		}
		got, err := pin(URI{PINSource: tt.source}, tt.env)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: pin() = %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
	empty, large, open := file("empty", "\n", 0o600), file("large", strings.Repeat("1", 2000), 0o600), file("open", "4321", 0o644)
	refused := map[string]string{
		empty: "it is empty", large: "too large", filepath.Join(dir, "none"): "no such file", dir: "no regular file",
		"|cat " + good: "a command, which is not run", "good": "no absolute path", "file:good": "no absolute path",
	}
	if runtime.GOOS != "windows" {
		refused[open] = "chmod 600 " + open
	}
	for source, want := range refused {
		if got, err := pin(URI{PINSource: source}, only("PKCS11_PIN", "5678")); err == nil || got != nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "4321") {
			t.Errorf("pin() from %s = %q, %v, want %q", source, got, err, want)
		}
	}
}

func TestModule(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "libtoken.so")
	if err := os.WriteFile(path, []byte("module"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		uri URI
		env func(string) string
	}{{URI{ModulePath: path}, nothing}, {URI{}, only("PKCS11_MODULE_PATH", path)}, {URI{ModulePath: path}, only("PKCS11_MODULE_PATH", "/elsewhere.so")}} {
		if got, err := module(tt.uri, tt.env); err != nil || got != path {
			t.Errorf("module(%v) = %q, %v, want %q", tt.uri, got, err, path)
		}
	}
	if got, err := named("token", []string{filepath.Join(dir, "none"), dir}); err != nil || got != path {
		t.Errorf("named() = %q, %v, want %q", got, err, path)
	}
	for want, uri := range map[string]URI{
		"no module is named":  {},
		"no absolute path":    {ModulePath: "libtoken.so"},
		"no such file":        {ModulePath: filepath.Join(dir, "none.so")},
		"is no regular file":  {ModulePath: dir},
		"there is no module ": {ModuleName: "unheard-of-token"},
		"is a path":           {ModuleName: "../libtoken"},
	} {
		if runtime.GOOS == "windows" && want == "no such file" {
			continue // other words
		}
		if got, err := module(uri, nothing); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("module(%v) = %q, %v, want %q", uri, got, err, want)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	// What anybody may replace is not loaded.
	for _, p := range []string{path, dir} {
		before, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(p, before.Mode().Perm()|0o002); err != nil {
			t.Fatal(err)
		}
		if got, err := module(URI{ModulePath: path}, nothing); err == nil || !strings.Contains(err.Error(), "anybody may write to "+p) {
			t.Errorf("module() where %s is open = %q, %v", p, got, err)
		}
		if err := os.Chmod(p, before.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
}
