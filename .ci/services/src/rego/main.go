// Command rego says whether a statement complies with a policy in Rego, with the
// evaluator that Sigstore's policy-controller 0.13 asks: rego POLICY STATEMENT
// exits 0 where it does, and 1 where it does not.
package main

import (
	"fmt"
	"os"

	"github.com/sigstore/cosign/v2/pkg/cosign/rego"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: rego POLICY STATEMENT")
		os.Exit(2)
	}
	var texts [2][]byte
	for i, name := range os.Args[1:] {
		data, err := os.ReadFile(name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		texts[i] = data
	}
	if warning, err := rego.ValidateJSONWithModuleInput(texts[1], string(texts[0])); warning != nil || err != nil {
		fmt.Fprintln(os.Stderr, "not compliant:", warning, err)
		os.Exit(1)
	}
	fmt.Println("compliant")
}
