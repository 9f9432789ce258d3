package main

import (
	"os"

	"github.com/hallmark-project/hallmark/internal/cli"
	"github.com/hallmark-project/hallmark/internal/cli/console"
)

func main() { os.Exit(cli.Main(os.Args, console.System())) }
