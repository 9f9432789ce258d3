// Package schema writes the JSON Schemas of the files that people write, so that
// an editor completes and explains them. They are made from the Go types that
// read those files and from the comments on their fields; a test keeps
// docs/schema the same as what is made here.
//
// A schema is a help while writing. What is accepted is decided by the readers,
// which know more: that a digest exists, that a waiver ends.
package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/criteria/catalogue"
	"github.com/hallmark-project/hallmark/criteria/evidence"
	"github.com/hallmark-project/hallmark/internal/admission"
	"github.com/hallmark-project/hallmark/internal/releasefile"
	"github.com/hallmark-project/hallmark/verify"
)

// Schema is one JSON Schema, draft 2020-12. Marshalled, its keys are sorted.
type Schema map[string]any

// File is one file that people write.
type File struct {
	// Name is the schema's file name; Title what it is the schema of.
	Name, Title string
	typ         reflect.Type
}

// Files lists the files.
func Files() []File {
	return []File{
		{"admission.schema.json", "admission.yaml: what a cluster asks of the images it runs", reflect.TypeFor[admission.File]()},
		{"hallmark.schema.json", "hallmark.yaml: a release and its evidence", reflect.TypeFor[releasefile.File]()},
		{"policy.schema.json", "policy.yaml: what a release is judged by", reflect.TypeFor[criteria.PolicyFile]()},
		{"trust.schema.json", "trust.yaml: what a consumer expects", reflect.TypeFor[verify.Expect]()},
	}
}

// required are the keys that the readers insist on, by type.
var required = map[reflect.Type][]string{
	reflect.TypeFor[admission.File]():              {"policies"},
	reflect.TypeFor[admission.Policy]():            {"name", "trust"},
	reflect.TypeFor[admission.Requirement]():       {"key", "operator"},
	reflect.TypeFor[releasefile.File]():            {"release", "policy", "verifier"},
	reflect.TypeFor[releasefile.ReleaseSpec]():     {"name", "version", "resource", "source"},
	reflect.TypeFor[releasefile.EvidenceSpec]():    {"path", "format"},
	reflect.TypeFor[releasefile.VerifierSpec]():    {"id"},
	reflect.TypeFor[criteria.PolicyFile]():         {"profile"},
	reflect.TypeFor[criteria.Own]():                {"name", "scope", "needs", "expression"},
	reflect.TypeFor[criteria.NotApplicableEntry](): {"criterion", "reason"},
	reflect.TypeFor[criteria.Waiver]():             {"id", "criterion", "finding", "reason", "owner", "requester", "approver", "created", "expires"},
	reflect.TypeFor[verify.Expect]():               {"verifier", "signers", "maxAge"},
	reflect.TypeFor[verify.Attestation]():          {"predicateType"},
	reflect.TypeFor[verify.Provenance]():           {"level", "builders", "sourceRepository"},
	reflect.TypeFor[verify.Builder]():              {"id"},
	reflect.TypeFor[verify.SourceVerdict]():        {"verifier", "resource", "level", "maxAge"},
	reflect.TypeFor[verify.SBOM]():                 {"formats"},
}

// either are the keys of which the readers insist on one, by type.
var either = map[reflect.Type][]string{
	reflect.TypeFor[releasefile.File](): {"artifacts", "images"},
	reflect.TypeFor[verify.Expect]():    {"resource", "resources"},
}

// Of returns the schema of f. docs explains fields by "Type.Field".
func Of(f File, docs map[string]string) ([]byte, error) {
	g := generator{docs: docs, defs: make(map[string]Schema)}
	s := g.of(f.typ)
	if len(g.defs) > 0 {
		s["$defs"] = g.defs
	}
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = f.Title
	data, err := json.MarshalIndent(s, "", "  ")
	return append(data, '\n'), err
}

type generator struct {
	docs map[string]string
	// defs are types that hold themselves.
	defs map[string]Schema
}

// text is what a scalar that is read as text may look like to a reader of YAML
// that gives it a type: version 1.10 is a number to it.
func text() Schema { return Schema{"type": []string{"string", "number"}} }

func word(pattern string) Schema { return Schema{"type": "string", "pattern": pattern} }

func oneOf(words []string) Schema { return Schema{"enum": words} }

func wordsOf[S ~string](all []S) []string {
	var words []string
	for _, s := range all {
		words = append(words, string(s))
	}
	return words
}

const (
	digestPattern = `^(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}|gitCommit:([0-9a-f]{40}|[0-9a-f]{64}))$`
	timePattern   = `^\d{4}-\d{2}-\d{2}`
	sizePattern   = `^\d*[1-9]\d*(B|KiB|MiB|GiB)$`
	agePattern    = `^(\d{1,5}d)?(\d+(\.\d+)?(h|m|s|ms))*$`
)

func (g generator) of(t reflect.Type) Schema {
	switch t {
	case reflect.TypeFor[criteria.Digest]():
		return word(digestPattern)
	case reflect.TypeFor[time.Time]():
		return word(timePattern)
	case reflect.TypeFor[criteria.Age]():
		return word(agePattern)
	case reflect.TypeFor[criteria.Size]():
		return word(sizePattern)
	case reflect.TypeFor[verify.MaxAge]():
		return Schema{"anyOf": []Schema{{"const": "unlimited"}, word(agePattern)}}
	case reflect.TypeFor[criteria.Level]():
		var words []string
		for _, l := range criteria.Levels() {
			words = append(words, l.String())
		}
		return oneOf(words)
	case reflect.TypeFor[criteria.Fact]():
		return oneOf(facts())
	case reflect.TypeFor[admission.Mode]():
		return oneOf(wordsOf(admission.Modes()))
	case reflect.TypeFor[admission.Unmatched]():
		return oneOf(wordsOf(admission.AllUnmatched()))
	case reflect.TypeFor[admission.Operator]():
		return oneOf(wordsOf(admission.Operators()))
	case reflect.TypeFor[verify.BillFormat]():
		return oneOf(wordsOf(verify.BillFormats()))
	case reflect.TypeFor[verify.Value]():
		return Schema{"type": []string{"string", "number", "boolean"}}
	case reflect.TypeFor[verify.Condition]():
		if g.defs["condition"] == nil {
			g.defs["condition"] = Schema{} // not again, below
			g.defs["condition"] = g.object(t)
		}
		return Schema{"$ref": "#/$defs/condition"}
	case reflect.TypeFor[releasefile.Words]():
		return Schema{"anyOf": []Schema{text(), {"type": "array", "items": text()}}}
	case reflect.TypeFor[map[string]yaml.Node]():
		return kinds()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return g.of(t.Elem())
	case reflect.Struct:
		return g.object(t)
	case reflect.Slice:
		return Schema{"type": "array", "items": g.of(t.Elem())}
	case reflect.Map:
		return Schema{"type": "object", "propertyNames": g.of(t.Key()), "additionalProperties": g.of(t.Elem())}
	case reflect.String:
		return text()
	case reflect.Bool:
		return Schema{"type": "boolean"}
	case reflect.Int:
		return Schema{"type": "integer"}
	}
	// Only a new kind of field can lead here, and then the test says so.
	panic(fmt.Sprintf("type %s has no schema", t))
}

func (g generator) object(t reflect.Type) Schema {
	properties := make(map[string]Schema)
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || name == "" || name == "-" {
			continue
		}
		s := g.of(f.Type)
		switch t.Name() + "." + f.Name {
		case "EvidenceSpec.Format":
			s = oneOf(formats())
		case "PolicyFile.Vouched":
			s = Schema{"type": "array", "items": oneOf(formats())}
		case "Own.Scope":
			s = oneOf([]string{criteria.AboutSource.String(), criteria.AboutArtifacts.String()})
		}
		if doc := g.docs[t.Name()+"."+f.Name]; doc != "" {
			s["description"] = doc
		}
		properties[name] = s
	}
	s := Schema{"type": "object", "properties": properties, "additionalProperties": false}
	if keys := required[t]; len(keys) > 0 {
		s["required"] = keys
	}
	if keys := either[t]; len(keys) > 0 {
		var one []Schema
		for _, k := range keys {
			one = append(one, Schema{"required": []string{k}})
		}
		s["anyOf"] = one
	}
	return s
}

// facts are the names of the kinds of fact.
func facts() []string {
	var names []string
	t := reflect.TypeFor[criteria.Facts]()
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); t.Field(i).Type.Kind() == reflect.Pointer {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func formats() []string {
	var names []string
	for _, f := range evidence.All() {
		names = append(names, f.Name())
	}
	slices.Sort(names)
	return names
}

// kinds are the parameters of the catalogue's criteria. Each reads its own;
// here they are only known by name.
func kinds() Schema {
	properties := make(map[string]Schema)
	for _, k := range catalogue.All() {
		read := append(slices.Clone(k.Needs), k.Uses...)
		ages := make(map[string]Schema)
		for _, f := range read {
			ages[string(f)] = word(agePattern)
		}
		properties[k.Name] = Schema{
			"type":        []string{"object", "null"},
			"description": k.Doc,
			"properties":  map[string]Schema{"maxAge": {"type": "object", "properties": ages, "additionalProperties": false}},
		}
	}
	return Schema{"type": "object", "properties": properties, "additionalProperties": false}
}
