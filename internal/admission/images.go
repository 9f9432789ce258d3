package admission

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxImages bounds the places with an image in one object. The API server takes
// no object of more than some 3 MB; nobody writes this many by hand.
const maxImages = 1000

// workload is what an object says about the Pods that it is or makes.
type workload struct {
	kind   string
	labels map[string]string // of the Pods
	notes  map[string]string // annotations of the Pods
	places []place
}

// place is where an object names an image.
type place struct {
	path  string // as a JSON pointer (RFC 6901)
	what  string // for people: "container app"
	image string
}

// object is any of the kinds that carry Pods. Each has its Pods in one place of
// these, and null or nothing in the others.
type object struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   metadata `json:"metadata"`
	Spec       spec     `json:"spec"`
	Template   *pod     `json:"template"` // of a PodTemplate
}

type metadata struct {
	Name         string            `json:"name"`
	GenerateName string            `json:"generateName"`
	Namespace    string            `json:"namespace"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
}

type spec struct {
	podSpec
	Template    *pod         `json:"template"`
	JobTemplate *jobTemplate `json:"jobTemplate"`
}

type jobTemplate struct {
	Spec struct {
		Template *pod `json:"template"`
	} `json:"spec"`
}

type pod struct {
	Metadata metadata `json:"metadata"`
	Spec     podSpec  `json:"spec"`
}

// podSpec are the places of a Pod in which an image is named. A test walks the
// types of k8s.io/api for others.
type podSpec struct {
	Init       []container `json:"initContainers"`
	Containers []container `json:"containers"`
	Ephemeral  []container `json:"ephemeralContainers"`
	Volumes    []volume    `json:"volumes"`
}

type container struct {
	Name  string `json:"name"`
	Image string `json:"image"`
}

type volume struct {
	Name  string       `json:"name"`
	Image *imageVolume `json:"image"`
}

type imageVolume struct {
	Reference string `json:"reference"`
}

// kinds are the kinds that are known, and where each has its Pods.
var kinds = map[gvk]func(*object) (*pod, string){
	{"", "v1", "Pod"}: func(o *object) (*pod, string) {
		return &pod{Metadata: o.Metadata, Spec: o.Spec.podSpec}, "/spec"
	},
	{"", "v1", "PodTemplate"}:           func(o *object) (*pod, string) { return o.Template, "/template/spec" },
	{"", "v1", "ReplicationController"}: template,
	{"apps", "v1", "Deployment"}:        template,
	{"apps", "v1", "StatefulSet"}:       template,
	{"apps", "v1", "DaemonSet"}:         template,
	{"apps", "v1", "ReplicaSet"}:        template,
	{"batch", "v1", "Job"}:              template,
	{"batch", "v1", "CronJob"}: func(o *object) (*pod, string) {
		if o.Spec.JobTemplate == nil {
			return nil, ""
		}
		return o.Spec.JobTemplate.Spec.Template, "/spec/jobTemplate/spec/template/spec"
	},
}

func template(o *object) (*pod, string) { return o.Spec.Template, "/spec/template/spec" }

// images finds every image that the object of kind k names. An object that is
// not of that kind, or names none, is an error: there is no telling what runs.
func images(k gvk, data jsontext.Value) (*workload, error) {
	find, ok := kinds[k]
	if !ok {
		return nil, fmt.Errorf("%s of %s is no kind whose images are known here", quote(k.Kind), quote(k.apiVersion()))
	}
	if len(data) == 0 || data.Kind() != '{' {
		return nil, errors.New("the object is missing")
	}
	var o object
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, fmt.Errorf("the object is no %s: %s", k.Kind, readable(err))
	}
	if o.Kind != k.Kind || o.APIVersion != k.apiVersion() {
		return nil, fmt.Errorf("the object is %s of %s, and the request is about %s of %s", quote(o.Kind), quote(o.APIVersion), k.Kind, k.apiVersion())
	}
	p, path := find(&o)
	if p == nil {
		return nil, fmt.Errorf("the %s has no Pod template", k.Kind)
	}
	w := &workload{kind: k.Kind, labels: p.Metadata.Labels, notes: p.Metadata.Annotations}
	add := func(what, path, name, image string) {
		w.places = append(w.places, place{path: path, what: what + " " + quote(name), image: image})
	}
	for _, list := range []struct {
		what, key  string
		containers []container
	}{
		{"init container", "initContainers", p.Spec.Init},
		{"container", "containers", p.Spec.Containers},
		{"ephemeral container", "ephemeralContainers", p.Spec.Ephemeral},
	} {
		for i, c := range list.containers {
			add(list.what, path+"/"+list.key+"/"+strconv.Itoa(i)+"/image", c.Name, c.Image)
		}
	}
	for i, v := range p.Spec.Volumes {
		if v.Image != nil {
			add("volume", path+"/volumes/"+strconv.Itoa(i)+"/image/reference", v.Name, v.Image.Reference)
		}
	}
	switch {
	case len(p.Spec.Containers) == 0:
		return nil, fmt.Errorf("the %s has no containers", k.Kind)
	case len(w.places) > maxImages:
		return nil, fmt.Errorf("the %s names %d images, expected at most %d", k.Kind, len(w.places), maxImages)
	}
	return w, nil
}

// readable is what a JSON error says without the names of Go types.
func readable(err error) string {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return "another type is expected at " + quote(string(semantic.JSONPointer))
	}
	return "it cannot be read"
}
