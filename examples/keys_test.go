package examples

import (
	"reflect"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/internal/releasefile"
	"github.com/hallmark-project/hallmark/verify"
)

// docs/files.md says what every key of hallmark.yaml and trust.yaml means.
func TestKeysAreDocumented(t *testing.T) {
	text := read(t, "../docs/files.md")
	count := 0
	seen := make(map[reflect.Type]bool)
	var walk func(prefix string, v reflect.Type)
	walk = func(prefix string, v reflect.Type) {
		if seen[v] && prefix == "" {
			return // it holds others of its own kind
		}
		seen[v] = true
		for i := range v.NumField() {
			f := v.Field(i)
			key := f.Tag.Get("yaml")
			if key == "" {
				continue
			}
			inner := f.Type
			if inner.Kind() == reflect.Struct && strings.HasSuffix(inner.Name(), "Spec") {
				walk(prefix+key+".", inner)
				continue
			}
			count++
			if !strings.Contains(text, "`"+prefix+key+"`") {
				t.Errorf("docs/files.md does not say what %s%s is", prefix, key)
			}
			if inner.Kind() == reflect.Pointer {
				inner = reflect.SliceOf(inner.Elem())
			}
			if inner.Kind() == reflect.Slice && inner.Elem().Kind() == reflect.Struct && strings.HasPrefix(inner.Elem().PkgPath(), "github.com/hallmark-project/") && inner.Elem().NumField() > 0 && inner.Elem().Field(0).Tag.Get("yaml") != "" {
				walk("", inner.Elem())
			}
		}
	}
	walk("", reflect.TypeFor[releasefile.File]())
	walk("", reflect.TypeFor[verify.Expect]())
	if count < 40 {
		t.Errorf("%d keys were found, expected more", count)
	}
}
