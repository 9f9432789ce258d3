package oci_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/hallmark-project/hallmark/internal/oci"
)

func TestParseReference(t *testing.T) {
	digest := "sha256:" + strings.Repeat("ab", 32)
	for _, tt := range []struct{ in, want string }{
		{"registry.example/team/app:v1", "registry.example/team/app:v1"},
		{"registry.example:5000/app:v1", "registry.example:5000/app:v1"},
		{"registry.example/app@" + digest, "registry.example/app@" + digest},
		{"registry.example/app:v1@" + digest, "registry.example/app:v1@" + digest},
		{"localhost/app:v1", "localhost/app:v1"},
		{"[::1]:5000/app:v1", "[::1]:5000/app:v1"},
		{"alpine:3", "index.docker.io/library/alpine:3"},
		{"team/app:v1", "index.docker.io/team/app:v1"},
		{"docker.io/library/alpine:3", "index.docker.io/library/alpine:3"},
		{"Registry.Example/app:V1", "Registry.Example/app:V1"},
	} {
		got, err := oci.ParseReference(tt.in)
		if err != nil || got.String() != tt.want {
			t.Errorf("ParseReference(%q) = %s, %v, want %s", tt.in, got, err, tt.want)
		}
		if err == nil {
			if again, err := oci.ParseReference(got.String()); err != nil || again.String() != got.String() {
				t.Errorf("ParseReference(%q) = %s, %v, want the same again", got, again, err)
			}
		}
	}
	for _, tt := range []struct{ in, want string }{
		{"", "names no repository"},
		{"registry.example/app", "names no tag and no digest: write registry.example/app:TAG or registry.example/app@sha256:…"},
		{"registry.example/app@" + digest + "@" + digest, "has two digests"},
		{"registry.example/App:v1", "has capitals: repositories are written in lower case: app"},
		{"https://registry.example/app:v1", "begins with a scheme"},
		{"oci:dir:v1", "is not REGISTRY/REPOSITORY"},
		{"registry.example/app:", `has a tag ""`},
		{"registry.example/app:-v", `has a tag "-v"`},
		{"registry.example/app:v/1", "is not REGISTRY/REPOSITORY"},
		{"registry.example/app:" + strings.Repeat("v", 129), "has a tag"},
		{"registry.example/app@", "only sha256 digests"},
		{"registry.example/app@sha512:00", "only sha256 digests"},
		{"registry.example/app@" + strings.ToUpper(digest), "only sha256 digests"},
		{"registry.example/app@sha256:" + strings.Repeat("AB", 32), "64 digits in lower case"},
		{"registry.example/app@sha256:abcd", "64 digits"},
		{"registry.example//app:v1", `has a part ""`},
		{"registry.example/../app:v1", `has a part ".."`},
		{"registry.example/a b:v1", "is not REGISTRY/REPOSITORY"},
		{"user:pw@registry.example/app:v1", "digest"},
		{"registry.example:port/app:v1", "registry"},
		{"registry.example/app:v1 ", "has a tag"},
		{"\nregistry.example/app:v1", ""},
	} {
		got, err := oci.ParseReference(tt.in)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseReference(%q) = %s, %v, want an error with %q", tt.in, got, err, tt.want)
		}
	}
}

// FuzzParseReference: what is accepted says the same when it is written out, and
// leads to the host that stands in front.
func FuzzParseReference(f *testing.F) {
	for _, s := range []string{"registry.example/team/app:v1", "a.b:5/c@sha256:" + strings.Repeat("0", 64), "[::1]:5000/app:v1", "alpine:3", "a.b/c:d@x", "x.y%2f/a:b", "a.b\\@c/d:e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := oci.ParseReference(s)
		if err != nil {
			return
		}
		again, err := oci.ParseReference(ref.String())
		if err != nil || again.String() != ref.String() {
			t.Errorf("ParseReference(%q) = %s, %v, want %s again", ref.String(), again, err, ref)
		}
		if strings.ContainsAny(ref.Registry(), "@/\\?#% ") {
			t.Errorf("ParseReference(%q) leads to %q", s, ref.Registry())
		}
	})
}

// push stores a manifest under a tag, or its digest where tag is empty, and
// returns its descriptor.
func push(t testing.TB, w *world, tag string, mediaType types.MediaType, manifest any) v1.Descriptor {
	t.Helper()
	data, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	d := v1.Descriptor{MediaType: mediaType, Size: int64(len(data)), Digest: hashOf(data)}
	if tag == "" {
		tag = d.Digest.String()
	}
	req, err := http.NewRequest(http.MethodPut, "http://"+w.host+"/v2/team/app/manifests/"+tag, strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", string(mediaType))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("pushing %s: %s", tag, resp.Status)
	}
	return d
}

// image is a manifest of an image; word makes it another.
func image(word string) v1.Manifest {
	return v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Annotations: map[string]string{"word": word},
		Config: v1.Descriptor{MediaType: types.OCIConfigJSON, Size: 2, Digest: hashOf([]byte("{}"))}, Layers: []v1.Descriptor{},
	}
}

// An index leads to every child, inner indexes included, and what BuildKit
// attested is told apart.
func TestResolve(t *testing.T) {
	w := newWorld(t, true)
	amd := push(t, w, "", types.OCIManifestSchema1, image("amd64"))
	arm := push(t, w, "", types.OCIManifestSchema1, image("arm"))
	windows := push(t, w, "", types.OCIManifestSchema1, image("windows"))
	attestation := push(t, w, "", types.OCIManifestSchema1, image("attestation"))
	plain := push(t, w, "", types.OCIManifestSchema1, image("plain"))
	with := func(d v1.Descriptor, p *v1.Platform) v1.Descriptor { d.Platform = p; return d }
	inner := push(t, w, "", types.OCIImageIndex, v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{
		with(windows, &v1.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0"}),
	}})
	index := push(t, w, "v1", types.OCIImageIndex, v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{
		with(amd, &v1.Platform{OS: "linux", Architecture: "amd64"}),
		with(arm, &v1.Platform{OS: "linux", Architecture: "arm", Variant: "v7"}),
		with(attestation, &v1.Platform{OS: "unknown", Architecture: "unknown"}),
		plain, inner,
		with(amd, &v1.Platform{OS: "linux", Architecture: "386"}),
	}})
	ref, err := oci.ParseReference(w.host + "/team/app:v1")
	if err != nil {
		t.Fatal(err)
	}
	got, err := ref.Open(access).Resolve(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if want := w.host + "/team/app:v1@" + index.Digest.String(); got.Reference.String() != want || got.Digest != index.Digest || got.MediaType != types.OCIImageIndex {
		t.Errorf("Resolve = %s, %s of %s, want %s", got.Reference, got.Digest, got.MediaType, want)
	}
	var lines []string
	for _, c := range got.Children {
		lines = append(lines, fmt.Sprintf("%s %q %t", c.Digest, c.Platform, c.Attestation))
	}
	want := []string{
		amd.Digest.String() + ` "linux/amd64" false`,
		arm.Digest.String() + ` "linux/arm/v7" false`,
		attestation.Digest.String() + ` "unknown/unknown" true`,
		plain.Digest.String() + ` "" false`,
		inner.Digest.String() + ` "" false`,
		windows.Digest.String() + ` "windows/amd64:10.0" false`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("children (-want +got):\n%s", diff)
	}

	// A digest beside a tag decides: the tag may lead elsewhere by now.
	push(t, w, "v1", types.OCIManifestSchema1, image("moved"))
	if got, err = ref.Open(access).Resolve(context.Background(), got.Reference); err != nil || got.Digest != index.Digest {
		t.Errorf("Resolve by digest = %s, %v, want %s", got.Digest, err, index.Digest)
	}
}

// What leads nowhere, too deep, or to what is not what it says, is refused.
func TestResolveRefuses(t *testing.T) {
	w := newWorld(t, true)
	serve := func(contentType, body string) {
		w.set(to("/manifests/", func(rw http.ResponseWriter, r *http.Request, _ http.Handler) {
			rw.Header().Set("Content-Type", contentType)
			_, _ = rw.Write([]byte(body))
		}))
	}
	ref, err := oci.ParseReference(w.host + "/team/app:v1")
	if err != nil {
		t.Fatal(err)
	}
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprintf(`{"mediaType":"x","size":1,"digest":"%s"}`, hashOf([]byte(fmt.Sprint(i))))
	}
	for _, tt := range []struct{ name, contentType, body, want string }{
		{"html", "text/html", "<html>", "it sends text/html, expected a manifest"},
		{"json", "application/json", `{"a":1}`, "it sends application/json, expected a manifest"},
		{"schema_1", "application/vnd.docker.distribution.manifest.v1+prettyjws", `{"schemaVersion":1,"mediaType":"application/vnd.docker.distribution.manifest.v1+prettyjws"}`, "Docker's schema 1"},
		{"too_many", string(types.OCIImageIndex), `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[` + strings.Join(many, ",") + `]}`, "more than 1000 manifests"},
		{"no_digest", string(types.OCIImageIndex), `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"x","size":1}]}`, "digest"},
	} {
		serve(tt.contentType, tt.body)
		if got, err := ref.Open(access).Resolve(context.Background(), ref); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Resolve = %s, %v, want %s", tt.name, got.Digest, err, tt.want)
		}
	}
	w.set(nil)
	_, err = ref.Open(access).Resolve(context.Background(), ref)
	if !oci.IsMissing(err) {
		t.Errorf("Resolve of what is not there = %v, want that it is missing", err)
	}
	deep := push(t, w, "", types.OCIManifestSchema1, image("deep"))
	for range 6 {
		deep = push(t, w, "v1", types.OCIImageIndex, v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{deep}})
	}
	if _, err = ref.Open(access).Resolve(context.Background(), ref); err == nil || !strings.Contains(err.Error(), "deeper than 4") {
		t.Errorf("Resolve = %v, want that it is too deep", err)
	}
}
