//go:build integration

package integration

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// The webhook as it is shipped, with nobody behind it: nothing new runs, and yet
// the cluster can still start, this server can start again, and what is going
// away can go.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	// It is asked about everything, so it has an API server of its own.
	k, stop, err := startAPIServer(located(t, "kube-apiserver"))
	check(t, err)
	t.Cleanup(stop)

	// Something that will be deleted later has a finalizer.
	held := pod("held", "registry.example/a:1")
	held["metadata"].(map[string]any)["finalizers"] = []any{"example.test/hold"}
	k.create(t, "default", held).is(http.StatusCreated)

	manifests := filepath.Join(checkout, "examples", "kubernetes", "manifests")
	for _, file := range []string{"namespace.yaml", "server.yaml", "webhook.yaml"} {
		k.installs(t, read(t, filepath.Join(manifests, file)))
	}
	eventually(t, "the API server asks the webhook", func() bool {
		return k.create(t, "default", pod("probe", "registry.example/a:1"), "?dryRun=All").code != http.StatusCreated
	})

	const nobody = "failed calling webhook \"validate.hallmark-project.dev\""
	k.create(t, "default", pod("new", "registry.example/a:1")).refused(nobody)
	for _, m := range makers("registry.example/a:1") {
		k.create(t, "default", m).refused(nobody)
	}
	k.do(t, http.MethodPatch, "/api/v1/namespaces/default/pods/held", map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "c0", "image": "registry.example/b:1"}}}}).refused(nobody)
	k.do(t, http.MethodPatch, "/api/v1/namespaces/default/pods/held/ephemeralcontainers", map[string]any{"spec": map[string]any{
		"ephemeralContainers": []any{map[string]any{"name": "debug", "image": "registry.example/b:1"}},
	}}).refused(nobody)

	// What the cluster needs, and this server.
	k.create(t, "kube-system", pod("network", "registry.example/network:1")).is(http.StatusCreated)
	var server map[string]any
	for _, m := range documents(t, read(t, filepath.Join(manifests, "server.yaml"))) {
		if m["kind"] == "Deployment" {
			server = at(t, m, "spec", "template").(map[string]any)
		}
	}
	server["apiVersion"], server["kind"] = "v1", "Pod"
	server["metadata"].(map[string]any)["name"] = "server"
	k.create(t, "hallmark-system", server).is(http.StatusCreated)
	// A label does not make a namespace exempt: only the API server writes this one.
	k.namespace(t, "pretender", "kubernetes.io/metadata.name=kube-system")
	k.create(t, "pretender", pod("new", "registry.example/a:1")).refused(nobody)

	// What is only going away, goes. What is changed on the way does not.
	k.do(t, http.MethodDelete, "/api/v1/namespaces/default/pods/held?gracePeriodSeconds=0", nil).allowed()
	k.do(t, http.MethodPatch, "/api/v1/namespaces/default/pods/held", map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "c0", "image": "registry.example/b:1"}}}}).refused(nobody)
	k.do(t, http.MethodPatch, "/api/v1/namespaces/default/pods/held", map[string]any{"metadata": map[string]any{"finalizers": nil}}).allowed()
	k.do(t, http.MethodGet, "/api/v1/namespaces/default/pods/held", nil).is(http.StatusNotFound)

	// The way out.
	k.do(t, http.MethodDelete, "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/hallmark-admission", nil).allowed()
	eventually(t, "the API server asks nobody any more", func() bool {
		return k.create(t, "default", pod("new", "registry.example/a:1")).code == http.StatusCreated
	})
	if text := read(t, filepath.Join(manifests, "webhook.yaml")); !strings.Contains(text, "failurePolicy: Fail") {
		t.Error("the webhook fails open")
	}
}
