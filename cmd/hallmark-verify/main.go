package main

import (
	"os"

	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
)

func main() { os.Exit(verification.Main(os.Args, console.System())) }
