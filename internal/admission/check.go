package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/hallmark-project/hallmark/internal/answer"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// Checked is what check says of all objects. Its JSON form is stable: keys are
// added, never changed.
type Checked struct {
	// Outcome is allowed, denied or unknown: the worst of all objects.
	Outcome string          `json:"outcome"`
	Objects []CheckedObject `json:"objects"`
}

// CheckedObject is what the webhook would say of one object.
type CheckedObject struct {
	File      string `json:"file"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	// Outcome is allowed, denied, unknown where it would be denied because it
	// could not be told, or skipped for a kind that runs no image.
	Outcome  string         `json:"outcome"`
	Message  string         `json:"message,omitempty"`
	Warnings []string       `json:"warnings,omitempty"`
	Images   []CheckedImage `json:"images,omitempty"`
}

// CheckedImage is what one policy says of one image.
type CheckedImage struct {
	Image   string   `json:"image"`
	Digest  string   `json:"digest,omitempty"`
	Policy  string   `json:"policy"`
	Mode    Mode     `json:"mode"`
	Outcome string   `json:"outcome"` // verified, refused or unknown
	Reason  string   `json:"reason"`
	Lines   []string `json:"reasons,omitempty"`
}

// The outcomes of an object.
const (
	Allowed      = "allowed"
	Denied       = "denied"
	CouldNotTell = "unknown"
	Skipped      = "skipped"
)

// manifest is one object out of a file.
type manifest struct {
	file string
	kind gvk
	meta metadata
	data []byte
}

// maxManifest bounds a file of manifests.
const maxManifest = 64 << 20

// readManifests reads the objects in a file as kubectl takes them: documents of
// YAML or JSON, lists among them.
func readManifests(name string, stdin io.Reader) ([]manifest, error) {
	var data []byte
	var err error
	if name == "-" {
		data, err = strict.Read(stdin, maxManifest)
	} else {
		data, err = regular.File(name, maxManifest)
	}
	if err != nil {
		return nil, err
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	var out []manifest
	for n := 1; ; n++ {
		var doc any
		switch err := d.Decode(&doc); {
		case err == io.EOF:
			return out, nil
		case err != nil:
			return nil, &strict.Error{File: name, Msg: fmt.Sprintf("document %d: %s", n, strings.TrimPrefix(err.Error(), "yaml: "))}
		case doc == nil:
			continue
		}
		found, err := objects(name, doc, 0)
		if err != nil {
			return nil, &strict.Error{File: name, Msg: fmt.Sprintf("document %d: %v", n, err)}
		}
		out = append(out, found...)
	}
}

// objects returns doc, or what is in it where it is a list.
func objects(file string, doc any, depth int) ([]manifest, error) {
	data, err := json.Marshal(doc)
	if err != nil {
		return nil, errors.New("it is no Kubernetes object: a key is no text")
	}
	var head struct {
		APIVersion string   `json:"apiVersion"`
		Kind       string   `json:"kind"`
		Metadata   metadata `json:"metadata"`
	}
	if err := strict.JSON(data, &head); err != nil {
		return nil, fmt.Errorf("it is no Kubernetes object: %w", err)
	}
	if head.APIVersion == "" || head.Kind == "" {
		return nil, errors.New("it is no Kubernetes object: apiVersion and kind are missing")
	}
	if fields, ok := doc.(map[string]any); ok && strings.HasSuffix(head.Kind, "List") {
		if items, ok := fields["items"].([]any); ok && depth < 3 {
			var out []manifest
			for _, i := range items {
				found, err := objects(file, i, depth+1)
				if err != nil {
					return nil, err
				}
				out = append(out, found...)
			}
			return out, nil
		}
	}
	kind := gvk{Kind: head.Kind, Version: head.APIVersion}
	if group, version, ok := strings.Cut(head.APIVersion, "/"); ok {
		kind.Group, kind.Version = group, version
	}
	return []manifest{{file: file, kind: kind, meta: head.Metadata, data: data}}, nil
}

// check says of each manifest what the webhook would.
func (s *Server) check(ctx context.Context, list []manifest, namespace string, patience time.Duration) Checked {
	out := Checked{Outcome: Allowed, Objects: []CheckedObject{}}
	for _, m := range list {
		o := CheckedObject{File: m.file, Kind: m.kind.Kind, Name: m.meta.Name, Namespace: m.meta.Namespace}
		if o.Name == "" {
			o.Name = m.meta.GenerateName
		}
		if _, known := kinds[m.kind]; !known {
			o.Outcome = Skipped
			out.Objects = append(out.Objects, o)
			continue
		}
		if o.Namespace == "" {
			o.Namespace = namespace
		}
		limited, cancel := context.WithTimeout(ctx, patience)
		d := s.asker.decide(limited, s.state.Load(), &request{
			UID: "check", Kind: m.kind, Name: o.Name, Namespace: o.Namespace, Operation: "CREATE", Object: m.data, DryRun: true,
		}, false)
		cancel()
		o.Outcome, o.Message, o.Warnings = Allowed, d.message, d.warnings
		if !d.allowed {
			o.Outcome = CouldNotTell
			if len(d.findings) == 0 {
				o.Outcome = Denied
			}
		}
		for _, f := range d.findings {
			o.Images = append(o.Images, CheckedImage{
				Image: f.image, Digest: f.digest, Policy: f.policy, Mode: f.mode,
				Outcome: f.v.outcome, Reason: f.v.reason, Lines: f.v.lines,
			})
			if f.denies() && f.v.outcome == answer.Refused {
				o.Outcome = Denied
			}
		}
		switch {
		case o.Outcome == Denied:
			out.Outcome = Denied
		case o.Outcome == CouldNotTell && out.Outcome == Allowed:
			out.Outcome = CouldNotTell
		}
		out.Objects = append(out.Objects, o)
	}
	return out
}
