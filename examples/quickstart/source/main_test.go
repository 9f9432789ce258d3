package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	for _, test := range []struct {
		name, args   string
		want         int
		stdout, says string
	}{
		{"name", "Ada", 0, "Hello, Ada!\n", ""},
		{"two words", "Ada Lovelace", 0, "Hello, Ada Lovelace!\n", ""},
		{"language", "-lang es Ada", 0, "¡Hola, Ada!\n", ""},
		{"phrases of one's own", "-phrases testdata/dutch.yaml Ada", 0, "Hoi, Ada!\n", ""},
		{"phrases that are not there", "-phrases testdata/absent.yaml Ada", 2, "", "greet: open testdata/absent.yaml"},
		{"no name", "", 2, "", "usage: greet"},
		{"not a language", "-lang ! Ada", 2, "", `greet: language "!"`},
		{"unknown flag", "-shout Ada", 2, "", "usage: greet"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			got := run(strings.Fields(test.args), func(string) string { return "" }, &stdout, &stderr)
			if got != test.want || stdout.String() != test.stdout || !strings.Contains(stderr.String(), test.says) {
				t.Errorf("greet %s = %d, %q, %q, want %d, %q, …%q…",
					test.args, got, &stdout, &stderr, test.want, test.stdout, test.says)
			}
		})
	}
}

func TestLocale(t *testing.T) {
	for _, test := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{"nothing set", nil, "Hello, Ada!\n"},
		{"LANG", map[string]string{"LANG": "de_AT.UTF-8"}, "Hallo, Ada!\n"},
		{"modifier", map[string]string{"LANG": "fr_FR@euro"}, "Bonjour, Ada !\n"},
		{"LC_ALL over LANG", map[string]string{"LC_ALL": "es_MX.UTF-8", "LANG": "de_AT.UTF-8"}, "¡Hola, Ada!\n"},
		{"LC_MESSAGES over LANG", map[string]string{"LC_MESSAGES": "ja_JP", "LANG": "de_AT.UTF-8"}, "こんにちは、Adaさん！\n"},
		{"C", map[string]string{"LC_ALL": "C.UTF-8", "LANG": "de_AT.UTF-8"}, "Hello, Ada!\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			getenv := func(name string) string { return test.env[name] }
			if got := run([]string{"Ada"}, getenv, &stdout, &stderr); got != 0 || stdout.String() != test.want {
				t.Errorf("greet Ada with %v = %d, %q, %q, want %q", test.env, got, &stdout, &stderr, test.want)
			}
		})
	}
}
