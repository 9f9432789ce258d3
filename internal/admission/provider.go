package admission

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// What Gatekeeper asks an external data provider, and is told
// (https://open-policy-agent.github.io/gatekeeper/website/docs/externaldata,
// v1beta1 of the API).
const (
	providerVersion  = "externaldata.gatekeeper.sh/v1beta1"
	providerRequest  = "ProviderRequest"
	providerResponse = "ProviderResponse"
)

type providerQuestion struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Request    struct {
		Keys []string `json:"keys"`
	} `json:"request"`
}

type providerAnswer struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Response   struct {
		// Idempotent says that asking about a value gives that value: a digest
		// leads to itself.
		Idempotent  bool           `json:"idempotent"`
		Items       []providerItem `json:"items"`
		SystemError string         `json:"systemError,omitempty"`
	} `json:"response"`
}

// providerItem is the answer about one key: the image by its verified digest, or
// why not.
type providerItem struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Error string `json:"error"`
}

// provide answers Gatekeeper. A key is an image, or a namespace, a space and an
// image. Of one without a namespace, every policy counts that is about the image
// in any namespace and whatever the Pod's labels: a key does not say which it is,
// and where that is not known, more is asked and not less. No namespace is
// exempt and none fails open then.
func (s *Server) provide(ctx context.Context, began time.Time, body []byte) ([]byte, string, error) {
	var q providerQuestion
	if err := strict.JSON(body, &q); err != nil {
		return nil, "", fmt.Errorf("reading the %s: %w", providerRequest, err)
	}
	switch {
	case q.Kind != providerRequest || q.APIVersion != providerVersion:
		return nil, "", fmt.Errorf("reading the %s: it is %s of %s, expected %s of %s", providerRequest, quote(q.Kind), quote(q.APIVersion), providerRequest, providerVersion)
	case len(q.Request.Keys) == 0:
		return nil, "", errors.New("reading the " + providerRequest + ": request.keys is missing")
	case len(q.Request.Keys) > maxImages:
		return nil, "", fmt.Errorf("reading the %s: %d keys, expected at most %d", providerRequest, len(q.Request.Keys), maxImages)
	}
	state := s.state.Load()
	a := providerAnswer{APIVersion: providerVersion, Kind: providerResponse}
	a.Response.Idempotent = true
	word := "allowed"
	for _, d := range s.asker.provide(ctx, state, q.Request.Keys) {
		s.metrics.decision(d.decision)
		item := providerItem{Key: d.key, Value: d.value}
		if !d.allowed {
			word = "denied"
			item.Error = d.message
		}
		a.Response.Items = append(a.Response.Items, item)
		s.recordKey(d, time.Since(began))
	}
	data, err := json.Marshal(a)
	return data, word, err
}

// provided is the decision about one key.
type provided struct {
	*decision
	key, value string
}

// provide decides about each of keys, all at once.
func (a *asker) provide(ctx context.Context, s *state, keys []string) []provided {
	out := make([]provided, len(keys))
	done := make(chan struct{})
	for i, key := range keys {
		go func() {
			defer func() { done <- struct{}{} }()
			out[i] = provided{a.key(ctx, s, key), key, ""}
			out[i].value = out[i].pinned()
		}()
	}
	for range keys {
		<-done
	}
	return out
}

// key decides about one key.
func (a *asker) key(ctx context.Context, s *state, key string) (d *decision) {
	// A fault must cost this key its answer, not everyone the process.
	defer func() {
		if p := recover(); p != nil {
			d = denied(500, "answering failed unexpectedly: %v", p)
		}
	}()
	namespace, name, named := strings.Cut(key, " ")
	if !named {
		namespace, name = "", key
	}
	if named && !namespaceName.MatchString(namespace) {
		return denied(403, "key %s: %s is no namespace: expected an image, or a namespace, a space and an image", quote(key), quote(namespace))
	}
	img := &image{name: name}
	if img.ref, img.fault = parseImage(name); name == "" {
		img.fault = errors.New("the key names no image")
	}
	d = &decision{}
	if named && s.exempt[namespace] {
		return &decision{allowed: true, exempt: true}
	}
	matching := a.about(s, namespace, img)
	switch fast := a.remember(s, namespace, img, matching); {
	case len(matching) == 0 || img.fault != nil:
		d.findings = []*finding{a.unmatched(s, img)}
	case fast != nil:
		d.findings = fast
	default:
		d.findings = a.inquire(ctx, s, namespace, img, matching)
	}
	d.conclude([]*image{img})
	return d
}

// about are the policies that are about img in namespace, whatever the labels of
// the Pod; where namespace is empty, in any.
func (a *asker) about(s *state, namespace string, img *image) []*policy {
	if img.fault != nil {
		return nil
	}
	name := called(img.ref)
	var out []*policy
	for _, p := range s.policies {
		if p.concerns(namespace, name) {
			out = append(out, p)
		}
	}
	return out
}

// pinned is the image by the digest that was verified, or as it was asked about
// where it was allowed without a digest being known.
func (p provided) pinned() string {
	if !p.allowed {
		return ""
	}
	_, name, named := strings.Cut(p.key, " ")
	if !named {
		name = p.key
	}
	if strings.Contains(name, "@") || len(p.findings) == 0 || p.findings[0].digest == "" {
		return name
	}
	return name + "@" + p.findings[0].digest
}

func (s *Server) recordKey(p provided, took time.Duration) {
	level, what := slog.LevelDebug, "allowed"
	switch {
	case !p.allowed:
		level, what = slog.LevelInfo, "denied"
	case p.open:
		level, what = slog.LevelWarn, "admitted though it could not be told"
	}
	s.log.LogAttrs(context.Background(), level, what,
		slog.String("endpoint", "gatekeeper"), slog.String("key", printable(p.key)), slog.String("message", p.message), slog.Float64("seconds", took.Seconds()))
}
