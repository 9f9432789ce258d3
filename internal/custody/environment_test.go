package custody

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// A program that was started inherits nothing secret, and whatever reads a
// secret by name still finds it.
func TestWithdraw(t *testing.T) {
	secrets := []string{"HALLMARK_PASSWORD", "HALLMARK_REGISTRY_TOKEN", "COSIGN_PASSWORD", "SIGSTORE_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "PKCS11_PIN", "SIGSTORE_KMS_PKCS11_PIN", "VAULT_TOKEN"}
	others := []string{"HALLMARK_KEY", "HALLMARK_TRUST", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "PKCS11_MODULE_PATH", "ACTIONS_ID_TOKEN_REQUEST_URL"}
	for _, name := range slices.Concat(secrets, others) {
		t.Setenv(name, "value of "+name)
	}
	get := withdraw()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestPrintEnvironment$", "-test.v")
	cmd.Env = append(os.Environ(), "PRINT_ENVIRONMENT=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range secrets {
		if strings.Contains(string(out), name+"=") {
			t.Errorf("a program that was started has %s", name)
		}
		if _, ok := os.LookupEnv(name); ok {
			t.Errorf("%s is still in the environment", name)
		}
	}
	for _, name := range others {
		if !strings.Contains(string(out), name+"=value of "+name+"\n") {
			t.Errorf("a program that was started has no %s", name)
		}
	}
	for _, name := range slices.Concat(secrets, others) {
		if got, want := get(name), "value of "+name; got != want {
			t.Errorf("get(%s) = %q, want %q", name, got, want)
		}
	}
	if got := get("HALLMARK_UNHEARD_OF_TOKEN"); got != "" {
		t.Errorf("get() of what is not set = %q", got)
	}
}

func TestPrintEnvironment(t *testing.T) {
	if os.Getenv("PRINT_ENVIRONMENT") == "" {
		t.Skip("only what TestWithdraw starts prints")
	}
	for _, entry := range os.Environ() {
		os.Stdout.WriteString(entry + "\n")
	}
}

func TestSecretive(t *testing.T) {
	for name, want := range map[string]bool{
		"AWS_SECRET_ACCESS_KEY": true, "AWS_SESSION_TOKEN": true, "azure_client_secret": true, "VAULT_TOKEN": true,
		"PKCS11_PIN": true, "COSIGN_PASSWORD": true, "DIGICERT_API_KEY": true, "GOOGLE_APPLICATION_CREDENTIALS": true,
		"HOME": false, "PATH": false, "AWS_REGION": false, "VAULT_ADDR": false, "SOFTHSM2_CONF": false, "HALLMARK_KEY": false, "PINENTRY_USER_DATA": false,
	} {
		if got := Secretive(name); got != want {
			t.Errorf("Secretive(%q) = %v, want %v", name, got, want)
		}
	}
}
