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
	depth, elements := 0, 0
	place := func(msg string) error {
		line, column := Position(data, d.InputOffset())
		return &Error{Line: line, Column: column, Msg: msg}
	}
	for {
		tok, err := d.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			var syntax *xml.SyntaxError
			if errors.As(err, &syntax) {
				return place("not valid XML: " + syntax.Msg)
			}
			return place("not valid XML: " + err.Error())
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if depth == 0 && elements > 0 {
				return place("something follows the XML document")
			}
			elements++
			if depth++; depth > MaxDepth {
				return place(fmt.Sprintf("nested deeper than %d levels", MaxDepth))
			}
			seen := make(map[xml.Name]bool, len(t.Attr))
			for _, a := range t.Attr {
				if seen[a.Name] {
					return place(fmt.Sprintf("attribute %q stands twice", a.Name.Local))
				}
				seen[a.Name] = true
			}
		case xml.EndElement:
			depth--
		case xml.Directive:
			return place("a document type declaration is not accepted")
		}
	}
	if elements == 0 {
		return errors.New("holds no XML element")
	}
	if depth > 0 {
		return place("ends in the middle of the XML document")
	}
	return nil
}
