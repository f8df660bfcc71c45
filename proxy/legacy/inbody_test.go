package legacy

import (
	"strings"
	"testing"
)

// What Rack 2.2 and Grape 1.6 take for a credential is found, or the body is unclear.
func TestCredentialsInBodiesAsRackReadsThem(t *testing.T) {
	const form, json, b = "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=b"
	const name = "Content-Disposition: form-data; name="
	part := func(head string) string { return "--b\r\n" + head + "\r\n\r\nglpat-x\r\n--b--\r\n" }
	for _, c := range []struct {
		name, contentType, body string
		found, unclear          bool
	}{
		{"a name", form, "private_token=glpat-x", true, false},
		{"many brackets in front", form, strings.Repeat("[", 120) + "private_token=glpat-x", true, false},
		{"a megabyte of them", form, strings.Repeat("[]%5b", 1<<17) + "private_token=glpat-x", true, false},
		{"an escape for each letter", form, strings.Repeat("%5D", 90) + "%70%72%69%76%61%74%65%5f%74%6f%6b%65%6e=glpat-x", true, false},
		{"brackets behind", form, "private_token]]]=glpat-x", true, false},
		{"something within", form, "private_token[a]=glpat-x", true, false},
		{"a semicolon", form, "a;private_token=glpat-x", true, false},
		{"without a type, a form", "", "private_token=glpat-x", true, true},
		{"without a type, JSON", "", `{"private_token":"glpat-x"}`, true, false},
		{"nothing behind a closing boundary", b, "--b--\r\n" + name + "\"private_token\"\r\n\r\nglpat-x\r\n--b--\r\n", false, true},
		{"a hidden boundary", `multipart/form-data; boundary="b;a"`, "--b;a\r\n" + name + "\"x\"\r\n\r\n--b\r\n" + name +
			"\"private_token\"\r\n\r\nglpat-x\r\n--b--\r\n\r\n--b;a--\r\n", false, true},
		{"a boundary with a comma", `multipart/form-data; boundary="b,a"`, "--b,a\r\n" + name + "\"x\"\r\n\r\n--b\r\n\r\n--b,a--\r\n",
			false, true},
		{"a boundary with quotes", `multipart/form-data; boundary="b\"a"`, "--b\"a--\r\n", false, true},
		{"a preamble", b, "x\r\n" + part(name+`"private_token"`), false, true},
		{"an epilogue", b, part(name+`"a"`) + part(name+`"private_token"`), false, true},
		{"a boundary within a line", b, "--b\r\n" + name + "\"a\"\r\n\r\nxx--b\r\n --b \n" + name +
			"\"private_token\"\r\n\r\nglpat-x\r\n--b--\r\n", false, true},
		{"a boundary between bare line feeds", b, "--b\r\n" + name + "\"a\"\r\n\r\nxx--b--\n--b\n" + name +
			"\"private_token\"\r\n\r\nglpat-x\r\n--b--\r\n", false, true},
		{"a name in a file's name", b, part(name + `"a"; filename="q; name=private_token"`), false, true},
		{"a name in a type", b, part("Content-Type: text/plain; x=\"Content-Disposition: ;name=private_token\"\r\n" + name + `"a"`),
			false, true},
		{"an id for a name", b, part("Content-ID: private_token"), false, true},
		{"a file's name for a name", b, part(`Content-Disposition: form-data; filename="private_token"`), false, true},
		{"an escaped name", b, part(name + `"private\_token"`), false, true},
		{"brackets in a part", b, part(name + `"[[private_token"`), true, false},
		{"a file", b, part(name + `"private_token"; filename="x"`), true, false},
		{"parts of another kind", "multipart/mixed; boundary=b", part(name + `"private_token"`), false, true},
		{"parts without a boundary", "multipart/form-data", "private_token=glpat-x", false, true},
		{"a type in two", form + ",x", "private_token=glpat-x", false, true},
		{"JSON twice", json, `{"a":1,"private_token":"glpat-x","private_token":null}`, true, false},
		{"JSON behind a mark", json, "\ufeff" + `{"private_token":"glpat-x"}`, false, true},
		{"JSON that only Ruby reads", json, `{"a":NaN,"private_token":"glpat-x"}`, false, true},
		{"JSON with an odd escape", json, `{"\private_token":"glpat-x"}`, false, true},
		{"JSON of a vendor", "application/vnd.api+json", `{"private_token":"glpat-x"}`, true, false},
		{"JSON as text", "text/plain", `{"private_token":"glpat-x"}`, false, true},
		{"XML", "application/xml", `<private_token>glpat-x</private_token>`, false, true},
		{"no credential in a form", form, "variables[token]=x&tokens=x&a[private_token]=x", false, false},
		{"no credential in JSON", json, `{"variables":{"token":"x"}}`, false, false},
		{"no credential in parts", b, part(name + `"name"` + "\r\nContent-Type: text/plain; charset=UTF-8"), false, false},
		{"no credential beside a file", `multipart/form-data; charset=utf-8; boundary="b"`, part(name + `"file"; filename="name.txt"` +
			"\r\nContent-Type: image/png"), false, false},
		{"no credential in octets", "application/octet-stream", "private_token=x", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := FindInBody([]byte(c.contentType), []byte(c.body))
			if found := len(in.Secrets) > 0; found != c.found || in.Unclear != c.unclear {
				t.Errorf("got %q, unclear %v", in.Secrets, in.Unclear)
			}
		})
	}
}
