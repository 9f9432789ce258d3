package admission

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/hallmark-project/hallmark/internal/cli/console"
)

func run(w *world, args ...string) (int, string) {
	var out bytes.Buffer
	code := Main(append([]string{"hallmark-admission"}, args...), console.IO{
		In: strings.NewReader(""), Out: &out, Err: &out, Env: func(string) string { return "" }, Now: w.now,
	})
	return code, out.String()
}

// Help fits a terminal and shows an example, and every option can be given in
// the environment.
func TestHelp(t *testing.T) {
	w := newWorld(t)
	for _, args := range [][]string{{"--help"}, {"check", "--help"}} {
		code, out := run(w, args...)
		if code != console.Yes || !strings.Contains(out, "Examples:\n  hallmark-admission ") {
			t.Errorf("%v exits %d and says:\n%s", args, code, out)
		}
		for line := range strings.Lines(out) {
			if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80+3 && !strings.HasPrefix(line, "  hallmark-admission") {
				t.Errorf("%v has a line of %d columns: %q", args, utf8.RuneCountInString(line), line)
			}
		}
	}
	for _, f := range serveFlags() {
		want := "HALLMARK_ADMISSION_" + strings.ToUpper(strings.ReplaceAll(f.Names()[0], "-", "_"))
		if d, ok := f.(cli.DocGenerationFlag); !ok || len(d.GetEnvVars()) != 1 || d.GetEnvVars()[0] != want {
			t.Errorf("--%s has not the variable %s", f.Names()[0], want)
		}
	}
}

// What is wrong with the options is said, and nothing is served.
func TestMisuse(t *testing.T) {
	w := newWorld(t)
	p, dir := newPKI(t), t.TempDir()
	cert, key := p.issue(2, time.Now().Add(time.Hour))
	writeCert(t, dir, cert, key)
	base := []string{"--trust-dir", w.dir, "--tls-cert", filepath.Join(dir, "tls.crt"), "--tls-key", filepath.Join(dir, "tls.key"), "--listen", "127.0.0.1:0", "--metrics-listen", ""}
	with := func(more ...string) []string { return append(append([]string{}, base...), more...) }
	for what, c := range map[string]struct {
		args []string
		want string
	}{
		"nothing":             {nil, "--trust-dir is missing"},
		"no certificate":      {base[:2], "--tls-cert is missing"},
		"no key":              {base[:4], "--tls-key is missing"},
		"another key":         {with("--tls-key", filepath.Join(dir, "tls.crt")), "reading the certificate"},
		"no such certificate": {with("--tls-cert", filepath.Join(dir, "absent")), "no such file"},
		"no client CA":        {with("--client-ca", filepath.Join(dir, "tls.key")), "holds no certificate"},
		"no such flag":        {with("--trustdir", "x"), "flag provided but not defined"},
		"an argument":         {with("x"), "\"x\" is no command"},
		"no time":             {with("--cache-verified", "0s"), "--cache-verified must be positive"},
		"a negative time":     {with("--cache-tag", "-1s"), "--cache-tag must not be negative"},
		"no entries":          {with("--cache-entries", "0"), "--cache-entries must be at least 1"},
		"no lookups":          {with("--lookups-per-registry", "-1"), "--lookups-per-registry must be at least 1"},
		"a level":             {with("--log-level", "loud"), "expected debug, info, warn or error"},
		"no list":             {with("--warm", filepath.Join(dir, "absent")), "no such file"},
		"a taken address":     {with("--listen", w.host), "--listen"},
		"a taken address, 2":  {with("--metrics-listen", w.host), "--metrics-listen"},
	} {
		code, out := run(w, c.args...)
		if code != console.Usage || !strings.Contains(out, c.want) {
			t.Errorf("%s: exits %d and says %q, want %d and %q", what, code, out, console.Usage, c.want)
		}
	}
	w.config("policies: []\n")
	if code, out := run(w, base...); code != console.Usage || !strings.Contains(out, FileName+":1:") {
		t.Errorf("without policies: exits %d and says %q", code, out)
	}
}
