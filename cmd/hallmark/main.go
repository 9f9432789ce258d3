package main

import (
	"os"

	"github.com/hallmark-project/hallmark/internal/cli"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/custody"
)

func main() {
	io := console.System()
	// Before anything else: what is secret leaves the environment here.
	io.Env = custody.Enter()
	os.Exit(cli.Main(os.Args, io))
}
