package dossier_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/internal/dossier"
)

// Several runs into one folder: each succeeds, and a whole dossier is there all
// the time.
func TestReplace_at_once(t *testing.T) {
	dir := written(t)
	j := judge(t)
	var writers, reader sync.WaitGroup
	done := make(chan struct{})
	if runtime.GOOS == "linux" {
		reader.Add(1)
		go func() {
			defer reader.Done()
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := os.Stat(filepath.Join(dir, dossier.DecisionFile)); err != nil {
					t.Errorf("the dossier was gone: %v", err)
					return
				}
			}
		}()
	}
	for range 8 {
		writers.Add(1)
		go func() {
			defer writers.Done()
			for range 5 {
				if err := dossier.Replace(dir, j.Write); err != nil {
					t.Errorf("Replace() = %v", err)
				}
			}
		}()
	}
	writers.Wait()
	close(done)
	reader.Wait()
	alone(t, filepath.Dir(dir), "out")
	if _, err := dossier.Replay(dir, catalogue()); err != nil {
		t.Errorf("Replay() = %v", err)
	}
}

// The first dossier, made by several at once.
func TestReplace_first_at_once(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "out")
	j := judge(t)
	var all sync.WaitGroup
	for range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			if err := dossier.Replace(dir, j.Write); err != nil {
				t.Errorf("Replace() = %v", err)
			}
		}()
	}
	all.Wait()
	alone(t, filepath.Dir(dir), "out")
	if _, err := dossier.Replay(dir, catalogue()); err != nil {
		t.Errorf("Replay() = %v", err)
	}
}

// A folder that another run fills is not swept away.
func TestReplace_leaves_what_is_held(t *testing.T) {
	dir := written(t)
	err := dossier.Replace(dir, func(staging string) error {
		if err := dossier.Replace(filepath.Join(filepath.Dir(dir), "other"), judge(t).Write); err != nil {
			t.Fatal(err)
		}
		return judge(t).Write(staging)
	})
	if err != nil {
		t.Errorf("Replace() = %v", err)
	}
	alone(t, filepath.Dir(dir), "other", "out")
}

// What Update was about is not there any more when it ends.
func TestUpdate_not_over_another_decision(t *testing.T) {
	dir := written(t)
	path := filepath.Join(dir, dossier.DecisionFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := append(data, '\n')
	err = dossier.Update(dir, nil, func(string) error { return os.WriteFile(path, other, 0o644) })
	if err == nil || !strings.Contains(err.Error(), "another run") {
		t.Errorf("Update() = %v, want an error about another run", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != string(other) {
		t.Errorf("the other run's decision is lost (%v)", err)
	}
	if err := judge(t).Held(dir); err == nil {
		t.Error("Held() = nil for another decision")
	}
}

// Where out is a link to a folder, that folder is replaced and the link stays.
func TestReplace_through_a_link(t *testing.T) {
	dir := written(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip(err)
	}
	if err := dossier.Replace(link, judge(t).Write); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(link); err != nil || to != dir {
		t.Errorf("the link leads to %q, %v, want %q", to, err, dir)
	}
	alone(t, filepath.Dir(link), "link")
	alone(t, filepath.Dir(dir), "out")

	nowhere := filepath.Join(t.TempDir(), "nowhere")
	if err := os.Symlink("none", nowhere); err != nil {
		t.Fatal(err)
	}
	if err := dossier.Check(nowhere); err == nil {
		t.Error("Check(dangling link) = nil, want an error")
	}
}

// What somebody put beside the parts of a dossier is not thrown away.
func TestReplace_keeps_notes(t *testing.T) {
	dir := written(t)
	put(t, dir, "notes.txt", []byte("mine"))
	before := files(t, dir)
	if err := dossier.Replace(dir, judge(t).Write); !errors.Is(err, dossier.ErrNotDossier) || !strings.Contains(err.Error(), "notes.txt") {
		t.Errorf("Replace() = %v, want %v and notes.txt named", err, dossier.ErrNotDossier)
	}
	if diff := cmp.Diff(before, files(t, dir), equal); diff != "" {
		t.Errorf("the dossier changed:\n%s", diff)
	}
}

func TestCheck_working_folder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, d := range []string{".", "..", "../..", dir, "/", ""} {
		if err := dossier.Check(d); err == nil {
			t.Errorf("Check(%q) = nil, want an error", d)
		}
	}
	if err := dossier.Check("c"); err != nil {
		t.Errorf("Check(c) = %v", err)
	}
}

// A folder on which a file system is mounted cannot be replaced, and says so.
func TestReplace_mounted(t *testing.T) {
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("a file system of one's own is made by root on Linux only")
	}
	dir := t.TempDir()
	if err := mountSmall(dir, "size=256k"); err != nil {
		t.Skipf("mounting a small file system: %v", err)
	}
	defer unmount(dir)
	err := dossier.Replace(dir, judge(t).Write)
	if err == nil || !strings.Contains(err.Error(), "mounted") {
		t.Errorf("Replace() = %v, want an error about what is mounted", err)
	}
	if err := dossier.Replace(filepath.Join(dir, "out"), judge(t).Write); err != nil {
		t.Errorf("Replace(inside) = %v", err)
	}
}
