package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// JSON decodes one JSON document into v. Keys match with their case, no key
// may stand twice, and nothing may follow the document. Keys that v does not
// define are passed over: reports carry far more than we read.
func JSON(data []byte, v any) error {
	return decodeJSON(data, v)
}

// OwnJSON is [JSON] for documents of our own: keys that v does not define are
// refused.
func OwnJSON(data []byte, v any) error {
	return decodeJSON(data, v, json.RejectUnknownMembers(true))
}

func decodeJSON(data []byte, v any, opts ...json.Options) error {
	if err := CheckJSON(data); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v, opts...); err != nil {
		return jsonError(data, err)
	}
	return nil
}

// CheckJSON refuses a document that [JSON] would refuse whatever it is decoded
// into. Use it before handing data to a library with a laxer reader.
func CheckJSON(data []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(data))
	for {
		if _, err := d.ReadToken(); err == io.EOF {
			return errors.New("holds no JSON document")
		} else if err != nil {
			return jsonError(data, err)
		}
		if d.StackDepth() > MaxDepth {
			line, column := Position(data, d.InputOffset())
			return &Error{Line: line, Column: column, Msg: fmt.Sprintf("nested deeper than %d levels", MaxDepth)}
		}
		if d.StackDepth() == 0 {
			break
		}
	}
	// White space as JSON defines it: to other readers, the rest of Unicode's is
	// no white space (RFC 8259, section 2).
	if rest := bytes.TrimLeft(data[d.InputOffset():], " \t\r\n"); len(rest) > 0 {
		line, column := Position(data, int64(len(data)-len(rest)))
		return &Error{Line: line, Column: column, Msg: "something follows the JSON document"}
	}
	return nil
}

func jsonError(data []byte, err error) error {
	offset, msg := int64(-1), err.Error()
	var syntactic *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.As(err, &syntactic):
		offset = syntactic.ByteOffset
		msg = "not valid JSON"
		if syntactic.Err != nil {
			msg += ": " + syntactic.Err.Error()
		}
		if errors.Is(syntactic.Err, jsontext.ErrDuplicateName) {
			msg = fmt.Sprintf("key %q stands twice", clip(syntactic.JSONPointer.LastToken()))
		} else if errors.Is(syntactic.Err, io.ErrUnexpectedEOF) {
			msg = "ends in the middle of the JSON document"
			offset = int64(len(data))
		}
	case errors.As(err, &semantic):
		offset = semantic.ByteOffset
		at := string(semantic.JSONPointer)
		switch {
		case errors.Is(semantic.Err, json.ErrUnknownName):
			msg = fmt.Sprintf("unknown key %q", clip(semantic.JSONPointer.LastToken()))
		case semantic.Err != nil:
			msg = fmt.Sprintf("at %s: %v", at, semantic.Err)
		case semantic.JSONKind != 0 && semantic.GoType != nil:
			msg = fmt.Sprintf("at %s: a JSON %s stands where %s is expected", at, kindName(semantic.JSONKind), typeName(semantic.GoType))
		}
	}
	if offset < 0 {
		return errors.New(msg)
	}
	line, column := Position(data, offset)
	return &Error{Line: line, Column: column, Msg: msg}
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "boolean"
	case '"':
		return "string"
	case '0':
		return "number"
	case '{':
		return "object"
	case '[':
		return "array"
	}
	return "value"
}
