package strict

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// maxFaults bounds how many faults of one document are listed: a person mends
// a handful, then runs again.
const maxFaults = 20

// maxKeys bounds the keys of one mapping: the decoder compares each with every
// other.
const maxKeys = 10_000

// YAML decodes one YAML 1.2 document from file's data into v, a pointer to a
// struct whose yaml tags are the known keys. A key that v does not define, a
// key that stands twice, a value of another type, an anchor or alias, and a
// second document are refused, each with its place.
func YAML(file string, data []byte, v any) error {
	node, err := Parse(file, data)
	if err != nil {
		return err
	}
	return Decode(file, node, v)
}

// Parse returns the root node of the one YAML document in data.
func Parse(file string, data []byte) (*yaml.Node, error) {
	if len(data) > MaxConfig {
		return nil, &Error{File: file, Msg: fmt.Sprintf("is too large: more than %d bytes", MaxConfig)}
	}
	data, err := Text(data)
	if err != nil {
		return nil, &Error{File: file, Msg: err.Error()}
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := d.Decode(&doc); err == io.EOF {
		return nil, &Error{File: file, Msg: "holds no YAML document"}
	} else if err != nil {
		return nil, yamlError(file, err)
	}
	if err := d.Decode(&second); err == nil {
		return nil, &Error{File: file, Line: second.Line, Column: second.Column, Msg: "a second YAML document is not accepted"}
	} else if err != io.EOF {
		return nil, yamlError(file, err)
	}
	if len(doc.Content) != 1 {
		return nil, &Error{File: file, Msg: "holds no YAML document"}
	}
	var faults Errors
	wellFormed(file, doc.Content[0], 0, &faults)
	if len(faults) > 0 {
		return nil, faults
	}
	return doc.Content[0], nil
}

// Decode decodes node, which [Parse] returned for file, into v.
func Decode(file string, node *yaml.Node, v any) error {
	var faults Errors
	fits(file, node, reflect.TypeOf(v).Elem(), &faults)
	if len(faults) > 0 {
		return faults
	}
	if err := node.Decode(v); err != nil {
		return yamlError(file, err)
	}
	return nil
}

func wellFormed(file string, n *yaml.Node, depth int, faults *Errors) {
	if len(*faults) >= maxFaults {
		return
	}
	fault := func(at *yaml.Node, format string, args ...any) {
		*faults = append(*faults, &Error{File: file, Line: at.Line, Column: at.Column, Msg: fmt.Sprintf(format, args...)})
	}
	if depth > MaxDepth {
		fault(n, "nested deeper than %d levels", MaxDepth)
		return
	}
	if n.Anchor != "" || n.Kind == yaml.AliasNode {
		fault(n, "anchors and aliases are not accepted")
		return
	}
	if n.Style&yaml.TaggedStyle != 0 {
		fault(n, "tags such as %s are not accepted", clip(n.Tag))
		return
	}
	if n.Kind == yaml.ScalarNode && n.Style == 0 && n.Tag == "!!int" && !number().MatchString(n.Value) {
		fault(n, "%s is one number to some readers and another, or text, to others: write it plainly, or in quotes if it is text", clip(n.Value))
		return
	}
	if n.Kind == yaml.MappingNode && len(n.Content) > 2*maxKeys {
		fault(n, "more than %d keys", maxKeys)
		return
	}
	if n.Kind == yaml.MappingNode {
		first := make(map[string]int)
		for i := 0; i < len(n.Content); i += 2 {
			k := n.Content[i]
			if len(*faults) >= maxFaults {
				return
			}
			if k.Kind != yaml.ScalarNode || k.Tag == "!!merge" {
				fault(k, "a key must be plain text")
				continue
			}
			if line, ok := first[k.Value]; ok {
				fault(k, "key %q stands twice, first on line %d", clip(k.Value), line)
			} else {
				first[k.Value] = k.Line
			}
		}
	}
	for _, c := range n.Content {
		wellFormed(file, c, depth+1, faults)
	}
}

// number is a whole number as every reader of YAML understands it: 010 is 8 in
// YAML 1.1 and 10 in 1.2, and 1_000 and 0b1 are numbers in the first only.
var number = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*|0o[0-7]+|0x[0-9a-fA-F]+)$`) })

var (
	nodeType      = reflect.TypeFor[yaml.Node]()
	unmarshalType = reflect.TypeFor[yaml.Unmarshaler]()
	textType      = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func fits(file string, n *yaml.Node, t reflect.Type, faults *Errors) {
	if len(*faults) >= maxFaults {
		return
	}
	fault := func(at *yaml.Node, format string, args ...any) {
		*faults = append(*faults, &Error{File: file, Line: at.Line, Column: at.Column, Msg: fmt.Sprintf(format, args...)})
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nodeType {
		return
	}
	if n.Tag == "!!null" && t.Kind() != reflect.Interface {
		fault(n, "a value is missing: expected %s", typeName(t))
		return
	}
	if reflect.PointerTo(t).Implements(unmarshalType) || reflect.PointerTo(t).Implements(textType) {
		if n.Kind != yaml.ScalarNode && reflect.PointerTo(t).Implements(textType) {
			fault(n, "expected %s", typeName(t))
			return
		}
		v := reflect.New(t)
		if err := n.Decode(v.Interface()); err != nil {
			var own *Error
			if errors.As(err, &own) {
				fault(n, "%s", own.Msg)
			} else {
				fault(n, "%s", strings.TrimPrefix(plain(err), "yaml: "))
			}
		}
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		if n.Kind != yaml.MappingNode {
			fault(n, "expected keys and values")
			return
		}
		fields := make(map[string]reflect.Type)
		collect(t, fields)
		for i := 0; i < len(n.Content) && len(*faults) < maxFaults; i += 2 {
			k := n.Content[i]
			ft, ok := fields[k.Value]
			if !ok {
				*faults = append(*faults, UnknownKey(file, k, fields))
				continue
			}
			fits(file, n.Content[i+1], ft, faults)
		}
	case reflect.Map:
		if n.Kind != yaml.MappingNode {
			fault(n, "expected keys and values")
			return
		}
		for i := 1; i < len(n.Content); i += 2 {
			fits(file, n.Content[i], t.Elem(), faults)
		}
	case reflect.Slice, reflect.Array:
		if n.Kind != yaml.SequenceNode {
			fault(n, "expected a list")
			return
		}
		for _, c := range n.Content {
			fits(file, c, t.Elem(), faults)
		}
	case reflect.Interface:
	default:
		if n.Kind != yaml.ScalarNode {
			fault(n, "expected %s", typeName(t))
			return
		}
		// A string may be written like a number (version: 1.10), so any
		// scalar will do for it, as it was written.
		if t.Kind() == reflect.String {
			return
		}
		// yes and on are true in YAML 1.1, and text in 1.2; the decoder makes
		// 1.5 a whole number by dropping the half.
		if want := scalarTag(t.Kind()); want != "" && n.Tag != want || n.Decode(reflect.New(t).Interface()) != nil {
			fault(n, "expected %s, found %q", typeName(t), clip(n.Value))
		}
	}
}

func scalarTag(k reflect.Kind) string {
	switch {
	case k == reflect.Bool:
		return "!!bool"
	case k >= reflect.Int && k <= reflect.Uint64:
		return "!!int"
	}
	return ""
}

// UnknownKey is the fault for key, which is none of known.
func UnknownKey[V any](file string, key *yaml.Node, known map[string]V) *Error {
	names := make([]string, 0, len(known))
	for k := range known {
		names = append(names, k)
	}
	sort.Strings(names)
	msg := fmt.Sprintf("unknown key %q", clip(key.Value))
	if near := Nearest(key.Value, names); near != "" {
		msg += fmt.Sprintf(": did you mean %q?", near)
	} else {
		msg += ": known here are " + strings.Join(names, ", ")
	}
	return &Error{File: file, Line: key.Line, Column: key.Column, Msg: msg}
}

func collect(t reflect.Type, fields map[string]reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case opts == "inline":
			collect(f.Type, fields)
		case name != "":
			fields[name] = f.Type
		default:
			fields[strings.ToLower(f.Name)] = f.Type
		}
	}
}

// typeName says in a reader's words what a value of type t looks like.
func typeName(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.String() {
	case "time.Time":
		return "a time such as 2026-11-22T12:00:00Z"
	case "criteria.Digest":
		return "a digest such as sha256:<64 hex digits>"
	case "criteria.Age":
		return "a length of time such as 72h or 30d"
	case "criteria.Size":
		return "a size such as 16MiB"
	case "verify.Value":
		return "text, a number, true or false"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "text"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "keys and values"
	}
	return "a " + t.Name()
}

var lineOf = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`line (\d+): `) })

func yamlError(file string, err error) error {
	msg := plain(err)
	// The library leaves out the number of the first line.
	e := &Error{File: file, Line: 1, Column: 1, Msg: msg}
	if m := lineOf().FindStringSubmatchIndex(msg); m != nil {
		e.Line, _ = strconv.Atoi(msg[m[2]:m[3]])
		e.Msg = msg[:m[0]] + msg[m[1]:]
	}
	e.Msg = strings.TrimPrefix(e.Msg, "yaml: ")
	// It counts lines from 0 where its parser, not its scanner, stumbled.
	if strings.HasPrefix(e.Msg, "did not find expected") && strings.Contains(msg, "line ") {
		e.Line++
	}
	return e
}

func plain(err error) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "yaml: unmarshal errors:", "")), " ")
}

// At returns the node at path, keys and indexes, below node, or the nearest one
// above it that there is: where a fault is shown.
func At(node *yaml.Node, path ...any) *yaml.Node {
	for _, step := range path {
		var next *yaml.Node
		switch step := step.(type) {
		case string:
			for i := 0; i+1 < len(node.Content) && node.Kind == yaml.MappingNode; i += 2 {
				if node.Content[i].Value == step {
					next = node.Content[i+1]
				}
			}
		case int:
			if node.Kind == yaml.SequenceNode && step < len(node.Content) {
				next = node.Content[step]
			}
		}
		if next == nil {
			return node
		}
		node = next
	}
	return node
}
