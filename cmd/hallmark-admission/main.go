package main

import (
	"os"

	"github.com/hallmark-project/hallmark/internal/admission"
	"github.com/hallmark-project/hallmark/internal/cli/console"
)

func main() { os.Exit(admission.Main(os.Args, console.System())) }
