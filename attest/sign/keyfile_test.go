package sign_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/attest/sign"
)

func TestKeyFiles(t *testing.T) {
	k := generate(t, sign.ECDSAP256)
	dir := t.TempDir()
	path := filepath.Join(dir, "hallmark.key")
	if err := k.Save(path, []byte("open sesame")); err != nil {
		t.Fatal(err)
	}
	if err := k.SavePublic(path + ".pub"); err != nil {
		t.Fatal(err)
	}
	got, err := sign.LoadKey(path, ask("open sesame"))
	if err != nil {
		t.Fatal(err)
	}
	sameKey(t, got, k)
	want, err := k.PublicPEM()
	if err != nil {
		t.Fatal(err)
	}
	if public, err := os.ReadFile(path + ".pub"); err != nil || !bytes.Equal(public, want) {
		t.Errorf("the public key's file holds %q, %v, want %q", public, err, want)
	}
	if runtime.GOOS != "windows" {
		for name, want := range map[string]fs.FileMode{path: 0o600, path + ".pub": 0o644} {
			if info, err := os.Stat(name); err != nil || info.Mode() != want {
				t.Errorf("mode of %s = %v, %v, want %v", name, info.Mode(), err, want)
			}
		}
	}
	// Nothing else was left behind.
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v, %v, want two files", entries, err)
	}
}

// A key that is overwritten is lost, and with it all that it would have
// signed.
func TestSaveNeverOverwrites(t *testing.T) {
	k := generate(t, sign.Ed25519)
	dir := t.TempDir()
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"link": there, "dangling": filepath.Join(dir, "elsewhere")} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	for _, name := range []string{"there", "link", "dangling"} {
		for what, err := range map[string]error{"Save": k.Save(filepath.Join(dir, name), nil), "SavePublic": k.SavePublic(filepath.Join(dir, name))} {
			if !errors.Is(err, fs.ErrExist) {
				t.Errorf("%s(%s) = %v, want fs.ErrExist", what, name, err)
			}
		}
	}
	if data, err := os.ReadFile(there); err != nil || string(data) != "precious" {
		t.Errorf("the file now holds %q, %v", data, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "elsewhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key was written through a dangling link: %v", err)
	}
	if err := k.Save(filepath.Join(dir, "no", "such", "folder"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Save() into a folder that is not there = %v, want fs.ErrNotExist", err)
	}
}

func TestLoadKeyRefusals(t *testing.T) {
	k := generate(t, sign.Ed25519)
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	if err := k.Save(good, nil); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, bytes.Repeat([]byte("-"), 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "no such file",
		dir:                        "is no regular file",
		large:                      "is too large",
	} {
		if got, err := sign.LoadKey(path, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("LoadKey(%s) = %v, %v, want %q", path, got, err, want)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o602, 0o644, 0o666, 0o610} {
		if err := os.Chmod(good, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := sign.LoadKey(good, nil); err == nil || !strings.Contains(err.Error(), "chmod 600 "+good) {
			t.Errorf("LoadKey() of a file with mode %v = %v, want a refusal that says chmod 600", mode, err)
		}
	}
	// What counts is the file, not the link that leads to it.
	link := filepath.Join(dir, "link")
	if err := os.Symlink(good, link); err != nil {
		t.Fatal(err)
	}
	if _, err := sign.LoadKey(link, nil); err == nil {
		t.Error("LoadKey() of a link to a file that others may read gave no error")
	}
	for _, mode := range []fs.FileMode{0o600, 0o400} {
		if err := os.Chmod(good, mode); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{good, link} {
			got, err := sign.LoadKey(path, nil)
			if err != nil {
				t.Fatalf("LoadKey(%s) with mode %v = %v", path, mode, err)
			}
			sameKey(t, got, k)
		}
	}
}
