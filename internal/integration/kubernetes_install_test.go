//go:build integration

package integration

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// chart is the chart's folder, and chartValues the values that people copy.
var (
	chart       = filepath.Join(checkout, "examples", "kubernetes", "chart", "hallmark-admission")
	chartValues = filepath.Join(checkout, "examples", "kubernetes", "values.yaml")
)

// tlsModes are the ways in which the server gets its certificate, as options of
// helm.
func tlsModes() map[string][]string {
	return map[string][]string{
		"generate":          {"--set", "tls.mode=generate"},
		"cert-manager":      {"--set", "tls.mode=cert-manager"},
		"somebody's issuer": {"--set", "tls.mode=cert-manager,tls.issuerRef.name=platform,tls.issuerRef.kind=ClusterIssuer"},
		"secret":            {"--set", "tls.mode=secret,tls.caBundle=LS0tLS1CRUdJTg=="},
	}
}

// rendered is the chart with the example's values and more options, in a
// namespace.
func rendered(t testing.TB, namespace string, options ...string) string {
	t.Helper()
	return peer(t, "helm").run(append([]string{"template", "hallmark-admission", chart, "--namespace", namespace, "--values", chartValues}, options...)...).exits(0).stdout
}

// Helm finds no fault with the chart, however it is set up, and refuses values
// that the chart does not have.
func TestChartIsSound(t *testing.T) {
	t.Parallel()
	everything := []string{
		"--set", "webhook.mutate.enabled=true,autoscaling.enabled=false,server.registrySecret=pull,server.bundles.persistentVolumeClaim.claimName=bundles",
		"--set", "server.warm={registry.example/a@sha256:" + strings.Repeat("a", 64) + "},image.pullSecrets={pull},image.digest=sha256:" + strings.Repeat("b", 64),
		"--set", "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.name=monitoring",
	}
	for name, options := range tlsModes() {
		peer(t, "helm").run(append([]string{"lint", "--strict", chart, "--values", chartValues}, options...)...).exits(0).says("1 chart(s) linted, 0 chart(s) failed")
		out := rendered(t, "elsewhere", append(options, everything...)...)
		if strings.Contains(out, "namespace: hallmark-system") || !strings.Contains(out, `values: ["elsewhere","kube-system"]`) {
			t.Errorf("%s: the chart is bound to one namespace:\n%s", name, out)
		}
		if !strings.Contains(out, "@sha256:"+strings.Repeat("b", 64)) {
			t.Errorf("%s: the image is not named by its digest", name)
		}
	}
	for _, wrong := range []string{"webhook.failPolicy=Fail", "webhook.failurePolicy=fail", "webhook.timeoutSeconds=60", "tls.mode=none", "image.digest=latest", "service.targetPort=443"} {
		peer(t, "helm").run("template", "x", chart, "--values", chartValues, "--set", wrong).fails().says("values don't meet the specifications of the schema")
	}
	peer(t, "helm").run("template", "x", chart).fails().says("image.repository is required")
}

// The plain manifests are what the chart gives.
func TestManifestsAreTheCharts(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	example(t, "kubernetes/render.sh").with("PATH=" + filepath.Dir(located(t, "helm")) + string(os.PathListSeparator) + os.Getenv("PATH")).run(out).exits(0)
	kept := filepath.Join(checkout, "examples", "kubernetes", "manifests")
	files := func(dir string) map[string]string {
		all := make(map[string]string)
		check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				name, _ := filepath.Rel(dir, path)
				all[name] = read(t, path)
			}
			return err
		}))
		return all
	}
	want, got := files(out), files(kept)
	if len(want) < 5 {
		t.Fatalf("render.sh writes %d files, expected 5", len(want))
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("examples/kubernetes/manifests/%s is not what the chart gives: run examples/kubernetes/render.sh", name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d manifests are kept, and %d come from the chart", len(got), len(want))
	}
}

// A real API server takes every object that the chart and the plain manifests
// have, with no field that it does not know, and nothing to warn of. It holds the
// pods to the strictest of its standards, as the namespace asks.
func TestInstalled(t *testing.T) {
	t.Parallel()
	k := newCluster(t)
	certManager(t, k)
	examples := filepath.Join(checkout, "examples", "kubernetes")
	k.installs(t, read(t, filepath.Join(examples, "manifests", "namespace.yaml")))
	for _, file := range []string{"server.yaml", "webhook.yaml", "cert-manager/server.yaml", "cert-manager/webhook.yaml"} {
		k.installs(t, harmless(read(t, filepath.Join(examples, "manifests", file))))
	}
	for name, options := range tlsModes() {
		namespace := strings.ReplaceAll(strings.ReplaceAll("install "+name, "'", ""), " ", "-")
		k.namespace(t, namespace, "pod-security.kubernetes.io/enforce=restricted", "pod-security.kubernetes.io/warn=restricted")
		out := rendered(t, namespace, append(options, "--set", "webhook.mutate.enabled=true,server.warm={registry.example/a:1},server.registrySecret=pull")...)
		k.installs(t, harmless(out))

		// No controller makes pods here; so make the one that it would.
		for _, m := range documents(t, out) {
			if m["kind"] != "Deployment" {
				continue
			}
			template := at(t, m, "spec", "template").(map[string]any)
			template["apiVersion"], template["kind"] = "v1", "Pod"
			template["metadata"].(map[string]any)["name"] = "one"
			k.do(t, http.MethodPost, "/api/v1/namespaces/"+namespace+"/pods", template).is(http.StatusCreated)
			// The standard is kept here, or the line above would say nothing.
			container := at(t, template, "spec", "containers", 0).(map[string]any)
			container["securityContext"] = map[string]any{"privileged": true}
			template["metadata"].(map[string]any)["name"] = "two"
			k.do(t, http.MethodPost, "/api/v1/namespaces/"+namespace+"/pods", template).is(http.StatusForbidden)
		}
	}
	k.installs(t, read(t, filepath.Join(examples, "bulk-verification.yaml")))
}

// installs applies manifests and holds that each is taken as it is.
func (k *cluster) installs(t testing.TB, manifests string) {
	t.Helper()
	for _, a := range k.apply(t, manifests) {
		if a.allowed(); len(a.warnings) > 0 {
			t.Errorf("%s: %q", a.line, a.warnings)
		}
	}
}

// harmless has the webhooks of manifests look at a namespace that there is not:
// in this cluster other tests run, and nobody would answer.
func harmless(manifests string) string {
	return regexp.MustCompile(`operator: NotIn\n( +)values: .*`).ReplaceAllString(manifests, "operator: In\n${1}values: [nowhere]")
}

// certManager installs what the API server must know of cert-manager, for its
// objects to be taken at all.
func certManager(t testing.TB, k *cluster) {
	t.Helper()
	for plural, kind := range map[string]string{"certificates": "Certificate", "issuers": "Issuer"} {
		k.apply(t, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: `+plural+`.cert-manager.io}
spec:
  group: cert-manager.io
  scope: Namespaced
  names: {plural: `+plural+`, singular: `+strings.ToLower(kind)+`, kind: `+kind+`, listKind: `+kind+`List}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`)[0].allowed()
	}
	eventually(t, "cert-manager's kinds are served", func() bool {
		a := k.do(t, http.MethodGet, "/apis/cert-manager.io/v1", nil)
		return a.code == http.StatusOK && strings.Contains(a.text, `"certificates"`) && strings.Contains(a.text, `"issuers"`)
	})
}
