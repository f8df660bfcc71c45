package config

import (
	"encoding"
	"reflect"
	"strconv"
	"strings"
)

// EnvPrefix begins every environment variable of patgate.
const EnvPrefix = "PATGATE_"

// field is one key of the configuration.
type field struct {
	key   string // "upstream.url"
	index []int  // of the struct field in Config
	typ   reflect.Type
}

// env gives the name of the key's environment variable.
func (f field) env() string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(f.key, ".", "_"))
}

// secret tells whether the key's value must never be shown.
func (f field) secret() bool { return f.typ == reflect.TypeFor[Secret]() }

// schema gives every key of the configuration in the order of the struct.
func schema() []field {
	return fieldsOf(reflect.TypeFor[Config](), "", nil)
}

func fieldsOf(t reflect.Type, prefix string, index []int) []field {
	var fields []field
	for sf := range t.Fields() {
		name, ok := sf.Tag.Lookup("yaml")
		if !ok {
			continue
		}
		at := append(append([]int(nil), index...), sf.Index...)
		if isSection(sf.Type) {
			fields = append(fields, fieldsOf(sf.Type, prefix+name+".", at)...)
			continue
		}
		fields = append(fields, field{key: prefix + name, index: at, typ: sf.Type})
	}
	return fields
}

// isSection tells whether a field holds further keys, rather than a value.
func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// setScalar reads one value into v; the error says what is wrong and what to write.
func setScalar(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		switch text {
		case "true", "false":
			v.SetBool(text == "true")
		default:
			return valueError("not a boolean: write true or false")
		}
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return valueError("not a whole number: write 0 or more")
		}
		v.SetInt(n)
	default:
		panic("config: field of unknown kind " + v.Type().String())
	}
	return nil
}

// valueError is a problem of a value; the part behind the colon is the fix.
type valueError string

func (e valueError) Error() string { return string(e) }

// text writes a value as it would stand in the file.
func text(v reflect.Value) string {
	if s, ok := v.Interface().(interface{ String() string }); ok {
		return s.String()
	}
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	}
	panic("config: field of unknown kind " + v.Type().String())
}
