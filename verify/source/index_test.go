package source_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
)

// An index hands over what Load does, byte for byte and in the same order.
func TestIndexIsLoad(t *testing.T) {
	both := bundleAbout(one, two)
	dir := write(t, map[string]string{
		"a.sigstore.json":  "\n" + bundleAbout(one) + " \n",
		"b.jsonl":          bundleAbout(two) + "\r\n\n" + both + "\n" + bundleAbout(one, one),
		"c.intoto.jsonl":   envelopeAbout(one) + "\n  " + envelopeAbout(one, two) + "  \n",
		"d.sigstore.json":  `{`,
		"e.sigstore.json":  " " + envelopeAbout(two) + "\n",
		"f.sigstore.json":  both,
		"package.json":     `{"name":"x"}`,
		"g.sigstore.jsonl": strings.Repeat(" ", 70<<10) + both + "\n" + strings.Repeat("x", 70<<10) + "\n" + bundleAbout(two, two) + "\n",
	})
	alone := filepath.Join(write(t, map[string]string{"z.sigstore.json": bundleAbout(two, one)}), "z.sigstore.json")
	loaded, err := source.Load(context.Background(), dir, alone)
	if err != nil {
		t.Fatal(err)
	}
	index, err := source.NewIndex(context.Background(), dir, alone)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []criteria.Digest{one, two, criteria.DigestOf([]byte("three"))} {
		want, err := loaded.Bundles(context.Background(), d)
		if err != nil {
			t.Fatal(err)
		}
		if len(want) == 0 {
			t.Fatal("the folder has no bundle that may be about it")
		}
		got, err := index.Bundles(context.Background(), d)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Bundles(%s) differs from Load's (-load +index):\n%s", d.Short(), diff)
		}
	}
}

// What changes after it was indexed is an error, wherever it changes.
func TestIndexChanged(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"other_bytes":  func(path string) error { return os.WriteFile(path, []byte(bundleAbout(one)[1:]+" "), 0o600) },
		"another":      func(path string) error { return os.WriteFile(path, []byte(bundleAbout(two, one)), 0o600) },
		"shorter":      func(path string) error { return os.Truncate(path, 40) },
		"longer":       func(path string) error { return os.WriteFile(path, []byte(bundleAbout(one)+"{}"), 0o600) },
		"gone":         os.Remove,
		"another_file": func(path string) error { os.Remove(path); return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, map[string]string{"a.sigstore.json": bundleAbout(one), "b.sigstore.json": bundleAbout(two)})
			index, err := source.NewIndex(context.Background(), dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := change(filepath.Join(dir, "a.sigstore.json")); err != nil {
				t.Fatal(err)
			}
			if got, err := index.Bundles(context.Background(), one); err == nil {
				t.Errorf("Bundles() = %q, want an error", got)
			}
			if _, err := index.Bundles(context.Background(), two); err != nil {
				t.Errorf("Bundles(), of a file that did not change: %v", err)
			}
		})
	}
}

// The digest is of the bundles, not of the files' names or the lines' ends.
func TestIndexDigest(t *testing.T) {
	digest := func(files map[string]string) string {
		t.Helper()
		index, err := source.NewIndex(context.Background(), write(t, files))
		if err != nil {
			t.Fatal(err)
		}
		return index.Digest().String()
	}
	base := digest(map[string]string{"a.sigstore.json": bundleAbout(one), "b.sigstore.json": bundleAbout(two)})
	if same := digest(map[string]string{"c.jsonl": bundleAbout(one) + "\r\n" + bundleAbout(two)}); same != base {
		t.Errorf("Digest() = %s for the same bundles on lines, want %s", same, base)
	}
	for name, files := range map[string]map[string]string{
		"one_less":    {"a.sigstore.json": bundleAbout(one)},
		"one_more":    {"a.sigstore.json": bundleAbout(one), "b.sigstore.json": bundleAbout(two), "c.sigstore.json": bundleAbout(one, two)},
		"another":     {"a.sigstore.json": bundleAbout(one), "b.sigstore.json": bundleAbout(two, one)},
		"other_order": {"b.sigstore.json": bundleAbout(one), "a.sigstore.json": bundleAbout(two)},
		"none":        {},
	} {
		if got := digest(files); got == base {
			t.Errorf("Digest() is the same with %s", name)
		}
	}
}

// A bundle that is too large is handed on so that it is seen to be.
func TestIndexTooLarge(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.sigstore.json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, verify.MaxBundle+4096); err != nil {
		t.Fatal(err)
	}
	index, err := source.NewIndex(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := index.Bundles(context.Background(), one)
	if err != nil || len(got) != 1 || len(got[0]) <= verify.MaxBundle {
		t.Errorf("Bundles() = %s, %v, want one bundle that is too large", fmt.Sprint(len(got)), err)
	}
}
