package main

import (
	"os"

	"github.com/hallmark-project/hallmark/internal/custody"
	"github.com/hallmark-project/hallmark/internal/pkcs11"
)

func main() {
	env := custody.Enter()
	os.Exit(pkcs11.Main(os.Args, os.Stdin, pkcs11.Stdout(), os.Stderr, env))
}
