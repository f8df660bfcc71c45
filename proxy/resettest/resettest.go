// Package resettest holds, for tests, that memory which serves one request after another forgets each of them whole: a field
// that is added and not reset fails.
package resettest

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"unsafe"
)

// Fill sets every field of what v points to, and of the structs in it, to something that is not its zero value. given are values
// for fields of interfaces. A pointer gets an empty value to point to, and a slice one element.
func Fill(v any, given ...any) { fill(reflect.ValueOf(v).Elem(), given) }

// Check has the memory that v points to reset, after every field was filled, and fails for each field that holds something
// still. kept names those that may, with the reason: Struct.field, or Struct.* for all of a struct. One that holds nothing is an
// error too.
func Check(t *testing.T, v any, reset func(), kept map[string]string) {
	t.Helper()
	reset()
	left := remaining(reflect.ValueOf(v).Elem(), "")
	used := map[string]bool{}
	for _, path := range left {
		if key := reasonFor(path, kept); key != "" {
			used[key] = true
		} else {
			t.Errorf("%T: %s is not forgotten", v, path)
		}
	}
	for key, reason := range kept {
		if !used[key] {
			t.Errorf("%T: %s is forgotten, and said to be kept (%s)", v, key, reason)
		}
	}
}

// reasonFor finds the key of kept that a path falls under; empty: none.
func reasonFor(path string, kept map[string]string) string {
	if _, is := kept[path]; is {
		return path
	}
	for key := range kept {
		if below, whole := strings.CutSuffix(key, "*"); whole && strings.HasPrefix(path, below) {
			return key
		}
	}
	return ""
}

// ours tells whether a struct is looked into: those of patgate, and instants.
func ours(t reflect.Type) bool {
	return strings.HasPrefix(t.PkgPath(), "patgate/") || t.PkgPath() == "" || t.PkgPath() == "time"
}

// open gives a field as one that can be set, exported or not.
func open(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}

func fill(v reflect.Value, given []any) {
	switch v.Kind() {
	case reflect.Struct:
		switch to := v.Addr().Interface().(type) {
		case *bytes.Buffer:
			to.WriteByte(1)
			return
		case *bytes.Reader:
			to.Reset([]byte{1})
			return
		}
		for i := range v.NumField() {
			if ours(v.Type()) {
				fill(open(v.Field(i)), given)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), given)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), given)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.Zero(v.Type().Key()), reflect.Zero(v.Type().Elem()))
	case reflect.Func:
		v.Set(reflect.MakeFunc(v.Type(), func([]reflect.Value) []reflect.Value { panic("called") }))
	case reflect.Interface:
		for _, g := range given {
			if reflect.TypeOf(g).AssignableTo(v.Type()) {
				v.Set(reflect.ValueOf(g))
				return
			}
		}
		panic("resettest: no value is given for the interface " + v.Type().String())
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(1)
	default:
		panic("resettest: a field of type " + v.Type().String())
	}
}

// remaining gives the paths of the fields that hold something. A slice without elements holds nothing.
func remaining(v reflect.Value, at string) (paths []string) {
	for i := range v.NumField() {
		field, path := v.Field(i), strings.TrimPrefix(at+"."+v.Type().Field(i).Name, ".")
		switch {
		case field.Kind() == reflect.Struct && strings.HasPrefix(field.Type().PkgPath(), "patgate/"):
			paths = append(paths, remaining(field, path)...)
		case field.Kind() == reflect.Slice && field.Len() == 0:
		case field.Type() == reflect.TypeFor[bytes.Buffer]() && open(field).Addr().Interface().(*bytes.Buffer).Len() == 0:
		case !field.IsZero():
			paths = append(paths, path)
		}
	}
	return paths
}
