package admission

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// fill gives every string of v, whatever is called an image or the reference of
// one, a value of its own, and returns those values.
func fill(v reflect.Value, name string, n *int) []string {
	switch v.Kind() {
	case reflect.Pointer:
		if !strings.HasPrefix(v.Type().Elem().PkgPath(), "k8s.io/api/") {
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		return fill(v.Elem(), name, n)
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Struct || !strings.HasPrefix(v.Type().Elem().PkgPath(), "k8s.io/api/") {
			return nil
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		return fill(v.Index(0), name, n)
	case reflect.Struct:
		if !strings.HasPrefix(v.Type().PkgPath(), "k8s.io/api/") {
			return nil
		}
		var out []string
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.IsExported() {
				out = append(out, fill(v.Field(i), v.Type().Name()+"."+f.Name, n)...)
			}
		}
		return out
	case reflect.String:
		// RBD volumes have an "image", too: of a disk, by another name.
		if name == "RBDVolumeSource.RBDImage" {
			return nil
		}
		field := name[strings.LastIndexByte(name, '.')+1:]
		if strings.Contains(field, "Image") && field != "ImagePullPolicy" || name == "ImageVolumeSource.Reference" {
			*n++
			value := fmt.Sprintf("registry.example/%d:%s", *n, field)
			v.SetString(value)
			return []string{value}
		}
	}
	return nil
}

// Of every kind that is known, every image is found that Kubernetes' own types
// have a place for.
func TestEveryImageIsFound(t *testing.T) {
	var n int
	var spec corev1.PodSpec
	want := fill(reflect.ValueOf(&spec).Elem(), "PodSpec", &n)
	if len(want) < 4 {
		t.Fatalf("only %d places for an image were found in k8s.io/api", len(want))
	}
	slices.Sort(want)
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "a"}, Annotations: map[string]string{"note": "b"}}, Spec: spec}
	meta := func(api, kind string) metav1.TypeMeta { return metav1.TypeMeta{APIVersion: api, Kind: kind} }
	objects := map[gvk]any{
		{"", "v1", "Pod"}:                   corev1.Pod{TypeMeta: meta("v1", "Pod"), ObjectMeta: template.ObjectMeta, Spec: spec},
		{"", "v1", "PodTemplate"}:           corev1.PodTemplate{TypeMeta: meta("v1", "PodTemplate"), Template: template},
		{"", "v1", "ReplicationController"}: corev1.ReplicationController{TypeMeta: meta("v1", "ReplicationController"), Spec: corev1.ReplicationControllerSpec{Template: &template}},
		{"apps", "v1", "Deployment"}:        appsv1.Deployment{TypeMeta: meta("apps/v1", "Deployment"), Spec: appsv1.DeploymentSpec{Template: template}},
		{"apps", "v1", "StatefulSet"}:       appsv1.StatefulSet{TypeMeta: meta("apps/v1", "StatefulSet"), Spec: appsv1.StatefulSetSpec{Template: template}},
		{"apps", "v1", "DaemonSet"}:         appsv1.DaemonSet{TypeMeta: meta("apps/v1", "DaemonSet"), Spec: appsv1.DaemonSetSpec{Template: template}},
		{"apps", "v1", "ReplicaSet"}:        appsv1.ReplicaSet{TypeMeta: meta("apps/v1", "ReplicaSet"), Spec: appsv1.ReplicaSetSpec{Template: template}},
		{"batch", "v1", "Job"}:              batchv1.Job{TypeMeta: meta("batch/v1", "Job"), Spec: batchv1.JobSpec{Template: template}},
		{"batch", "v1", "CronJob"}: batchv1.CronJob{
			TypeMeta: meta("batch/v1", "CronJob"), Spec: batchv1.CronJobSpec{JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: template}}},
		},
	}
	if len(objects) != len(kinds) {
		t.Errorf("%d kinds are known, and %d are tested", len(kinds), len(objects))
	}
	for k, object := range objects {
		data, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		w, err := images(k, data)
		if err != nil {
			t.Errorf("%s: %v", k.Kind, err)
			continue
		}
		var got []string
		for _, p := range w.places {
			got = append(got, p.image)
			if at := pointed(t, data, p.path); at != p.image {
				t.Errorf("%s: %s leads to %q, want %q", k.Kind, p.path, at, p.image)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: images (-want +got):\n%s", k.Kind, diff)
		}
		if w.labels["app"] != "a" || w.notes["note"] != "b" {
			t.Errorf("%s: labels %v and annotations %v, want the Pod's", k.Kind, w.labels, w.notes)
		}
	}
}

// pointed is the string that a JSON pointer leads to.
func pointed(t *testing.T, data []byte, pointer string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	for _, step := range strings.Split(pointer, "/")[1:] {
		switch at := v.(type) {
		case map[string]any:
			v = at[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(at) {
				return ""
			}
			v = at[i]
		}
	}
	s, _ := v.(string)
	return s
}

// The review is read and written as Kubernetes' own types are.
func TestReviewIsKubernetes(t *testing.T) {
	dry := true
	sent := admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: types.UID("u"), Kind: metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"},
			Resource:    metav1.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"},
			SubResource: "s", Name: "n", Namespace: "ns", Operation: admissionv1.Update, DryRun: &dry,
		},
	}
	sent.Request.UserInfo.Username, sent.Request.UserInfo.Groups = "ada", []string{"g"}
	sent.Request.Object.Raw, sent.Request.OldObject.Raw = []byte(`{"a":1}`), []byte(`{"b":2}`)
	data, err := json.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(data)
	if err != nil {
		t.Fatal(err)
	}
	want := &request{
		UID: "u", Kind: gvk{"apps", "v1", "Deployment"}, Resource: gvr{"apps", "v1", "deployments"}, SubResource: "s",
		Name: "n", Namespace: "ns", Operation: "UPDATE", User: user{"ada", []string{"g"}},
		Object: []byte(`{"a":1}`), OldObject: []byte(`{"b":2}`), DryRun: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decode (-want +got):\n%s", diff)
	}
	data, err = encode(&response{
		UID: "u", Status: &status{"Failure", "m", "Forbidden", 403}, Patch: []byte(`[]`), PatchType: "JSONPatch",
		AuditAnnotations: map[string]string{"k": "v"}, Warnings: []string{"w"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var back admissionv1.AdmissionReview
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	patch := admissionv1.PatchTypeJSONPatch
	if diff := cmp.Diff(&admissionv1.AdmissionResponse{
		UID: "u", Result: &metav1.Status{Status: "Failure", Message: "m", Reason: metav1.StatusReasonForbidden, Code: 403}, Patch: []byte(`[]`), PatchType: &patch,
		AuditAnnotations: map[string]string{"k": "v"}, Warnings: []string{"w"},
	}, back.Response); diff != "" {
		t.Errorf("encode (-want +got):\n%s", diff)
	}
}

func TestWhatIsNoWorkload(t *testing.T) {
	pod := gvk{"", "v1", "Pod"}
	for what, c := range map[string]struct {
		kind gvk
		data string
		want string
	}{
		"another kind":          {gvk{"", "v1", "Service"}, `{}`, "is no kind whose images are known here"},
		"another version":       {gvk{"apps", "v1beta1", "Deployment"}, `{}`, "is no kind"},
		"another group":         {gvk{"extensions", "v1", "Pod"}, `{}`, "is no kind"},
		"nothing":               {pod, ``, "the object is missing"},
		"null":                  {pod, `null`, "the object is missing"},
		"a list":                {pod, `[]`, "the object is missing"},
		"what is not said":      {pod, `{"apiVersion":"v1","kind":"Secret"}`, "the request is about Pod"},
		"no kind":               {pod, `{"spec":{"containers":[{"image":"a"}]}}`, "the request is about Pod"},
		"no containers":         {pod, `{"apiVersion":"v1","kind":"Pod","spec":{}}`, "has no containers"},
		"init containers only":  {pod, `{"apiVersion":"v1","kind":"Pod","spec":{"initContainers":[{"image":"a"}]}}`, "has no containers"},
		"other capitals":        {pod, `{"apiVersion":"v1","kind":"Pod","Spec":{"containers":[{"image":"a"}]}}`, "has no containers"},
		"a number for an image": {pod, `{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":1}]}}`, "another type is expected"},
		"containers of text":    {pod, `{"apiVersion":"v1","kind":"Pod","spec":{"containers":"x"}}`, "another type is expected"},
		"no template":           {gvk{"apps", "v1", "Deployment"}, `{"apiVersion":"apps/v1","kind":"Deployment","spec":{"containers":[{"image":"a"}]}}`, "has no Pod template"},
		"no job template":       {gvk{"batch", "v1", "CronJob"}, `{"apiVersion":"batch/v1","kind":"CronJob","spec":{"template":{"spec":{"containers":[{"image":"a"}]}}}}`, "has no Pod template"},
		"too many": {
			pod, `{"apiVersion":"v1","kind":"Pod","spec":{"containers":[` + strings.TrimSuffix(strings.Repeat(`{"image":"a"},`, maxImages+1), ",") + `]}}`,
			"expected at most",
		},
	} {
		if w, err := images(c.kind, []byte(c.data)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: images = %v, %v, want %q", what, w, err, c.want)
		}
	}
}

// A registry has one name for policies, however an image writes it: who wrote it
// in another way would leave out the policies that name it.
func TestOneNameForARegistry(t *testing.T) {
	for image, pattern := range map[string]string{
		"registry.example/shop/app":              "registry.example/shop/**",
		"registry.example:443/shop/app":          "registry.example/shop/**",
		"Registry.Example:443/shop/app:1":        "registry.example/shop/*",
		"registry.example/shop/app:2":            "registry.example:443/shop/**",
		"a.registry.example:443/shop/app":        "*.registry.example/shop/**",
		"nginx":                                  "docker.io/library/*",
		"docker.io:443/library/nginx":            "docker.io/library/*",
		"index.docker.io/library/nginx":          "docker.io/library/*",
		"registry-1.docker.io/library/nginx":     "docker.io/library/*",
		"registry-1.docker.io:443/library/nginx": "docker.io/library/*",
		"registry.hub.docker.com/library/nginx":  "docker.io/library/*",
		"docker.io/library/nginx":                "index.docker.io/library/*",
		"registry.example:8443/shop/app":         "registry.example:8443/shop/**",
	} {
		p, err := newImagePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := parseImage(image)
		if err != nil {
			t.Fatal(err)
		}
		if !p.MatchString(called(ref)) {
			t.Errorf("pattern %s does not match %s, called %s", pattern, image, called(ref))
		}
	}
	for image, pattern := range map[string]string{
		"registry.example:8443/shop/app":                  "registry.example/shop/**",
		"registry.example/shop/app":                       "registry.example:8443/shop/**",
		"registry-1.docker.io.evil.example/library/nginx": "docker.io/library/*",
	} {
		p, err := newImagePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if ref, err := parseImage(image); err != nil || p.MatchString(called(ref)) {
			t.Errorf("pattern %s matches %s (%v)", pattern, image, err)
		}
	}
	for _, image := range []string{"registry.example./shop/app", "registry.example:0443/shop/app", "registry.example:/shop/app", "[::1]:443/shop/app@"} {
		if ref, err := parseImage(image); err == nil {
			t.Errorf("%s is read as %s: what a node makes of it is not known", image, called(ref))
		}
	}
}
