package cli

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// Parameters explains keys of a criterion that are explained together.
type Parameters struct {
	Keys []string `json:"keys"`
	Doc  string   `json:"doc"`
}

// parametersJSON is made from the comments on the fields that the parameters
// are decoded into; a test compares.
//
//go:embed parameters.json
var parametersJSON []byte

// describedParameters returns what each criterion's parameters mean, by the
// criterion's name.
func describedParameters() map[string][]Parameters {
	var all map[string][]Parameters
	if err := json.Unmarshal(parametersJSON, &all); err != nil {
		panic(fmt.Sprintf("parameters.json: %v", err)) // a test reads it
	}
	return all
}
