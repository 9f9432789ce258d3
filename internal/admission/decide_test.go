package admission

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func update(old jsonObject, sub string) func(jsonObject) {
	return func(r jsonObject) { r["operation"], r["oldObject"], r["subResource"] = "UPDATE", old, sub }
}

// What an object ran before is not asked about again; what it did not, is.
func TestUpdates(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	bad, _ := w.push("shop/app", "2", 0)
	worse, _ := w.push("shop/app", "3", 0)
	s := w.server()
	mustAllow(t, "unchanged", askAbout(t, s, podObject(bad), update(podObject(bad), "")))
	mustDeny(t, "another image", askAbout(t, s, podObject(worse), update(podObject(bad), "")), "no-bundle")
	mustDeny(t, "one more", askAbout(t, s, podObject(bad, worse), update(podObject(bad), "")), "no-bundle")
	mustAllow(t, "a good one more", askAbout(t, s, podObject(bad, good), update(podObject(bad), "")))
	with := func(image string) jsonObject {
		p := podObject(good)
		p["spec"].(jsonObject)["ephemeralContainers"] = []jsonObject{{"name": "debug", "image": image}} //nolint:forcetypeassert // made above
		return p
	}
	mustDeny(t, "an ephemeral container", askAbout(t, s, with(bad), update(podObject(good), "ephemeralcontainers")), `ephemeral container "debug"`)
	mustAllow(t, "a good ephemeral container", askAbout(t, s, with(good), update(podObject(good), "ephemeralcontainers")))
	// What it was before cannot be read: all of it is asked.
	mustDeny(t, "no object before", askAbout(t, s, podObject(bad), update(nil, "")), "no-bundle")
	mustDeny(t, "another kind before", askAbout(t, s, podObject(bad), update(jsonObject{"apiVersion": "v1", "kind": "Secret"}, "")), "no-bundle")
	// On creation there is no before.
	mustDeny(t, "a creation with an object before", askAbout(t, s, podObject(bad), func(r jsonObject) { r["oldObject"] = podObject(bad) }), "no-bundle")
	mustAllow(t, "a deletion", askAbout(t, s, podObject(bad), func(r jsonObject) { r["operation"], r["object"] = "DELETE", nil }))
	mustDeny(t, "a connection", askAbout(t, s, podObject(good), func(r jsonObject) { r["operation"] = "CONNECT" }), "is none that runs an image")
	mustDeny(t, "no namespace", askAbout(t, s, podObject(good), func(r jsonObject) { r["namespace"] = "" }), "names no namespace")
}

// Who puts a label on what runs already puts it under the policies that choose by
// the label: they are asked then.
func TestRelabelled(t *testing.T) {
	w := newWorld(t)
	bad, _ := w.push("shop/app", "2", 0)
	good := w.good("shop/app", "1")
	w.config(strings.Replace(w.policies("unmatched: allow\n"), "    match:", "    match:\n      labels: {matchLabels: {tier: prod}}", 1))
	s := w.server()
	labelled := func(tier, image string) jsonObject {
		o := podObject(image)
		o["metadata"].(jsonObject)["labels"] = jsonObject{"app": "greet", "tier": tier} //nolint:forcetypeassert // made above
		return o
	}
	mustAllow(t, "under no policy", askAbout(t, s, labelled("dev", bad)))
	mustDeny(t, "under one", askAbout(t, s, labelled("prod", bad)), "no-bundle")
	mustDeny(t, "put under one", askAbout(t, s, labelled("prod", bad), update(labelled("dev", bad), "")), "no-bundle")
	mustAllow(t, "a good one put under it", askAbout(t, s, labelled("prod", good), update(labelled("dev", good), "")))
	mustAllow(t, "under it already", askAbout(t, s, labelled("prod", bad), update(labelled("prod", bad), "")))
	mustAllow(t, "taken from under it", askAbout(t, s, labelled("dev", bad), update(labelled("prod", bad), "")))
	mustAllow(t, "another label of no policy", askAbout(t, s, labelled("test", bad), update(labelled("dev", bad), "")))
}

func TestWorkloads(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	bad, _ := w.push("shop/app", "2", 0)
	s := w.server()
	for _, kind := range []string{"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "ReplicationController"} {
		object := func(image string) jsonObject {
			spec := jsonObject{"template": jsonObject{"metadata": jsonObject{}, "spec": podObject(image)["spec"]}}
			api := "apps/v1"
			switch kind {
			case "CronJob":
				api, spec = "batch/v1", jsonObject{"jobTemplate": jsonObject{"spec": spec}}
			case "Job":
				api = "batch/v1"
			case "ReplicationController":
				api = "v1"
			}
			return jsonObject{"apiVersion": api, "kind": kind, "metadata": jsonObject{"name": "w"}, "spec": spec}
		}
		mustAllow(t, kind, askAbout(t, s, object(good)))
		mustDeny(t, kind, askAbout(t, s, object(bad)), "no-bundle")
	}
}

// Every policy that matches must say yes, whatever the others say.
func TestPoliciesOnlyTighten(t *testing.T) {
	w := newWorld(t)
	other := newKey(t)
	w.trust("other.yaml", other, "")
	one, digests := w.push("shop/app", "one", 0)
	w.attest("shop/app", w.key, true, time.Now().Add(-time.Hour), digests...)
	both, digests := w.push("shop/app", "both", 0)
	w.attest("shop/app", w.key, true, time.Now().Add(-time.Hour), digests...)
	w.attest("shop/app", other, true, time.Now().Add(-time.Hour), digests...)
	base := w.policies("")
	policy := func(name, match, rest string) string {
		return strings.Replace(base, "registries:", "  - name: "+name+"\n    match: {"+match+"}\n"+rest+"registries:", 1)
	}
	const second = "    trust: [other.yaml]\n"
	for what, c := range map[string]struct {
		yaml string
		want bool // of the image that one has signed
	}{
		"for all":                  {policy("second", "", second), false},
		"for the namespace":        {policy("second", "namespaces: [\"sh*\"]", second), false},
		"for another namespace":    {policy("second", "namespaces: [other]", second), true},
		"for the label":            {policy("second", "labels: {matchLabels: {app: greet}}", second), false},
		"for another label":        {policy("second", "labels: {matchLabels: {app: other}}", second), true},
		"for an expression":        {policy("second", "labels: {matchExpressions: [{key: app, operator: In, values: [x, greet]}]}", second), false},
		"for what lacks a label":   {policy("second", "labels: {matchExpressions: [{key: app, operator: DoesNotExist}]}", second), true},
		"for the image":            {policy("second", "images: [\""+w.host+"/*/app\"]", second), false},
		"for another image":        {policy("second", "images: [\""+w.host+"/*/other\"]", second), true},
		"that warns":               {policy("second", "", second+"    mode: warn\n"), true},
		"that records":             {policy("second", "", second+"    mode: audit\n"), true},
		"with the first's, either": {policy("second", "", "    trust: [other.yaml, trust.yaml]\n"), true},
	} {
		w.config(c.yaml)
		s := w.server()
		r := ask(t, s, one)
		if r.Allowed != c.want {
			t.Errorf("a second policy %s: allowed = %t, want %t: %v", what, r.Allowed, c.want, r.Status)
		}
		if strings.Contains(what, "warns") && (len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "refused by policy second") || len(r.Warnings[0]) > maxWarning) {
			t.Errorf("a second policy %s: warnings %q", what, r.Warnings)
		}
		if strings.Contains(what, "records") && (len(r.Warnings) != 0 || !strings.Contains(r.AuditAnnotations["not-verified"], "policy second")) {
			t.Errorf("a second policy %s: %q, %q", what, r.Warnings, r.AuditAnnotations)
		}
		mustAllow(t, "a second policy "+what+", signed by both", ask(t, s, both))
	}
}

func TestUnmatched(t *testing.T) {
	w := newWorld(t)
	bad, _ := w.push("shop/app", "bad", 0)
	other, _ := w.push("other/app", "1", 0)
	for word, want := range map[string]bool{"deny": false, "warn": true, "allow": true} {
		w.config(w.policies("unmatched: " + word + "\n"))
		s := w.server()
		w.requests()
		r := ask(t, s, other)
		if r.Allowed != want || (len(r.Warnings) > 0) != (word == "warn") {
			t.Errorf("unmatched: %s: allowed %t, warnings %q", word, r.Allowed, r.Warnings)
		}
		if got := w.requests(); len(got) > 0 {
			t.Errorf("a registry that no policy names was asked %v", got)
		}
		mustDeny(t, "matched and unsigned", ask(t, s, bad), "no-bundle")
		mustDeny(t, "no image at all", ask(t, s, "not an image"), "not an image")
	}
}

func TestExemptNamespaces(t *testing.T) {
	w := newWorld(t)
	bad, _ := w.push("shop/app", "bad", 0)
	w.config(w.policies("exemptNamespaces: [kube-system]\n"))
	s := w.server()
	in := func(namespace string) func(jsonObject) { return func(r jsonObject) { r["namespace"] = namespace } }
	mustAllow(t, "kube-system", askAbout(t, s, podObject(bad), in("kube-system")))
	mustDeny(t, "kube-system-2", askAbout(t, s, podObject(bad), in("kube-system-2")))
	// The request's namespace counts, not what the object says of itself.
	p := podObject(bad)
	p["metadata"].(jsonObject)["namespace"] = "kube-system" //nolint:forcetypeassert // made by podObject
	mustDeny(t, "an object that says kube-system", askAbout(t, s, p))
}

// Only what could not be told is accepted where a policy fails open, never what
// is refused.
func TestFailOpen(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	bad, _ := w.push("shop/app", "2", 0)
	w.config(strings.Replace(w.policies(""), "    trust:", "    failOpen: [shop]\n    trust:", 1))
	s := w.server()
	mustDeny(t, "refused", ask(t, s, bad), "no-bundle")
	w.set(func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
		rw.WriteHeader(http.StatusInternalServerError)
	})
	r := ask(t, s, good)
	mustAllow(t, "could not be told", r)
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "could not tell") || !strings.Contains(r.AuditAnnotations["not-verified"], "failed open") {
		t.Errorf("failing open says %q, %q", r.Warnings, r.AuditAnnotations)
	}
	mustDeny(t, "in another namespace", askAbout(t, s, podObject(good), func(r jsonObject) { r["namespace"] = "prod" }), "could not tell", "500 Internal Server Error")
	mustDeny(t, "no image at all", ask(t, s, "UPPER/case"))
	if !strings.Contains(w.log.String(), "admitted though it could not be told") {
		t.Errorf("the log does not say that it failed open:\n%s", w.log.String())
	}
	wantMetric(t, s, `hallmark_admission_failed_open_total{policy="shop"} 1`)
}

func TestBreakGlass(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	bad, _ := w.push("shop/app", "2", 0)
	w.config(w.policies("breakGlass:\n  groups: [oncall]\n  controllers: [system:serviceaccount:kube-system:replicaset-controller]\n"))
	s := w.server()
	as := func(username string, groups ...string) func(jsonObject) {
		return func(r jsonObject) { r["userInfo"] = jsonObject{"username": username, "groups": groups} }
	}
	glass := func(why string, images ...string) jsonObject {
		p := podObject(images...)
		p["metadata"].(jsonObject)["annotations"] = jsonObject{DefaultAnnotation: why} //nolint:forcetypeassert // made by podObject
		return p
	}
	mustDeny(t, "without the annotation", askAbout(t, s, podObject(bad), as("ada", "oncall")), "no-bundle")
	r := askAbout(t, s, glass("INC-7: registry is down", bad), as("ada", "oncall"))
	mustAllow(t, "by a member", r)
	if r.AuditAnnotations["break-glass"] != "ada: INC-7: registry is down" || len(r.Warnings) == 0 {
		t.Errorf("break-glass is recorded as %q, %q", r.AuditAnnotations, r.Warnings)
	}
	mustAllow(t, "by a controller", askAbout(t, s, glass("INC-7", bad), as("system:serviceaccount:kube-system:replicaset-controller")))
	mustDeny(t, "by somebody else", askAbout(t, s, glass("INC-7", bad), as("eve", "oncall-readers")), `"eve" is in none of them`)
	mustDeny(t, "by somebody else, with a good image", askAbout(t, s, glass("INC-7", good), as("eve")), `"eve" is in none of them`)
	mustDeny(t, "without a reason", askAbout(t, s, glass(" \n", bad), as("ada", "oncall")), "is empty")
	r = askAbout(t, s, glass("INC-7", good), as("ada", "oncall"))
	mustAllow(t, "a good image by a member", r)
	if len(r.Warnings) > 0 || r.AuditAnnotations["break-glass"] != "" {
		t.Errorf("break-glass was used for what is verified: %q", r.AuditAnnotations)
	}
	// The annotation that was there before admits nothing to somebody else, and
	// keeps nobody from taking away a finalizer.
	mustDeny(t, "another image under the annotation", askAbout(t, s, glass("INC-7", bad), as("eve"), update(glass("INC-7", good), "")), "no-bundle")
	mustAllow(t, "unchanged", askAbout(t, s, glass("INC-7", bad), as("eve"), update(glass("INC-7", bad), "")))
	mustDeny(t, "another reason", askAbout(t, s, glass("INC-8", bad), as("eve"), update(glass("INC-7", bad), "")), "is in none of them")
	// What cannot be read is not admitted by it either.
	mustDeny(t, "another kind", askAbout(t, s, jsonObject{"apiVersion": "v1", "kind": "Service"}, as("ada", "oncall")), "is no kind")
	if n := strings.Count(w.log.String(), "admitted by break-glass"); n != 2 {
		t.Errorf("the log has %d uses of break-glass, want 2", n)
	}
	wantMetric(t, s, "hallmark_admission_break_glass_total 2")
	// Nobody may where nobody is named.
	w.config(w.policies(""))
	mustDeny(t, "no groups", askAbout(t, w.server(), glass("INC-7", bad), as("ada", "oncall", "system:masters")), "is in none of them")
}

// The digest that was verified is written behind tags, and behind nothing else.
func TestPinning(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	digest := strings.Split(good, "@")[1]
	bad, _ := w.push("shop/app", "2", 0)
	tag := w.host + "/shop/app:1"
	w.config(w.policies("unmatched: allow\n"))
	s := w.server()
	mutate := func(o jsonObject) *response {
		status, r, text := post(t, s, "/mutate?timeout=5s", encoded(t, reviewOf(o)))
		if status != http.StatusOK {
			t.Fatalf("POST /mutate = %d %s", status, text)
		}
		return r
	}
	o := podObject(good, tag, w.host+"/other/app:1", tag)
	r := mutate(o)
	mustAllow(t, "a tag", r)
	var changes []struct{ Op, Path, Value string }
	if err := json.Unmarshal(r.Patch, &changes); err != nil || r.PatchType != "JSONPatch" {
		t.Fatalf("the patch is %q of type %q", r.Patch, r.PatchType)
	}
	var got []string
	for _, c := range changes {
		got = append(got, c.Op+" "+c.Path+" "+c.Value)
	}
	want := []string{
		"test /spec/containers/1/image " + tag, "replace /spec/containers/1/image " + tag + "@" + digest,
		"test /spec/containers/3/image " + tag, "replace /spec/containers/3/image " + tag + "@" + digest,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("patch (-want +got):\n%s", diff)
	}
	if r := mutate(podObject(good)); r.Patch != nil {
		t.Errorf("a digest was patched: %s", r.Patch)
	}
	mustDeny(t, "not verified", mutate(podObject(tag, bad)), "no-bundle")
	// /validate changes nothing.
	if r := askAbout(t, s, o); r.Patch != nil {
		t.Errorf("validating patched: %s", r.Patch)
	}
	// What only a warning was said about is not pinned: it is not verified.
	w.config(strings.Replace(w.policies(""), "    trust:", "    mode: warn\n    trust:", 1))
	s = w.server()
	if r := mutate(podObject(w.host + "/shop/app:2")); !r.Allowed || r.Patch != nil {
		t.Errorf("an image that is not verified: allowed %t, patch %s", r.Allowed, r.Patch)
	}
}

// What people are told fits a terminal, and names what they need.
func TestMessages(t *testing.T) {
	w := newWorld(t)
	var images []string
	for i := range 8 {
		bad, _ := w.push("shop/app", fmt.Sprint("b", i), 0)
		images = append(images, bad)
	}
	s := w.server()
	r := ask(t, s, images...)
	mustDeny(t, "many", r, "and 5 more", images[0], images[2])
	if n := len(r.Status.Message); n > 1500 {
		t.Errorf("the message has %d bytes:\n%s", n, r.Status.Message)
	}
	if !strings.HasPrefix(r.Status.Message, "hallmark: image ") || r.Status.Code != 403 || r.Status.Reason != "Forbidden" {
		t.Errorf("the denial is %+v", r.Status)
	}
	// Hidden letters are shown.
	r = ask(t, s, "registry.example/shop/app\u202egnp.1:1")
	mustDeny(t, "turned letters", r, `\u202e`)
	w.config(strings.Replace(w.policies(""), "    trust:", "    mode: warn\n    trust:", 1))
	r = ask(t, w.server(), images...)
	mustAllow(t, "warned", r)
	total := 0
	for _, line := range r.Warnings {
		total += len(line)
		if len(line) > 256 {
			t.Errorf("a warning has %d bytes", len(line))
		}
	}
	if total > 4096 {
		t.Errorf("warnings have %d bytes: the API server drops them all", total)
	}
}
