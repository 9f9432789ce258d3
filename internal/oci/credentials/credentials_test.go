package credentials_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/internal/oci/credentials"
)

// shown is a credential as tests compare it: its own text hides what it is.
func shown(c oci.Credential) string {
	return strings.Join([]string{c.Username, c.Password, c.IdentityToken, c.RegistryToken}, "|")
}

func auth(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

// write makes files in a new folder and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func one(key, user string) string {
	return fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, key, auth(user, "pw-"+user))
}

func TestFiles(t *testing.T) {
	for _, tt := range []struct {
		name, config, registry, repository, want string
	}{
		{"exact", one("registry.example", "a"), "registry.example", "team/app", "a|pw-a||"},
		{"other_registry", one("registry.example", "a"), "other.example", "team/app", "|||"},
		{"part_of_a_name", one("registry.example", "a"), "evil-registry.example", "team/app", "|||"},
		{"longer_name", one("registry.example", "a"), "registry.example.evil", "team/app", "|||"},
		{"port", one("registry.example:5000", "a"), "registry.example:5000", "team/app", "a|pw-a||"},
		{"other_port", one("registry.example:5000", "a"), "registry.example", "team/app", "|||"},
		{"port_of_tls", one("registry.example:443", "a"), "registry.example", "team/app", "a|pw-a||"},
		{"scheme_and_version", one("https://registry.example/v2/", "a"), "registry.example", "team/app", "a|pw-a||"},
		{"capitals", one("Registry.Example", "a"), "registry.example", "team/app", "a|pw-a||"},
		{"hub", one("https://index.docker.io/v1/", "a"), "index.docker.io", "library/alpine", "a|pw-a||"},
		{"repository", one("registry.example/team", "a"), "registry.example", "team/app", "a|pw-a||"},
		{"other_repository", one("registry.example/team", "a"), "registry.example", "teams/app", "|||"},
		{"closest", `{"auths":{"registry.example":{"auth":"` + auth("a", "pw") + `"},"registry.example/team/app":{"auth":"` + auth("c", "pw") + `"},"registry.example/team":{"auth":"` + auth("b", "pw") + `"}}}`, "registry.example", "team/app", "c|pw||"},
		{"star", one("*.example", "a"), "registry.example", "team/app", "a|pw-a||"},
		{"star_is_one_label", one("*.example", "a"), "a.b.example", "team/app", "|||"},
		{"star_for_all", one("*", "a"), "localhost", "team/app", "|||"},
		{"star_at_the_end", one("registry.*", "a"), "registry.example", "team/app", "|||"},
		{"password_with_colons", `{"auths":{"r.example":{"auth":"` + auth("a", "p:w:") + `"}}}`, "r.example", "x", "a|p:w:||"},
		{"unpadded", `{"auths":{"r.example":{"auth":"` + strings.TrimRight(auth("ab", "cd"), "=") + `"}}}`, "r.example", "x", "ab|cd||"},
		{"plain", `{"auths":{"r.example":{"username":"a","password":"b"}}}`, "r.example", "x", "a|b||"},
		{"identity_token", `{"auths":{"r.example":{"auth":"` + auth("a", "") + `","identitytoken":"t"}}}`, "r.example", "x", "a||t|"},
		{"token_as_user", `{"auths":{"r.example":{"auth":"` + auth("<token>", "t") + `"}}}`, "r.example", "x", "||t|"},
		{"registry_token", `{"auths":{"r.example":{"registrytoken":"t"}}}`, "r.example", "x", "|||t"},
		{"empty_entry", `{"auths":{"r.example":{}}}`, "r.example", "x", "|||"},
		{"other_keys", `{"HttpHeaders":{"User-Agent":"x"},"auths":null,"psFormat":"x"}`, "r.example", "x", "|||"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := write(t, map[string]string{"config.json": tt.config})
			c := credentials.New(credentials.Options{Env: env("DOCKER_CONFIG", dir)})
			got, err := c.For(context.Background(), tt.registry, tt.repository)
			if err != nil || shown(got) != tt.want {
				t.Errorf("For(%s, %s) = %s, %v, want %s", tt.registry, tt.repository, shown(got), err, tt.want)
			}
		})
	}
}

// env answers for pairs of name and value.
func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// Each place counts before those after it, and where it knows nothing, those
// after it are asked.
func TestPlaces(t *testing.T) {
	place := func(user string) string { return one("r.example", user) }
	dir := write(t, map[string]string{
		"secret/.dockerconfigjson":          place("secret"),
		"legacy/.dockercfg":                 `{"r.example":{"auth":"` + auth("legacy", "pw-legacy") + `"}}`,
		"auth.json":                         place("authfile"),
		"docker/config.json":                place("docker"),
		"run/containers/auth.json":          place("run"),
		"config/containers/auth.json":       place("config"),
		"home/.docker/config.json":          place("homedocker"),
		"home/.config/containers/auth.json": place("homeconfig"),
		"nothing/config.json":               one("other.example", "x"),
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	all := []string{
		"HALLMARK_REGISTRY", "r.example", "HALLMARK_REGISTRY_USERNAME", "env", "HALLMARK_REGISTRY_PASSWORD", "pw-env",
		"REGISTRY_AUTH_FILE", at("auth.json"), "DOCKER_CONFIG", at("docker"), "XDG_RUNTIME_DIR", at("run"), "XDG_CONFIG_HOME", at("config"),
	}
	for _, tt := range []struct {
		name    string
		secrets []string
		env     []string
		home    string
		want    string
	}{
		{"environment", []string{at("secret")}, all, at("home"), "env"},
		{"pull_secret", []string{at("secret"), at("legacy")}, all[6:], at("home"), "secret"},
		{"pull_secret_as_a_file", []string{at("legacy/.dockercfg")}, all[6:], at("home"), "legacy"},
		{"legacy_pull_secret", []string{at("nothing"), at("legacy")}, all[6:], at("home"), "legacy"},
		{"auth_file", nil, all[6:], at("home"), "authfile"},
		{"docker", nil, all[8:], at("home"), "docker"},
		{"podman_of_the_session", nil, []string{"DOCKER_CONFIG", at("nothing"), "XDG_RUNTIME_DIR", at("run"), "XDG_CONFIG_HOME", at("config")}, at("home"), "run"},
		{"podman", nil, []string{"DOCKER_CONFIG", at("absent"), "XDG_CONFIG_HOME", at("config")}, at("home"), "config"},
		{"home", nil, nil, at("home"), "homedocker"},
		{"home_of_podman", nil, []string{"DOCKER_CONFIG", at("absent")}, at("home"), "homeconfig"},
		{"nowhere", nil, nil, "", ""},
	} {
		c := credentials.New(credentials.Options{Env: env(tt.env...), Home: tt.home, PullSecrets: tt.secrets})
		got, err := c.For(context.Background(), "r.example", "app")
		if err != nil || got.Username != tt.want || tt.want != "" && got.Password != "pw-"+tt.want {
			t.Errorf("%s: For = %s, %v, want %s", tt.name, shown(got), err, tt.want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  []string
		want string // or the error
		err  string
	}{
		{name: "token", env: []string{"HALLMARK_REGISTRY", "r.example", "HALLMARK_REGISTRY_TOKEN", "t"}, want: "|||t"},
		{name: "another_registry's", env: []string{"HALLMARK_REGISTRY", "other.example", "HALLMARK_REGISTRY_TOKEN", "t"}, want: "|||"},
		{name: "another_repository's", env: []string{"HALLMARK_REGISTRY", "r.example/other", "HALLMARK_REGISTRY_TOKEN", "t"}, want: "|||"},
		{name: "its_repository's", env: []string{"HALLMARK_REGISTRY", "r.example/team", "HALLMARK_REGISTRY_TOKEN", "t"}, want: "|||t"},
		{name: "registry_alone", env: []string{"HALLMARK_REGISTRY", "r.example"}, want: "|||"},
		{name: "no_registry", env: []string{"HALLMARK_REGISTRY_TOKEN", "s3cret"}, err: "HALLMARK_REGISTRY is missing"},
		{name: "both", env: []string{"HALLMARK_REGISTRY", "r.example", "HALLMARK_REGISTRY_TOKEN", "s3cret", "HALLMARK_REGISTRY_PASSWORD", "s3cret"}, err: "cannot be given together"},
		{name: "no_user", env: []string{"HALLMARK_REGISTRY", "r.example", "HALLMARK_REGISTRY_PASSWORD", "s3cret"}, err: "needs HALLMARK_REGISTRY_USERNAME"},
		{name: "token_with_user", env: []string{"HALLMARK_REGISTRY", "r.example", "HALLMARK_REGISTRY_USERNAME", "a", "HALLMARK_REGISTRY_TOKEN", "s3cret"}, err: "HALLMARK_REGISTRY_PASSWORD"},
	} {
		got, err := credentials.New(credentials.Options{Env: env(tt.env...)}).For(context.Background(), "r.example", "team/app")
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: For = %v, want an error with %q and no secret", tt.name, err, tt.err)
			}
			continue
		}
		if err != nil || shown(got) != tt.want {
			t.Errorf("%s: For = %s, %v, want %s", tt.name, shown(got), err, tt.want)
		}
	}
}

// What is there and cannot be read is no absence, and what is said of it holds
// nothing of it.
func TestUnreadable(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON":         `{"auths":{"r.example":{"password":"s3cret`,
		"half a surrogate": `{"auths":{"r.example":{"password":"s3cret\ud800"}}}`,
		"other type":       `{"auths":{"r.example":{"password":["s3cret"]}}}`,
		"twice":            `{"auths":{"r.example":{"password":"s3cret","password":"s3cret"}}}`,
		"no base64":        `{"auths":{"r.example":{"auth":"s3cret!"}}}`,
		"no colon":         `{"auths":{"r.example":{"auth":"` + base64.StdEncoding.EncodeToString([]byte("s3cret")) + `"}}}`,
		"helper":           `{"credsStore":"desktop"}`,
		"empty":            "",
	} {
		dir := write(t, map[string]string{"config.json": text})
		got, err := credentials.New(credentials.Options{Env: env("DOCKER_CONFIG", dir)}).For(context.Background(), "r.example", "app")
		if err == nil || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), base64.StdEncoding.EncodeToString([]byte("s3cret"))) {
			t.Errorf("%s: For = %s, %v, want an error without the secret", name, shown(got), err)
		}
	}
	dir := write(t, map[string]string{"empty/x": ""})
	for _, o := range []credentials.Options{
		{PullSecrets: []string{filepath.Join(dir, "absent")}},
		{PullSecrets: []string{filepath.Join(dir, "empty")}},
		{Env: env("REGISTRY_AUTH_FILE", filepath.Join(dir, "absent"))},
	} {
		if got, err := credentials.New(o).For(context.Background(), "r.example", "app"); err == nil {
			t.Errorf("For(%v) = %s, want an error: what is named must be there", o.PullSecrets, shown(got))
		}
	}
}

// A helper is asked for the registry it is configured for, and under Docker
// Hub's old name.
func TestHelpers(t *testing.T) {
	type asked struct{ Name, Server string }
	config := `{"credsStore":"store","credHelpers":{"r.example":"special"},"auths":{"file.example":{"auth":"` + auth("file", "pw") + `"}}}`
	dir := write(t, map[string]string{"config.json": config})
	var got []asked
	c := credentials.New(credentials.Options{Env: env("DOCKER_CONFIG", dir), Helper: func(_ context.Context, name, server string) (oci.Credential, error) {
		got = append(got, asked{name, server})
		if server == "bad.example" {
			return oci.Credential{}, errors.New("locked")
		}
		if server == "file.example" {
			return oci.Credential{}, nil
		}
		return oci.Credential{Username: name, Password: "x"}, nil
	}})
	for _, tt := range []struct{ registry, want string }{
		{"r.example", "special"}, {"index.docker.io", "store"}, {"file.example", "file"},
	} {
		found, err := c.For(context.Background(), tt.registry, "app")
		if err != nil || found.Username != tt.want {
			t.Errorf("For(%s) = %s, %v, want %s", tt.registry, shown(found), err, tt.want)
		}
	}
	if found, err := c.For(context.Background(), "bad.example", "app"); err == nil {
		t.Errorf("For(bad.example) = %s, want the helper's error", shown(found))
	}
	want := []asked{{"special", "r.example"}, {"store", "https://index.docker.io/v1/"}, {"store", "file.example"}, {"store", "bad.example"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// A credential that slips into a message shows nothing.
func TestCredentialHides(t *testing.T) {
	c := oci.Credential{Username: "u", Password: "s3cret", IdentityToken: "s3cret", RegistryToken: "s3cret"}
	for _, format := range []string{"%s", "%v", "%+v", "%#v", "%q"} {
		if got := fmt.Sprintf(format, c); strings.Contains(got, "s3cret") {
			t.Errorf("Sprintf(%q) = %s", format, got)
		}
	}
}
