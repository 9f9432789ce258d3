package admission

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// provider asks s as Gatekeeper does.
func provider(t testing.TB, s *Server, keys ...string) []providerItem {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/gatekeeper?timeout=5s", strings.NewReader(string(encoded(t, jsonObject{
		"apiVersion": providerVersion, "kind": providerRequest, "request": jsonObject{"keys": keys},
	}))))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	var a providerAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	if a.APIVersion != providerVersion || a.Kind != providerResponse || !a.Response.Idempotent || a.Response.SystemError != "" || len(a.Response.Items) != len(keys) {
		t.Fatalf("the answer is %s, want a %s about each of %d keys", w.Body, providerResponse, len(keys))
	}
	for i, item := range a.Response.Items {
		if item.Key != keys[i] || (item.Value == "") == (item.Error == "") {
			t.Errorf("item %d is %+v, want one about %q with a value or an error", i, item, keys[i])
		}
	}
	return a.Response.Items
}

func TestProvider(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	bad, _ := w.push("shop/app", "2", 0)
	tag := w.host + "/shop/app:1"
	_, digest, _ := strings.Cut(good, "@")
	s := w.server()

	got := provider(t, s, good, tag, "default "+tag, bad, "", "default ", "No_Namespace "+tag, w.host+"/other/app:1", tag+"@sha256:x")
	for i, want := range []string{good, tag + "@" + digest, tag + "@" + digest} {
		if got[i].Value != want {
			t.Errorf("the value of %q is %q (%s), want %q", got[i].Key, got[i].Value, got[i].Error, want)
		}
	}
	for i, want := range map[int]string{
		3: "no-bundle: no bundle about it was found", 4: "the key names no image", 5: "the key names no image", 6: "is no namespace", 7: "no policy is about this image", 8: "is refused",
	} {
		if !strings.Contains(got[i].Error, want) {
			t.Errorf("the error of %q is %q, want one with %q", got[i].Key, got[i].Error, want)
		}
	}
	// What it gave leads to itself, and to no question.
	w.requests()
	if again := provider(t, s, got[1].Value); again[0].Value != got[1].Value {
		t.Errorf("the value of %q is %q, want itself", got[1].Value, again[0].Value)
	}
	if asked := w.requests(); len(asked) > 0 {
		t.Errorf("what was known was asked again: %v", asked)
	}
	// What the webhook says of the same images is the same.
	mustAllow(t, "the good image", ask(t, s, good))
	mustDeny(t, "the bad image", ask(t, s, bad), strings.Split(got[3].Error, "\n")[1])
}

// Of a key without a namespace, every policy counts that might.
func TestProviderWithoutNamespace(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	w.trust("strange.yaml", newKey(t), "")
	w.config(fmt.Sprintf(`
policies:
  - name: shop
    match: {images: ["%[1]s/shop/**"]}
    trust: [trust.yaml]
  - name: strict
    match: {namespaces: [vault], images: ["%[1]s/shop/**"], labels: {matchLabels: {app: x}}}
    trust: [strange.yaml]
    failOpen: [vault]
exemptNamespaces: [kube-system]
registries:
  allowedAddresses: [127.0.0.1]
`, w.host))
	s := w.server()
	got := provider(t, s, good, "default "+good, "vault "+good, "kube-system "+good)
	for i, want := range []bool{false, true, false, true} {
		if (got[i].Error == "") != want {
			t.Errorf("%q: %+v, want a yes: %v", got[i].Key, got[i], want)
		}
	}
	if !strings.Contains(got[0].Error, "policy strict") {
		t.Errorf("the error is %q, want one that names the policy strict", got[0].Error)
	}
}

func TestProviderBadInput(t *testing.T) {
	w := newWorld(t)
	s := w.server()
	many := make([]string, maxImages+1)
	for i := range many {
		many[i] = "x"
	}
	for name, body := range map[string]string{
		"nothing":         "",
		"a review":        string(encoded(t, reviewOf(podObject("x")))),
		"another version": `{"apiVersion":"externaldata.gatekeeper.sh/v1","kind":"ProviderRequest","request":{"keys":["x"]}}`,
		"no keys":         `{"apiVersion":"externaldata.gatekeeper.sh/v1beta1","kind":"ProviderRequest","request":{"keys":[]}}`,
		"a key twice":     `{"apiVersion":"externaldata.gatekeeper.sh/v1beta1","kind":"ProviderRequest","request":{"keys":["x"],"keys":["y"]}}`,
		"too many keys":   string(encoded(t, jsonObject{"apiVersion": providerVersion, "kind": providerRequest, "request": jsonObject{"keys": many}})),
		"no text":         `{"apiVersion":"externaldata.gatekeeper.sh/v1beta1","kind":"ProviderRequest","request":{"keys":[1]}}`,
		"something after": `{"apiVersion":"externaldata.gatekeeper.sh/v1beta1","kind":"ProviderRequest","request":{"keys":["x"]}}{}`,
	} {
		r := httptest.NewRequest(http.MethodPost, "/gatekeeper", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, r)
		if rec.Code != http.StatusBadRequest {
			t.Errorf("%s: status %d (%s), want 400", name, rec.Code, rec.Body)
		}
	}
}

// A registry that hangs costs the keys that need it their answer, in time.
func TestProviderAnswersInTime(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	s := w.server()
	provider(t, s, good)
	w.set(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() })
	began := time.Now()
	got := provider(t, s, good, w.host+"/shop/app:other")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the answer took %s, and there were 5 s", took)
	}
	if got[0].Value != good {
		t.Errorf("what was known is %+v, want a yes", got[0])
	}
	if !strings.Contains(got[1].Error, "could not tell") {
		t.Errorf("what could not be asked is %+v, want that it could not be told", got[1])
	}
}
