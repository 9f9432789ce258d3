//go:build integration

package integration

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What waits is completed for whoever signed it and for nobody else: who can
// write into a dossier does not become its signer, and whoever forgets a flag
// does not sign as somebody else.
func TestQueueOfAStranger(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.log.lie(status(http.StatusBadGateway))
	r := newRelease(t)
	hallmark(t).run(append(keylessArgs(t, r, s.deployment, emailToken(t)), "--outage", "queue")...).exits(3).
		says("complete it with: hallmark attest --resume -f", "--identity-token TOKEN --signing-config "+s.SigningConfig, "--outage queue")

	resume := []string{"attest", "--resume", "-f", r.file, "--out", r.out, "--signing-config", services.Sigstore.SigningConfig, "--trusted-root", services.Sigstore.TrustedRoot}
	token := writeFile(t, "token", workflowToken(t))
	hallmark(t).run(append(resume, "--identity-token", token, "--certificate-identity", workflowIdentity, "--certificate-oidc-issuer", services.Issuer.Actions)...).
		exits(2).says("was signed by "+emailIdentity, "not who would sign now")
	r.unsigned(t)
	hallmark(t).run("attest", "--resume", "-f", r.file, "--out", r.out).exits(2).says("was signed by " + emailIdentity)
	r.unsigned(t)

	// Of an issuer that nobody knows, only the certificate says whom it names:
	// then all is signed anew.
	hallmark(t).run(append(resume, "--identity-token", token)...).exits(0).says(workflowIdentity)
	trust, err := os.ReadFile(r.trust())
	check(t, err)
	if strings.Contains(string(trust), emailIdentity) || !strings.Contains(string(trust), workflowIdentity) {
		t.Errorf("the trust file names somebody else:\n%s", trust)
	}
	hallmarkVerify(t).run("-t", keylessTrust(t, s.TrustedRoot, services.Issuer.Actions, workflowIdentity), "-a", r.attestations(), r.artifacts[0]).exits(0)
}

func TestQueueOfAnotherKey(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.log.lie(status(http.StatusBadGateway))
	r := newRelease(t)
	keys := make(map[string]string)
	for _, name := range []string{"one", "other"} {
		keys[name] = filepath.Join(r.dir, name+".key")
		hallmark(t).run("key", "generate", "--out", keys[name]).exits(0)
	}
	witnessed := []string{"-f", r.file, "--out", r.out, "--signing-config", s.SigningConfig, "--trusted-root", s.TrustedRoot, "--outage", "queue"}
	hallmark(t).run(append([]string{"release", "--key", keys["one"]}, witnessed...)...).exits(3).says("hallmark attest --resume -f", "--key "+keys["one"])
	hallmark(t).run(append([]string{"attest", "--resume", "--key", keys["other"]}, witnessed...)...).exits(2).says("was signed by another key")
	hallmark(t).run("attest", "--resume", "-f", r.file, "--out", r.out).exits(2).says("was signed by another key")
	r.unsigned(t)
	s.log.honest()
	hallmark(t).run(append([]string{"attest", "--resume", "--key", keys["one"]}, witnessed...)...).exits(0)
	hallmarkVerify(t).run("-t", keyTrust(t, keys["one"]+".pub"), "-a", r.attestations(), r.artifacts[0]).exits(0)
}
