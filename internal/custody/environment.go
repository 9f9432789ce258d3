package custody

import (
	"os"
	"strings"
)

// Enter is the first thing that a program does that may hold secrets. From then
// on the process writes no core dumps and other processes of the same user
// cannot read its memory, as far as the system knows how, and secrets are out
// of its environment, so that no program it starts inherits any: git,
// credential helpers, plug-ins.
//
// It returns what replaces [os.Getenv]: the environment with the secrets.
func Enter() func(name string) string {
	guard()
	return withdraw()
}

func withdraw() func(name string) string {
	held := make(map[string]string)
	for _, entry := range os.Environ() {
		if name, value, ok := strings.Cut(entry, "="); ok && Secret(name) {
			held[name] = value
			os.Unsetenv(name)
		}
	}
	return func(name string) string {
		if value, ok := held[name]; ok {
			return value
		}
		return os.Getenv(name)
	}
}

// Secret reports whether the environment variable name holds a secret that is
// hallmark's, or a key service's, and nobody else's. Those of clouds, forges
// and registries are not among them: credential helpers need them.
func Secret(name string) bool {
	switch name {
	case "COSIGN_PASSWORD",
		// Whoever has one of these signs with our name.
		"SIGSTORE_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
		"PKCS11_PIN", "SIGSTORE_KMS_PKCS11_PIN",
		"VAULT_TOKEN", "BAO_TOKEN":
		return true
	}
	return strings.HasPrefix(name, "HALLMARK_") && Secretive(name)
}

// Secretive reports whether a variable called name sounds as if it held a
// secret, whosoever it is: its value is not for people to see.
func Secretive(name string) bool {
	name = strings.ToUpper(name)
	for _, word := range []string{"PASSWORD", "PASSPHRASE", "PASSWD", "TOKEN", "SECRET", "CREDENTIAL", "PRIVATE", "APIKEY", "API_KEY"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return strings.HasSuffix(name, "PIN")
}
