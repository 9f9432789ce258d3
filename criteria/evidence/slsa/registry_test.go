package slsa

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/internal/strict"
)

const (
	npmKeyID  = "SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA"
	npmKey    = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1Olb3zMAFFxXKHiIkQO5cJ3Yhl5i6UPp+IhuteBJbuHcA5UogKo0EWtlWwW6KSaKoTNEYL7JlCQiVnkhBktUgg=="
	npmKey2ID = "SHA256:DhQ8wR5APBvFHLF/+Tc+AYvPOdTpcIDqOhxsBHRwC7U"
	npmKey2   = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEY6Ya7W++7aUPzvMTrezH6Ycx3c+HOKYCcNGybJZSCJq/fd7Qa8uuAKtdIkUQtQiEKERhAmE5lMMJhP8OkDOa2g=="
	expiry    = "2025-01-29T00:00:00.000Z"
)

// keysOf is a registry's answer that lists one key.
func keysOf(t testing.TB, id, key string, expires any) []byte {
	t.Helper()
	return asJSON(t, map[string]any{"keys": []any{map[string]any{
		"keyid": id, "keytype": "ecdsa-sha2-nistp256", "scheme": "ecdsa-sha2-nistp256", "key": key, "expires": expires,
	}}})
}

// held is the same as Sigstore's TUF repository holds it.
func held(t testing.TB, from, until string, usages ...string) []byte {
	t.Helper()
	var keys []any
	for _, u := range usages {
		keys = append(keys, map[string]any{"keyId": npmKeyID, "keyUsage": u, "publicKey": map[string]any{
			"rawBytes": npmKey, "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": map[string]any{"start": from, "end": until},
		}})
	}
	return asJSON(t, map[string]any{"keys": keys})
}

func npmFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(testdata(t, "npm", "gha", "*.tgz.json"))
	if err != nil || len(files) < 9 {
		t.Fatalf("found %d of npm's lists (%v), expected 9 or more", len(files), err)
	}
	return files
}

func readFile(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// problemOf is the problem of the only build in doc, which says nothing else.
func problemOf(t *testing.T, doc, trust, keys []byte) string {
	t.Helper()
	facts, err := Provenance{}.ReadRegistry(bytes.NewReader(doc), trust, keys)
	if err != nil {
		t.Fatal(err)
	}
	if len(facts.Builds.Items) != 1 {
		t.Fatalf("%d builds, want 1", len(facts.Builds.Items))
	}
	b := facts.Builds.Items[0]
	if (b.Signer == nil) != (b.Problem != "") || b.Signer == nil && (b.Builder != "" || b.Repository != "" || !facts.Time.IsZero()) {
		t.Errorf("%+v at %v, want a verified build, or a problem and nothing else", b, facts.Time)
	}
	return b.Problem
}

// What npm really signed is accepted, and what was altered since is not: by the
// keys in both forms that they are handed out in.
func TestReadRegistryReal(t *testing.T) {
	trust := publicGood(t)
	forms := map[string][]byte{
		"npm's answer":   keysOf(t, npmKeyID, npmKey, expiry),
		"without an end": keysOf(t, npmKeyID, npmKey, nil),
		"Sigstore's TUF": held(t, "2022-12-01T00:00:00.000Z", expiry, "npm:signatures", "npm:attestations"),
	}
	for form, keys := range forms {
		t.Run(form, func(t *testing.T) { readAllRegistry(t, trust, keys) })
	}
	t.Run("as they lie in the repository", func(t *testing.T) {
		keys, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "data", "trust", "npm-keys.json"))
		if err != nil {
			t.Skip("the shared data is not here")
		}
		readAllRegistry(t, trust, keys)
	})
}

func readAllRegistry(t *testing.T, trust, keys []byte) {
	t.Helper()
	for _, file := range npmFiles(t) {
		problem := problemOf(t, readFile(t, file), trust, keys)
		want := ""
		switch {
		case strings.Contains(file, "-invalidsigprov"):
			want = "its signature could not be verified"
		case strings.Contains(file, "-invalidsigpub"):
			want = "the registry's publish attestation has a signature that could not be verified"
		}
		if !strings.Contains(problem, want) || (want == "") != (problem == "") {
			t.Errorf("%s: problem %q, want %q", filepath.Base(file), problem, want)
		}
	}
}

// list is npm's answer: of its attestations, in their order, the first is npm's.
type list struct {
	Attestations []map[string]any `json:"attestations"`
}

// bundle is that of npm's word.
func (l list) bundle() map[string]any { return l.Attestations[0]["bundle"].(map[string]any) }

func (l list) material() map[string]any { return l.bundle()["verificationMaterial"].(map[string]any) }
func (l list) envelope() map[string]any { return l.bundle()["dsseEnvelope"].(map[string]any) }

func readList(t *testing.T, file string) list {
	t.Helper()
	var l list
	if err := json.Unmarshal(readFile(t, file), &l); err != nil {
		t.Fatal(err)
	}
	return l
}

// Whatever is amiss with npm's real word, the provenance beside it counts no more.
func TestReadRegistryTampered(t *testing.T) {
	trust := publicGood(t)
	goggles, test := testdata(t, "npm", "gha", "supreme-googles-cli-v02-tag.tgz.json"), testdata(t, "npm", "gha", "provenance-npm-test-cli-v02-prega.tgz.json")
	otherVersion := testdata(t, "npm", "gha", "provenance-npm-test-ossf.tgz.json")
	limited := keysOf(t, npmKeyID, npmKey, expiry)
	endless := keysOf(t, npmKeyID, npmKey, nil)
	of := func(edit func(*list)) []byte {
		l := readList(t, test)
		edit(&l)
		return asJSON(t, l)
	}
	with := func(file string) []byte {
		return of(func(l *list) { l.Attestations[0] = readList(t, file).Attestations[0] })
	}
	unlogged := of(func(l *list) { l.material()["tlogEntries"] = []any{} })
	whole := of(func(*list) {})
	for name, c := range map[string]struct {
		doc, keys []byte
		want      string // empty: verified
	}{
		"whole":                     {whole, limited, ""},
		"the other way round":       {of(func(l *list) { slices.Reverse(l.Attestations) }), limited, ""},
		"another package's beside":  {of(func(l *list) { l.Attestations = append(l.Attestations, readList(t, goggles).Attestations[0]) }), limited, ""},
		"removed":                   {of(func(l *list) { l.Attestations = l.Attestations[1:] }), limited, "does not stand beside it"},
		"another package's":         {with(goggles), limited, "is about other bytes"},
		"another version's":         {with(otherVersion), limited, "is about other bytes"},
		"expired before":            {whole, keysOf(t, npmKeyID, npmKey, "2023-04-01T00:00:00.000Z"), "was signed on 2023-04-20 with the key"},
		"expired that second":       {whole, keysOf(t, npmKeyID, npmKey, "2023-04-20T17:17:21Z"), "which expired on 2023-04-20"},
		"expired a second later":    {whole, keysOf(t, npmKeyID, npmKey, "2023-04-20T17:17:22Z"), ""},
		"a limit of the year one":   {whole, keysOf(t, npmKeyID, npmKey, "0001-01-01T00:00:00Z"), "which expired on 0001-01-01"},
		"not yet":                   {whole, held(t, "2024-01-01T00:00:00Z", expiry, "npm:attestations"), "which counts from 2024-01-01 on"},
		"nobody says when":          {unlogged, limited, "no log entry that verifies says"},
		"nobody says when, endless": {unlogged, endless, ""},
		"another key":               {whole, keysOf(t, npmKey2ID, npmKey2, nil), "is not among the registry's"},
		"another key by that id":    {whole, keysOf(t, npmKeyID, npmKey2, nil), "could not be verified"},
		"another key, unlogged":     {unlogged, keysOf(t, npmKeyID, npmKey2, nil), "could not be verified"},
		"the id of another key":     {of(func(l *list) { l.material()["publicKey"] = map[string]any{"hint": npmKey2ID} }), limited, "is not among the registry's"},
		"a signature of other bytes": {of(func(l *list) {
			l.envelope()["signatures"] = readList(t, goggles).envelope()["signatures"]
		}), endless, "could not be verified"},
		"a log entry of another": {of(func(l *list) {
			l.material()["tlogEntries"] = readList(t, goggles).material()["tlogEntries"]
		}), limited, "could not be verified"},
		"a payload about another tarball": {of(func(l *list) {
			e := l.envelope()
			p, err := base64.StdEncoding.DecodeString(e["payload"].(string))
			if err != nil || !bytes.Contains(p, []byte(`"sha512":"f`)) {
				t.Fatalf("the payload is %s (%v)", p, err)
			}
			e["payload"] = base64.StdEncoding.EncodeToString(bytes.Replace(p, []byte(`"sha512":"f`), []byte(`"sha512":"e`), 1))
		}), endless, "could not be verified"},
	} {
		if problem := problemOf(t, c.doc, trust, c.keys); !strings.Contains(problem, c.want) || (c.want == "") != (problem == "") {
			t.Errorf("%s: problem %q, want %q", name, problem, c.want)
		}
	}
	// The list's own predicateType is nobody's word.
	renamed := of(func(l *list) {
		l.Attestations[0] = map[string]any{"predicateType": publishType, "bundle": l.Attestations[1]["bundle"]}
	})
	facts, err := Provenance{}.ReadRegistry(bytes.NewReader(renamed), trust, limited)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range facts.Builds.Items {
		if b.Signer != nil || !strings.Contains(b.Problem, "does not stand beside it") {
			t.Errorf("provenance under npm's predicate type: %+v, want no signer", b)
		}
	}
}

// packaged is a statement about one package.
func packaged(purl, digest, predicateType, predicate string) []byte {
	return []byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"` + purl + `","digest":{` + digest + `}}],"predicateType":"` + predicateType + `","predicate":` + predicate + `}`)
}

// A registry that signs soundly about something else says nothing of this.
func TestReadRegistryOther(t *testing.T) {
	trust, builder := somebody(t)
	public, npm := somebody(t)
	block, _ := pem.Decode(public)
	key := base64.StdEncoding.EncodeToString(block.Bytes)
	keys := keysOf(t, "npm", key, nil)
	in := func(payload []byte, hint string, by *ecdsa.PrivateKey) map[string]any {
		return map[string]any{"bundle": map[string]any{
			"mediaType":            "application/vnd.dev.sigstore.bundle.v0.3+json",
			"verificationMaterial": map[string]any{"publicKey": map[string]any{"hint": hint}},
			"dsseEnvelope":         envelope(t, payloadType, payload, by),
		}}
	}
	const (
		purl  = "pkg:npm/%40acme/widget@1.2.3"
		named = `{"name":"@acme/widget","version":"1.2.3","registry":"https://registry.example"}`
		built = `{"buildDefinition":{"buildType":"https://b.example/t"},"runDetails":{"builder":{"id":"https://b.example"}}}`
	)
	sha512, other := `"sha512":"`+strings.Repeat("ab", 64)+`"`, `"sha512":"`+strings.Repeat("cd", 64)+`"`
	sha256 := `"sha256":"` + widget + `"`
	const slsa = "https://slsa.dev/provenance/v1"
	provenance := packaged(purl, sha512, slsa, built)
	publish := packaged(purl, sha512, publishType, named)
	two := func(p []byte) []byte {
		return bytes.Replace(p, []byte(`"subject":[`), []byte(`"subject":[{"name":"x","digest":{`+sha256+`}},`), 1)
	}
	for name, c := range map[string]struct {
		provenance, publish []byte
		want                string
	}{
		"the same":                       {provenance, publish, ""},
		"an unscoped name":               {packaged("pkg:npm/widget@1", sha512, slsa, built), packaged("pkg:npm/widget@1", sha512, publishType, `{"name":"widget","version":"1"}`), ""},
		"another tarball":                {provenance, packaged(purl, other, publishType, named), "is about other bytes"},
		"another version":                {provenance, packaged("pkg:npm/%40acme/widget@1.2.4", sha512, publishType, strings.Replace(named, "1.2.3", "1.2.4", 1)), "is about pkg:npm/%40acme/widget@1.2.4, and the provenance about pkg:npm/%40acme/widget@1.2.3"},
		"another version in it":          {provenance, packaged(purl, sha512, publishType, strings.Replace(named, "1.2.3", "1.2.4", 1)), "says that it is about pkg:npm/%40acme/widget@1.2.4"},
		"another name in it":             {provenance, packaged(purl, sha512, publishType, strings.Replace(named, "widget", "gadget", 1)), "says that it is about pkg:npm/%40acme/gadget@1.2.3"},
		"no name in it":                  {provenance, packaged(purl, sha512, publishType, `{"version":"1.2.3"}`), "does not say which package"},
		"no predicate that can be read":  {provenance, packaged(purl, sha512, publishType, `[]`), "has a predicate that cannot be read"},
		"two subjects published":         {provenance, two(publish), "is not about one subject"},
		"two subjects built":             {two(provenance), publish, "it is about 2 subjects"},
		"a digest more that was built":   {packaged(purl, sha512+","+sha256, slsa, built), publish, "by a SHA-512 alone"},
		"a digest more, published":       {provenance, packaged(purl, sha512+","+sha256, publishType, named), "is not about one subject with a SHA-512"},
		"built by its SHA-256":           {packaged(purl, sha256, slsa, built), publish, "by a SHA-512 alone"},
		"provenance of another package":  {packaged("pkg:npm/gadget@1", sha512, slsa, built), publish, "and the provenance about pkg:npm/gadget@1"},
		"a publish of another type only": {provenance, packaged(purl, sha512, publishType+"/", named), "does not stand beside it"},
	} {
		doc := asJSON(t, map[string]any{"attestations": []any{in(c.publish, "npm", npm), in(c.provenance, "b", builder)}})
		if problem := problemOf(t, doc, trust, keys); !strings.Contains(problem, c.want) || (c.want == "") != (problem == "") {
			t.Errorf("%s: problem %q, want %q", name, problem, c.want)
		}
		// Nobody asked for the registry's word: the provenance alone decides.
		if problem := problemOf(t, doc, trust, nil); problem != "" {
			t.Errorf("%s, not asked for: problem %q, want none", name, problem)
		}
	}
	for name, c := range map[string]struct {
		doc  any
		keys []byte
		want string
	}{
		"signed by the builder":    {in(publish, "npm", builder), keys, "could not be verified"},
		"signed by an unknown":     {in(publish, "b", builder), keys, `names the key "b"`},
		"a key that ends":          {in(publish, "npm", npm), keysOf(t, "npm", key, "2999-01-01T00:00:00Z"), "no log entry that verifies"},
		"an envelope signed twice": {envelope(t, payloadType, publish, npm, builder), keys, "it has 2 signatures"},
	} {
		lines := slices.Concat(asJSON(t, bundleOf(c.doc)), []byte("\n"), asJSON(t, bundleOf(in(provenance, "b", builder))))
		if problem := problemOf(t, lines, trust, c.keys); !strings.Contains(problem, c.want) {
			t.Errorf("%s: problem %q, want %q", name, problem, c.want)
		}
	}
}

func bundleOf(doc any) any {
	if held, ok := doc.(map[string]any)["bundle"]; ok {
		return held
	}
	return doc
}

func TestNewRegistry(t *testing.T) {
	der, err := base64.StdEncoding.DecodeString(npmKey)
	if err != nil {
		t.Fatal(err)
	}
	short := base64.StdEncoding.EncodeToString(der[:40])
	private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	longer, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	p384 := base64.StdEncoding.EncodeToString(longer)
	one := string(keysOf(t, "a", npmKey, nil))
	for text, want := range map[string]string{
		``:                                     "holds no JSON document",
		`{}`:                                   "list no key for attestations",
		`{"keys":[]}`:                          "list no key for attestations",
		`{"keys":[{}]}`:                        "without an id",
		`{"keys":7}`:                           "keys",
		string(keysOf(t, "a", "?", nil)):       "not in base64",
		string(keysOf(t, "a", short, nil)):     "cannot be read",
		string(keysOf(t, "a", p384, nil)):      "no key on the curve P-256",
		string(keysOf(t, "a", npmKey, "soon")): "expires",
		string(keysOf(t, "a", npmKey, 7)):      "expires",
		strings.ReplaceAll(one, `"scheme":"ecdsa-sha2-nistp256"`, `"scheme":"rsa"`):   `of kind "rsa"`,
		`{"keys":[` + one[len(`{"keys":[`):len(one)-2] + "," + one[len(`{"keys":[`):]: "twice",
		string(held(t, expiry, expiry, "npm:signatures")):                             "list no key for attestations",
	} {
		if _, err := newRegistry([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("newRegistry(%s) = %v, want an error with %q", text, err, want)
		}
	}
	doc := readFile(t, testdata(t, "npm", "gha", "provenance-npm-test-ossf.tgz.json"))
	if _, err := (Provenance{}).ReadRegistry(bytes.NewReader(doc), publicGood(t), []byte("{}")); err == nil || !strings.Contains(err.Error(), "registryKeys") {
		t.Errorf("ReadRegistry with no keys in the file = %v, want an error that names registryKeys", err)
	}
}

// Whatever the keys are, the build is verified by npm's own or not at all.
func FuzzReadRegistry(f *testing.F) {
	trust := publicGood(f)
	doc := readFile(f, testdata(f, "npm", "gha", "provenance-npm-test-ossf.tgz.json"))
	f.Add(keysOf(f, npmKeyID, npmKey, expiry))
	f.Add(keysOf(f, npmKeyID, npmKey2, nil))
	f.Add(held(f, "2022-12-01T00:00:00.000Z", expiry, "npm:signatures", "npm:attestations"))
	f.Add([]byte(`{"keys":[{"keyid":"a","expires":null}]}`))
	f.Fuzz(func(t *testing.T, keys []byte) {
		if len(keys) == 0 {
			return
		}
		facts, err := Provenance{}.ReadRegistry(bytes.NewReader(doc), trust, keys)
		if err != nil {
			return
		}
		var list struct {
			Keys []struct {
				Key    string `json:"key"`
				Public *struct {
					Bytes string `json:"rawBytes"`
				} `json:"publicKey"`
			} `json:"keys"`
		}
		if err := strict.JSON(keys, &list); err != nil {
			t.Fatalf("keys that were read cannot be: %v", err)
		}
		der, err := base64.StdEncoding.DecodeString(npmKey)
		if err != nil {
			t.Fatal(err)
		}
		listed := false
		for _, k := range list.Keys {
			encoded := k.Key
			if k.Public != nil {
				encoded = k.Public.Bytes
			}
			have, err := base64.StdEncoding.DecodeString(encoded)
			listed = listed || err == nil && bytes.Equal(have, der)
		}
		if b := facts.Builds.Items[0]; b.Signer != nil && !listed {
			t.Errorf("verified by keys %s, among which npm's is not", keys)
		}
	})
}
