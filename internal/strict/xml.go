package strict

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

// XML decodes one XML document into v. Document types, and with them entities
// of one's own, are refused: no report needs them, and they are how a small
// file becomes a large one.
func XML(data []byte, v any) error {
	if err := CheckXML(data); err != nil {
		return err
	}
	if err := xml.Unmarshal(data, v); err != nil {
		return fmt.Errorf("not as expected: %w", err)
	}
	return nil
}

// CheckXML refuses a document that [XML] would refuse whatever it is decoded
// into. Use it before handing data to a library with a laxer reader.
func CheckXML(data []byte) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	var open []xml.Name
	elements := 0
	var start int64
	place := func(format string, args ...any) error {
		line, column := Position(data, start)
		return &Error{Line: line, Column: column, Msg: fmt.Sprintf(format, args...)}
	}
	for {
		start = d.InputOffset()
		tok, err := d.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			start = d.InputOffset()
			var syntax *xml.SyntaxError
			if errors.As(err, &syntax) {
				return place("not valid XML: %s", syntax.Msg)
			}
			return place("not valid XML: %v", err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if len(open) == 0 && elements > 0 {
				return place("something follows the XML document")
			}
			elements++
			if open = append(open, t.Name); len(open) > MaxDepth {
				return place("nested deeper than %d levels", MaxDepth)
			}
			if name, ok := twice(t.Attr); ok {
				return place("attribute %q stands twice", clip(name))
			}
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1] != t.Name {
				return place("element %q is closed where it is not open", clip(t.Name.Local))
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) == 0 && len(bytes.TrimSpace(t)) > 0 {
				return place("text stands outside the XML document")
			}
		case xml.Directive:
			return place("a document type declaration is not accepted")
		}
	}
	if elements == 0 {
		return errors.New("holds no XML element")
	}
	if len(open) > 0 {
		start = int64(len(data))
		return place("ends in the middle of the XML document")
	}
	return nil
}

// twice returns an attribute that stands twice. To the decoder x:tests and
// even xmlns:tests are tests, so that is one attribute twice as well.
func twice(attrs []xml.Attr) (name string, ok bool) {
	if len(attrs) < 2 {
		return "", false
	}
	seen := make(map[string]bool, len(attrs))
	for _, a := range attrs {
		if seen[a.Name.Local] {
			return a.Name.Local, true
		}
		seen[a.Name.Local] = true
	}
	return "", false
}
