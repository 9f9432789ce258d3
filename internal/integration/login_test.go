//go:build integration

package integration

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A person at a terminal logs in, with a browser on this machine or with a code
// on another, once for the whole release; and is told first whose name will be
// published.
func TestLogin(t *testing.T) {
	t.Parallel()
	terminal, err := exec.LookPath("script")
	if err != nil {
		t.Skip("there is no program to make a terminal with: ", err)
	}
	for name, device := range map[string]bool{"browser": false, "device": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelease(t)
			p := hallmark(t)
			command := p.path + " release -f " + r.file + " --out " + r.out + " --keyless --oidc-issuer " + services.Issuer.Email +
				" --signing-config " + services.Sigstore.SigningConfig + " --trusted-root " + services.Sigstore.TrustedRoot
			if device {
				command += " --device"
			}
			// The browser of this machine follows where a page leads.
			bin := t.TempDir()
			check(t, os.WriteFile(filepath.Join(bin, "xdg-open"), []byte("#!/bin/sh\nexec curl -sfL -o /dev/null \"$1\"\n"), 0o700))
			c := exec.CommandContext(within(t, time.Minute), terminal, "-qec", command, os.DevNull)
			c.Env = []string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "DISPLAY=:0", "HOME=" + t.TempDir(), "TERM=dumb"}
			out, err := c.StdoutPipe()
			check(t, err)
			check(t, c.Start())
			var said strings.Builder
			visited := 0
			for lines := bufio.NewScanner(out); lines.Scan(); {
				said.WriteString(lines.Text() + "\n")
				if page := shownAddress.FindStringSubmatch(lines.Text()); page != nil && device && visited == 0 {
					visited++
					check(t, visit(t, strings.TrimSpace(page[1])))
				}
			}
			if err := c.Wait(); err != nil {
				t.Fatalf("%s: %v\n%s", command, err, said.String())
			}
			text := said.String()
			announced, signed := strings.Index(text, "this signs as "+emailIdentity), strings.Index(text, "signed     verdict")
			if announced < 0 || signed < announced || strings.Count(text, "this signs as") != 1 {
				t.Errorf("want it announced once, before it signs, that it signs as %s:\n%s", emailIdentity, text)
			}
			hallmarkVerify(t).run("-t", r.trust(), "-a", r.attestations(), r.artifacts[0]).exits(0).says(emailIdentity)
		})
	}
}
