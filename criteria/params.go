package criteria

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// ParamError says which parameter of a criterion is wrong.
type ParamError struct {
	Key string // "" where the parameters are wrong as a whole
	Msg string
}

func (e *ParamError) Error() string {
	if e.Key == "" {
		return e.Msg
	}
	return e.Key + ": " + e.Msg
}

// DecodeParams decodes params, a JSON object, into v, a pointer to a struct.
// Keys that v does not define are refused with the nearest one it does.
func DecodeParams(params []byte, v any) error {
	var given map[string]any
	if err := strict.JSON(params, &given); err != nil {
		return &ParamError{Msg: err.Error()}
	}
	var known []string
	t := reflect.TypeOf(v).Elem()
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			known = append(known, name)
		}
	}
	// In order, so that the same parameters always give the same error.
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, key) {
			msg := "unknown parameter"
			if near := strict.Nearest(key, known); near != "" {
				msg += fmt.Sprintf(": did you mean %q?", near)
			} else if len(known) > 0 {
				msg += ": known here are " + strings.Join(known, ", ")
			} else {
				msg += ": this criterion takes none"
			}
			return &ParamError{Key: key, Msg: msg}
		}
	}
	if err := strict.OwnJSON(params, v); err != nil {
		return &ParamError{Msg: err.Error()}
	}
	return nil
}
