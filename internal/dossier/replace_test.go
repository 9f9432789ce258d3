package dossier_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/internal/dossier"
)

// alone says that nothing but the named entries lies in dir.
func alone(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if diff := cmp.Diff(names, got); diff != "" {
		t.Errorf("%s holds (-want +got):\n%s", dir, diff)
	}
}

func TestReplace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "out")
	j := judge(t)
	if err := dossier.Replace(dir, j.Write); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	mkdir(t, filepath.Join(dir, "attestations"))
	put(t, dir, "attestations/old.sigstore.json", []byte("old"))
	if err := dossier.Replace(dir, j.Write); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, files(t, dir), equal); diff != "" {
		t.Errorf("the second dossier differs:\n%s", diff)
	}
	alone(t, filepath.Dir(dir), "out")
	if runtime.GOOS != "windows" {
		if info, _ := os.Stat(dir); info.Mode().Perm() != 0o755 {
			t.Errorf("mode is %v, want 0755: others read it", info.Mode().Perm())
		}
	}
}

func TestReplace_fill_fails(t *testing.T) {
	dir := written(t)
	before := files(t, dir)
	failed := errors.New("out of ideas")
	half := func(staging string) error {
		put(t, staging, dossier.DecisionFile, []byte("half"))
		return failed
	}
	if err := dossier.Replace(dir, half); !errors.Is(err, failed) {
		t.Errorf("Replace() = %v, want %v", err, failed)
	}
	if err := dossier.Update(dir, nil, half); !errors.Is(err, failed) {
		t.Errorf("Update() = %v, want %v", err, failed)
	}
	if diff := cmp.Diff(before, files(t, dir), equal); diff != "" {
		t.Errorf("the old dossier changed:\n%s", diff)
	}
	alone(t, filepath.Dir(dir), "out")

	absent := filepath.Join(filepath.Dir(dir), "absent")
	if err := dossier.Replace(absent, half); !errors.Is(err, failed) {
		t.Errorf("Replace() = %v, want %v", err, failed)
	}
	alone(t, filepath.Dir(dir), "out")
}

// A fill that panics must not leave half a dossier in place, or beside.
func TestReplace_fill_panics(t *testing.T) {
	dir := written(t)
	before := files(t, dir)
	func() {
		defer func() { _ = recover() }()
		_ = dossier.Replace(dir, func(string) error { panic("interrupted") })
	}()
	if diff := cmp.Diff(before, files(t, dir), equal); diff != "" {
		t.Errorf("the old dossier changed:\n%s", diff)
	}
	alone(t, filepath.Dir(dir), "out")
}

// What a killed run left: a staging folder, or the old dossier set aside.
func TestReplace_after_a_killed_run(t *testing.T) {
	dir := written(t)
	parent := filepath.Dir(dir)
	before := files(t, dir)
	old, fresh := filepath.Join(parent, ".hallmark-staging-1"), filepath.Join(parent, ".hallmark-staging-2")
	for _, d := range []string{old, fresh} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	twoDaysAgo := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(old, twoDaysAgo, twoDaysAgo); err != nil {
		t.Fatal(err)
	}
	if err := dossier.Replace(dir, judge(t).Write); err != nil {
		t.Fatal(err)
	}
	// Where locks cannot tell, another run may be filling the fresh one.
	if runtime.GOOS == "windows" {
		alone(t, parent, ".hallmark-staging-2", "out")
	} else {
		alone(t, parent, "out")
	}
	if err := os.RemoveAll(fresh); err != nil {
		t.Fatal(err)
	}

	// Killed between setting the old one aside and putting the new one in place.
	aside := filepath.Join(parent, ".hallmark-old-out")
	if err := os.Rename(dir, aside); err != nil {
		t.Fatal(err)
	}
	if err := dossier.Update(dir, nil, func(string) error { return nil }); err != nil {
		t.Errorf("Update() = %v: the old dossier must come back first", err)
	}
	if diff := cmp.Diff(before, files(t, dir), equal); diff != "" {
		t.Errorf("the dossier changed:\n%s", diff)
	}
	alone(t, parent, "out")

	// Killed before the old one was removed.
	if err := os.CopyFS(aside, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := dossier.Replace(dir, judge(t).Write); err != nil {
		t.Fatal(err)
	}
	alone(t, parent, "out")
}

func TestReplace_refuses_what_is_no_dossier(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(t *testing.T, dir string)
		want string // "" where it will do
	}{
		{"absent", func(*testing.T, string) {}, ""},
		{"empty", func(t *testing.T, dir string) { mkdir(t, dir) }, ""},
		{"file", func(t *testing.T, dir string) { put(t, filepath.Dir(dir), "out", []byte("x")) }, "is no folder"},
		{"home", func(t *testing.T, dir string) { mkdir(t, dir); put(t, dir, "thesis.tex", []byte("x")) }, "it has files, and no decision.json"},
		{"half_alike", func(t *testing.T, dir string) { mkdir(t, dir); put(t, dir, "decision.json", []byte("{}")) }, "it has files, and no release.json"},
		{"alike", func(t *testing.T, dir string) {
			mkdir(t, dir)
			put(t, dir, "decision.json", []byte(`{"decision": "buy a house"}`))
			put(t, dir, "release.json", []byte("{}"))
		}, "its decision.json is another kind of file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			tt.make(t, dir)
			filled := false
			err := dossier.Replace(dir, func(staging string) error { filled = true; return judge(t).Write(staging) })
			if tt.want == "" {
				if err != nil {
					t.Errorf("Replace() = %v, want nil", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || filled {
				t.Errorf("Replace() = %v (filled %v), want an error with %q", err, filled, tt.want)
			}
			if tt.name != "file" && !errors.Is(err, dossier.ErrNotDossier) {
				t.Errorf("Replace() = %v, want %v", err, dossier.ErrNotDossier)
			}
			alone(t, filepath.Dir(dir), "out")
		})
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestUpdate(t *testing.T) {
	dir := written(t)
	mkdir(t, filepath.Join(dir, "attestations"))
	put(t, dir, "attestations/a", []byte("old"))
	mkdir(t, filepath.Join(dir, "layout"))
	put(t, dir, "layout/index.json", []byte("small"))
	large := make([]byte, 2<<20)
	put(t, dir, "layout/blob", large)
	put(t, dir, "trust.yaml", []byte("trust"))
	blob, err := os.Stat(filepath.Join(dir, "layout", "blob"))
	if err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)

	// Whoever opens a small file for writing in the new folder must not write
	// into the old one, which stays if something fails later.
	failed := errors.New("later")
	err = dossier.Update(dir, nil, func(staging string) error {
		f, err := os.OpenFile(filepath.Join(staging, "layout", "index.json"), os.O_WRONLY|os.O_TRUNC, 0)
		if err != nil {
			return err
		}
		f.Close()
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, files(t, dir), equal); diff != "" {
		t.Fatalf("a failed update changed the dossier:\n%s", diff)
	}

	err = dossier.Update(dir, []string{"attestations", "trust.yaml"}, func(staging string) error {
		mkdir(t, filepath.Join(staging, "attestations"))
		put(t, staging, "attestations/b", []byte("new"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := before
	delete(want, "attestations/a")
	delete(want, "trust.yaml")
	want["attestations/b"] = []byte("new")
	if diff := cmp.Diff(want, files(t, dir), equal); diff != "" {
		t.Errorf("Update() differs (-want +got):\n%s", diff)
	}
	if now, err := os.Stat(filepath.Join(dir, "layout", "blob")); err != nil || !os.SameFile(blob, now) {
		t.Errorf("the large blob was copied, not linked (%v)", err)
	}
	if _, err := dossier.Replay(dir, catalogue()); err != nil {
		t.Errorf("Replay() = %v", err)
	}
	alone(t, filepath.Dir(dir), "out")

	if err := dossier.Update(filepath.Join(t.TempDir(), "none"), nil, func(string) error { return nil }); err == nil {
		t.Error("Update(no dossier) = nil, want an error")
	}
}

func TestLink_refuses_links(t *testing.T) {
	dir := written(t)
	mkdir(t, filepath.Join(dir, "layout"))
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "layout", "link")); err != nil {
		t.Skip(err)
	}
	before := files(t, filepath.Join(dir, "evidence"))
	if err := dossier.Update(dir, nil, func(string) error { return nil }); err == nil || !strings.Contains(err.Error(), "is not a regular file") {
		t.Errorf("Update() = %v, want an error", err)
	}
	if diff := cmp.Diff(before, files(t, filepath.Join(dir, "evidence")), equal); diff != "" {
		t.Errorf("the dossier changed:\n%s", diff)
	}
}

func TestReplace_read_only_parent(t *testing.T) {
	if os.Getuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("who may write everywhere cannot be kept out by a folder's mode")
	}
	dir := written(t)
	before := files(t, dir)
	parent := filepath.Dir(dir)
	if err := os.Chmod(parent, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(parent, 0o755)
	if err := dossier.Replace(dir, judge(t).Write); !errors.Is(err, os.ErrPermission) {
		t.Errorf("Replace() = %v, want %v", err, os.ErrPermission)
	}
	if diff := cmp.Diff(before, files(t, dir), equal); diff != "" {
		t.Errorf("the dossier changed:\n%s", diff)
	}
}

// A dossier that does not fit leaves the old one as it was.
func TestReplace_disk_full(t *testing.T) {
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("a file system of one's own is made by root on Linux only")
	}
	parent := t.TempDir()
	if err := mountSmall(parent, "size=256k"); err != nil {
		t.Skipf("mounting a small file system: %v", err)
	}
	defer unmount(parent)
	dir := filepath.Join(parent, "out")
	if err := dossier.Replace(dir, judge(t).Write); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	err := dossier.Replace(dir, func(staging string) error {
		if err := judge(t).Write(staging); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(staging, "large"), make([]byte, 1<<20), 0o644)
	})
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Replace() = %v, want %v", err, syscall.ENOSPC)
	}
	big := judge(t)
	big.Reports[0].Data = []byte(strings.Repeat("ok\n", 1<<18))
	if err := dossier.Replace(dir, big.Write); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Replace() = %v, want %v", err, syscall.ENOSPC)
	}
	if diff := cmp.Diff(before, files(t, dir), equal); diff != "" {
		t.Errorf("the dossier changed:\n%s", diff)
	}
	alone(t, parent, "out")
	if _, err := dossier.Replay(dir, catalogue()); err != nil {
		t.Errorf("Replay() = %v", err)
	}
}
