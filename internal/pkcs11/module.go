package pkcs11

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// module returns the path of the library that speaks to the token: what the URI
// says, else what PKCS11_MODULE_PATH says. It is loaded and runs, so a path that
// depends on where one happens to be, and a file that anybody may write, are
// refused.
func module(u URI, env func(string) string) (string, error) {
	path := u.ModulePath
	if u.ModuleName != "" {
		var err error
		if path, err = named(u.ModuleName, folders(os.DirFS("/"))); err != nil {
			return "", err
		}
	}
	if path == "" {
		path = env("PKCS11_MODULE_PATH")
	}
	if path == "" {
		return "", errors.New("finding the token's module: no module is named: add ?module-path=/path/of/module.so to the URI, or set PKCS11_MODULE_PATH")
	}
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("finding the token's module: %s is no absolute path", path)
	}
	for _, p := range []string{path, filepath.Dir(path)} {
		info, err := os.Stat(p)
		if err != nil {
			var pathError *fs.PathError
			if errors.As(err, &pathError) {
				err = pathError.Err
			}
			return "", fmt.Errorf("finding the token's module: %s: %w", p, err)
		}
		if p == path && !info.Mode().IsRegular() {
			return "", fmt.Errorf("finding the token's module: %s is no regular file", p)
		}
		if mode := info.Mode(); runtime.GOOS != "windows" && mode.Perm()&0o002 != 0 && mode&fs.ModeSticky == 0 {
			return "", fmt.Errorf("finding the token's module: anybody may write to %s (mode %04o), and so choose what runs", p, mode.Perm())
		}
	}
	return path, nil
}

// folders are where systems keep modules, the first one first.
func folders(root fs.FS) []string {
	if runtime.GOOS == "windows" {
		return []string{os.Getenv("SystemRoot") + `\System32`}
	}
	var all []string
	for _, pattern := range []string{
		"usr/lib/*-linux-*/pkcs11", "usr/lib/*-linux-*/softhsm", "usr/lib64/pkcs11", "usr/lib/pkcs11", "usr/lib/softhsm", "usr/lib64/softhsm",
		"usr/lib/*-linux-*", "usr/lib64", "usr/lib",
		"opt/homebrew/lib/pkcs11", "opt/homebrew/lib/softhsm", "opt/homebrew/lib", "usr/local/lib/pkcs11", "usr/local/lib/softhsm", "usr/local/lib",
	} {
		found, _ := fs.Glob(root, pattern)
		for _, f := range found {
			all = append(all, "/"+f)
		}
	}
	return all
}

// named looks for a module by its name: "without a path and without affixes
// that depend on the platform"
// (https://www.rfc-editor.org/rfc/rfc7512#section-2.3).
func named(name string, folders []string) (string, error) {
	if strings.ContainsAny(name, `/\`) || name == "." || name == ".." {
		return "", errors.New("finding the token's module: module-name is a path: expected a name such as softhsm2, or module-path")
	}
	suffix := ".so"
	switch runtime.GOOS {
	case "windows":
		suffix = ".dll"
	case "darwin":
		suffix = ".dylib"
	}
	for _, folder := range folders {
		for _, prefix := range []string{"lib", ""} {
			for _, suffix := range []string{suffix, ".so"} {
				path := filepath.Join(folder, prefix+name+suffix)
				if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
					return path, nil
				}
			}
		}
	}
	return "", fmt.Errorf("finding the token's module: there is no module %s where systems keep them: give module-path", name)
}
