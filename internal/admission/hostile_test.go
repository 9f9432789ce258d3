package admission

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// What is no request is refused with a status, and what is one is answered.
func TestHostileRequests(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	s := w.server()
	whole := string(encoded(t, reviewOf(podObject(good))))
	deep := strings.Repeat("[", 300_000) + strings.Repeat("]", 300_000)
	for name, c := range map[string]struct {
		method, kind, path, body string
		want                     int
	}{
		"GET":                  {http.MethodGet, "application/json", "/validate", whole, 405},
		"PUT":                  {http.MethodPut, "application/json", "/validate", whole, 405},
		"no content type":      {http.MethodPost, "", "/validate", whole, 415},
		"text":                 {http.MethodPost, "text/plain", "/validate", whole, 415},
		"protobuf":             {http.MethodPost, "application/vnd.kubernetes.protobuf", "/validate", whole, 415},
		"with a charset":       {http.MethodPost, "application/json; charset=utf-8", "/validate", whole, 200},
		"another path":         {http.MethodPost, "application/json", "/validate/x", whole, 404},
		"nothing":              {http.MethodPost, "application/json", "/validate", "", 400},
		"spaces":               {http.MethodPost, "application/json", "/validate", "   ", 400},
		"null":                 {http.MethodPost, "application/json", "/validate", "null", 400},
		"a list":               {http.MethodPost, "application/json", "/validate", "[" + whole + "]", 400},
		"two":                  {http.MethodPost, "application/json", "/validate", whole + whole, 400},
		"half":                 {http.MethodPost, "application/json", "/validate", whole[:len(whole)/2], 400},
		"a key twice":          {http.MethodPost, "application/json", "/validate", strings.Replace(whole, `"kind":"AdmissionReview"`, `"kind":"AdmissionReview","kind":"AdmissionReview"`, 1), 400},
		"an image twice":       {http.MethodPost, "application/json", "/validate", strings.Replace(whole, `"image":`, `"image":"`+good+`","image":`, 1), 400},
		"a request twice":      {http.MethodPost, "application/json", "/validate", strings.Replace(whole, `"request":`, `"request":{"uid":"x"},"request":`, 1), 400},
		"v1beta1":              {http.MethodPost, "application/json", "/validate", strings.Replace(whole, "admission.k8s.io/v1", "admission.k8s.io/v1beta1", 1), 400},
		"another kind":         {http.MethodPost, "application/json", "/validate", strings.Replace(whole, "AdmissionReview", "ConversionReview", 1), 400},
		"no request":           {http.MethodPost, "application/json", "/validate", `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}`, 400},
		"request null":         {http.MethodPost, "application/json", "/validate", `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":null}`, 400},
		"request is text":      {http.MethodPost, "application/json", "/validate", `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":"x"}`, 400},
		"no uid":               {http.MethodPost, "application/json", "/validate", strings.Replace(whole, `"uid":"705ab4f5-6393-11e8-b7cc-42010a800002"`, `"uid":""`, 1), 400},
		"a uid of two lines":   {http.MethodPost, "application/json", "/validate", strings.Replace(whole, "705ab4f5", `a\nb`, 1), 400},
		"broken UTF-8":         {http.MethodPost, "application/json", "/validate", strings.Replace(whole, "ada", "a\xffa", 1), 400},
		"deep":                 {http.MethodPost, "application/json", "/validate", strings.Replace(whole, `"dryRun":false`, `"dryRun":`+deep, 1), 400},
		"deep in the object":   {http.MethodPost, "application/json", "/validate", strings.Replace(whole, `"labels":`, `"x":`+deep+`,"labels":`, 1), 400},
		"ten megabytes":        {http.MethodPost, "application/json", "/validate", strings.Replace(whole, "ada", strings.Repeat("a", 10<<20), 1), 413},
		"four megabytes":       {http.MethodPost, "application/json", "/validate", strings.Replace(whole, `"labels":`, `"x":"`+strings.Repeat("a", 4<<20)+`","labels":`, 1), 200},
		"timeout is no time":   {http.MethodPost, "application/json", "/validate?timeout=soon", whole, 400},
		"timeout is negative":  {http.MethodPost, "application/json", "/validate?timeout=-1s", whole, 400},
		"timeout is too large": {http.MethodPost, "application/json", "/validate?timeout=1000000h", whole, 200},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			for _, known := range []bool{true, false} {
				var body io.Reader = strings.NewReader(c.body)
				if !known {
					body = io.MultiReader(body) // its length is not known
				}
				r := httptest.NewRequest(c.method, c.path, body)
				r.Header.Set("Content-Type", c.kind)
				rec := httptest.NewRecorder()
				s.Handler().ServeHTTP(rec, r)
				if rec.Code != c.want {
					t.Errorf("= %d %s, want %d", rec.Code, rec.Body, c.want)
				}
				if c.want == 200 {
					mustAllow(t, name, answered(t, rec.Body.Bytes()))
				} else if strings.Contains(rec.Body.String(), `"allowed"`) || rec.Body.Len() > 2000 {
					t.Errorf("the refusal says %s", rec.Body)
				}
			}
		})
	}
	wantMetric(t, s, "hallmark_admission_requests_in_flight 0")
	if !s.large.TryAcquire(maxLarge) {
		t.Error("room for large requests was not given back")
	}
}

// Image names that read oddly are that image or no image, never another one.
func TestOddImages(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	repository, digest, _ := strings.Cut(good, "@")
	bad, _ := w.push("shop/app", "2", 0)
	badDigest := strings.Split(bad, "@")[1]
	s := w.server()
	mustAllow(t, "as it is", ask(t, s, good))
	mustAllow(t, "with a tag, too", ask(t, s, repository+":2@"+digest))
	for _, name := range []string{
		good + "@" + badDigest, bad + "@" + digest, repository + "@" + digest + ":1", repository + ":1:2",
		repository + "@sha256:", repository + "@sha256:" + strings.Repeat("g", 64), repository + "@SHA256:" + digest[7:],
		repository + "@" + strings.ToUpper(digest), repository + "@sha256:" + strings.ToUpper(digest[7:]), repository + "@sha512:" + strings.Repeat("a", 128),
		repository + "@md5:" + strings.Repeat("a", 32), repository + "@" + digest[:70], repository + "@" + digest + "0",
		strings.ToUpper(repository) + "@" + digest, " " + good, good + " ", good + "\n", good + "\x00", "\ufeff" + good,
		"https://" + good, "docker://" + good, "oci:" + good, w.host + "//shop/app@" + digest, w.host + "/shop/../shop/app@" + digest,
		w.host + "/shop/app/@" + digest, w.host + "/shop/./app@" + digest, w.host + "/shop%2fapp@" + digest, w.host + "/sh\u043ep/app@" + digest,
		w.host + "/shop/\u200bapp@" + digest, "user@" + good, "user:password@" + w.host + "/shop/app:1", w.host + ":80/shop/app:1", w.host,
		"/shop/app:1", ":1", "@", "@" + digest, digest, strings.TrimPrefix(digest, "sha256:"), "", "..", "../../etc/passwd", "file:///etc/passwd",
		w.host + "/shop/app:" + strings.Repeat("a", 200), w.host + "/shop/" + strings.Repeat("a/", 300) + "app:1", w.host + "/shop/app:1?x=y", w.host + "/shop/app:1#x",
		w.host + "/shop/app:1/manifests", w.host + "\\shop\\app:1", "[" + w.host + "]/shop/app:1", w.host + "/shop/app:\u0661", "shop/app:1", "app",
		w.host + "/other/app@" + digest, w.host + "/shop@" + digest, w.host + "/shopping/app@" + digest, "xn--" + good, bad,
	} {
		r := ask(t, s, name)
		if r.Allowed {
			t.Errorf("%q was allowed", name)
		}
		if strings.ContainsFunc(strings.ReplaceAll(r.Status.Message, "\n  ", ""), func(r rune) bool { return r < ' ' || r == 0x200b || r == 0xfeff }) {
			t.Errorf("%q: the denial holds it: %q", name, r.Status.Message)
		}
	}
}

// FuzzReview: whatever is sent is refused or answered, and answered with yes
// only if it is, to Kubernetes' own types, a Pod whose images are all good.
func FuzzReview(f *testing.F) {
	w := newWorld(f)
	good := w.good("shop/app", "1")
	bad, _ := w.push("shop/app", "2", 0)
	s := w.server()
	ask(f, s, good)
	ask(f, s, bad)
	// Nothing else is there to be asked.
	w.set(func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) { rw.WriteHeader(http.StatusNotFound) })
	seed := func(v any) []byte {
		return []byte(strings.NewReplacer(good, "GOOD", bad, "BAD").Replace(string(encoded(f, v))))
	}
	f.Add(seed(reviewOf(podObject(good))))
	f.Add(seed(reviewOf(podObject(bad))))
	f.Add(seed(reviewOf(podObject(good, bad))))
	f.Add(seed(reviewOf(podObject(good), update(podObject(bad), ""))))
	f.Add(seed(reviewOf(podObject(bad), update(podObject(bad), "ephemeralcontainers"))))
	f.Add(seed(reviewOf(jsonObject{"apiVersion": "apps/v1", "kind": "Deployment", "spec": jsonObject{"template": podObject(good)}})))
	f.Add([]byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"DELETE","namespace":"x"}}`))
	f.Add([]byte(`{"kind":"AdmissionReview","Kind":"x","request":{"object":{"spec":{"containers":[{"image":"GOOD","Image":"BAD"}]}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		data = bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("GOOD"), []byte(good)), []byte("BAD"), []byte(bad))
		r := httptest.NewRequest(http.MethodPost, "/validate?timeout=2s", bytes.NewReader(data))
		r.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, r)
		if rec.Code != http.StatusOK {
			return
		}
		var out review
		if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil || out.Response == nil {
			t.Fatalf("answered %q", rec.Body)
		}
		if !out.Response.Allowed {
			return
		}
		// A laxer reader must see the same request.
		var lax struct {
			Request struct {
				Operation         string
				Kind              struct{ Kind string }
				Object, OldObject json.RawMessage
			}
		}
		if err := json.Unmarshal(data, &lax); err != nil {
			t.Fatalf("allowed what is no JSON: %v", err)
		}
		if lax.Request.Operation == "DELETE" || lax.Request.Kind.Kind != "Pod" {
			return // nothing runs; templates are read by the same code
		}
		var p, old corev1.Pod
		if err := json.Unmarshal(lax.Request.Object, &p); err != nil {
			return // the API server sends no such Pod
		}
		_ = json.Unmarshal(lax.Request.OldObject, &old)
		named := func(p corev1.Pod) (images []string) {
			for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
				images = append(images, c.Image)
			}
			for _, c := range p.Spec.EphemeralContainers {
				images = append(images, c.Image)
			}
			return images
		}
		before := named(old)
		for _, image := range named(p) {
			if strings.Contains(image, strings.Split(good, "@")[1]) || lax.Request.Operation == "UPDATE" && slices.Contains(before, image) {
				continue
			}
			t.Errorf("allowed %q", image)
		}
	})
}

// Large bodies wait for room, and small ones do not wait for them.
func TestLargeBodiesTakeTurns(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	s := w.server()
	big := []byte(strings.Replace(string(encoded(t, reviewOf(podObject(good)))), `"labels":`, `"x":"`+strings.Repeat("a", 7<<20)+`","labels":`, 1))
	done := make(chan int, 12)
	for range 12 {
		go func() {
			r := httptest.NewRequest(http.MethodPost, "/validate?timeout=30s", bytes.NewReader(big))
			r.Header.Set("Content-Type", "application/json")
			rec := httptest.NewRecorder()
			s.Handler().ServeHTTP(rec, r)
			done <- rec.Code
		}()
	}
	mustAllow(t, "a small one among large ones", ask(t, s, good))
	for range 12 {
		if code := <-done; code != http.StatusOK {
			t.Errorf("a large request = %d", code)
		}
	}
	if n := len(s.requests); n != 0 {
		t.Errorf("%d slots are taken", n)
	}
}

// Where there is no room for a large request until its deadline, it is answered
// that there is none.
func TestNoRoom(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	s := w.server()
	if !s.large.TryAcquire(maxLarge) {
		t.Fatal("there is no room")
	}
	big := []byte(strings.Replace(string(encoded(t, reviewOf(podObject(good)))), `"labels":`, `"x":"`+strings.Repeat("a", mostBodies)+`","labels":`, 1))
	if status, _, text := post(t, s, "/validate?timeout=100ms", big); status != http.StatusServiceUnavailable {
		t.Errorf("without room = %d %s", status, text)
	}
	mustAllow(t, "a small one", ask(t, s, good))
	s.large.Release(maxLarge)
	if status, r, text := post(t, s, "/validate?timeout=10s", big); status != http.StatusOK || !r.Allowed {
		t.Errorf("with room = %d %s", status, text)
	}
}
