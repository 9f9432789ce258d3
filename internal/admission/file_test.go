package admission

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every fault is found, with its place.
func TestFileFaults(t *testing.T) {
	const good = "policies:\n  - name: shop\n    trust: [shop.yaml]\n"
	if f, err := ParseFile("admission.yaml", []byte(good)); err != nil || f.Unmatched != DenyUnmatched || f.Policies[0].Mode != Enforce || f.BreakGlass.Annotation != DefaultAnnotation {
		t.Fatalf("ParseFile = %+v, %v, want the strictest", f, err)
	}
	for yaml, want := range map[string]string{
		"":                                    "is empty",
		"{}":                                  "1:1: policies is missing",
		"policies: []\n":                      "policies is missing",
		"policies: x\n":                       "1:11: expected a list",
		good + "unmached: x":                  `4:1: unknown key "unmached": did you mean "unmatched"?`,
		good + "unmatched: permit\n":          `4:12: "permit": expected deny, warn or allow`,
		good + "exemptNamespaces: [kube-*]\n": `4:20: "kube-*" is no namespace`,
		good + "exemptNamespaces: [a, a]\n":   "namespace a stands twice",
		good + "registries: {allowedAddresses: [10.0.0.1/8]}\n":                                                                    "the network is 10.0.0.0/8",
		good + "registries: {allowedAddresses: [registry.internal]}\n":                                                             "expected an address",
		good + "registries: {allowedAddresses: [\"fe80::1%eth0\"]}\n":                                                              "expected an address",
		good + "breakGlass: {annotation: a/b}\n":                                                                                   "groups is missing",
		good + "breakGlass: {controllers: [\"system:serviceaccount:a:b\"]}\n":                                                      "groups is missing",
		good + "breakGlass: {groups: [\"system:authenticated\"]}\n":                                                                "everybody is a member of system:authenticated",
		good + "breakGlass: {groups: [\"system:serviceaccounts:default\"]}\n":                                                      "everybody is a member",
		good + "breakGlass: {groups: [a], controllers: [ada]}\n":                                                                   `"ada" is no controller`,
		good + "breakGlass: {groups: [a], annotation: \"a b\"}\n":                                                                  "is no annotation's key",
		good + "  - name: shop\n    trust: [a]\n":                                                                                  "4:11: two policies are called shop",
		good + "  - name: Shop\n    trust: [a]\n":                                                                                  `"Shop" is no name`,
		good + "  - name: unmatched\n    trust: [a]\n":                                                                             `"unmatched" is no name`,
		good + "  - trust: [a]\n":                                                                                                  "4:5: name is missing",
		good + "  - name: a\n":                                                                                                     "trust is missing",
		good + "  - name: a\n    trust: [a, a]\n":                                                                                  "trust file a stands twice",
		good + "  - name: a\n    trust: [../a]\n":                                                                                  "leads out of the trust directory",
		good + "  - name: a\n    trust: [\"\"]\n":                                                                                  "expected the name of a file",
		good + "  - name: a\n    trust: [a]\n    mode: on\n":                                                                       `"on" is no mode`,
		good + "  - name: a\n    trust: [a]\n    failOpen: [\"*\"]\n":                                                              `"*" is no namespace`,
		good + "  - name: a\n    trust: [a]\n    bundles: {folder: a, layout: b}\n":                                                "not in both",
		good + "  - name: a\n    trust: [a]\n    match: {namespaces: [A]}\n":                                                       "in which * stands",
		good + "  - name: a\n    trust: [a]\n    match: {images: [nginx]}\n":                                                       "names no registry",
		good + "  - name: a\n    trust: [a]\n    match: {images: [team/app]}\n":                                                    "names no registry",
		good + "  - name: a\n    trust: [a]\n    match: {images: [\"*/app\"]}\n":                                                   "names no registry",
		good + "  - name: a\n    trust: [a]\n    match: {images: [\"*.com/app\"]}\n":                                               "leaves nearly every registry open",
		good + "  - name: a\n    trust: [a]\n    match: {images: [\"registry*.example/app\"]}\n":                                   "a star in the registry",
		good + "  - name: a\n    trust: [a]\n    match: {images: [\"r.example/app:1\"]}\n":                                         "has a tag or a digest",
		good + "  - name: a\n    trust: [a]\n    match: {images: [\"r.example/app@sha256:1\"]}\n":                                  "has a tag or a digest",
		good + "  - name: a\n    trust: [a]\n    match: {images: [\"r.example/App\"]}\n":                                           "or capitals",
		good + "  - name: a\n    trust: [a]\n    match: {labels: {matchExpressions: [{key: a, operator: in, values: [b]}]}}\n":     `"in" is no operator`,
		good + "  - name: a\n    trust: [a]\n    match: {labels: {matchExpressions: [{key: a, operator: In}]}}\n":                  "values is missing",
		good + "  - name: a\n    trust: [a]\n    match: {labels: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}\n": "compares with no values",
		good + "  - name: a\n    trust: [a]\n    match: {labels: {matchExpressions: [{operator: Exists}]}}\n":                      "key is missing",
	} {
		if _, err := ParseFile("admission.yaml", []byte(yaml)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseFile(%q) = %v, want %q", yaml, err, want)
		}
	}
}

func TestImagePatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, image string
		want           bool
	}{
		{"**", "nginx", true},
		{"docker.io/library/*", "nginx", true},
		{"docker.io/library/*", "docker.io/nginx:1", true},
		{"docker.io/library/*", "index.docker.io/library/nginx:1", true},
		{"docker.io/library/*", "team/app:1", false},
		{"docker.io/team/*", "team/app:1", true},
		{"docker.io/*", "team/app:1", false},
		{"registry.example/shop/*", "registry.example/shop/app:1", true},
		{"registry.example/shop/*", "Registry.Example/shop/app:1", true},
		{"registry.example/shop/*", "registry.example/shop/a/b:1", false},
		{"registry.example/shop/**", "registry.example/shop/a/b:1", true},
		{"registry.example/shop/**", "registry.example/shopping/a:1", false},
		{"registry.example/shop/**", "registry.example.evil/shop/a:1", false},
		{"registry.example/shop/**", "evil.example/registry.example/shop/a:1", false},
		{"registry.example/shop/**", "registry.example:5000/shop/a:1", false},
		{"registry.example:5000/shop/**", "registry.example:5000/shop/a:1", true},
		{"*.registry.example/**", "eu.registry.example/a:1", true},
		{"*.registry.example/**", "registry.example/a:1", false},
		{"*.registry.example/**", "evil.example/x.registry.example/a:1", false},
		{"localhost:5000/a.b/c", "localhost:5000/a.b/c", true},
		{"localhost:5000/a.b/c", "localhost:5000/axb/c", false},
	} {
		p, err := newImagePattern(c.pattern)
		if err != nil {
			t.Errorf("newImagePattern(%q) = %v", c.pattern, err)
			continue
		}
		ref, err := parseImage(c.image)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.MatchString(called(ref)); got != c.want {
			t.Errorf("%s matches %s (%s): %t, want %t", c.pattern, c.image, called(ref), got, c.want)
		}
	}
}

// A trust file, a trusted root or a key that cannot be used is an error when it
// is loaded, and says where.
func TestTrustDirectoryFaults(t *testing.T) {
	w := newWorld(t)
	trust, err := os.ReadFile(filepath.Join(w.dir, "trust.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	keyless := "verifier: a\nresource: b\nlevel: basic\nmaxAge: 1d\nsigners:\n  - issuer: https://i.example\n    identity: a@b.example\n    trustedRoot: "
	for content, want := range map[string]string{
		"":                                  "policy shop: trust file trust.yaml: ",
		"verifier: a\n":                     "resource is missing",
		string(trust) + "leval: basic\n":    `unknown key "leval"`,
		keyless + "absent.json\n":           "absent.json",
		keyless + "admission.yaml\n":        "reading the trusted root",
		keyless + "tuf:https://t.example\n": "nobody here keeps tuf:https://t.example",
	} {
		w.write("trust.yaml", content)
		if s, err := New(w.options()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New with %q = %v, %v, want %q", content, s, err, want)
		}
	}
	w.write("trust.yaml", keyless+"public-good\n")
	if _, err := New(w.options()); err != nil {
		t.Errorf("New with the public root = %v", err)
	}
}
