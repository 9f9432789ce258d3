package admission

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// The one version of AdmissionReview that is spoken
// (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/).
const (
	reviewVersion = "admission.k8s.io/v1"
	reviewKind    = "AdmissionReview"
)

// review is what the API server sends and is sent. Of the request only what
// decides is read; tests hold the names against k8s.io/api.
type review struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Request    *request  `json:"request,omitempty"`
	Response   *response `json:"response,omitempty"`
}

type request struct {
	UID         string         `json:"uid"`
	Kind        gvk            `json:"kind"`
	Resource    gvr            `json:"resource"`
	SubResource string         `json:"subResource"`
	Name        string         `json:"name"`
	Namespace   string         `json:"namespace"`
	Operation   string         `json:"operation"`
	User        user           `json:"userInfo"`
	Object      jsontext.Value `json:"object"`
	OldObject   jsontext.Value `json:"oldObject"`
	DryRun      bool           `json:"dryRun"`
}

type gvk struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
}

func (k gvk) apiVersion() string {
	if k.Group == "" {
		return k.Version
	}
	return k.Group + "/" + k.Version
}

type gvr struct {
	Group    string `json:"group"`
	Version  string `json:"version"`
	Resource string `json:"resource"`
}

type user struct {
	Username string   `json:"username"`
	Groups   []string `json:"groups"`
}

type response struct {
	UID              string            `json:"uid"`
	Allowed          bool              `json:"allowed"`
	Status           *status           `json:"status,omitempty"`
	Patch            []byte            `json:"patch,omitempty"`
	PatchType        string            `json:"patchType,omitempty"`
	AuditAnnotations map[string]string `json:"auditAnnotations,omitempty"`
	Warnings         []string          `json:"warnings,omitempty"`
}

type status struct {
	Status  string `json:"status"`
	Message string `json:"message"`
	Reason  string `json:"reason"`
	Code    int    `json:"code"`
}

// decode reads an AdmissionReview. What is no such document, or of another
// version, is an error: nobody can be answered. Everything else that is wrong
// is denied, under the request's uid.
func decode(body []byte) (*request, error) {
	var r review
	if err := strict.JSON(body, &r); err != nil {
		return nil, fmt.Errorf("reading the AdmissionReview: %w", err)
	}
	switch {
	case r.Kind != reviewKind || r.APIVersion != reviewVersion:
		return nil, fmt.Errorf("reading the AdmissionReview: it is %s of %s, expected %s of %s", quote(r.Kind), quote(r.APIVersion), reviewKind, reviewVersion)
	case r.Request == nil:
		return nil, errors.New("reading the AdmissionReview: request is missing")
	case r.Request.UID == "":
		return nil, errors.New("reading the AdmissionReview: request.uid is missing")
	case len(r.Request.UID) > 128 || strings.ContainsFunc(r.Request.UID, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("reading the AdmissionReview: request.uid is no UID")
	}
	return r.Request, nil
}

// encode writes the answer.
func encode(r *response) ([]byte, error) {
	return json.Marshal(review{APIVersion: reviewVersion, Kind: reviewKind, Response: r})
}

// quote is s as it is shown to people: short, and without what moves a cursor.
func quote(s string) string {
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}
