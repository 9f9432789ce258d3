//go:build integration

package integration

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// fleet is what a cluster is asked to run: images signed in different ways, and
// some that are not.
type fleet struct {
	byKey    released // an image and an index
	keyless  released
	cosigned image // attested by cosign, with a key
	legacy   image // the same, in a registry without referrers
	unsigned image
	other    image             // signed, but by somebody whom nobody trusts
	stranger string            // who did
	files    map[string]string // the trust directory, but for admission.yaml
	trust    map[string]string // the trust file of each policy, as people have it
}

func newFleet(t testing.TB) *fleet {
	t.Helper()
	f := &fleet{files: make(map[string]string), trust: make(map[string]string)}
	f.byKey = newImages(t, pushImage(t, services.Registry), pushIndex(t, services.Registry))
	hallmark(t).run(append(keyArgs(t, f.byKey.release), "--allow-http-registry")...).exits(0)
	f.keyless = newImages(t, pushImage(t, services.RegistryWithout))
	hallmark(t).run(append(keylessArgs(t, f.keyless.release, services.Sigstore, workflowToken(t)), "--allow-http-registry")...).exits(0)

	dir := t.TempDir()
	peer(t, "cosign").in(dir).with("COSIGN_PASSWORD=").run("generate-key-pair").exits(0)
	f.cosigned, f.legacy = pushImage(t, services.Registry), pushImage(t, services.RegistryWithout)
	for _, i := range []image{f.cosigned, f.legacy} {
		peer(t, "cosign").with("COSIGN_PASSWORD=").run("attest", "--allow-http-registry", "--key", filepath.Join(dir, "cosign.key"), "--signing-config", services.Sigstore.SigningConfig,
			"--trusted-root", services.Sigstore.TrustedRoot, "--type", verdictType, "--predicate", predicateOf(t, f.byKey.verdict()), i.String()).exits(0)
	}
	f.unsigned = pushImage(t, services.Registry)
	strangers := newImages(t, pushImage(t, services.Registry))
	hallmark(t).run(append(keyArgs(t, strangers.release), "--allow-http-registry")...).exits(0)
	f.other, f.stranger = strangers.images[0], read(t, strangers.consumer(t))

	f.trust["key"], f.trust["keyless"] = f.byKey.consumer(t), f.keyless.consumer(t)
	f.trust["cosign"] = keyTrust(t, filepath.Join(dir, "cosign.pub"))
	for name, path := range f.trust {
		f.files[name+".yaml"] = read(t, path)
	}
	root, err := os.ReadFile(filepath.Join(filepath.Dir(f.trust["keyless"]), "trusted_root.json"))
	check(t, err)
	f.files["trusted_root.json"] = string(root)
	return f
}

// admission is an admission.yaml with a policy for each trust file, and more
// lines.
func (f *fleet) admission(lines ...string) string {
	var b strings.Builder
	b.WriteString("policies:\n")
	policy := func(name string, images ...image) {
		var patterns []string
		for _, i := range images {
			patterns = append(patterns, i.registry+"/"+i.repository)
		}
		fmt.Fprintf(&b, "  - name: %s\n    match: {images: [%s]}\n    trust: [%s.yaml]\n", name, strings.Join(patterns, ", "), name)
	}
	policy("key", append(slices.Clone(f.byKey.images), f.unsigned, f.other)...)
	policy("keyless", f.keyless.images...)
	policy("cosign", f.cosigned, f.legacy)
	b.WriteString(strings.Join(lines, "\n") + "\nregistries: {allowedAddresses: [127.0.0.0/8]}\n")
	return b.String()
}

// start starts a server with f's trust directory.
func (f *fleet) start(t testing.TB, name string, admission string, args ...string) *webhook {
	t.Helper()
	files := map[string]string{"admission.yaml": admission}
	for n, content := range f.files {
		files[n] = content
	}
	return newWebhook(t, files, []string{fmt.Sprintf("%s.system-%s.svc", name, name)}, args...)
}

// A real API server lets run what hallmark and cosign signed, in every kind of
// object that makes Pods and in every place of a Pod, and refuses the rest in
// the words of hallmark verify.
func TestClusterRunsWhatIsVerified(t *testing.T) {
	t.Parallel()
	k := newCluster(t)
	f := newFleet(t)
	w := f.start(t, "verified", f.admission())
	g := k.guard(t, "verified", w)
	single, multi := f.byKey.images[0], f.byKey.images[1]
	good := map[string]string{
		"by key": single.by(single.digest), "an index": multi.by(multi.digest), "an image of an index": multi.by(multi.children[1]), "a tag": single.reference(),
		"keyless": f.keyless.images[0].by(f.keyless.images[0].digest), "by cosign": f.cosigned.String(), "by cosign, without referrers": f.legacy.String(),
	}
	bad := map[string]string{
		"unsigned": f.unsigned.by(f.unsigned.digest), "by a stranger": f.other.by(f.other.digest), "unsigned, by tag": f.unsigned.reference(),
	}

	t.Run("pods", func(t *testing.T) {
		t.Parallel()
		ns := g.namespace(t, "pods")
		for name, image := range good {
			g.create(t, ns, pod(slug(name), image)).allowed()
			// Beside one that is not.
			g.create(t, ns, pod(slug(name)+"-and", image, bad["unsigned"])).refused(f.unsigned.digest.String(), "no-bundle")
		}
		for name, image := range bad {
			got := g.create(t, ns, pod(slug(name), image)).refused()
			// What a person would be told who asked by hand.
			said := strings.Join(strings.Fields(got.message()), " ")
			verdict := hallmarkVerify(t).run("-t", f.trust["key"], "--allow-http-registry", image).exits(1)
			lines := 0
			for line := range strings.Lines(verdict.stderr) {
				if line = strings.TrimSpace(line); strings.Contains(line, ": ") && !strings.HasPrefix(line, "hallmark") && !strings.HasPrefix(line, "sha256:") && !strings.HasPrefix(line, "refused ") {
					lines++
					if !strings.Contains(said, strings.Join(strings.Fields(line), " ")) {
						t.Errorf("%s is refused without a word of %q:\n%s", name, line, got.message())
					}
				}
			}
			if lines == 0 {
				t.Errorf("hallmark-verify gives no reason:\n%s", verdict.all())
			}
			if len(got.message()) > 2000 {
				t.Errorf("the refusal has %d characters:\n%s", len(got.message()), got.message())
			}
		}
		// What no policy is about.
		g.create(t, ns, pod("nobodys", "registry.invalid/nobody/nothing@sha256:"+strings.Repeat("1", 64))).refused("no policy")
		g.create(t, ns, pod("elsewhere", "169.254.169.254/latest/meta-data@sha256:"+strings.Repeat("1", 64))).refused()
	})

	t.Run("what makes pods", func(t *testing.T) {
		t.Parallel()
		yes, no := g.namespace(t, "yes"), g.namespace(t, "no")
		for _, m := range makers(good["by key"]) {
			g.create(t, yes, m).allowed()
		}
		for _, m := range makers(bad["unsigned"]) {
			g.create(t, no, m).refused("no-bundle", f.unsigned.digest.String())
		}
		// What was allowed once is not changed into something else.
		for _, m := range makers(bad["unsigned"]) {
			kind := m["kind"].(string)
			if kind == "Job" {
				continue // its template never changes
			}
			m["metadata"].(map[string]any)["namespace"] = yes
			g.do(t, http.MethodPatch, g.path(t, m), map[string]any{"spec": m["spec"]}).refused("no-bundle")
		}
	})

	t.Run("places in a pod", func(t *testing.T) {
		t.Parallel()
		ns := g.namespace(t, "places")
		for _, image := range []string{good["by key"], bad["unsigned"]} {
			p := pod("init-"+slug(image[len(image)-8:]), good["by key"])
			p["spec"].(map[string]any)["initContainers"] = []any{map[string]any{"name": "first", "image": image}}
			got := g.create(t, ns, p)
			if image == good["by key"] {
				got.allowed()
			} else {
				got.refused("no-bundle", "first")
			}
		}
		mounts := pod("mounts", good["by key"])
		mounts["spec"].(map[string]any)["volumes"] = []any{map[string]any{"name": "data", "image": map[string]any{"reference": bad["unsigned"]}}}
		g.create(t, ns, mounts).refused("no-bundle", "data")
		g.create(t, ns, pod("debugged", good["by key"])).allowed()
		debug := func(name, image string) reply {
			return g.do(t, http.MethodPatch, "/api/v1/namespaces/"+ns+"/pods/debugged/ephemeralcontainers", map[string]any{"spec": map[string]any{
				"ephemeralContainers": []any{map[string]any{"name": name, "image": image, "terminationMessagePolicy": "File"}},
			}})
		}
		debug("bad", bad["unsigned"]).refused("no-bundle")
		debug("good", good["keyless"]).allowed()
		// And later by an update.
		g.do(t, http.MethodPatch, "/api/v1/namespaces/"+ns+"/pods/debugged", map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "c0", "image": bad["unsigned"]}},
		}}).refused("no-bundle")
	})

	t.Run("tags are pinned", func(t *testing.T) {
		t.Parallel()
		ns := g.namespace(t, "tags")
		for _, i := range []image{single, multi} {
			got := g.create(t, ns, pod("pinned-"+i.digest.Hex[:8], i.reference())).allowed()
			if image := at(t, got.object, "spec", "containers", 0).(map[string]any)["image"].(string); !strings.HasSuffix(image, "@"+i.digest.String()) {
				t.Errorf("%s runs as %s, want its digest %s", i.reference(), image, i.digest)
			}
		}
		for _, m := range makers(single.reference()) {
			if got := g.create(t, ns, m).allowed(); !strings.Contains(got.text, "@"+single.digest.String()) {
				t.Errorf("%s is not pinned:\n%s", m["kind"], got.text)
			}
		}
		// A digest stays as it is written.
		got := g.create(t, ns, pod("digest", good["by key"])).allowed()
		if image := at(t, got.object, "spec", "containers", 0).(map[string]any)["image"]; image != good["by key"] {
			t.Errorf("%s became %s", good["by key"], image)
		}
		// What the tag means later is not what runs.
		moved := program120(t, "linux/arm64")
		retagged := pushImage(t, services.Registry)
		check(t, remote.Write(retagged.tag(t, released120), moved))
		g.create(t, ns, pod("strange", retagged.reference())).refused("no policy")
	})

	t.Run("dry run", func(t *testing.T) {
		t.Parallel()
		ns := g.namespace(t, "dry")
		g.create(t, ns, pod("good", good["keyless"]), "?dryRun=All").allowed()
		g.create(t, ns, pod("bad", bad["unsigned"]), "?dryRun=All").refused("no-bundle")
		if got := g.do(t, http.MethodGet, "/api/v1/namespaces/"+ns+"/pods/good", nil); got.code != http.StatusNotFound {
			t.Errorf("a dry run made a pod: %d", got.code)
		}
	})

	t.Run("namespaces", func(t *testing.T) {
		t.Parallel()
		// The chart's own exemption, and a namespace that nobody guards.
		g.create(t, g.system(), pod("server", bad["unsigned"])).allowed()
		g.create(t, k.namespace(t, "open-"+g.name), pod("anything", bad["unsigned"])).allowed()
		g.create(t, g.namespace(t, "closed"), pod("anything", bad["unsigned"])).refused("no-bundle")
	})
}

// slug makes a name for an object out of words.
func slug(words string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(words))
}

// A policy that warns lets pass and says so to whoever asked; one that audits
// says it to nobody but the metrics. Both are what a cluster begins with.
func TestClusterIsWarned(t *testing.T) {
	t.Parallel()
	k := newCluster(t)
	f := newFleet(t)
	admission := strings.Replace(f.admission(), "    trust: [key.yaml]\n", "    trust: [key.yaml]\n    mode: warn\n", 1)
	admission = strings.Replace(admission, "    trust: [cosign.yaml]\n", "    trust: [keyless.yaml]\n    mode: audit\n", 1)
	w := f.start(t, "warned", admission)
	g := k.guard(t, "warned", w)
	ns := g.namespace(t, "pods")
	got := g.create(t, ns, pod("warned", f.unsigned.by(f.unsigned.digest))).allowed()
	if text := strings.Join(got.warnings, "\n"); !strings.Contains(text, "no-bundle") || !strings.Contains(text, f.unsigned.digest.Hex[:12]) {
		t.Errorf("the warnings are %q, want one that says why it will be refused", got.warnings)
	}
	for _, m := range makers(f.unsigned.by(f.unsigned.digest)) {
		if got := g.create(t, ns, m).allowed(); len(got.warnings) == 0 {
			t.Errorf("%s: no warning", m["kind"])
		}
	}
	single := f.byKey.images[0]
	if got := g.create(t, ns, pod("good", single.by(single.digest))).allowed(); len(got.warnings) > 0 {
		t.Errorf("what is verified is warned of: %q", got.warnings)
	}
	if got := g.create(t, ns, pod("audited", f.cosigned.String())).allowed(); len(got.warnings) > 0 {
		t.Errorf("an audit warns: %q", got.warnings)
	}
	if page := w.measured(t); !strings.Contains(page, `hallmark_admission_decisions_total{mode="audit",outcome="refused",policy="cosign"`) {
		t.Errorf("the metrics say nothing of the audit:\n%s", page)
	}
}

// The policies of a running server change, without a restart and without a gap.
// What cannot be read changes nothing, and is told.
func TestClusterPoliciesChange(t *testing.T) {
	t.Parallel()
	k := newCluster(t)
	f := newFleet(t)
	w := f.start(t, "changed", f.admission())
	g := k.guard(t, "changed", w)
	ns := g.namespace(t, "pods")
	ask := func() reply { return g.create(t, ns, pod("x", f.other.by(f.other.digest)), "?dryRun=All") }
	ask().refused()

	// Whoever nobody trusted will be trusted. A file that is named and not there
	// changes nothing.
	w.write(t, "admission.yaml", strings.Replace(f.admission("unmatched: warn"), "trust: [key.yaml]", "trust: [key.yaml, stranger.yaml]", 1))
	const stale = `hallmark_admission_stale{what="trust"} 1`
	eventually(t, "the metrics tell that a file is missing", func() bool { return strings.Contains(w.measured(t), stale) })
	unmatched := func() reply {
		return g.create(t, ns, pod("y", "registry.invalid/nobody/nothing@sha256:"+strings.Repeat("1", 64)), "?dryRun=All")
	}
	ask().refused()
	unmatched().refused()
	w.write(t, "stranger.yaml", f.stranger)
	eventually(t, "the new policies count", func() bool { return ask().code == http.StatusCreated })
	unmatched().allowed()

	// A broken file keeps what was.
	w.write(t, "admission.yaml", "policies: [\n")
	eventually(t, "the metrics tell of the broken file", func() bool { return strings.Contains(w.measured(t), stale) })
	ask().allowed()
	if log := read(t, w.log); !strings.Contains(log, "admission.yaml") || !strings.Contains(log, "stranger.yaml") {
		t.Errorf("the log does not name the files:\n%s", tail(log))
	}
	// And back: what was allowed is not for ever.
	w.write(t, "admission.yaml", f.admission())
	eventually(t, "the old policies count", func() bool { return ask().code != http.StatusCreated })
	unmatched().refused()
	single := f.byKey.images[0]
	g.create(t, ns, pod("good", single.by(single.digest))).allowed()
}

// A webhook that does not answer stops what is new, and nothing is let in; back
// again, it answers as before.
func TestClusterWithoutTheServer(t *testing.T) {
	t.Parallel()
	k := newCluster(t)
	f := newFleet(t)
	w := f.start(t, "absent", f.admission())
	g := k.guard(t, "absent", w)
	ns := g.namespace(t, "pods")
	single := f.byKey.images[0]
	good, bad := single.by(single.digest), f.unsigned.by(f.unsigned.digest)
	g.create(t, ns, pod("before", good)).allowed()
	w.stop(t)
	g.create(t, ns, pod("during", good)).refused("failed calling webhook")
	g.create(t, ns, pod("during", bad)).refused("failed calling webhook")
	g.create(t, g.system(), pod("server", good)).allowed()
	w.start(t)
	g.create(t, ns, pod("after", good)).allowed()
	g.create(t, ns, pod("after-bad", bad)).refused("no-bundle")
}

// In an emergency, members of a named group may start what is not verified, with
// a reason; nobody else may, and it is recorded.
func TestClusterBreaksGlass(t *testing.T) {
	t.Parallel()
	k := newCluster(t)
	f := newFleet(t)
	w := f.start(t, "glass", f.admission("breakGlass: {groups: [incident-responders]}"))
	g := k.guard(t, "glass", w)
	ns := g.namespace(t, "pods")
	for _, a := range k.apply(t, `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: developers, namespace: `+ns+`}
rules: [{apiGroups: [""], resources: [pods], verbs: [create]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: developers, namespace: `+ns+`}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: developers}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: developers}]
`) {
		a.allowed()
	}
	urgent := func(name string) map[string]any {
		p := pod(name, f.unsigned.by(f.unsigned.digest))
		p["metadata"].(map[string]any)["annotations"] = map[string]any{"admission.hallmark-project.dev/break-glass": "INC-1234: payments are down"}
		return p
	}
	create := func(token string, p map[string]any) reply { return k.as(token).create(t, ns, p) }
	eventually(t, "developers may create pods", func() bool {
		single := f.byKey.images[0]
		return create("developer-token", pod("good", single.by(single.digest))).code == http.StatusCreated
	})
	create("developer-token", urgent("developer")).refused("break-glass", "developer")
	create("responder-token", pod("responder", f.unsigned.by(f.unsigned.digest))).refused("no-bundle")
	if got := create("responder-token", urgent("urgent")).allowed(); len(got.warnings) == 0 {
		t.Error("nobody is told that glass was broken")
	}
	// Each of both webhooks has let it pass.
	if page := w.measured(t); !strings.Contains(page, "hallmark_admission_break_glass_total 2\n") {
		t.Errorf("the metrics do not tell of it:\n%s", page)
	}
	if log := read(t, w.log); !strings.Contains(log, "INC-1234") || !strings.Contains(log, "responder") {
		t.Errorf("the log does not tell who it was, and why:\n%s", tail(log))
	}
}
