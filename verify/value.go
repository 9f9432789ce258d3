package verify

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// Value is what a condition compares with: text, a number, or true or false. Its
// zero value is none of them, and equals nothing.
type Value struct {
	kind valueKind
	text string
	// number is exact: 7.10 and 7.1 are the same, and 0.1 is no approximation.
	number *big.Rat
}

type valueKind int

const (
	noValue valueKind = iota
	textValue
	numberValue
	boolValue
)

// Text returns the value of a text.
func Text(s string) Value { return Value{kind: textValue, text: s} }

// Bool returns the value true or false.
func Bool(b bool) Value { return Value{kind: boolValue, text: strconv.FormatBool(b)} }

// Number returns the value of a number as JSON writes it.
func Number(s string) (Value, error) {
	n, ok := decimal(s)
	if !ok {
		return Value{}, fmt.Errorf("%q is no number that can be compared: write digits, and a dot if need be", clip(s))
	}
	return Value{kind: numberValue, text: s, number: n}, nil
}

// Limits on a number, which is compared exactly: 1e999999999 has few characters
// and a billion digits.
const (
	maxDigits   = 100
	maxExponent = 308
)

// decimal reads a number as JSON writes it.
func decimal(s string) (*big.Rat, bool) {
	if len(s) > maxDigits || jsontext.Value(s).Kind() != '0' || !jsontext.Value(s).IsValid() || strings.TrimSpace(s) != s {
		return nil, false
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(s), "e"); ok {
		if n, err := strconv.Atoi(exponent); err != nil || n > maxExponent || n < -maxExponent {
			return nil, false
		}
	}
	return new(big.Rat).SetString(s)
}

// Equal reports whether both are the same text, the same number, or the same of
// true and false.
func (v Value) Equal(other Value) bool {
	if v.kind != other.kind || v.kind == noValue {
		return v.kind == other.kind && v.text == other.text
	}
	if v.kind == numberValue {
		return v.number.Cmp(other.number) == 0
	}
	return v.text == other.text
}

// String returns v as it is written in a trust file.
func (v Value) String() string {
	if v.kind == textValue {
		return scalar(v.text)
	}
	return v.text
}

// UnmarshalYAML implements [yaml.Unmarshaler].
func (v *Value) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return errors.New("expected text, a number, true or false")
	}
	switch n.Tag {
	// YAML 1.2 knows no times.
	case "!!str", "!!timestamp":
		*v = Text(n.Value)
	case "!!bool":
		if n.Value != "true" && n.Value != "false" {
			return fmt.Errorf("expected text, a number, true or false, found %s", clip(n.Value))
		}
		*v = Bool(n.Value == "true")
	case "!!int", "!!float":
		number, err := Number(n.Value)
		if err != nil {
			return err
		}
		*v = number
	default:
		return errors.New("expected text, a number, true or false")
	}
	return nil
}

// read returns the value that v is, and false for a list, an object, null,
// nothing, and a number that is too long to be compared.
func read(v jsontext.Value) (Value, bool) {
	switch v.Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, v)
		return Text(string(text)), err == nil
	case 't', 'f':
		return Bool(v.Kind() == 't'), true
	case '0':
		number, err := Number(string(v))
		return number, err == nil
	}
	return Value{}, false
}

// order returns how v compares with other, which is a number as v is, or a time.
func (v Value) order(other Value) (int, bool) {
	switch {
	case v.kind == numberValue && other.kind == numberValue:
		return v.number.Cmp(other.number), true
	case v.kind == textValue && other.kind == textValue:
		a, errA := parseTime(v.text)
		b, errB := parseTime(other.text)
		return compareTimes(a, b), errA == nil && errB == nil
	}
	return 0, false
}

func compareTimes(a, b time.Time) int { return a.Compare(b) }

// shown is v for a message.
func shown(v jsontext.Value) string {
	switch v.Kind() {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		if text, err := jsontext.AppendUnquote(nil, v); err == nil {
			return strconv.Quote(clip(string(text)))
		}
	}
	if len(v) == 0 {
		return "nothing"
	}
	return clip(string(v))
}
