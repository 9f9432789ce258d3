package kms

import (
	"os"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/internal/custody"
)

// environment is what the plug-in of a service is started with: the process's
// environment without what is secret, and the service's own secrets.
func environment(name string, get func(string) string) []string {
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return custody.Secret(name)
	})
	for _, s := range services() {
		if s.name != name {
			continue
		}
		for _, secret := range s.secrets {
			if v := get(secret); v != "" {
				env = append(env, secret+"="+v)
			}
		}
	}
	return env
}

// How long a value must be to be hidden wherever it turns up: shorter ones turn
// up by chance. A PIN is short, and a variable that only sounds secret may hold
// a common word.
const (
	minSecret   = 4
	minSounding = 8
)

// secrets returns the values in env that nobody is to see, the longest first.
func secrets(env []string) []string {
	var values []string
	for _, entry := range env {
		name, v, _ := strings.Cut(entry, "=")
		if custody.Secret(name) && len(v) >= minSecret || custody.Secretive(name) && len(v) >= minSounding {
			values = append(values, v)
		}
	}
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(values)
}
