//go:build integration

package integration

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/hallmark-project/hallmark/internal/cli/verification"
)

// released is what somebody has pushed and hallmark is to release: images with
// the example's program in them, under one tag each, and the example's files, if
// asked for.
type released struct {
	release
	images []image
}

// What images are tagged.
const released120 = "1.2.0"

// newImages makes a release of the images, and of no file.
func newImages(t testing.TB, images ...image) released { return releaseOf(t, false, images) }

// newMixed makes a release of the images and of the example's files.
func newMixed(t testing.TB, images ...image) released { return releaseOf(t, true, images) }

// releaseOf is the example with images beside its files or in their place. What
// the example's reports say of the program is said of each manifest in which it
// is, by digest: a bill of materials and a scan.
func releaseOf(t testing.TB, files bool, images []image) released {
	t.Helper()
	r := released{newRelease(t), images}
	var references, evidence, digests []string
	for _, i := range images {
		references = append(references, "  - "+i.reference())
		for _, d := range i.manifests() {
			digests = append(digests, d.String())
			evidence = append(evidence, fmt.Sprintf("  - {path: %s, format: spdx-json}", billOf(t, r.release, d)))
		}
	}
	evidence = append(evidence, "  - path: evidence/osv-linux.json", "    format: osv-scanner", "    about: ["+strings.Join(digests, ", ")+"]",
		"    time: 2026-11-22T17:33:19Z", "    databaseTime: 2022-12-14T18:06:02Z")

	lines := "images:\n" + strings.Join(references, "\n") + "\n"
	const artifacts = "artifacts:\n  - dist/greet_*\nchecksums: dist/SHA256SUMS\n"
	if files {
		lines += artifacts
	}
	r.edit(t, r.file, artifacts, lines)
	// Nobody has said of images how they were built.
	r.edit(t, r.file, "  - {path: evidence/pipeline.jsonl, format: in-toto-pipeline}\n", "")
	policy := filepath.Join(r.dir, "policy.yaml")
	text := read(t, policy)
	from := strings.Index(text, "  # Not asked by the profile, but asked here")
	to := strings.Index(text, "# A criterion of our own")
	if from < 0 || to < from {
		t.Fatal("the example's policy has changed")
	}
	r.edit(t, policy, text[from:to], "\n")
	if !files {
		for _, platform := range []string{"linux", "darwin"} {
			r.edit(t, r.file, "  - {path: evidence/sbom-"+platform+".spdx.json, format: spdx-json}\n", "")
		}
		text := read(t, r.file)
		from := strings.Index(text, "  - path: evidence/osv-linux.json")
		to := strings.Index(text, "  - {path: evidence/gosec.sarif")
		if from < 0 || to < from {
			t.Fatal("the example's release file has changed")
		}
		r.edit(t, r.file, text[from:to], "")
	}
	r.edit(t, r.file, "evidence:\n", "evidence:\n"+strings.Join(evidence, "\n")+"\n")
	return r
}

// edit replaces what stands once in a file.
func (r release) edit(t testing.TB, file, old, new string) {
	t.Helper()
	text := read(t, file)
	if n := strings.Count(text, old); n != 1 {
		t.Fatalf("%s has %q %d times, want once", file, old, n)
	}
	check(t, os.WriteFile(file, []byte(strings.Replace(text, old, new, 1)), 0o644))
}

func read(t testing.TB, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	check(t, err)
	return string(data)
}

// billOf writes the bill of materials of the example's program so that it
// describes the manifest d, and returns its path in r's folder.
func billOf(t testing.TB, r release, d v1.Hash) string {
	t.Helper()
	bill := readJSON(t, filepath.Join(r.dir, "evidence", "sbom-linux.spdx.json"))
	bill["documentNamespace"] = bill["documentNamespace"].(string) + "/" + d.Hex
	described := 0
	for _, p := range bill["packages"].([]any) {
		p := p.(map[string]any)
		if p["name"] == "greet" {
			at(t, p, "checksums", 0).(map[string]any)["checksumValue"] = d.Hex
			p["primaryPackagePurpose"] = "CONTAINER"
			p["externalRefs"] = []any{map[string]any{
				"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:oci/greet@sha256%3A" + d.Hex,
			}}
			described++
		}
	}
	if described != 1 {
		t.Fatalf("the example's bill of materials describes %d programs, want 1", described)
	}
	data, err := json.Marshal(bill)
	check(t, err)
	path := filepath.Join("evidence", "sbom-"+d.Hex[:16]+".spdx.json")
	check(t, os.WriteFile(filepath.Join(r.dir, path), data, 0o644))
	return path
}

// pushImage pushes an image with the example's program in it, which nobody else
// has, into a repository of its own.
func pushImage(t testing.TB, registry string) image {
	t.Helper()
	i := image{registry: registry, repository: place(t) + "/single"}
	img := program120(t, "linux/amd64")
	check(t, remote.Write(i.tag(t, released120), img))
	var err error
	i.digest, err = img.Digest()
	check(t, err)
	return i
}

// pushIndex pushes an index of images for two platforms.
func pushIndex(t testing.TB, registry string) image {
	t.Helper()
	i := image{registry: registry, repository: place(t) + "/multi"}
	idx := v1.ImageIndex(empty.Index)
	for _, p := range []string{"linux/amd64", "linux/arm64"} {
		img := program120(t, p)
		platform, err := v1.ParsePlatform(p)
		check(t, err)
		idx = mutate.AppendManifests(idx, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: platform}})
		d, err := img.Digest()
		check(t, err)
		i.children = append(i.children, d)
	}
	check(t, remote.WriteIndex(i.tag(t, released120), idx))
	var err error
	i.digest, err = idx.Digest()
	check(t, err)
	return i
}

// place is a folder of repositories that only this run of this test uses: what
// is in a registry stays there.
func place(t testing.TB) string {
	return repository(t) + "/" + strings.ToLower(rand.Text()[:8])
}

// program120 is an image with the example's program in it, for one platform, that
// nobody else has.
func program120(t testing.TB, platform string) v1.Image {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(checkout, "examples", "quickstart", "dist", "greet_1.2.0_linux_amd64"))
	check(t, err)
	img, err := crane.Image(map[string][]byte{"greet": data})
	check(t, err)
	p, err := v1.ParsePlatform(platform)
	check(t, err)
	file, err := img.ConfigFile()
	check(t, err)
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Author = p.OS, p.Architecture, rand.Text()
	file.Config.Entrypoint = []string{"/greet"}
	img, err = mutate.ConfigFile(img, file)
	check(t, err)
	return img
}

// reference names i by its tag.
func (i image) reference() string {
	return i.registry + "/" + i.repository + ":" + released120
}

// by names a manifest of i's repository.
func (i image) by(d v1.Hash) string { return i.registry + "/" + i.repository + "@" + d.String() }

// manifests are i and the images in it.
func (i image) manifests() []v1.Hash { return append([]v1.Hash{i.digest}, i.children...) }

// via is i as it is reached through a proxy.
func (i image) via(p *proxy) image { i.registry = p.host; return i }

// signerKind is a way to sign, and what makes cosign accept it.
type signerKind struct {
	args   func(t testing.TB, r release) []string // of release
	cosign func(r release) []string
}

// signerKinds are keyless, through either version of Rekor, and a key.
func signerKinds() map[string]signerKind {
	return map[string]signerKind{
		"Rekor v2": keylessAt(services.Sigstore),
		"Rekor v1": keylessAt(services.SigstoreV1),
		"key": {keyArgs, func(r release) []string {
			return []string{"--key", filepath.Join(r.dir, "release.key.pub"), "--insecure-ignore-tlog"}
		}},
	}
}

func keylessAt(d deployment) signerKind {
	return signerKind{
		func(t testing.TB, r release) []string { return keylessArgs(t, r, d, workflowToken(t)) },
		func(release) []string {
			return []string{"--trusted-root", d.TrustedRoot, "--certificate-identity", workflowIdentity, "--certificate-oidc-issuer", services.Issuer.Actions}
		},
	}
}

// keyArgs are release's arguments for signing r with a key of its own.
func keyArgs(t testing.TB, r release) []string {
	t.Helper()
	key := filepath.Join(r.dir, "release.key")
	if _, err := os.Stat(key); err != nil {
		hallmark(t).run("key", "generate", "--out", key).exits(0)
	}
	return []string{"release", "-f", r.file, "--out", r.out, "--key", key}
}

// verified holds that hallmark-verify -o json, or verify, verified exactly these.
func (r result) verified(digests ...string) result {
	r.t.Helper()
	got := make(map[string]bool)
	for _, s := range r.exits(0).subjects() {
		got[s.Digest.String()] = s.Outcome == verification.Verified
	}
	want := make(map[string]bool)
	for _, d := range digests {
		want[d] = true
	}
	if !maps.Equal(got, want) {
		r.t.Fatalf("%s\nverifies %v, want %v", r.line, got, want)
	}
	return r
}

// refusedAll holds that hallmark-verify -o json refused n subjects, each for
// nothing but reasons with this code, whose messages have part in them.
func (r result) refusedAll(n int, code, part string) result {
	r.t.Helper()
	subjects := r.exits(1).subjects()
	if len(subjects) != n {
		r.t.Fatalf("%s\nspeaks of %d subjects, want %d\n%s", r.line, len(subjects), n, r.all())
	}
	for _, s := range subjects {
		ok := s.Outcome == verification.Refused && len(s.Reasons) > 0
		for _, reason := range s.Reasons {
			ok = ok && reason.Code == code && strings.Contains(reason.Message, part)
		}
		if !ok {
			r.t.Fatalf("%s\nsays of %s %s for %v, want refused for %s %q", r.line, s.Name, s.Outcome, s.Reasons, code, part)
		}
	}
	return r
}

// withdrawn holds that hallmark-verify -o json refused every subject because the
// newest verdict says FAILED.
func (r result) withdrawn() result {
	r.t.Helper()
	for _, s := range r.exits(1).subjects() {
		var codes []string
		for _, reason := range s.Reasons {
			codes = append(codes, reason.Code)
		}
		slices.Sort(codes)
		if want := []string{"failed", "superseded"}; s.Outcome != verification.Refused || !slices.Equal(codes, want) {
			r.t.Fatalf("%s\nsays of %s %s for %v, want refused for %v", r.line, s.Name, s.Outcome, codes, want)
		}
	}
	return r
}

// subjects is what hallmark-verify -o json, or verify, says of each.
func (r result) subjects() []verification.Subject {
	r.t.Helper()
	var report verification.Report
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil || len(report.Subjects) == 0 {
		r.t.Fatalf("%s\nwrites no report: %v\n%s", r.line, err, r.all())
	}
	return report.Subjects
}

func texts(digests []v1.Hash) []string {
	var out []string
	for _, d := range digests {
		out = append(out, d.String())
	}
	return out
}

// consumer is what somebody has who has only the trust file: no dossier.
func (r release) consumer(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"trust.yaml", "trusted_root.json"} {
		data, err := os.ReadFile(filepath.Join(r.out, name))
		if os.IsNotExist(err) && name != "trust.yaml" {
			continue
		}
		check(t, err)
		check(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
	}
	return filepath.Join(dir, "trust.yaml")
}

// Files, an image and an index, in a registry of either kind, signed in every
// way: cosign accepts what is attested about each manifest, and hallmark all of
// it from the registry alone, by tag and by digest.
func TestPublishIntoRegistries(t *testing.T) {
	t.Parallel()
	for kind, registry := range registries() {
		for name, signer := range signerKinds() {
			t.Run(kind+", "+name, func(t *testing.T) {
				t.Parallel()
				single, multi := pushImage(t, registry), pushIndex(t, registry)
				other := image{registry: registry, repository: multi.repository}
				img := program120(t, "linux/s390x")
				check(t, remote.Write(other.tag(t, "other"), img))
				var err error
				other.digest, err = img.Digest()
				check(t, err)
				r := newMixed(t, single, multi)
				files := registry + "/" + place(t) + "/files"

				args := append(signer.args(t, r.release), "--registry", files, "--allow-http-registry")
				got := hallmark(t).run(args...).exits(0)
				for _, place := range []string{files, registry + "/" + single.repository, registry + "/" + multi.repository} {
					got.says("published " + place + " and verified there")
				}

				accepts := func(reference string) result {
					return peer(t, "cosign").run(append(append([]string{"verify-attestation", "--allow-http-registry", "--type", verdictType}, signer.cosign(r.release)...), reference)...)
				}
				for _, i := range []image{single, multi} {
					for _, d := range i.manifests() {
						accepts(i.by(d)).exits(0)
					}
				}
				accepts(other.by(other.digest)).fails().says("no matching attestations")

				trust := r.consumer(t)
				check(t, os.RemoveAll(r.out))
				for _, p := range []*program{hallmarkVerify(t), verifyOf(hallmark(t))} {
					ask := func(args ...string) result {
						return p.run(append([]string{"-t", trust, "--allow-http-registry", "-o", "json"}, args...)...)
					}
					ask(single.reference()).verified(single.digest.String())
					ask(multi.reference()).verified(texts(multi.manifests())...)
					ask(multi.by(multi.digest)).verified(texts(multi.manifests())...)
					ask(multi.by(multi.children[1])).verified(multi.children[1].String())
					ask("--registry", files, r.artifacts[0], r.artifacts[1]).verified(digest(t, r.artifacts[0]).String(), digest(t, r.artifacts[1]).String())
					ask(other.by(other.digest)).refuses("no-bundle")
					// What is attested about the files lies with the files alone.
					ask("--registry", registry+"/"+multi.repository, r.artifacts[0]).refuses("no-bundle")
				}
				for _, i := range []image{single, multi} {
					for _, d := range i.manifests() {
						if got, want := slices.Contains(i.tags(t), fallback(d)), registry == services.RegistryWithout; got != want {
							t.Errorf("%s: the fallback tag is there: %v, want %v", i.by(d), got, want)
						}
						if slices.Contains(i.tags(t), fallback(d)+".att") {
							t.Errorf("%s: there is an older tag that nobody asked for", i.by(d))
						}
					}
				}
			})
		}
	}
}

// verifyOf is hallmark verify, for what hallmark-verify is run with, too.
func verifyOf(p *program) *program {
	c := *p
	c.args = append(slices.Clone(p.args), "verify")
	return &c
}

// fallback is the tag under which referrers of d are listed where the registry
// does not.
func fallback(d v1.Hash) string { return strings.Replace(d.String(), ":", "-", 1) }

// Who asks for the older layout gets it, too: cosign verifies from it, and so
// does hallmark where nothing else was copied. What a version 2 log says has no
// place there; who wants a log entry then refuses, and does not do without.
func TestPublishLegacy(t *testing.T) {
	t.Parallel()
	signers := signerKinds()
	signers["Rekor v1, timestamp"] = keylessAt(stampedV1(t))
	for kind, registry := range registries() {
		for signerName, signer := range signers {
			t.Run(kind+", "+signerName, func(t *testing.T) {
				t.Parallel()
				multi := pushIndex(t, registry)
				r := newImages(t, multi)
				hallmark(t).run(append(signer.args(t, r.release), "--legacy", "--allow-http-registry")...).exits(0)

				// Elsewhere there is nothing but the images and the older tags.
				old := multi
				old.repository += "/old"
				for _, tag := range []string{released120, fallback(multi.digest) + ".att", fallback(multi.children[0]) + ".att", fallback(multi.children[1]) + ".att"} {
					from, to := multi.tag(t, tag), old.tag(t, tag)
					check(t, crane.Copy(from.String(), to.String(), crane.Insecure))
				}
				cosign := append([]string{"verify-attestation", "--new-bundle-format=false", "--allow-http-registry", "--type", verdictType}, signer.cosign(r.release)...)
				switch signerName {
				case "Rekor v2":
					cosign = append(cosign, "--insecure-ignore-tlog", "--use-signed-timestamps")
				case "Rekor v1, timestamp":
					cosign = append(cosign, "--use-signed-timestamps")
				}
				for _, d := range multi.manifests() {
					for _, i := range []image{multi, old} {
						peer(t, "cosign").run(append(cosign, i.by(d))...).exits(0)
					}
				}
				ask := func(trust string, i image) result {
					return hallmarkVerify(t).run("-t", trust, "--allow-http-registry", "-o", "json", i.reference())
				}
				ask(r.trust(), multi).verified(texts(multi.manifests())...)
				if signerName != "Rekor v2" {
					ask(r.trust(), old).verified(texts(multi.manifests())...)
					return
				}
				ask(r.trust(), old).refusedAll(3, "bad-signature", "no log entry")
				ask(keylessTrust(t, services.Sigstore.TrustedRoot, services.Issuer.Actions, workflowIdentity, "sct", "timestamp"), old).verified(texts(multi.manifests())...)
			})
		}
	}
}

// stampedV1 is the deployment with a version 1 log, and with the timestamp
// authority.
func stampedV1(t testing.TB) deployment {
	t.Helper()
	config, root := readJSON(t, services.SigstoreV1.SigningConfig), readJSON(t, services.SigstoreV1.TrustedRoot)
	v2 := readJSON(t, services.Sigstore.SigningConfig)
	config["tsaUrls"], config["tsaConfig"] = v2["tsaUrls"], v2["tsaConfig"]
	root["timestampAuthorities"] = readJSON(t, services.Sigstore.TrustedRoot)["timestampAuthorities"]
	return deployment{writeJSON(t, "signing_config.json", config), writeJSON(t, "trusted_root.json", root)}
}

// What cosign attests in the older layout is read, with the log's word and the
// timestamp authority's.
func TestLegacyByCosign(t *testing.T) {
	t.Parallel()
	r := signedRelease(t)
	predicate := predicateOf(t, r.verdict())
	d := stampedV1(t)
	for kind, registry := range registries() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			single := pushImage(t, registry)
			peer(t, "cosign").run("attest", "--new-bundle-format=false", "--use-signing-config=false", "--allow-http-registry", "--identity-token", writeFile(t, "token", workflowToken(t)),
				"--fulcio-url", services.Fulcio, "--rekor-url", services.RekorV1, "--timestamp-server-url", services.Timestamp, "--trusted-root", d.TrustedRoot,
				"--type", verdictType, "--predicate", predicate, single.by(single.digest)).exits(0)
			if !slices.Contains(single.tags(t), fallback(single.digest)+".att") {
				t.Fatalf("there is no older tag among %v: this test looks at nothing", single.tags(t))
			}
			ask := func(require ...string) result {
				trust := keylessTrust(t, d.TrustedRoot, services.Issuer.Actions, workflowIdentity, require...)
				return hallmarkVerify(t).run("-t", trust, "--allow-http-registry", "-o", "json", single.reference())
			}
			ask("log", "sct", "timestamp").verified(single.digest.String())
		})
	}
}

// everything is all tags of the repositories with what they lead to, and all
// that is listed about the manifests in them.
func everything(t testing.TB, registry string, repositories ...string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for _, r := range repositories {
		repo, err := name.NewRepository(registry+"/"+r, name.Insecure)
		check(t, err)
		tags, err := remote.List(repo)
		check(t, err)
		for _, tag := range tags {
			d, err := remote.Head(repo.Tag(tag))
			check(t, err)
			out[r+":"+tag] = d.Digest.String()
			about, err := remote.Referrers(repo.Digest(d.Digest.String()))
			check(t, err)
			m, err := about.IndexManifest()
			check(t, err)
			for _, e := range m.Manifests {
				out[r+"@"+e.Digest.String()] = "about " + d.Digest.String()
			}
		}
	}
	return out
}

// writing are the requests by which something changes at a registry.
func (p *proxy) writing() int {
	n := 0
	for _, m := range []string{"PUT ", "POST ", "PATCH ", "DELETE "} {
		n += p.requests(m)
	}
	return n
}

// Publishing a second time adds nothing, and does not even ask to: not by
// release, and not by publish.
func TestPublishTwice(t *testing.T) {
	t.Parallel()
	for kind, registry := range registries() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, registry)
			single, multi := pushImage(t, registry).via(p), pushIndex(t, registry).via(p)
			r := newMixed(t, single, multi)
			files := place(t) + "/files"
			repositories := []string{single.repository, multi.repository, files}
			args := append(keyArgs(t, r.release), "--registry", p.host+"/"+files, "--legacy", "--allow-http-registry")
			hallmark(t).run(args...).exits(0)
			wrote := p.writing()
			if wrote == 0 {
				t.Fatal("nothing was written through the proxy: this test looks at nothing")
			}
			before := everything(t, registry, repositories...)
			hallmark(t).run(args...).exits(0).says("published " + p.host + "/" + files)
			hallmark(t).run("publish", "-f", r.file, "--out", r.out, "--registry", p.host+"/"+files, "--legacy", "--allow-http-registry").exits(0).says("published " + p.host + "/" + files)
			if n := p.writing() - wrote; n != 0 {
				t.Errorf("publishing again sends %d requests that write, want none", n)
			}
			if after := everything(t, registry, repositories...); !maps.Equal(before, after) {
				t.Errorf("publishing again changes what is there from\n%v\nto\n%v", before, after)
			}
		})
	}
}

// A FAILED verdict in the registry withdraws what was released from there.
func TestWithdrawInRegistry(t *testing.T) {
	t.Parallel()
	for kind, registry := range registries() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			multi := pushIndex(t, registry)
			r := newMixed(t, multi)
			files := registry + "/" + place(t) + "/files"
			into := []string{"--registry", files, "--allow-http-registry"}
			hallmark(t).run(append(keyArgs(t, r.release), into...)...).exits(0)
			trust := r.consumer(t)
			ask := func(args ...string) result {
				return hallmarkVerify(t).run(append([]string{"-t", trust, "--allow-http-registry", "-o", "json"}, args...)...)
			}
			ask(multi.reference()).verified(texts(multi.manifests())...)

			later := withdrawn(t, r.release)
			publish := []string{"publish", "-f", later.file, "--out", later.out}
			hallmark(t).run(append(publish, into...)...).exits(1)
			ask(multi.reference()).exits(0)
			got := hallmark(t).run(append(append(publish, "--withdraw"), into...)...).exits(0).says("published "+files, "published "+registry+"/"+multi.repository)
			// Nobody has verified a verdict that says no.
			if strings.Contains(got.all(), "verified there") {
				t.Errorf("%s\nsays that a FAILED verdict was verified:\n%s", got.line, got.all())
			}

			for _, args := range [][]string{{multi.reference()}, {multi.by(multi.digest)}, {"--registry", files, r.artifacts[0], r.artifacts[1]}} {
				ask(args...).withdrawn()
			}
			ask(multi.by(multi.children[0])).withdrawn()
			// The earlier verdict does not come back by publishing it again.
			hallmark(t).run(append([]string{"publish", "-f", r.file, "--out", r.out}, into...)...).exits(3).says("does not verify", "failed")
			ask(multi.by(multi.children[0])).withdrawn()
		})
	}
}

// withdrawn is r's release judged again, later, when nobody says any more that
// its vulnerability does not matter: the FAILED verdict is signed with r's key.
func withdrawn(t testing.TB, r release) release {
	t.Helper()
	later := r
	later.file, later.out = filepath.Join(r.dir, "later.yaml"), filepath.Join(r.dir, "later")
	check(t, os.WriteFile(later.file, []byte(read(t, r.file)), 0o644))
	later.edit(t, later.file, "  - {path: evidence/greet.openvex.json, format: openvex}\n", "")
	later.edit(t, later.file, "at: 2026-11-22T17:45:00Z\n", "at: 2026-11-22T17:50:00Z\n")
	http := []string{"-f", later.file, "--out", later.out, "--allow-http-registry"}
	hallmark(t).run(append([]string{"evaluate"}, http...)...).exits(1)
	hallmark(t).run(append([]string{"attest", "--key", filepath.Join(r.dir, "release.key")}, http...)...).exits(0)
	return later
}

// A tag is no name: what was verified is shown by digest, and when the tag
// moves, what it leads to then is judged for itself.
func TestMovedTag(t *testing.T) {
	t.Parallel()
	for kind, registry := range registries() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			single := pushImage(t, registry)
			r := newImages(t, single)
			hallmark(t).run(append(keyArgs(t, r.release), "--allow-http-registry")...).exits(0)
			ask := func(reference string) result {
				return hallmarkVerify(t).run("-t", r.trust(), "--allow-http-registry", reference)
			}
			ask(single.reference()).exits(0).says("verified " + single.reference() + "@" + single.digest.String())

			moved := program120(t, "linux/riscv64")
			check(t, remote.Write(single.tag(t, released120), moved))
			d, err := moved.Digest()
			check(t, err)
			ask(single.reference()).exits(1).says("refused "+single.reference(), d.String(), "no-bundle")
			ask(single.by(single.digest)).exits(0)
			// Who says both is held to the digest.
			ask(single.reference() + "@" + single.digest.String()).exits(0).says(single.digest.String())
			// And what was signed cannot be published about what is there now.
			hallmark(t).run("publish", "-f", r.file, "--out", r.out, "--allow-http-registry").exits(1).says("judge it again")
			ask(single.reference()).exits(1)
		})
	}
}

// What is about one digest in two repositories is known from both: a withdrawal
// in one is not overlooked because the other is named, too.
func TestOneImageInTwoRepositories(t *testing.T) {
	t.Parallel()
	single := pushImage(t, services.Registry)
	r := newImages(t, single)
	hallmark(t).run(append(keyArgs(t, r.release), "--allow-http-registry")...).exits(0)
	trust := r.consumer(t)
	mirror := single
	mirror.registry, mirror.repository = services.RegistryWithout, single.repository+"/mirror"
	hallmark(t).run("copy", "--allow-http-registry", single.reference(), mirror.reference()).exits(0)

	later := withdrawn(t, r.release)
	hallmark(t).run("publish", "-f", later.file, "--out", later.out, "--withdraw", "--allow-http-registry").exits(0)
	ask := func(args ...string) result {
		return hallmarkVerify(t).run(append([]string{"-t", trust, "--allow-http-registry", "-o", "json"}, args...)...)
	}
	ask(mirror.reference()).verified(single.digest.String()) // nobody told the mirror
	ask(single.reference()).withdrawn()
	ask(single.reference(), mirror.reference()).withdrawn()
	ask(mirror.reference(), single.reference()).withdrawn()
}

// What is wrong with the list of images is said before anything is signed.
func TestImagesThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	multi := pushIndex(t, services.Registry)
	check(t, crane.Tag(multi.reference(), "latest", crane.Insecure))
	repository := multi.registry + "/" + multi.repository
	for name, tt := range map[string]struct {
		list string // beside the index by its tag
		code int
		says string
	}{
		"under another tag":       {repository + ":latest", 2, "which is listed already"},
		"an image of it":          {multi.by(multi.children[0]), 2, "which is listed already"},
		"the very same":           {multi.reference(), 2, "stands twice"},
		"no tag":                  {repository, 2, "names no tag and no digest"},
		"a tag that is not there": {repository + ":1.2.1", 3, "404"},
		"a digest that is none":   {repository + "@sha256:beef", 2, "sha256:beef"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newMixed(t, multi)
			r.edit(t, r.file, "  - "+multi.reference()+"\n", "  - "+multi.reference()+"\n  - "+tt.list+"\n")
			hallmark(t).run(append(keyArgs(t, r.release), "--allow-http-registry")...).exits(tt.code).says(tt.says)
			r.unsigned(t)
		})
	}
	t.Run("a registry for files, and no files", func(t *testing.T) {
		t.Parallel()
		r := newImages(t, multi)
		hallmark(t).run(append(keyArgs(t, r.release), "--allow-http-registry", "--registry", repository)...).exits(2).says("is for files", "hallmark copy")
		r.unsigned(t)
	})
	t.Run("a registry that nobody named", func(t *testing.T) {
		t.Parallel()
		r := signedRelease(t)
		for _, repository := range []string{"greet", "acme/greet", "./greet", "../greet"} {
			hallmarkVerify(t).run("-t", r.trust(), "--registry", repository, r.artifacts[0]).exits(2).says("--registry")
		}
	})
	t.Run("one repository for all", func(t *testing.T) {
		t.Parallel()
		r := newMixed(t, multi)
		r.set(t, "publish:\n  registry: "+repository+"\n  legacy: true\n")
		hallmark(t).run(append(keyArgs(t, r.release), "--allow-http-registry")...).exits(0).says("published " + repository + " and verified there")
		hallmarkVerify(t).run("-t", r.trust(), "-o", "json", "--allow-http-registry", "--registry", repository, multi.reference(), r.artifacts[0]).
			verified(append(texts(multi.manifests()), digest(t, r.artifacts[0]).String())...)
	})
}
