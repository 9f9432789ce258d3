package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/publish"
	"github.com/hallmark-project/hallmark/attest/sign"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/oci"
)

// The world of these tests: a registry on loopback with images that hallmark
// signed, a trust directory, and a clock that a test can turn.

const verifierID = "https://greet.example/hallmark/v1"

var quick = oci.Patience{
	Connect: 2 * time.Second, Answer: 2 * time.Second, Stall: time.Second, Attempts: 2, Backoff: time.Millisecond, Wait: time.Second, Settle: time.Millisecond,
}

type world struct {
	t    testing.TB
	host string
	dir  string // the trust directory
	key  *sign.Key

	mu      sync.Mutex
	turned  time.Duration // of the clock
	between func(w http.ResponseWriter, r *http.Request, registry http.Handler)
	asked   []string
	log     syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), key: newKey(t)}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true))
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		between := w.between
		w.asked = append(w.asked, r.Method+" "+r.URL.Path)
		w.mu.Unlock()
		if between != nil {
			between(rw, r, inner)
			return
		}
		inner.ServeHTTP(rw, r)
	}))
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections)
	w.host = strings.TrimPrefix(s.URL, "http://")
	w.trust("trust.yaml", w.key, "")
	w.config(w.policies(""))
	return w
}

func newKey(t testing.TB) *sign.Key {
	t.Helper()
	k, err := sign.Generate(sign.ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// now is the time in this world.
func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.turned)
}

// turn sets the clock forward or back.
func (w *world) turn(by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turned += by
}

// set puts f between the registry and who asks it.
func (w *world) set(f func(w http.ResponseWriter, r *http.Request, registry http.Handler)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.between = f
}

// requests are those that the registry had since the last call.
func (w *world) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.asked
	w.asked = nil
	return out
}

// write writes a file of the trust directory, as a person with an editor does.
func (w *world) write(name, content string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) config(yaml string) { w.t.Helper(); w.write(FileName, yaml) }

// policies is an admission.yaml with one policy about the world's registry; more
// is added behind it.
func (w *world) policies(more string) string {
	return "policies:\n  - name: shop\n    match:\n      images: [\"" + w.host + "/shop/**\"]\n    trust: [trust.yaml]\nregistries:\n  allowedAddresses: [127.0.0.1]\n" + more
}

// trust writes a trust file about everything called pkg:generic/….
func (w *world) trust(file string, key *sign.Key, more string) {
	w.t.Helper()
	pem, err := key.PublicPEM()
	if err != nil {
		w.t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "verifier: %s\nresources: [\"pkg:generic/greet@*\"]\nsigners:\n  - name: release key\n    key: |\n", verifierID)
	for line := range strings.Lines(string(pem)) {
		b.WriteString("      " + line)
	}
	b.WriteString("level: basic\n")
	if !strings.Contains(more, "maxAge") {
		b.WriteString("maxAge: 90d\n")
	}
	w.write(file, b.String()+more)
}

// push pushes an image, or an index with so many images, and returns its name by
// digest and all digests.
func (w *world) push(repository, tag string, children int) (string, []criteria.Digest) {
	w.t.Helper()
	ref, err := name.NewTag(w.host+"/"+repository+":"+tag, name.Insecure)
	if err != nil {
		w.t.Fatal(err)
	}
	one := func() v1.Image {
		i, err := random.Image(64, 1)
		if err != nil {
			w.t.Fatal(err)
		}
		return i
	}
	var digests []criteria.Digest
	add := func(h v1.Hash, err error) {
		if err != nil {
			w.t.Fatal(err)
		}
		d, err := criteria.ParseDigest(h.String())
		if err != nil {
			w.t.Fatal(err)
		}
		digests = append(digests, d)
	}
	if children == 0 {
		i := one()
		add(i.Digest())
		if err := remote.Write(ref, i); err != nil {
			w.t.Fatal(err)
		}
	} else {
		index := v1.ImageIndex(empty.Index)
		var list []v1.Image
		for n := range children {
			i := one()
			list = append(list, i)
			index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: i, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: fmt.Sprintf("cpu%d", n)}}})
		}
		add(index.Digest())
		for _, i := range list {
			add(i.Digest())
		}
		if err := remote.WriteIndex(ref, index); err != nil {
			w.t.Fatal(err)
		}
	}
	return w.host + "/" + repository + "@" + digests[0].String(), digests
}

// sign returns hallmark's verdict about digests.
func (w *world) sign(key *sign.Key, passed bool, at time.Time, digests ...criteria.Digest) attest.Bundle {
	w.t.Helper()
	commit, err := criteria.ParseDigest("gitCommit:" + strings.Repeat("1", 40))
	if err != nil {
		w.t.Fatal(err)
	}
	d := criteria.Decision{
		Release: criteria.Release{
			Name: "greet", Version: "1.2.0", Resource: "pkg:generic/greet@1.2.0", Repository: "https://greet.example/greet",
			Source: criteria.Subject{Name: "https://greet.example/greet", Digest: commit},
		},
		Policy: criteria.PolicyRef{Profile: criteria.Basic, Digest: criteria.DigestOf([]byte("policy"))},
		Time:   at.UTC().Truncate(time.Second), Passed: passed,
	}
	for i, digest := range digests {
		d.Release.Artifacts = append(d.Release.Artifacts, criteria.Subject{Name: fmt.Sprintf("image-%d", i), Digest: digest})
	}
	outcome := criteria.Outcome{Status: criteria.Pass}
	if passed {
		d.Levels = []criteria.Level{criteria.Basic}
	} else {
		outcome.Status = criteria.Fail
	}
	d.Judgements = []criteria.Judgement{{Criterion: "tests-pass", Title: "Tests pass", Level: criteria.Basic, Subject: d.Release.Source, Outcome: outcome}}
	statements, err := attest.Statements(d, attest.Options{Verifier: verifierID, VerifierVersion: map[string]string{"hallmark": "1.0.0"}, PolicyURI: "policy.yaml"})
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := sign.NewKeySigner(key, sign.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := s.Sign(context.Background(), statements[0])
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// attest publishes hallmark's verdict about digests beside the images.
func (w *world) attest(repository string, key *sign.Key, passed bool, at time.Time, digests ...criteria.Digest) {
	w.t.Helper()
	p, err := publish.NewRegistry(w.host+"/"+repository, oci.Access{AllowHTTP: true, Patience: quick})
	if err != nil {
		w.t.Fatal(err)
	}
	b := w.sign(key, passed, at, digests...)
	for _, d := range digests {
		if _, err := p.Publish(context.Background(), d, b); err != nil {
			w.t.Fatal(err)
		}
	}
}

// good pushes an image that is verified.
func (w *world) good(repository, tag string) string {
	w.t.Helper()
	image, digests := w.push(repository, tag, 0)
	w.attest(repository, w.key, true, time.Now().Add(-time.Hour), digests...)
	return image
}

func (w *world) options() Options {
	return Options{
		TrustDir: w.dir, Access: oci.Access{AllowHTTP: true, Patience: quick, MaxBundles: 16 << 20, MaxKept: 1 << 20},
		Limits: Limits{Verified: time.Minute, Refused: 20 * time.Second, Tag: 10 * time.Second, Entries: 1000, Lookups: 32, Registry: 8, Lookup: 10 * time.Second},
		Reload: time.Hour, Now: w.now, Log: slog.New(slog.NewJSONHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

func (w *world) server(change ...func(*Options)) *Server {
	w.t.Helper()
	o := w.options()
	for _, c := range change {
		c(&o)
	}
	s, err := New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(s.Close)
	return s
}

// object is a JSON object.
type jsonObject = map[string]any

// podObject is a Pod that runs images.
func podObject(images ...string) jsonObject {
	var list []jsonObject
	for i, image := range images {
		list = append(list, jsonObject{"name": fmt.Sprintf("c%d", i), "image": image})
	}
	return jsonObject{
		"apiVersion": "v1", "kind": "Pod", "metadata": jsonObject{"name": "p", "namespace": "shop", "labels": jsonObject{"app": "greet"}},
		"spec": jsonObject{"containers": list},
	}
}

// reviewOf is an AdmissionReview about a Pod being created.
func reviewOf(object jsonObject, change ...func(jsonObject)) jsonObject {
	api, _ := object["apiVersion"].(string)
	group, version, ok := strings.Cut(api, "/")
	if !ok {
		group, version = "", api
	}
	r := jsonObject{
		"uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "kind": jsonObject{"group": group, "version": version, "kind": object["kind"]},
		"resource": jsonObject{"group": group, "version": version, "resource": "pods"}, "name": "p", "namespace": "shop", "operation": "CREATE",
		"userInfo": jsonObject{"username": "ada", "groups": []string{"system:authenticated"}}, "object": object, "dryRun": false,
	}
	for _, c := range change {
		c(r)
	}
	return jsonObject{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": r}
}

func encoded(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// post sends body and returns the status and, with 200, the response.
func post(t testing.TB, s *Server, path string, body []byte) (int, *response, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	s.Handler().ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		return rec.Code, nil, rec.Body.String()
	}
	return rec.Code, answered(t, rec.Body.Bytes()), ""
}

func answered(t testing.TB, data []byte) *response {
	t.Helper()
	var out review
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatalf("the answer is no JSON: %v\n%s", err, data)
	}
	if out.APIVersion != reviewVersion || out.Kind != reviewKind || out.Response == nil {
		t.Fatalf("the answer is no AdmissionReview: %s", data)
	}
	if out.Response.UID != "705ab4f5-6393-11e8-b7cc-42010a800002" {
		t.Fatalf("the answer is to %q", out.Response.UID)
	}
	if !out.Response.Allowed && (out.Response.Status == nil || out.Response.Status.Message == "" || out.Response.Patch != nil) {
		t.Fatalf("a denial without a reason, or with a patch: %s", data)
	}
	return out.Response
}

// ask validates a Pod that runs images.
func ask(t testing.TB, s *Server, images ...string) *response {
	t.Helper()
	return askAbout(t, s, podObject(images...))
}

func askAbout(t testing.TB, s *Server, object jsonObject, change ...func(jsonObject)) *response {
	t.Helper()
	status, r, text := post(t, s, "/validate?timeout=10s", encoded(t, reviewOf(object, change...)))
	if status != http.StatusOK {
		t.Fatalf("POST /validate = %d %s", status, text)
	}
	return r
}

func mustAllow(t testing.TB, what string, r *response) {
	t.Helper()
	if !r.Allowed {
		t.Errorf("%s: denied: %s", what, r.Status.Message)
	}
}

func mustDeny(t testing.TB, what string, r *response, words ...string) {
	t.Helper()
	if r.Allowed {
		t.Errorf("%s: allowed", what)
		return
	}
	for _, word := range words {
		if !strings.Contains(r.Status.Message, word) {
			t.Errorf("%s: denied with %q, want %q in it", what, r.Status.Message, word)
		}
	}
}

// wantMetric holds what is measured against a line.
func wantMetric(t testing.TB, s *Server, line string) {
	t.Helper()
	rec := httptest.NewRecorder()
	s.MetricsHandler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for have := range strings.Lines(rec.Body.String()) {
		if strings.TrimSpace(have) == line {
			return
		}
	}
	name, _, _ := strings.Cut(strings.Split(line, " ")[0], "{")
	var near []string
	for have := range strings.Lines(rec.Body.String()) {
		if strings.HasPrefix(have, name) {
			near = append(near, strings.TrimSpace(have))
		}
	}
	t.Errorf("/metrics has no %s, but %q", line, near)
}
