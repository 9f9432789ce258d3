package admission

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/hallmark-project/hallmark/criteria"
)

// everyday is a Pod as it reaches a webhook: with what controllers and defaults
// have written into it.
func everyday(image string) jsonObject {
	p := podObject(image)
	var env, mounts []jsonObject
	for i := range 20 {
		env = append(env, jsonObject{"name": fmt.Sprintf("SETTING_%d", i), "value": fmt.Sprintf("value-%d", i)})
		mounts = append(mounts, jsonObject{"name": fmt.Sprintf("v%d", i%4), "mountPath": fmt.Sprintf("/mnt/%d", i), "readOnly": true})
	}
	c := p["spec"].(jsonObject)["containers"].([]jsonObject)[0] //nolint:forcetypeassert // made by podObject
	c["env"], c["volumeMounts"] = env, mounts
	c["resources"] = jsonObject{"requests": jsonObject{"cpu": "100m", "memory": "64Mi"}, "limits": jsonObject{"memory": "64Mi"}}
	p["metadata"].(jsonObject)["managedFields"] = []jsonObject{{ //nolint:forcetypeassert // made by podObject
		"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "time": "2026-11-22T12:00:00Z", "fieldsType": "FieldsV1",
		"fieldsV1": jsonObject{"f:spec": jsonObject{"f:containers": jsonObject{`k:{"name":"c0"}`: jsonObject{".": jsonObject{}, "f:image": jsonObject{}, "f:env": jsonObject{}}}}},
	}}
	return p
}

// decodeAndAnswer is a webhook that does nothing: the floor that others are held
// against. It decodes with Kubernetes' own types, as webhooks do.
func decodeAndAnswer(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var in admissionv1.AdmissionReview
	var p corev1.Pod
	if err := json.Unmarshal(data, &in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := json.Unmarshal(in.Request.Object.Raw, &p); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out := admissionv1.AdmissionReview{TypeMeta: in.TypeMeta, Response: &admissionv1.AdmissionResponse{UID: in.Request.UID, Allowed: true}}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out)
}

// decodeAndAnswerAsWe is the same with this package's reader.
func decodeAndAnswerAsWe(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	in, err := decode(data)
	if err == nil {
		_, err = images(in.Kind, in.Object)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out, err := encode(&response{UID: in.UID, Allowed: true})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(out)
}

// BenchmarkReview sends, one after the other, the same request over HTTPS on
// loopback to two webhooks that do nothing, to one that has the verdict, and to
// one that has to read the bundle and verify a P-256 signature. It reports the
// 50th and 99th percentiles of the latter as multiples of the floor's.
func BenchmarkReview(b *testing.B) {
	w := newWorld(b)
	bundles := b.TempDir()
	var images []string
	for i := range 200 {
		digest := criteria.DigestOf([]byte(fmt.Sprint("image ", i)))
		images = append(images, w.host+"/shop/app@"+digest.String())
		bundle := w.sign(w.key, true, time.Now().Add(-time.Hour), digest)
		if err := os.WriteFile(filepath.Join(bundles, fmt.Sprintf("%d.sigstore.json", i)), bundle, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	w.config(strings.Replace(w.policies(""), "    trust:", "    bundles: {folder: "+bundles+"}\n    trust:", 1))
	s := w.server()
	serve := func(h http.Handler) (string, *http.Client) {
		server := httptest.NewUnstartedServer(h)
		server.EnableHTTP2 = true
		server.StartTLS()
		b.Cleanup(server.Close)
		return server.URL + "/validate?timeout=10s", server.Client()
	}
	var bodies [][]byte
	for _, image := range images {
		bodies = append(bodies, encoded(b, reviewOf(everyday(image))))
	}
	floor, floorClient := serve(http.HandlerFunc(decodeAndAnswer))
	own, ownClient := serve(http.HandlerFunc(decodeAndAnswerAsWe))
	webhook, client := serve(s.Handler())
	names := []string{"floor", "own-floor", "cached", "uncached"}
	took := make(map[string][]time.Duration)
	post := func(name, url string, c *http.Client, body []byte) {
		began := time.Now()
		resp, data, err := send(c, url, body)
		took[name] = append(took[name], time.Since(began))
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(data), `"allowed":true`) {
			b.Fatalf("%s: %v, %s", name, err, data)
		}
	}
	forget := func() { s.asker.verdicts = newCache[verdictKey, *verdict](1000) }
	round := func(i int) {
		body := bodies[i%len(bodies)]
		post("floor", floor, floorClient, body)
		post("own-floor", own, ownClient, body)
		forget()
		post("uncached", webhook, client, body)
		post("cached", webhook, client, body)
	}
	for i := range 100 {
		round(i)
	}
	clear(took)
	w.requests()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		round(i)
	}
	b.StopTimer()
	if got := w.requests(); len(got) > 0 {
		b.Fatalf("a registry was asked: %v", got)
	}
	at := func(name string, percent int) float64 {
		all := took[name]
		slices.Sort(all)
		return float64(all[min(len(all)-1, len(all)*percent/100)])
	}
	for _, name := range names[1:] {
		b.ReportMetric(at(name, 50)/at("floor", 50), name+"-p50/floor")
		b.ReportMetric(at(name, 99)/at("floor", 99), name+"-p99/floor")
	}
	b.ReportMetric(at("floor", 50)/1e6, "floor-p50-ms")
	b.ReportMetric(at("floor", 99)/1e6, "floor-p99-ms")
}

// BenchmarkDecide is the work of a request without TLS and HTTP.
func BenchmarkDecide(b *testing.B) {
	w := newWorld(b)
	s := w.server()
	body := encoded(b, reviewOf(everyday(w.good("shop/app", "1"))))
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var in admissionv1.AdmissionReview
			var p corev1.Pod
			if json.Unmarshal(body, &in) != nil || json.Unmarshal(in.Request.Object.Raw, &p) != nil {
				b.Fatal("not read")
			}
			if _, err := json.Marshal(admissionv1.AdmissionReview{TypeMeta: in.TypeMeta, Response: &admissionv1.AdmissionResponse{UID: in.Request.UID, Allowed: true}}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("cached", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r, err := decode(body)
			if err != nil {
				b.Fatal(err)
			}
			d := s.asker.decide(b.Context(), s.state.Load(), r, false)
			if !d.allowed {
				b.Fatal(d.message)
			}
			if _, err := encode(d.response(r.UID)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
