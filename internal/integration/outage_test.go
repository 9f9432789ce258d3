//go:build integration

package integration

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// stack is a deployment behind proxies.
type stack struct {
	deployment
	authority, log, stamps *proxy
}

// newStack puts a proxy before each service that signing asks.
func newStack(t testing.TB) stack {
	t.Helper()
	s := stack{authority: newProxy(t, services.Fulcio), log: newProxy(t, services.Rekor), stamps: newProxy(t, services.Timestamp)}
	s.deployment = deployment{
		SigningConfig: signingConfig(t, services.Sigstore.SigningConfig, services.Fulcio, s.authority.url, services.Rekor, s.log.url, services.Timestamp, s.stamps.url),
		TrustedRoot:   services.Sigstore.TrustedRoot,
	}
	return s
}

// faults are the ways in which a service can fail to answer.
func faults() map[string]fault {
	return map[string]fault{
		"503": status(http.StatusServiceUnavailable), "HTML": html, "endless": endless, "truncated": truncated,
		"elsewhere": redirect("http://127.0.0.1:1"), "busy": busy(1), "hangs": hang,
	}
}

// Whichever service does not answer, and however: nothing is signed, nothing is
// published, and it is said who did not answer.
func TestServiceOutOfOrder(t *testing.T) {
	t.Parallel()
	for _, service := range []string{"certificate authority", "transparency log", "timestamp authority"} {
		for name, f := range faults() {
			t.Run(service+" "+name, func(t *testing.T) {
				t.Parallel()
				s := newStack(t)
				p := map[string]*proxy{"certificate authority": s.authority, "transparency log": s.log, "timestamp authority": s.stamps}[service]
				p.lie(f)
				r := newRelease(t)
				token := workflowToken(t)
				hallmark(t).run(keylessArgs(t, r, s.deployment, token)...).exits(3).says(service, p.url).hides(token)
				r.unsigned(t)
			})
		}
		t.Run(service+" down", func(t *testing.T) {
			t.Parallel()
			s := newStack(t)
			p := map[string]*proxy{"certificate authority": s.authority, "transparency log": s.log, "timestamp authority": s.stamps}[service].down()
			r := newRelease(t)
			token := workflowToken(t)
			hallmark(t).run(keylessArgs(t, r, s.deployment, token)...).exits(3).says(service, p.url, "connection refused", "--outage queue").hides(token)
			r.unsigned(t)
		})
		t.Run(service+" busy for a moment", func(t *testing.T) {
			t.Parallel()
			s := newStack(t)
			map[string]*proxy{"certificate authority": s.authority, "transparency log": s.log, "timestamp authority": s.stamps}[service].lie(first(1, busy(1)))
			r := newRelease(t)
			hallmark(t).run(keylessArgs(t, r, s.deployment, workflowToken(t))...).exits(0)
			hallmarkVerify(t).run("-t", r.trust(), "-a", r.attestations(), r.artifacts[0]).exits(0)
		})
	}
}

// A service that lies is found out before anything is published, whatever is
// done about outages: another log's entry, another authority's timestamp or
// certificate, an answer that was altered.
func TestServiceThatLies(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]func(s *stack){
		"altered log entry": func(s *stack) {
			s.log.lie(rewritten(func(body []byte) []byte {
				return []byte(strings.Replace(string(body), `"logIndex":"`, `"logIndex":"9`, 1))
			}))
		},
		"another signature's log entry": func(s *stack) {
			var once []byte
			s.log.lie(rewritten(func(body []byte) []byte {
				if once == nil {
					once = body
				}
				return once
			}))
		},
		"altered timestamp": func(s *stack) { s.stamps.lie(altered) },
		"another key's certificate": func(s *stack) {
			s.authority.lie(rewritten(func(body []byte) []byte { return []byte(foreignCertificate(t)) }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t)
			lie(&s)
			r := newRelease(t)
			for _, outage := range []string{"fail", "timestamp"} {
				hallmark(t).run(append(keylessArgs(t, r, s.deployment, workflowToken(t)), "--outage", outage)...).exits(3)
				r.unsigned(t)
			}
		})
	}
}

// foreignCertificate is an answer of Fulcio's to somebody else.
func foreignCertificate(t testing.TB) string {
	t.Helper()
	r := newRelease(t)
	p := newProxy(t, services.Fulcio)
	var answer string
	p.lie(rewritten(func(body []byte) []byte { answer = string(body); return body }))
	d := deployment{signingConfig(t, services.Sigstore.SigningConfig, services.Fulcio, p.url), services.Sigstore.TrustedRoot}
	hallmark(t).run(keylessArgs(t, r, d, workflowToken(t))...).exits(0)
	return answer
}

// Where the log does not answer, a timestamp alone may do: that is said, stands
// in the trust file that is written, and is refused by whoever still asks for a
// log entry.
func TestTimestampOnly(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.log.down()
	r := newRelease(t)
	args := append(keylessArgs(t, r, s.deployment, workflowToken(t)), "--outage", "timestamp")
	hallmark(t).run(args...).exits(0).says("weaker", "no log entry", "trust.yaml does not ask for one")
	trust, err := os.ReadFile(r.trust())
	check(t, err)
	if !strings.Contains(string(trust), "require: [sct, timestamp]") {
		t.Errorf("the trust file says:\n%s", trust)
	}
	hallmarkVerify(t).run("-t", r.trust(), "-a", r.attestations(), r.artifacts[0]).exits(0)
	hallmarkVerify(t).run("-o", "json", "-t", keylessTrust(t, s.TrustedRoot, services.Issuer.Actions, workflowIdentity, "log", "timestamp"), "-a", r.verdict(), r.artifacts[0]).
		refuses("bad-signature")
	hallmarkVerify(t).run("-o", "json", "-t", keylessTrust(t, s.TrustedRoot, services.Issuer.Actions, workflowIdentity), "-a", r.verdict(), r.artifacts[0]).
		refuses("bad-signature")

	// When it answers again, the next run does not make do with what there is.
	whole := append(keylessArgs(t, r, services.Sigstore, workflowToken(t)), "--outage", "timestamp")
	hallmark(t).run(whole...).exits(0).says("transparency log")
	hallmarkVerify(t).run("-t", keylessTrust(t, s.TrustedRoot, services.Issuer.Actions, workflowIdentity), "-a", r.attestations(), r.artifacts[0]).exits(0)
}

// Where a service does not answer, what there is waits, is completed later, and
// is published only then.
func TestQueue(t *testing.T) {
	t.Parallel()
	for _, service := range []string{"certificate authority", "transparency log", "timestamp authority"} {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			s := newStack(t)
			p := map[string]*proxy{"certificate authority": s.authority, "transparency log": s.log, "timestamp authority": s.stamps}[service]
			p.lie(status(http.StatusBadGateway))
			r := newRelease(t)
			r.set(t, "signer:\n  keyless: true\n  signingConfig: "+s.SigningConfig+"\n  trustedRoot: "+s.TrustedRoot+"\n  outage: queue\n")
			env := actionsEnvironment()
			hallmark(t).with(env...).run("release", "-f", r.file, "--out", r.out).exits(3).says("queued", service, "hallmark attest --resume", "hallmark publish")
			r.unsigned(t)
			// Nothing that waits is taken for an attestation.
			hallmark(t).run("publish", "-f", r.file, "--out", r.out).exits(2).says("wait for a service", "hallmark attest --resume")
			hallmarkVerify(t).run("-t", keylessTrust(t, s.TrustedRoot, services.Issuer.Actions, workflowIdentity), "-a", filepath.Join(r.out, "pending"), r.artifacts[0]).fails()

			// Still out of order.
			hallmark(t).with(env...).run("attest", "--resume", "-f", r.file, "--out", r.out).exits(3).says("queued")
			p.honest()
			logged := s.log.requests("POST")
			asked := s.authority.requests("signingCert")
			hallmark(t).with(env...).run("attest", "--resume", "-f", r.file, "--out", r.out).exits(0).says("transparency log, certificate log, timestamp authority")
			if n := s.log.requests("POST") - logged; n != len(r.bundles(t)) {
				t.Errorf("%d entries were made, want one for each of %d bundles", n, len(r.bundles(t)))
			}
			if n := s.authority.requests("signingCert") - asked; service == "transparency log" && n != 0 {
				t.Errorf("%d certificates were asked for, want none: what waited was signed", n)
			}
			hallmarkVerify(t).run("-t", r.trust(), "-a", r.attestations(), r.artifacts[0]).exits(0)
			hallmark(t).run("publish", "-f", r.file, "--out", r.out).exits(0)
			if _, err := os.Stat(filepath.Join(r.out, "pending")); err == nil {
				t.Error("the queue is still there")
			}
			hallmark(t).with(env...).run("attest", "--resume", "-f", r.file, "--out", r.out).exits(2).says("nothing waits")
		})
	}
}

// A key's signature waits for its log entry as long as it takes, and is not made
// again.
func TestQueueWithAKey(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.log.lie(status(http.StatusBadGateway))
	r := newRelease(t)
	key := filepath.Join(r.dir, "release.key")
	hallmark(t).run("key", "generate", "--out", key).exits(0)
	args := []string{"-f", r.file, "--out", r.out, "--key", key, "--signing-config", s.SigningConfig, "--trusted-root", s.TrustedRoot, "--outage", "queue"}
	hallmark(t).run(append([]string{"release"}, args...)...).exits(3).says("queued", "transparency log")
	r.unsigned(t)
	waiting := readJSON(t, filepath.Join(r.out, "pending", "verdict.sigstore.json"))
	stamped := s.stamps.requests("POST")
	s.log.honest()
	hallmark(t).run(append([]string{"attest", "--resume"}, args...)...).exits(0).says("transparency log, timestamp authority")
	if n := s.stamps.requests("POST") - stamped; n != 0 {
		t.Errorf("%d timestamps were asked for, want none: what waited had them", n)
	}
	if got, want := at(t, readJSON(t, r.verdict()), "dsseEnvelope", "signatures", 0, "sig"), at(t, waiting, "dsseEnvelope", "signatures", 0, "sig"); got != want {
		t.Error("what waited was signed again")
	}
	hallmarkVerify(t).run("-t", r.trust(), "-a", r.attestations(), r.artifacts[0]).exits(0)
}

// What waits and was altered is not completed but signed anew.
func TestQueueAltered(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.log.lie(status(http.StatusBadGateway))
	r := newRelease(t)
	args := append(keylessArgs(t, r, s.deployment, workflowToken(t)), "--outage", "queue")
	hallmark(t).run(args...).exits(3)
	waiting, err := filepath.Glob(filepath.Join(r.out, "pending", "*.sigstore.json"))
	check(t, err)
	if len(waiting) == 0 {
		t.Fatal("nothing waits that is signed")
	}
	for _, w := range waiting {
		data, err := os.ReadFile(w)
		check(t, err)
		check(t, os.WriteFile(w, []byte(strings.Replace(string(data), `"payload":"`, `"payload":"AAAA`, 1)), 0o600))
	}
	s.log.honest()
	resume := append([]string{"attest", "--resume"}, args[1:]...)
	hallmark(t).run(resume...).exits(0)
	hallmarkVerify(t).run("-t", r.trust(), "-a", r.attestations(), r.artifacts[0]).exits(0)
}

// A token that has expired, or is for somebody else, and a clock that is a day
// off: said before or instead of signing.
func TestTokensAndClocks(t *testing.T) {
	t.Parallel()
	expired, foreign := expiredToken(t), foreignToken(t)
	for name, tt := range map[string]struct {
		token string
		says  string
	}{
		"expired":           {expired, "has expired"},
		"another audience":  {foreign, "expected audience"},
		"not a token":       {"eyJhbGciOiJub25lIn0.e30.", "token"},
		"a token of nobody": {"", "empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelease(t)
			got := hallmark(t).run(keylessArgs(t, r, services.Sigstore, tt.token)...).exits(2).says(tt.says)
			if tt.token != "" {
				got.hides(tt.token)
			}
			r.unsigned(t)
		})
	}
	for name, by := range map[string]time.Duration{"a day ahead": 24 * time.Hour, "a day behind": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelease(t)
			token := workflowToken(t)
			hallmark(t).at(time.Now().Add(by)).run(keylessArgs(t, r, services.Sigstore, token)...).fails().says("clock").hides(token)
			r.unsigned(t)
		})
	}
}
