//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The pods of the Indexed Job verify the list together, each image once, with
// the files as Kubernetes mounts them; and the part with an image that nobody
// signed says no.
func TestBulkVerification(t *testing.T) {
	t.Parallel()
	var images []image
	for range 12 {
		images = append(images, pushImage(t, services.Registry))
	}
	r := newImages(t, images...)
	hallmark(t).run(append(keyArgs(t, r.release), "--allow-http-registry")...).exits(0)
	var list []string
	for _, i := range images {
		list = append(list, i.by(i.digest))
	}
	job := documents(t, read(t, filepath.Join(checkout, "examples", "kubernetes", "bulk-verification.yaml")))[0]
	container := at(t, job, "spec", "template", "spec", "containers", 0).(map[string]any)
	parts := at(t, job, "spec", "completions").(int)
	if parts != at(t, job, "spec", "parallelism").(int) || fmt.Sprint(container["command"]) != "[/hallmark]" {
		t.Fatalf("the job is another one: %v", job["spec"])
	}
	pod := func(index int, trust, listed string) result {
		args := []string{}
		for _, a := range container["args"].([]any) {
			s := strings.NewReplacer("$(JOB_COMPLETION_INDEX)", strconv.Itoa(index), "/etc/hallmark/trust/greet.yaml", trust, "/list/images.txt", listed).Replace(a.(string))
			args = append(args, s)
		}
		return hallmark(t).run(append(args, "--allow-http-registry")...)
	}
	trust := mounted(t, "greet.yaml", read(t, r.consumer(t)))
	listed := mounted(t, "images.txt", strings.Join(list, "\n")+"\n")
	seen := make(map[string]int)
	for index := range parts {
		got := pod(index, trust, listed).exits(0)
		for _, name := range list {
			seen[name] += strings.Count(got.stdout, "verified "+name)
		}
	}
	for _, name := range list {
		if seen[name] != 1 {
			t.Errorf("%s was verified %d times, want once", name, seen[name])
		}
	}
	unsigned := pushImage(t, services.Registry)
	listed = mounted(t, "images.txt", strings.Join(append(list, unsigned.by(unsigned.digest)), "\n")+"\n")
	var codes []int
	for index := range parts {
		codes = append(codes, pod(index, trust, listed).code)
	}
	if n := strings.Count(fmt.Sprint(codes), "1"); n != 1 || strings.Count(fmt.Sprint(codes), "0") != parts-1 {
		t.Errorf("the parts exit with %v, want 1 for one of them and 0 for the others", codes)
	}
}

// mounted is a file as Kubernetes mounts it from a ConfigMap: behind two links.
func mounted(t testing.TB, name, content string) string {
	t.Helper()
	dir := t.TempDir()
	check(t, os.Mkdir(filepath.Join(dir, "..2026_11_27"), 0o755))
	check(t, os.WriteFile(filepath.Join(dir, "..2026_11_27", name), []byte(content), 0o644))
	check(t, os.Symlink("..2026_11_27", filepath.Join(dir, "..data")))
	check(t, os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)))
	return filepath.Join(dir, name)
}
