// Command ours verifies one artifact the way a consumer does, and nothing else.
// Its cost from start to end, beside that of command alone, is what package
// verify adds to sigstore-go:
//
//	ours TRUST-FILE BUNDLE DIGEST
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "ours:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("expected a trust file, a bundle and a digest")
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	want, err := verify.ParseTrust(args[0], data)
	if err != nil {
		return err
	}
	subject, err := criteria.ParseDigest(args[2])
	if err != nil {
		return err
	}
	v, err := verify.New(source.Files(args[1]), want)
	if err != nil {
		return err
	}
	_, err = v.Verify(context.Background(), subject)
	return err
}
