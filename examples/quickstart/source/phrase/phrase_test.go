package phrase

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGreet(t *testing.T) {
	for _, test := range []struct{ name, lang, who, want string }{
		{"default", "", "Ada", "Hello, Ada!"},
		{"exact", "fr", "Ada", "Bonjour, Ada !"},
		{"region", "de-AT", "Ada", "Hallo, Ada!"},
		{"script", "ja-Jpan-JP", "Ada", "こんにちは、Adaさん！"},
		{"unknown language", "tlh", "Ada", "Hello, Ada!"},
		{"spaces", "", "  Ada  ", "Hello, Ada!"},
		{"escape sequence", "", "\x1b[2JAda", "Hello, [2JAda!"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Builtin().Greet(test.lang, test.who)
			if err != nil || got != test.want {
				t.Errorf("Greet(%q, %q) = %q, %v, want %q", test.lang, test.who, got, err, test.want)
			}
		})
	}
}

func TestGreetRefuses(t *testing.T) {
	for _, test := range []struct{ name, lang, who string }{
		{"nobody", "", ""},
		{"nothing printable", "", "\x00\n"},
		{"not a language", "!", "Ada"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, err := Builtin().Greet(test.lang, test.who); err == nil {
				t.Errorf("Greet(%q, %q) = %q, want an error", test.lang, test.who, got)
			}
		})
	}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "phrases.yaml")
	if err := os.WriteFile(path, []byte("nl: Hoi, {name}!\nit: Ciao, {name}!\nsv: \"\\e[2JHej, {name}!\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	book, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string]string{"": "Hoi, Ada!", "it-CH": "Ciao, Ada!", "sv": "[2JHej, Ada!", "fr": "Hoi, Ada!"} {
		if got, err := book.Greet(lang, "Ada"); err != nil || got != want {
			t.Errorf("Greet(%q) = %q, %v, want %q", lang, got, err, want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, test := range []struct{ name, text, says string }{
		{"empty", "", "no languages"},
		{"empty map", "{}", "no languages"},
		{"list", "- a\n", "no languages"},
		{"not YAML", "a: [", "yaml:"},
		{"not a language", "'!': Hi, {name}", "line 1: language"},
		{"phrase without a name", "en: Hi\n", "line 1: the phrase has no {name}"},
		{"too large", "en: " + strings.Repeat("Hi ", maxSize/3) + "{name}", "more than 1048576 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "phrases.yaml")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(path); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("Open(%q) = %v, want …%q…", test.text, err, test.says)
			}
		})
	}
	if _, err := Open(filepath.Join(t.TempDir(), "absent.yaml")); err == nil {
		t.Error("Open of a file that does not exist: want an error")
	}
}
