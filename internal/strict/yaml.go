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

	"go.yaml.in/yaml/v3"
)

// maxFaults bounds how many faults of one document are listed: a person mends
// a handful, then runs again.
const maxFaults = 20

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
	if err := shallow(file, data); err != nil {
		return nil, err
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

// shallow refuses flow collections nested deeper than MaxDepth before the
// parser, which recurses, sees them.
func shallow(file string, data []byte) error {
	depth := 0
	for i, c := range data {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			if depth > 0 {
				depth--
			}
		case '\n':
			if indent := leading(data[i+1:]); indent > MaxDepth*8 {
				line, column := Position(data, int64(i+1))
				return &Error{File: file, Line: line, Column: column, Msg: "indented too deeply"}
			}
		}
		if depth > MaxDepth {
			line, column := Position(data, int64(i))
			return &Error{File: file, Line: line, Column: column, Msg: fmt.Sprintf("nested deeper than %d levels", MaxDepth)}
		}
	}
	return nil
}

func leading(data []byte) int {
	n := 0
	for n < len(data) && (data[n] == ' ' || data[n] == '-') {
		n++
	}
	return n
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
	if n.Kind == yaml.MappingNode {
		first := make(map[string]int)
		for i := 0; i < len(n.Content); i += 2 {
			k := n.Content[i]
			if k.Kind != yaml.ScalarNode || k.Tag == "!!merge" {
				fault(k, "a key must be plain text")
				continue
			}
			if line, ok := first[k.Value]; ok {
				fault(k, "key %q stands twice, first on line %d", k.Value, line)
			} else {
				first[k.Value] = k.Line
			}
		}
	}
	for _, c := range n.Content {
		wellFormed(file, c, depth+1, faults)
	}
}

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
		for i := 0; i < len(n.Content); i += 2 {
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
		if err := n.Decode(reflect.New(t).Interface()); err != nil {
			fault(n, "expected %s, found %q", typeName(t), n.Value)
		}
	}
}

// UnknownKey is the fault for key, which is none of known.
func UnknownKey[V any](file string, key *yaml.Node, known map[string]V) *Error {
	names := make([]string, 0, len(known))
	for k := range known {
		names = append(names, k)
	}
	sort.Strings(names)
	msg := fmt.Sprintf("unknown key %q", key.Value)
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

var lineOf = regexp.MustCompile(`line (\d+): `)

func yamlError(file string, err error) error {
	msg := plain(err)
	e := &Error{File: file, Msg: msg}
	if m := lineOf.FindStringSubmatchIndex(msg); m != nil {
		e.Line, _ = strconv.Atoi(msg[m[2]:m[3]])
		e.Column = 1
		e.Msg = msg[:m[0]] + msg[m[1]:]
	}
	e.Msg = strings.TrimPrefix(e.Msg, "yaml: ")
	return e
}

func plain(err error) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "yaml: unmarshal errors:", "")), " ")
}
