// Command publicgood takes the trusted root of Sigstore's public instance out of
// the module github.com/sigstore/sigstore, at the version that go.mod names, and
// writes it to the file that it is given.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/hallmark-project/hallmark/internal/atomicfile"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "publicgood:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("expected one argument, the file to write")
	}
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/sigstore/sigstore").Output()
	if err != nil {
		return fmt.Errorf("finding the module: %w", err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "pkg/tuf/repository/targets/trusted_root.json"))
	if err != nil {
		return err
	}
	return atomicfile.Write(args[0], data, 0o644)
}
