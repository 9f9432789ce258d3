//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// writes is true of requests by which something changes.
func writes(part string) func(*http.Request) bool {
	return path(part, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete)
}

// reads is true of requests that change nothing.
func reads(part string) func(*http.Request) bool { return path(part, http.MethodGet, http.MethodHead) }

// refusal is how registries say no (OCI distribution 1.1, "Error Codes").
func refusal(code int, word string) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = w.Write([]byte(`{"errors":[{"code":"` + word + `","message":"said the registry"}]}`))
	}
}

// broken is a fault of a registry and where it shows.
type broken struct {
	when func(*http.Request) bool
	fault
	says []string
}

// Whatever a registry does, nobody is told that something was published that was
// not: the dossier is complete and stays, what is missing is named, and running
// again when the registry is well completes it.
func TestPublishFaults(t *testing.T) {
	t.Parallel()
	later, mayWrite := "try again later", "log in as someone who may"
	for name, tt := range map[string]broken{
		"500":                  {nil, status(500), []string{"500 Internal Server Error", "after 4 attempts", later}},
		"503":                  {nil, status(503), []string{"503 Service Unavailable", later}},
		"429 for long":         {nil, busy(600), []string{"429 Too Many Requests", "left alone for 10m0s", later}},
		"429 on writing":       {writes("/manifests/"), busy(600), []string{"writing manifest", "429", later}},
		"HTML":                 {nil, html, []string{"text/html"}},
		"endless":              {nil, endless, []string{"more than"}},
		"truncated":            {reads(""), truncated, []string{"cut off"}},
		"read-only 401":        {writes(""), refusal(401, "UNAUTHORIZED"), []string{"401 Unauthorized", "asks for credentials, and there are none for it", "docker login"}},
		"read-only 403":        {writes(""), refusal(403, "DENIED"), []string{"403 Forbidden", "DENIED (said the registry)", mayWrite}},
		"read-only 405":        {writes(""), refusal(405, "UNSUPPORTED"), []string{"405 Method Not Allowed", "read-only"}},
		"immutable tags":       {writes("/manifests/sha256-"), refusal(405, "UNSUPPORTED"), []string{"writing manifest sha256-", "the tag is immutable"}},
		"too large":            {path("/blobs/uploads/", http.MethodPut, http.MethodPatch), refusal(413, "SIZE_INVALID"), []string{"writing blob", "413", "this large"}},
		"no room":              {writes("/blobs/"), refusal(507, "DENIED"), []string{"507 Insufficient Storage", "no room left"}},
		"quota on manifests":   {writes("/manifests/sha256:"), refusal(403, "DENIED"), []string{"writing manifest sha256:", "full"}},
		"upload cut":           {path("/blobs/uploads/", http.MethodPut, http.MethodPatch), cutUpload, []string{"writing blob", "after 4 attempts"}},
		"manifest cut":         {writes("/manifests/"), cutUpload, []string{"writing manifest", "after 4 attempts"}},
		"altered manifests":    {reads("/manifests/"), altered, nil},
		"altered blobs":        {path("/blobs/sha256:", http.MethodGet), altered, []string{"does not verify", "reading blob"}},
		"truncated blobs":      {path("/blobs/sha256:", http.MethodGet), truncated, []string{"does not verify", "reading blob", "cut off"}},
		"blobs of nobody":      {path("/blobs/sha256:", http.MethodGet), status(404), []string{"does not verify", "reading blob", "404"}},
		"blobs elsewhere":      {path("/blobs/sha256:", http.MethodGet), redirect("http://" + refusing(t)), []string{"does not verify", "reading blob", "connection refused"}},
		"writing elsewhere":    {writes(""), redirect("http://" + refusing(t)), []string{"redirect", "for reading only"}},
		"stores nothing":       {writes("/manifests/"), pretends, nil},
		"stores nothing of it": {path("/blobs/uploads/", http.MethodPut), pretends, nil},
	} {
		for kind, registry := range registries() {
			t.Run(kind+", "+name, func(t *testing.T) {
				t.Parallel()
				p := newProxy(t, registry).lieOn(tt.when, tt.fault)
				r := newRelease(t)
				into := place(t)
				args := append(keyArgs(t, r), "--registry", p.host+"/"+into, "--allow-http-registry")
				hallmark(t).run(args...).incomplete(r, p, registry, into).says(tt.says...)
				p.honest()
				hallmark(t).run(args...).exits(0).says("published "+p.host+"/"+into+" and verified there", "reused")
				hallmarkVerify(t).run("-t", r.trust(), "--allow-http-registry", "--registry", registry+"/"+into, r.artifacts[0], r.artifacts[1]).exits(0)
			})
		}
	}
}

// pretends says that it stored what it threw away.
func pretends(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.WriteHeader(http.StatusCreated)
}

var claim = regexp.MustCompile(`(\d+) of (\d+) published`)

// incomplete holds that a registry behind p kept release or publish from its
// end, that this was said, and that no more was said to be in the repository
// into than is there.
func (r result) incomplete(from release, p *proxy, registry, into string) result {
	r.t.Helper()
	r.exits(3).says("the dossier in "+from.out+" is complete, but", p.host)
	if strings.Contains(r.all(), "published  ") {
		r.t.Fatalf("%s\nclaims that something was published:\n%s", r.line, r.all())
	}
	if said := claim.FindStringSubmatch(r.all()); said != nil {
		n, err := strconv.Atoi(said[1])
		check(r.t, err)
		if there := inRepository(r.t, registry, into); n > there {
			r.t.Fatalf("%s\nclaims that %d are published, and %d are there\n%s", r.line, n, there, r.all())
		}
	}
	hallmark(r.t).run("replay", from.out).exits(0)
	hallmarkVerify(r.t).run("-t", from.trust(), "-a", from.attestations(), from.artifacts[0], from.artifacts[1]).exits(0)
	return r
}

// inRepository counts the files and what is listed about them.
func inRepository(t testing.TB, registry, repository string) int {
	t.Helper()
	repo, err := name.NewRepository(registry+"/"+repository, name.Insecure)
	check(t, err)
	var missing *transport.Error
	if _, err := remote.List(repo); errors.As(err, &missing) && missing.StatusCode == http.StatusNotFound {
		return 0
	}
	n := 0
	for what := range maps.Keys(everything(t, registry, repository)) {
		if strings.HasSuffix(what, ".file") || strings.Contains(what, "@") {
			n++
		}
	}
	return n
}

// A moment's trouble is waited out.
func TestPublishInSpiteOf(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]broken{
		"503 once":                  {when: nil, fault: first(1, status(503))},
		"429, then fine":            {when: nil, fault: first(1, busy(1))},
		"429 on writing, then fine": {when: writes(""), fault: first(2, busy(1))},
		"500 on writing, then fine": {when: writes("/manifests/"), fault: first(2, status(500))},
		"upload cut once":           {when: path("/blobs/uploads/", http.MethodPut), fault: first(1, cutUpload)},
		"answer cut once":           {when: reads("/manifests/"), fault: first(1, truncated)},
		"slow":                      {when: nil, fault: slow(50 * time.Millisecond)},
	} {
		for kind, registry := range registries() {
			t.Run(kind+", "+name, func(t *testing.T) {
				t.Parallel()
				p := newProxy(t, registry).lieOn(tt.when, tt.fault)
				r := newRelease(t)
				into := place(t)
				hallmark(t).run(append(keyArgs(t, r), "--registry", p.host+"/"+into, "--allow-http-registry")...).exits(0).says("published " + p.host + "/" + into + " and verified there")
				hallmarkVerify(t).run("-t", r.trust(), "--allow-http-registry", "--registry", registry+"/"+into, r.artifacts[0], r.artifacts[1]).exits(0)
			})
		}
	}
}

// Nobody there, and nobody answering.
func TestPublishIntoNothing(t *testing.T) {
	t.Parallel()
	t.Run("down", func(t *testing.T) {
		t.Parallel()
		p := newProxy(t, services.Registry).down()
		r := newRelease(t)
		into := place(t)
		args := append(keyArgs(t, r), "--allow-http-registry")
		hallmark(t).run(append(args, "--registry", p.host+"/"+into)...).incomplete(r, p, services.Registry, into).says("connection refused")
		hallmark(t).run(append(args, "--registry", services.Registry+"/"+into)...).exits(0).says("reused")
	})
	t.Run("hangs", func(t *testing.T) {
		t.Parallel()
		p := newProxy(t, services.Registry).lie(hang)
		r := newRelease(t)
		into := place(t)
		args := append(keyArgs(t, r), "--registry", p.host+"/"+into, "--allow-http-registry")
		hallmark(t).run(args...).incomplete(r, p, services.Registry, into).says("nothing came for too long")
		p.honest()
		hallmark(t).run(args...).exits(0).says("reused")
	})
	t.Run("not allowed in the clear", func(t *testing.T) {
		t.Parallel()
		p := newProxy(t, services.Registry)
		r := newRelease(t)
		into := place(t)
		hallmark(t).run(append(keyArgs(t, r), "--registry", p.host+"/"+into)...).incomplete(r, p, services.Registry, into).says("plain http", "--allow-http-registry")
	})
	for name, registry := range map[string]string{"no registry": "greet", "a folder": "acme/greet", "a tag": services.Registry + "/acme/greet:v1", "a URL": "http://" + services.Registry + "/acme", "capitals": services.Registry + "/Acme/App"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelease(t)
			hallmark(t).run(append(keyArgs(t, r), "--registry", registry, "--allow-http-registry")...).exits(2).says(registry)
			// It was wrong before anything was signed.
			r.unsigned(t)
		})
	}
}

// Where files go into one registry and images are in another, it is said which
// half is out.
func TestHalfARelease(t *testing.T) {
	t.Parallel()
	for kind, registry := range registries() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, services.Registry).lie(status(http.StatusServiceUnavailable))
			multi := pushIndex(t, registry)
			r := newMixed(t, multi)
			into := place(t) + "/files"
			args := append(keyArgs(t, r.release), "--registry", p.host+"/"+into, "--allow-http-registry")
			images := registry + "/" + multi.repository
			hallmark(t).run(args...).incomplete(r.release, p, services.Registry, into).
				says("published in full: "+images, "publishing into "+p.host+"/"+into+": 0 of", filepath.Base(r.artifacts[0]), filepath.Base(r.artifacts[1]), "503")
			hallmarkVerify(t).run("-t", r.trust(), "--allow-http-registry", "-o", "json", multi.reference()).verified(texts(multi.manifests())...)
			p.honest()
			hallmark(t).run("publish", "-f", r.file, "--out", r.out, "--registry", p.host+"/"+into, "--allow-http-registry").exits(0).says("published "+p.host+"/"+into, "published "+images)
			hallmarkVerify(t).run("-t", r.trust(), "--allow-http-registry", "--registry", services.Registry+"/"+into, r.artifacts[0], r.artifacts[1]).exits(0)
		})
	}
	t.Run("the other half", func(t *testing.T) {
		t.Parallel()
		// The image can be read, and nothing can be written beside it.
		p := newProxy(t, services.Registry).lieOn(writes(""), refusal(http.StatusForbidden, "DENIED"))
		multi := pushIndex(t, services.Registry).via(p)
		r := newMixed(t, multi)
		into := place(t) + "/files"
		args := append(keyArgs(t, r.release), "--registry", services.RegistryWithout+"/"+into, "--allow-http-registry")
		hallmark(t).run(args...).incomplete(r.release, p, services.Registry, multi.repository).
			says("published in full: "+services.RegistryWithout+"/"+into, "publishing into "+p.host+"/"+multi.repository+": 0 of", multi.children[0].String(), "403")
		p.honest()
		hallmark(t).run(args...).exits(0)
		hallmarkVerify(t).run("-t", r.trust(), "--allow-http-registry", "-o", "json", multi.reference()).verified(texts(multi.manifests())...)
	})
	t.Run("images that cannot be asked for", func(t *testing.T) {
		t.Parallel()
		// Nothing is judged, signed or published of what nobody can name.
		p := newProxy(t, services.Registry)
		single := pushImage(t, services.Registry).via(p)
		r := newMixed(t, single)
		p.lie(status(http.StatusServiceUnavailable))
		files := newProxy(t, services.Registry)
		hallmark(t).run(append(keyArgs(t, r.release), "--registry", files.host+"/"+place(t), "--allow-http-registry")...).exits(3).says(p.host, "resolving", "503")
		r.unsigned(t)
		if n := files.writing(); n != 0 {
			t.Errorf("%d requests write, want none", n)
		}
	})
}

// Who interrupts while a registry keeps him waiting is told which half is out,
// and what is there is not sent again.
func TestInterruptedRegistry(t *testing.T) {
	t.Parallel()
	p := newProxy(t, services.Registry).lieOn(writes("/manifests/"), hang)
	multi := pushIndex(t, services.RegistryWithout)
	r := newMixed(t, multi)
	into := place(t) + "/files"
	args := append(keyArgs(t, r.release), "--registry", p.host+"/"+into, "--allow-http-registry")
	c := exec.CommandContext(within(t, patience), filepath.Join(programs, "hallmark"), args...)
	c.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "NO_COLOR=1"}
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	check(t, c.Start())
	for until := time.Now().Add(time.Minute); p.requests("PUT /v2/"+into+"/manifests/") == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("nothing is written")
		}
	}
	check(t, c.Process.Signal(os.Interrupt))
	_ = c.Wait()
	got := result{t: t, line: "hallmark " + strings.Join(args, " "), code: c.ProcessState.ExitCode(), stderr: said.String()}
	got.exits(3).says("interrupted: what was written before stays", "not published in full: "+p.host+"/"+into, "published in full: "+services.RegistryWithout+"/"+multi.repository)
	hallmark(t).run("replay", r.out).exits(0)
	p.honest()
	hallmark(t).run(args...).exits(0).says("reused", "published "+p.host+"/"+into)
}

// A disk that is full keeps the dossier from being written, and what is not
// kept is not published.
func TestDiskFullBeforeRegistry(t *testing.T) {
	t.Parallel()
	p := newProxy(t, services.Registry)
	multi := pushIndex(t, services.Registry).via(p)
	r := newMixed(t, multi)
	r.out = filepath.Join(fullDisk(t), "out")
	hallmark(t).run(append(keyArgs(t, r.release), "--registry", p.host+"/"+place(t), "--allow-http-registry")...).exits(3).says("no space left on device")
	if n := p.writing(); n != 0 {
		t.Errorf("%d requests write, want none", n)
	}
	if left, err := os.ReadDir(filepath.Dir(r.out)); err != nil || len(left) != 1 {
		t.Errorf("on the disk is %v, %v, want what filled it alone", left, err)
	}
}

// Whatever a registry does to who verifies: what is not known is neither a yes
// nor a no.
func TestVerifyFaults(t *testing.T) {
	t.Parallel()
	const manifests, lists, blobs = "/manifests/sha256:", "/referrers/", "/blobs/sha256:"
	for kind, registry := range registries() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			single := pushImage(t, registry)
			r := newMixed(t, single)
			files := place(t) + "/files"
			hallmark(t).run(append(keyArgs(t, r.release), "--registry", registry+"/"+files, "--allow-http-registry")...).exits(0)
			trust := r.consumer(t)
			for name, tt := range map[string]broken{
				"500":                        {nil, status(500), []string{"500"}},
				"503":                        {nil, status(503), []string{"503"}},
				"429 for long":               {nil, busy(600), []string{"429"}},
				"401":                        {nil, refusal(401, "UNAUTHORIZED"), []string{"401", "there are none for it"}},
				"403":                        {nil, refusal(403, "DENIED"), []string{"403", "DENIED (said the registry)"}},
				"HTML":                       {nil, html, []string{"text/html"}},
				"endless":                    {nil, endless, []string{"more than"}},
				"hangs":                      {nil, hang, []string{"nothing came for too long"}},
				"truncated":                  {nil, truncated, []string{"cut off"}},
				"manifests gone":             {path(manifests), status(404), []string{"404"}},
				"manifests in trouble":       {path(manifests), status(502), []string{"502"}},
				"manifests altered":          {path(manifests), altered, []string{"reading manifest"}},
				"manifests truncated":        {path(manifests), truncated, []string{"cut off"}},
				"manifests replaced":         {path(manifests), replaced, []string{"it sends"}},
				"blobs gone":                 {path(blobs), status(404), []string{"reading blob", "404"}},
				"blobs altered":              {path(blobs), altered, []string{"reading blob", "it sends"}},
				"blobs truncated":            {path(blobs), truncated, []string{"reading blob", "cut off"}},
				"blobs endless":              {path(blobs), endless, []string{"reading blob", "more than"}},
				"blobs HTML":                 {path(blobs), html, []string{"reading blob", "text/html"}},
				"blobs elsewhere":            {path(blobs), redirect("http://" + refusing(t)), []string{"reading blob", "connection refused"}},
				"blobs round and round":      {path(blobs), around, []string{"reading blob", "redirects more than"}},
				"blobs at no address":        {path(blobs), redirect("file:///etc/passwd#"), []string{"reading blob", "no address"}},
				"lists in trouble":           {path(lists), status(500), []string{"listing referrers", "500"}},
				"lists forbidden":            {path(lists), refusal(403, "DENIED"), []string{"listing referrers", "403"}},
				"lists endless":              {path(lists), endless, []string{"listing referrers", "more than"}},
				"lists that go on elsewhere": {path(lists), goesOn, []string{"listing referrers", "another host"}},
				"older tags in trouble":      {path(".att"), status(500), []string{".att", "500"}},
				"tags in trouble":            {path("/manifests/sha256-"), status(500), []string{"reading manifest sha256-", "500"}},
			} {
				if name == "hangs" && registry != services.Registry {
					continue // a minute is enough
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					p := newProxy(t, registry)
					ask := func(of *program, args ...string) result {
						return of.run(append([]string{"-t", trust, "--allow-http-registry"}, args...)...)
					}
					image, file := []string{single.via(p).reference()}, []string{"--registry", p.host + "/" + files, r.artifacts[0]}
					ask(hallmarkVerify(t), image...).exits(0)
					p.lieOn(tt.when, tt.fault)
					for _, what := range [][]string{image, file} {
						for _, of := range []*program{hallmarkVerify(t), verifyOf(hallmark(t))} {
							got := ask(of, what...).exits(3).says(append(tt.says, p.host)...)
							if got.stdout != "" {
								t.Errorf("%s\nwrites %q, want nothing", got.line, got.stdout)
							}
							if name == "hangs" {
								return // each waits for a minute
							}
						}
					}
				})
			}
			t.Run("down", func(t *testing.T) {
				t.Parallel()
				p := newProxy(t, registry).down()
				for _, what := range [][]string{{single.via(p).reference()}, {"--registry", p.host + "/" + files, r.artifacts[0]}} {
					hallmarkVerify(t).run(append([]string{"-t", trust, "--allow-http-registry"}, what...)...).exits(3).says("connection refused", p.host)
				}
			})
		})
	}
}

// replaced is what is asked for, replaced by something else that is as good, and
// says so.
func replaced(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	const other = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}`
	w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	w.Header().Set("Content-Length", strconv.Itoa(len(other)))
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(other))
	}
}

// around sends the client to where it is.
func around(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	http.Redirect(w, r, r.URL.RequestURI(), http.StatusTemporaryRedirect)
}

// goesOn is a list whose rest is at somebody else's.
func goesOn(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
	w.Header().Set("Link", `<http://127.0.0.1:1/v2/acme/referrers/x>; rel="next"`)
	_, _ = w.Write([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`))
}

// A registry can hide the newest verdict: whoever asks it alone cannot notice,
// and maxAge in the trust file bounds how long that helps. What it lists and does
// not hand over is no secret, and then nobody can tell.
func TestHiddenVerdict(t *testing.T) {
	t.Parallel()
	for kind, registry := range registries() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			single := pushImage(t, registry)
			r := newImages(t, single)
			hallmark(t).run(append(keyArgs(t, r.release), "--allow-http-registry")...).exits(0)
			trust := r.consumer(t)
			before := about(t, single)
			later := withdrawn(t, r.release)
			hallmark(t).run("publish", "-f", later.file, "--out", later.out, "--withdraw", "--allow-http-registry").exits(0)
			var news []string
			for _, d := range about(t, single) {
				if !slices.Contains(before, d) {
					news = append(news, d)
				}
			}
			if len(news) == 0 || len(before) == 0 {
				t.Fatalf("%v are listed, and then %v more: want some of each", before, news)
			}
			ask := func(p *proxy) result {
				return hallmarkVerify(t).run("-t", trust, "--allow-http-registry", "-o", "json", single.via(p).reference())
			}
			ask(newProxy(t, registry)).withdrawn()
			ask(newProxy(t, registry).lieOn(reads("/"+fallback(single.digest)), hides(news)).lieOn(path("/referrers/"), hides(news))).verified(single.digest.String())
			hiding := newProxy(t, registry)
			for _, d := range news {
				hiding.lieOn(path("/manifests/"+d), status(http.StatusNotFound))
			}
			ask(hiding).exits(3).says("404")
			ask(newProxy(t, registry).lieOn(path("/blobs/sha256:"), after(1, status(http.StatusNotFound)))).exits(3).says("404")
			// Who lists nothing has nothing: that is a no, and never a yes.
			ask(newProxy(t, registry).lieOn(path("/manifests/sha256-"), status(http.StatusNotFound)).lieOn(path("/referrers/"), status(http.StatusNotFound))).refuses("no-bundle")
		})
	}
}

// about are the manifests that are listed about i.
func about(t testing.TB, i image) []string {
	t.Helper()
	ref, err := name.NewDigest(i.by(i.digest), name.Insecure)
	check(t, err)
	list, err := remote.Referrers(ref)
	check(t, err)
	m, err := list.IndexManifest()
	check(t, err)
	var out []string
	for _, d := range m.Manifests {
		out = append(out, d.Digest.String())
	}
	return out
}

// hides leaves manifests out of a list, and leaves no trace of it.
func hides(digests []string) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := record(r, next)
		var index v1.IndexManifest
		if answer.Code != http.StatusOK || json.Unmarshal(answer.Body.Bytes(), &index) != nil {
			answer.copyHeader(w)
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
			return
		}
		index.Manifests = slices.DeleteFunc(index.Manifests, func(d v1.Descriptor) bool { return slices.Contains(digests, d.Digest.String()) })
		w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
		_ = json.NewEncoder(w).Encode(index)
	}
}
