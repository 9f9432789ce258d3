package identity

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestGiven(t *testing.T) {
	raw := jwt(person(nil))
	path := put(t, raw+"\n")
	t.Chdir(filepath.Dir(path))
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	for _, value := range []string{raw, " " + raw + "\n", path, "@" + path, "oidc-token", "@oidc-token", link} {
		s, err := Given(value, environment(t))
		if err != nil {
			t.Errorf("Given(%.40q) = %v", value, err)
			continue
		}
		got, err := s.Token(t.Context(), "sigstore")
		if err != nil || got.Raw() != raw {
			t.Errorf("Token of Given(%.40q) = %v, %v, want the token", value, got, err)
		}
		if strings.Contains(s.Name(), raw) {
			t.Errorf("Name() = %q shows the token", s.Name())
		}
	}
}

func TestGiven_refused(t *testing.T) {
	raw := jwt(person(nil))
	for name, test := range map[string]struct{ value, want string }{
		"cut off":             {raw[:len(raw)-400], "has a damaged signature|has an empty|it has 2 parts"},
		"cut off early":       {raw[:30], "it has 1 parts"},
		"claims twice":        {jwtOf(`{"iss":"i","iss":"j","sub":"1","aud":"sigstore","exp":1893456000}`), "stands twice"},
		"not a token":         {"hunter2", "is neither a token nor the path of a file"},
		"a password":          {"correct.horse.battery", "is neither a token nor the path of a file"},
		"no file":             {"@nowhere", "no such file|cannot find the file"},
		"a token behind @":    {"@" + raw, "a token follows the @"},
		"part of one behind@": {"@" + raw[:40], "a token follows the @"},
		"a folder":            {t.TempDir(), "is no regular file"},
		"a long one":          {strings.Repeat("x", 1<<20), "is neither a token nor the path of a file"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Given(test.value, environment(t))
			if err == nil {
				_, err = s.Token(t.Context(), "sigstore")
			}
			if err == nil {
				t.Fatal("it was accepted")
			}
			found := false
			for _, want := range strings.Split(test.want, "|") {
				found = found || strings.Contains(err.Error(), want)
			}
			if !found {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if strings.Contains(err.Error(), "eyJ") || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "horse") {
				t.Errorf("the error quotes what was given: %v", err)
			}
		})
	}
}

// A token that was handed over is not renewed by asking again.
func TestGiven_expired(t *testing.T) {
	raw := jwt(person(map[string]any{"exp": time.Now().Add(time.Minute).Unix()}))
	e := environment(t)
	s, err := Given(raw, e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Token(t.Context(), "sigstore"); err != nil {
		t.Fatal(err)
	}
	e.Now = func() time.Time { return time.Now().Add(time.Hour) }
	for _, value := range []string{raw, put(t, raw)} {
		s, err := Given(value, e)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Token(t.Context(), "sigstore")
		if !errors.Is(err, ErrExpired) || !strings.Contains(err.Error(), "getting an identity token from ") {
			t.Errorf("Token an hour later = %v, want ErrExpired", err)
		}
	}
}

func TestFile(t *testing.T) {
	raw := jwt(person(nil))
	path := put(t, raw)
	e := environment(t)
	e.File = path
	s, err := Ambient(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Token(t.Context(), "sigstore"); err != nil || got.Raw() != raw {
		t.Fatalf("Token = %v, %v, want the file's", got, err)
	}
	// A platform renews it.
	renewed := jwt(person(map[string]any{"email": "bob@example.com"}))
	if err := os.WriteFile(path, []byte(renewed), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Token(t.Context(), "sigstore"); err != nil || got.Raw() != renewed {
		t.Errorf("Token after it was renewed = %v, %v, want the new one", got, err)
	}
	for _, test := range []struct{ text, want string }{
		{"", "is empty"},
		{"\n", "is empty"},
		{"<html>", "the token is no JWT"},
		{strings.Repeat("a", 10<<20), "is too large for a token"},
		{jwt(person(map[string]any{"aud": "vault"})), `expected audience "sigstore"`},
	} {
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Token(t.Context(), "sigstore"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Token of %.20q = %v, %v, want an error with %q", test.text, got, err, test.want)
		}
	}
}

func TestFile_others(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions are kept elsewhere")
	}
	path := put(t, jwt(person(nil)))
	for _, test := range []struct {
		mode         os.FileMode
		want, warned string // "" if it reads the file, or warns of nothing
	}{
		{0o600, "", ""},
		{0o400, "", ""},
		{0o640, "", "others may read the token in " + path + " (mode 0640), and sign with it while it is good; chmod 600 " + path},
		{0o604, "", "others may read the token"},
		{0o644, "", "(mode 0644)"},
		{0o620, "others may change it (mode 0620), and with it who signs; chmod go-w " + path, ""},
		{0o602, "others may change it (mode 0602)", ""},
		{0o666, "others may change it (mode 0666)", ""},
	} {
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		warned := ""
		e := environment(t)
		e.Warn = func(text string) { warned += text }
		given, err := Given(path, e)
		if err != nil {
			t.Fatal(err)
		}
		e.File = path
		mounted, err := Ambient(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range []struct {
			name, warned string
			source       Source
		}{{"given", test.warned, given}, {"mounted", "", mounted}} {
			warned = ""
			_, err := one.source.Token(t.Context(), "sigstore")
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("a %s file of mode %04o: %v, want %q", one.name, test.mode, err, test.want)
			}
			if (one.warned == "") != (warned == "") || !strings.Contains(warned, one.warned) {
				t.Errorf("a %s file of mode %04o warns %q, want %q", one.name, test.mode, warned, one.warned)
			}
		}
	}
}

func TestVariable(t *testing.T) {
	raw := jwt(person(nil))
	for _, test := range []struct {
		vars       []string
		name, want string
	}{
		{[]string{"SIGSTORE_ID_TOKEN", raw}, "the variable SIGSTORE_ID_TOKEN", ""},
		{[]string{"SIGSTORE_ID_TOKEN", raw + "\n", "GITLAB_CI", "true"}, "GitLab CI (SIGSTORE_ID_TOKEN)", ""},
		{[]string{"SIGSTORE_ID_TOKEN", "eyJx"}, "the variable SIGSTORE_ID_TOKEN", "the token is no JWT"},
		{[]string{"SIGSTORE_ID_TOKEN", jwt(person(map[string]any{"aud": "https://gitlab.com"}))}, "the variable SIGSTORE_ID_TOKEN", `is for "https://gitlab.com", expected audience "sigstore"`},
		{[]string{"SIGSTORE_ID_TOKEN", jwt(person(map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}))}, "the variable SIGSTORE_ID_TOKEN", "has expired"},
	} {
		s, err := Ambient(t.Context(), environment(t, test.vars...))
		if err != nil {
			t.Fatal(err)
		}
		if s.Name() != test.name {
			t.Errorf("Name() = %q, want %q", s.Name(), test.name)
		}
		got, err := s.Token(t.Context(), "sigstore")
		if test.want == "" && (err != nil || got.Raw() != raw) || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("Token = %v, %v, want %q", got, err, test.want)
		}
	}
}
