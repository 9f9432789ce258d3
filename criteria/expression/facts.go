package expression

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/hallmark-project/hallmark/criteria"
)

// The facts are shown to CEL as they are, without a copy: an object knows its
// Go value and looks fields up when asked. CEL's own native types would do
// almost the same, but they give an unset pointer's fields as zeros. Then
// "tests.failed == 0" would be true of a report that holds no tests.

// evidenceType is the name of the one type that is composed of two: Evidence,
// and in it the facts that it carries.
const evidenceType = "Evidence"

// field is one field of an object type.
type field struct {
	name  string
	index []int
	cel   *types.Type
	// optional fields may be missing from the JSON form; required ones, whose
	// absence is meaningful, must not be read then.
	optional bool
}

// known is every object type by its Go type's name: what Release, Subject and
// Evidence lead to.
var known = sync.OnceValue(func() map[string]map[string]field {
	all := make(map[string]map[string]field)
	describe(reflect.TypeFor[criteria.Release](), all)
	describe(reflect.TypeFor[criteria.Evidence](), all)
	describe(reflect.TypeFor[criteria.Facts](), all)
	facts, ok := reflect.TypeFor[criteria.Evidence]().FieldByName("Facts")
	if !ok {
		panic("criteria.Evidence has no field Facts")
	}
	for name, f := range all["Facts"] {
		// What the report is about and when it was made is the engine's word,
		// already in Evidence.
		if _, has := all[evidenceType][name]; !has && name != "subjects" {
			f.index = append(slices.Clone(facts.Index), f.index...)
			all[evidenceType][name] = f
		}
	}
	delete(all, "Facts")
	return all
})

var (
	digestType = reflect.TypeFor[criteria.Digest]()
	timeType   = reflect.TypeFor[time.Time]()
)

func typeName[T any]() string { return reflect.TypeFor[T]().Name() }

// isFact reports whether the field of Evidence called name is a kind of fact.
func isFact(name string) bool {
	t := reflect.TypeFor[criteria.Facts]()
	for i := range t.NumField() {
		tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if tag == name {
			return t.Field(i).Type.Kind() == reflect.Pointer
		}
	}
	return false
}

func describe(t reflect.Type, all map[string]map[string]field) {
	if _, done := all[t.Name()]; done {
		return
	}
	fields := make(map[string]field)
	all[t.Name()] = fields
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "" || name == "-" {
			continue
		}
		fields[name] = field{
			name: name, index: f.Index, cel: celType(f.Type, all),
			optional: strings.Contains(opts, "omitempty") || strings.Contains(opts, "omitzero"),
		}
	}
}

func celType(t reflect.Type, all map[string]map[string]field) *types.Type {
	switch t {
	case digestType:
		return types.StringType
	case timeType:
		return types.TimestampType
	}
	switch t.Kind() {
	case reflect.Pointer:
		return celType(t.Elem(), all)
	case reflect.Struct:
		describe(t, all)
		return types.NewObjectType(t.Name())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return types.BytesType
		}
		return types.NewListType(celType(t.Elem(), all))
	case reflect.Map:
		return types.NewMapType(celType(t.Key(), all), celType(t.Elem(), all))
	case reflect.String:
		return types.StringType
	case reflect.Bool:
		return types.BoolType
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return types.IntType
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return types.UintType
	case reflect.Float32, reflect.Float64:
		return types.DoubleType
	}
	// Only a new kind of field in the facts can lead here, and then every test
	// of this package says so.
	panic(fmt.Sprintf("a fact of type %s has no form in an expression", t))
}

// provider tells the compiler the types, and remembers which field it did not
// find in which of them, for a better message than the compiler's.
type provider struct {
	*types.Registry
	missed map[string]string
}

func (p *provider) FindStructType(name string) (*types.Type, bool) {
	if _, ok := known()[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Registry.FindStructType(name)
}

func (p *provider) FindStructFieldNames(name string) ([]string, bool) {
	fields, ok := known()[name]
	if !ok {
		return p.Registry.FindStructFieldNames(name)
	}
	var names []string
	for n := range fields {
		names = append(names, n)
	}
	slices.Sort(names)
	return names, true
}

func (p *provider) FindStructFieldType(of, name string) (*types.FieldType, bool) {
	fields, ok := known()[of]
	if !ok {
		return p.Registry.FindStructFieldType(of, name)
	}
	f, ok := fields[name]
	if !ok {
		if p.missed == nil {
			p.missed = make(map[string]string)
		}
		p.missed[name] = of
		return nil, false
	}
	return &types.FieldType{
		Type: f.cel,
		IsSet: func(target any) bool {
			o, ok := target.(object)
			return ok && f.isSet(o.value)
		},
		GetFrom: func(target any) (any, error) {
			o, ok := target.(object)
			if !ok {
				return nil, fmt.Errorf("reads %s of something that is no %s", name, of)
			}
			return f.get(o)
		},
	}, true
}

// isSet is has(): whether the field stands in the JSON form.
func (f field) isSet(of reflect.Value) bool {
	v := of.FieldByIndex(f.index)
	switch {
	case v.Kind() == reflect.Pointer, v.Type() == timeType, v.Type() == digestType:
		return !v.IsZero()
	case !f.optional:
		return true
	case v.Kind() == reflect.Slice, v.Kind() == reflect.Map:
		return v.Len() > 0
	}
	return !v.IsZero()
}

// get refuses to read what is absent where its zero would say something: no
// tests are not tests of which none failed, no time is not the year 1, and two
// missing digests are not the same one.
func (f field) get(of object) (any, error) {
	v := of.value.FieldByIndex(f.index)
	switch {
	case v.Kind() == reflect.Pointer, v.Type() == timeType, v.Type() == digestType:
		if v.IsZero() {
			return nil, fmt.Errorf("reads %s of %s, which is absent: ask has() first", f.name, of.title())
		}
	}
	return wrap(v), nil
}

// adapter turns the facts into CEL values.
type adapter struct{}

func (adapter) NativeToValue(v any) ref.Val {
	if val, ok := v.(ref.Val); ok {
		return val
	}
	if v == nil {
		return types.NullValue
	}
	return wrap(reflect.ValueOf(v))
}

func wrap(v reflect.Value) ref.Val {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return types.NullValue
		}
		v = v.Elem()
	}
	switch v.Type() {
	case digestType:
		return types.String(v.Interface().(criteria.Digest).String())
	case timeType:
		return types.Timestamp{Time: v.Interface().(time.Time).UTC()}
	}
	switch v.Kind() {
	case reflect.Struct:
		if _, ok := known()[v.Type().Name()]; ok && v.Type().PkgPath() == digestType.PkgPath() {
			return object{v}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return types.Bytes(v.Bytes())
		}
		return types.NewDynamicList(adapter{}, v.Interface())
	case reflect.Map:
		return sorted{types.NewDynamicMap(adapter{}, v.Interface())}
	case reflect.String:
		return types.String(v.String())
	case reflect.Bool:
		return types.Bool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return types.Int(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return types.Uint(v.Uint())
	case reflect.Float32, reflect.Float64:
		return types.Double(v.Float())
	}
	return types.DefaultTypeAdapter.NativeToValue(v.Interface())
}

// object is one struct among the facts.
type object struct{ value reflect.Value }

// title says which object it is, where it has a name.
func (o object) title() string {
	if f := o.value.FieldByName("Name"); f.IsValid() && f.Kind() == reflect.String && f.String() != "" {
		return f.String()
	}
	return "one " + o.value.Type().Name()
}

func (o object) ConvertToNative(t reflect.Type) (any, error) {
	switch {
	case o.value.Type().AssignableTo(t):
		return o.value.Interface(), nil
	case t == reflect.TypeFor[any]():
		return o.value.Interface(), nil
	}
	return nil, fmt.Errorf("%s cannot become %s", o.Type().TypeName(), t)
}

func (o object) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.TypeType:
		return types.NewObjectType(o.value.Type().Name())
	}
	if t.TypeName() == o.Type().TypeName() {
		return o
	}
	return types.NewErr("%s cannot become %s", o.Type().TypeName(), t.TypeName())
}

func (o object) Equal(other ref.Val) ref.Val {
	p, ok := other.(object)
	return types.Bool(ok && o.value.Type() == p.value.Type() && reflect.DeepEqual(o.value.Interface(), p.value.Interface()))
}

func (o object) Type() ref.Type { return types.NewObjectType(o.value.Type().Name()) }

// Value returns o itself: the fields of a plain Go value would be read around
// [field.get].
func (o object) Value() any { return o }

// sorted walks a map in the order of its keys. A Go map's own order changes
// from run to run, and with it where an expression stops.
type sorted struct{ traits.Mapper }

func (s sorted) Iterator() traits.Iterator {
	var keys []ref.Val
	for it := s.Mapper.Iterator(); it.HasNext() == types.True; {
		keys = append(keys, it.Next())
	}
	slices.SortFunc(keys, func(a, b ref.Val) int {
		return cmp.Compare(fmt.Sprint(a.Value()), fmt.Sprint(b.Value()))
	})
	return types.NewRefValList(adapter{}, keys).Iterator()
}

var (
	_ types.Provider = (*provider)(nil)
	_ ref.Val        = object{}
)
