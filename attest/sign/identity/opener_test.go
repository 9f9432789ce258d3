package identity

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestSystemBrowser(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("what opens a page there is the system's")
	}
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	// It writes on its own, and must not write among our answers.
	if err := os.WriteFile(filepath.Join(dir, "xdg-open"), []byte("#!/bin/sh\necho noise\necho noise >&2\nprintf '%s' \"$*\" >"+log+".new && mv "+log+".new "+log+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := dir + string(os.PathListSeparator) + os.Getenv("PATH")
	t.Setenv("PATH", path)
	const page = "https://issuer.example/auth?a=b&c=d"

	if err := systemBrowser(environment(t).Env)(t.Context(), page); err == nil || !strings.Contains(err.Error(), "there is no desktop") {
		t.Errorf("without a desktop: %v, want an error", err)
	}
	if err := systemBrowser(environment(t, "DISPLAY", ":0").Env)(t.Context(), page); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		got, err := os.ReadFile(log)
		if err == nil {
			if string(got) != page {
				t.Errorf("opened %q, want %q", got, page)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing was opened")
		}
	}
	t.Setenv("PATH", t.TempDir())
	if err := systemBrowser(environment(t, "DISPLAY", ":0").Env)(t.Context(), page); err == nil || !strings.Contains(err.Error(), "xdg-open is not found") {
		t.Errorf("without xdg-open: %v, want an error", err)
	}
}
