package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func TestParse(t *testing.T) {
	raw := jwtOf(`{"iss":"https://issuer.example","sub":"1234","aud":["sigstore","other"],"exp":1893456000.5,"nbf":1600000000,"email":"alice@example.com","email_verified":"true","new":{"claim":[1]}}`)
	got, err := Parse("\n" + raw + " \r\n")
	if err != nil {
		t.Fatal(err)
	}
	if got.Raw() != raw {
		t.Errorf("Raw() = %q, want %q", got.Raw(), raw)
	}
	type view struct {
		Issuer, Subject, Email, Identity string
		Audience                         []string
		Expires                          time.Time
	}
	want := view{"https://issuer.example", "1234", "alice@example.com", "alice@example.com", []string{"sigstore", "other"}, time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff(want, view{got.Issuer(), got.Subject(), got.Email(), got.Identity(), got.Audience(), got.Expires()}); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
	if err := got.Valid(time.Date(2029, 12, 31, 0, 0, 0, 0, time.UTC), "sigstore"); err != nil {
		t.Errorf("Valid = %v, want nil", err)
	}
	got.Audience()[0] = "altered"
	if got.Audience()[0] != "sigstore" {
		t.Error("whoever asks for the audience can change it")
	}
}

func TestParse_refused(t *testing.T) {
	const good = `{"iss":"https://issuer.example","sub":"1234","aud":"sigstore","exp":1893456000}`
	if _, err := Parse(jwtOf(good)); err != nil {
		t.Fatalf("Parse(%s) = %v, want nil", good, err)
	}
	head, sig := b64([]byte(`{"alg":"RS256"}`)), b64([]byte("signature"))
	for name, test := range map[string]struct{ raw, want string }{
		"empty":                    {"", "is empty"},
		"white space":              {" \n", "is empty"},
		"ten megabytes":            {strings.Repeat("a", 10<<20), "is too large: 10485760 bytes, expected at most 65536"},
		"ten megabytes in parts":   {head + "." + strings.Repeat("a", 10<<20) + "." + sig, "is too large"},
		"access token":             {"ya29.a0AfH6SMB", "it has 2 parts between dots, expected three; an access token is no identity token"},
		"HTML":                     {"<html><body>Log in</body></html>", "is no JWT"},
		"encrypted":                {"a.b.c.d.e", "is encrypted"},
		"no header":                {"." + b64([]byte(good)) + "." + sig, "has an empty header"},
		"no claims":                {head + ".." + sig, "has an empty payload"},
		"no signature":             {head + "." + b64([]byte(good)) + ".", "has an empty signature"},
		"header not JSON":          {b64([]byte("RS256")) + "." + b64([]byte(good)) + "." + sig, "has a header that cannot be read: expected a JSON object"},
		"header twice":             {b64([]byte(`{"alg":"RS256","alg":"none"}`)) + "." + b64([]byte(good)) + "." + sig, `key "alg" stands twice`},
		"padding":                  {head + "." + b64([]byte(good)) + "." + sig + "=", "has a damaged signature: expected base64url"},
		"base64 of another sort":   {head + "." + b64([]byte(good)) + ".+/+/", "has a damaged signature"},
		"bits left over":           {head + "." + b64([]byte(good)) + ".AB", "has a damaged signature"},
		"line break inside":        {head + "." + b64([]byte(good)) + ".AAA\nA", "has a damaged signature"},
		"claims twice":             {jwtOf(`{"iss":"https://issuer.example","sub":"1","sub":"2","aud":"sigstore","exp":1893456000}`), `key "sub" stands twice`},
		"e-mail twice":             {jwtOf(`{"iss":"i","sub":"1","aud":"sigstore","exp":1893456000,"email":"a@example.com","email":"b@example.com"}`), `key "email" stands twice`},
		"unknown claims twice":     {jwtOf(`{"iss":"i","sub":"1","aud":"sigstore","exp":1893456000,"x":{"y":1,"y":2}}`), `key "y" stands twice`},
		"claims in an array":       {jwtOf(`[` + good + `]`), "expected a JSON object"},
		"claims and more":          {jwtOf(good + good), "something follows"},
		"claims cut off":           {jwtOf(good[:40]), "ends in the middle"},
		"claims nested deep":       {jwtOf(`{"a":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`), "nested deeper"},
		"not UTF-8":                {jwtOf("{\"iss\":\"\xff\"}"), "not valid JSON"},
		"no issuer":                {jwtOf(`{"sub":"1","aud":"sigstore","exp":1893456000}`), "iss is missing"},
		"no subject":               {jwtOf(`{"iss":"i","aud":"sigstore","exp":1893456000}`), "sub is missing"},
		"no audience":              {jwtOf(`{"iss":"i","sub":"1","exp":1893456000}`), "aud is missing"},
		"empty audience":           {jwtOf(`{"iss":"i","sub":"1","aud":[],"exp":1893456000}`), "aud is missing"},
		"no end":                   {jwtOf(`{"iss":"i","sub":"1","aud":"sigstore"}`), "exp is missing"},
		"names in capitals":        {jwtOf(`{"ISS":"i","sub":"1","aud":"sigstore","exp":1893456000}`), "iss is missing"},
		"end as text":              {jwtOf(`{"iss":"i","sub":"1","aud":"sigstore","exp":"1893456000"}`), "/exp"},
		"end before all time":      {jwtOf(`{"iss":"i","sub":"1","aud":"sigstore","exp":-1}`), "is no time"},
		"end after all time":       {jwtOf(`{"iss":"i","sub":"1","aud":"sigstore","exp":1e300}`), "is no time"},
		"subject is a number":      {jwtOf(`{"iss":"i","sub":1,"aud":"sigstore","exp":1893456000}`), "a JSON number stands where"},
		"audience of numbers":      {jwtOf(`{"iss":"i","sub":"1","aud":[1],"exp":1893456000}`), "/aud"},
		"workflow is a list":       {jwtOf(`{"iss":"i","sub":"1","aud":"sigstore","exp":1893456000,"job_workflow_ref":[]}`), "/job_workflow_ref"},
		"address without an end":   {jwtOf(`{"iss":"i","sub":"1","aud":"sigstore","exp":1893456000,"email":"` + strings.Repeat("a", 3000) + `"}`), "email has 3000 bytes, expected at most 2048"},
		"namespace without end":    {jwtOf(`{"iss":"i","sub":"1","aud":"sigstore","exp":1893456000,"kubernetes.io":{"namespace":"` + strings.Repeat("a", 3000) + `"}}`), "kubernetes.io has 3000 bytes"},
		"connector without an end": {jwtOf(`{"iss":"i","sub":"1","aud":"sigstore","exp":1893456000,"federated_claims":{"connector_id":"` + strings.Repeat("a", 3000) + `"}}`), "federated_claims has 3000 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(test.raw)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "reading an identity token: ") {
				t.Fatalf("Parse = %v, want an error with %q", err, test.want)
			}
			if got.Raw() != "" {
				t.Errorf("Raw() = %q after an error, want nothing", got.Raw())
			}
			if len(err.Error()) > 300 {
				t.Errorf("the error has %d characters", len(err.Error()))
			}
			for _, p := range strings.Split(test.raw, ".") {
				if len(p) > 20 && strings.Contains(err.Error(), p) {
					t.Errorf("the error quotes the token: %v", err)
				}
			}
		})
	}
}

// held is a struct as a careless caller may have it and print it.
type held struct {
	Token  Token
	hidden Token
	List   []Token
	Where  *Token
}

// printings are all ways in which a token may be printed without anybody
// asking for it.
func printings(t *testing.T, token Token) map[string]string {
	t.Helper()
	h := held{token, token, []Token{token}, &token}
	out := make(map[string]string)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T", "%t", "%p"} {
		out["token "+verb] = fmt.Sprintf(verb, token)
		out["pointer "+verb] = fmt.Sprintf(verb, &token)
		out["struct "+verb] = fmt.Sprintf(verb, h)
		out["pointer to struct "+verb] = fmt.Sprintf(verb, &h)
		out["map "+verb] = fmt.Sprintf(verb, map[string]any{"a": token, "b": h})
	}
	out["Print"] = fmt.Sprint(token, h)
	out["error"] = fmt.Errorf("using %v: %w", token, errors.New("no")).Error()
	for name, v := range map[string]any{"token": token, "struct": h, "map": map[string]Token{"a": token}} {
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out["JSON of "+name] = string(j)
		y, err := yaml.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out["YAML of "+name] = string(y)
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		out["slog of "+name] = log.String()
	}
	return out
}

func TestToken_printsNothing(t *testing.T) {
	token, err := Parse(jwt(person(nil)))
	if err != nil {
		t.Fatal(err)
	}
	signature := token.Raw()[strings.LastIndex(token.Raw(), ".")+1:]
	payload := strings.Split(token.Raw(), ".")[1]
	for how, text := range printings(t, token) {
		for _, secret := range []string{signature, payload, fmt.Sprintf("%x", signature), fmt.Sprintf("%x", payload)} {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows the token: %s", how, text)
			}
		}
	}
	const want = "token of alice@example.com"
	j, _ := json.Marshal(token)
	for _, got := range []string{token.String(), token.GoString(), fmt.Sprintf("%v", token), fmt.Sprintf("%#v", token), fmt.Sprintf("%d", token), strings.Trim(string(j), `"`)} {
		if got != want {
			t.Errorf("printed as %q, want %q", got, want)
		}
	}
	if got := (Token{}).String(); got != "token of nobody" || (Token{}).Raw() != "" {
		t.Errorf("the zero token is %q with %q", got, Token{}.Raw())
	}
}

// Who reads whose token it is must not be deceived: by what moves a terminal's
// cursor, turns a line around, or looks like another letter.
func TestToken_escapes(t *testing.T) {
	for email, want := range map[string]string{
		"alice@example.com":             `alice@example.com`,
		"аlice@example.com":             `\u0430lice@example.com`, // Cyrillic
		"alice@example.com\x1b[2K\rbob": `alice@example.com\x1b[2K\rbob`,
		"\u202emoc.elpmaxe@ecila":       `\u202emoc.elpmaxe@ecila`,
		"alice@example.com\nissuer: x":  `alice@example.com\nissuer: x`,
		"al\u200bice@example.com":       `al\u200bice@example.com`,
		`alice"\@example.com`:           `alice"\\@example.com`,
		"alice@example.com\u0000":       `alice@example.com\x00`,
		"alice\U000e0041@example.com":   `alice\U000e0041@example.com`,
	} {
		token, err := Parse(jwt(person(map[string]any{"email": email})))
		if err != nil {
			t.Fatal(err)
		}
		if got := token.String(); got != "token of "+want {
			t.Errorf("String() of %q = %s, want %s", email, got, want)
		}
		if token.Identity() != email {
			t.Errorf("Identity() = %q, want %q", token.Identity(), email)
		}
		var decoded string
		if j, err := json.Marshal(token); err != nil {
			t.Error(err)
		} else if err := json.Unmarshal(j, &decoded); err != nil || decoded != token.String() {
			t.Errorf("JSON of %q is %s: %v", email, j, err)
		}
		if got := Announce(token, true, "https://rekor.example"); !strings.HasPrefix(got, "this signs as "+want+" (") {
			t.Errorf("Announce = %s", got)
		}
	}
}

func TestValid(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	claims := func(with map[string]any) map[string]any {
		c := person(map[string]any{"exp": now.Add(10 * time.Minute).Unix(), "nbf": now.Unix(), "iat": now.Unix()})
		for k, v := range with {
			c[k] = v
		}
		return c
	}
	for name, test := range map[string]struct {
		with     map[string]any
		audience string
		want     string
	}{
		"good":                  {nil, "sigstore", ""},
		"one of several":        {map[string]any{"aud": []string{"other", "sigstore"}}, "sigstore", ""},
		"configured":            {map[string]any{"aud": "house"}, "house", ""},
		"no address":            {map[string]any{"email": "", "email_verified": false}, "sigstore", ""},
		"issuer's clock ahead":  {map[string]any{"nbf": now.Add(4 * time.Minute).Unix()}, "sigstore", ""},
		"expired":               {map[string]any{"exp": now.Add(-90 * time.Second).Unix()}, "sigstore", "the token of alice@example.com has expired at 2026-03-01T11:58:30Z, 1m30s ago"},
		"expires now":           {map[string]any{"exp": now.Unix()}, "sigstore", "has expired at 2026-03-01T12:00:00Z"},
		"not yet":               {map[string]any{"nbf": now.Add(24 * time.Hour).Unix(), "exp": now.Add(25 * time.Hour).Unix()}, "sigstore", "is not valid before 2026-03-02T12:00:00Z, in 24h0m0s: is this machine's clock right?"},
		"for somebody else":     {map[string]any{"aud": "https://vault.example"}, "sigstore", `is for "https://vault.example", expected audience "sigstore"`},
		"for nearly us":         {map[string]any{"aud": "Sigstore"}, "sigstore", `is for "Sigstore"`},
		"for many":              {map[string]any{"aud": []string{"1", "2", "3", "4", "5", "6", "7"}}, "sigstore", `"5", and 2 others`},
		"for an attacker's log": {map[string]any{"aud": "x\x1b[2J"}, "sigstore", `is for "x\x1b[2J"`},
		"nobody asked for":      {nil, "", "no audience was named"},
		"address not verified":  {map[string]any{"email_verified": false}, "sigstore", "has not verified"},
		"verified by a word":    {map[string]any{"email_verified": "yes"}, "sigstore", "has not verified"},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := Parse(jwt(claims(test.with)))
			if err != nil {
				t.Fatal(err)
			}
			err = token.Valid(now, test.audience)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("Valid = %v, want %q", err, test.want)
			}
			if strings.HasPrefix(name, "expire") != errors.Is(err, ErrExpired) {
				t.Errorf("Valid = %v, which is ErrExpired: %v", err, errors.Is(err, ErrExpired))
			}
		})
	}
	if err := (Token{}).Valid(now, "sigstore"); err == nil {
		t.Error("the zero token is valid")
	}
}

func TestAnnounce(t *testing.T) {
	parse := func(with map[string]any) Token {
		token, err := Parse(jwt(person(with)))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	google := parse(map[string]any{"iss": "https://accounts.google.com"})
	login := parse(map[string]any{"iss": PublicIssuer, "federated_claims": map[string]any{"connector_id": "https://github.com/login/oauth", "user_id": "1"}})
	house := parse(map[string]any{"iss": "https://login.house.example", "federated_claims": map[string]any{"connector_id": "ldap"}})
	for _, test := range []struct {
		token  Token
		public bool
		log    string
		want   string
	}{
		{google, true, "https://log2025-1.rekor.sigstore.dev", "this signs as alice@example.com (issuer https://accounts.google.com); the identity, the time and a digest of each statement go into the public transparency log https://log2025-1.rekor.sigstore.dev and cannot be removed"},
		{login, true, "https://rekor.sigstore.dev", "this signs as alice@example.com (issuer https://github.com/login/oauth); the identity, the time and a digest of each statement go into the public transparency log https://rekor.sigstore.dev and cannot be removed"},
		{house, false, "https://user:secret@rekor.house.example/log", "this signs as alice@example.com (issuer https://login.house.example; as the token claims, the certificate may name it otherwise); the identity, the time and a digest of each statement go into the transparency log https://rekor.house.example/log and cannot be removed"},
		{google, true, "", "this signs as alice@example.com (issuer https://accounts.google.com); no log entry is made for the signature, but the certificate with alice@example.com goes into the public certificate log and cannot be removed"},
		{house, false, "", "this signs as alice@example.com (issuer https://login.house.example; as the token claims, the certificate may name it otherwise); no log entry is made; the certificate with alice@example.com is seen by those who get the bundle"},
	} {
		if got := Announce(test.token, test.public, test.log); got != test.want {
			t.Errorf("Announce(%v, %v, %q) =\n%s, want\n%s", test.token, test.public, test.log, got, test.want)
		}
	}
}

// FuzzParse: whatever comes, nothing panics; what is accepted comes back as it
// was, is never valid for somebody else, and is shown by no way of printing it.
func FuzzParse(f *testing.F) {
	f.Add(jwt(person(nil)))
	f.Add(jwtOf(`{"iss":"https://token.actions.githubusercontent.com","sub":"repo:a/b:ref:refs/heads/main","aud":"sigstore","exp":1893456000,"job_workflow_ref":"a/b/.github/workflows/r.yml@refs/heads/main"}`))
	f.Add(jwtOf(`{"iss":"i","sub":"s","aud":["a"],"exp":1e9,"pipeline_id":7,"kubernetes.io":{"namespace":"n","serviceaccount":{"name":"s"}},"federated_claims":null}`))
	f.Add(b64([]byte(`{}`)) + "." + b64([]byte(`{"iss":"\u0000","sub":"s","aud":"a","exp":1}`)) + ".AAAA")
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, raw string) {
		token, err := Parse(raw)
		if err != nil {
			if token.Raw() != "" {
				t.Error("an error came with a token")
			}
			return
		}
		if token.Raw() != strings.TrimSpace(raw) {
			t.Errorf("Raw() = %q, want %q", token.Raw(), raw)
		}
		again, err := Parse(token.Raw())
		if err != nil || again.Raw() != token.Raw() || again.String() != token.String() {
			t.Errorf("Parse(Raw()) = %v, %v, want the same", again, err)
		}
		if err := token.Valid(time.Now(), "nobody has this audience"); err == nil && !strings.Contains(token.claims.Audience[0], "nobody") {
			t.Error("valid for an audience that it does not name")
		}
		if token.Identity() == "" || token.CertificateIssuer() == "" {
			t.Errorf("Identity() = %q, CertificateIssuer() = %q, want both", token.Identity(), token.CertificateIssuer())
		}
		signature := token.Raw()[strings.LastIndex(token.Raw(), ".")+1:]
		for how, text := range printings(t, token) {
			// Short ones stand in any text.
			if len(signature) >= 16 && strings.Contains(text, signature) && !strings.Contains(token.String(), signature) {
				t.Errorf("%s shows the signature: %s", how, text)
			}
		}
		for _, text := range []string{token.String(), fmt.Sprint(token), fmt.Sprintf("%#v", token), Announce(token, true, "")} {
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("what is shown acts on a terminal, or looks like something else: %q", text)
			}
		}
	})
}
