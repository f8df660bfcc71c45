package params

import (
	"mime"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/params/multipart"
	"patgate/routes/params/refusal"
)

func TestBodyOf(t *testing.T) {
	plain := plainRow(nil)
	files := &routes.Route{Method: "PUT", Path: "/packages/{file_name}", Body: routes.Body{Stream: []string{"*/*"}}}
	listed := &routes.Route{Method: "POST", Path: "/state",
		Body: routes.Body{Stream: []string{"application/json", "application/octet-stream", "application/vnd.a+json"}}}
	formFiles := &routes.Route{Method: "PUT", Path: "/generic",
		Body: routes.Body{Stream: []string{"application/x-www-form-urlencoded", "*/*"}}}
	get := &routes.Route{Method: "GET", Path: "/projects"}
	for _, c := range []struct {
		name        string
		row         *routes.Route
		method      string
		contentType string
		encoding    string
		kind        BodyKind
		sent        string
		want        refusal.Code
	}{
		{"JSON", plain, "POST", "application/json", "", BodyJSON, "application/json", refusal.CodeNone},
		{"JSON with a charset", plain, "POST", "Application/JSON; charset=UTF-8", "", BodyJSON, "application/json", refusal.CodeNone},
		{"JSON with a quoted charset", plain, "POST", `application/json;charset="utf-8"`, "", BodyJSON, "application/json",
			refusal.CodeNone},
		{"JSON in another charset", plain, "POST", "application/json; charset=utf-16", "", 0, "", refusal.CodeContentType},
		{"JSON with another parameter", plain, "POST", "application/json; a=b", "", 0, "", refusal.CodeContentType},
		{"JSON with two charsets", plain, "POST", "application/json; charset=utf-8; charset=utf-8", "", 0, "", refusal.CodeContentType},
		{"JSON on DELETE", plain, "DELETE", "application/json", "", BodyJSON, "application/json", refusal.CodeNone},
		{"a form", plain, "POST", "application/x-www-form-urlencoded", "", BodyForm, "application/x-www-form-urlencoded", refusal.CodeNone},
		{"multipart", plain, "POST", "multipart/form-data; boundary=abc", "", BodyMultipart, "", refusal.CodeNone},
		{"multipart with a quoted boundary", plain, "POST", `multipart/form-data; boundary="a:b"`, "", BodyMultipart, "", refusal.CodeNone},
		{"multipart without a boundary", plain, "POST", "multipart/form-data", "", 0, "", refusal.CodeContentType},
		{"multipart with two boundaries", plain, "POST", "multipart/form-data; boundary=a; boundary=b", "", 0, "", refusal.CodeContentType},
		{"multipart with an empty boundary", plain, "POST", `multipart/form-data; boundary=""`, "", 0, "", refusal.CodeContentType},
		{"multipart with a blank in the boundary", plain, "POST", `multipart/form-data; boundary="a b"`, "", 0, "",
			refusal.CodeContentType},
		{"multipart with a long boundary", plain, "POST", "multipart/form-data; boundary=" + strings.Repeat("a", 71), "", 0, "",
			refusal.CodeContentType},
		{"multipart/mixed", plain, "POST", "multipart/mixed; boundary=abc", "", 0, "", refusal.CodeContentType},
		{"multipart/related on a row of files", files, "PUT", "multipart/related; boundary=abc", "", 0, "", refusal.CodeContentType},
		{"no Content-Type", plain, "POST", "", "", 0, "", refusal.CodeContentType},
		{"a blank Content-Type", plain, "POST", " ", "", 0, "", refusal.CodeContentType},
		{"a malformed Content-Type", plain, "POST", "json", "", 0, "", refusal.CodeContentType},
		{"two types", plain, "POST", "application/json, text/plain", "", 0, "", refusal.CodeContentType},
		{"an empty parameter", plain, "POST", "application/json;", "", 0, "", refusal.CodeContentType},
		{"an unlisted type", plain, "POST", "text/plain", "", 0, "", refusal.CodeContentType},
		{"octet-stream unlisted", plain, "POST", "application/octet-stream", "", 0, "", refusal.CodeContentType},
		{"+json", plain, "POST", "application/vnd.api+json", "", 0, "", refusal.CodeContentType},
		{"a synonym of JSON", plain, "POST", "text/x-json", "", 0, "", refusal.CodeContentType},
		{"gzip", plain, "POST", "application/json", "gzip", 0, "", refusal.CodeContentEncoding},
		{"identity", plain, "POST", "application/json", "identity", 0, "", refusal.CodeContentEncoding},
		{"GET", get, "GET", "application/json", "", 0, "", refusal.CodeBodyForbidden},
		{"HEAD", get, "HEAD", "application/json", "", 0, "", refusal.CodeBodyForbidden},

		{"a file without a type", files, "PUT", "", "", BodyStream, "application/octet-stream", refusal.CodeNone},
		{"a file of any type", files, "PUT", "application/zip; x=y", "", BodyStream, "application/zip; x=y", refusal.CodeNone},
		{"JSON on a row of files", files, "PUT", "application/json", "", 0, "", refusal.CodeContentType},
		{"+json on a row of files", files, "PUT", "application/vnd.api+json", "", 0, "", refusal.CodeContentType},
		{"a form on a row of files", files, "PUT", "application/x-www-form-urlencoded", "", 0, "", refusal.CodeContentType},
		{"multipart on a row of files", files, "PUT", "multipart/form-data; boundary=a", "", BodyMultipart, "", refusal.CodeNone},
		{"JSON that is listed", listed, "POST", "application/json", "", BodyStream, "application/json", refusal.CodeNone},
		{"octet-stream that is listed", listed, "POST", "application/octet-stream", "", BodyStream, "application/octet-stream",
			refusal.CodeNone},
		{"+json that is listed", listed, "POST", "application/vnd.A+json", "", BodyStream, "application/vnd.A+json", refusal.CodeNone},
		{"a form that is listed", formFiles, "PUT", "application/x-www-form-urlencoded", "", BodyStream,
			"application/x-www-form-urlencoded", refusal.CodeNone},
		{"a form that is listed, on POST", formFiles, "POST", "application/x-www-form-urlencoded", "", 0, "", refusal.CodeContentType},
		{"no type where types are listed", listed, "POST", "", "", 0, "", refusal.CodeContentType},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := BodyOf(c.row, c.method, BodyHeader{Present: true, ContentType: []byte(c.contentType),
				ContentEncoding: []byte(c.encoding)})
			wantCode(t, err, c.want)
			if got.Kind != c.kind || got.ContentType != c.sent {
				t.Errorf("got %s, %q", got.Kind, got.ContentType)
			}
			if c.kind == BodyMultipart {
				_, params, err := mime.ParseMediaType(c.contentType)
				if err != nil || params["boundary"] != string(got.Boundary) {
					t.Errorf("boundary is %q, mime reads %v, %v", got.Boundary, params, err)
				}
			}
		})
	}
	t.Run("no body", func(t *testing.T) {
		got, err := BodyOf(get, "GET", BodyHeader{ContentType: []byte("nonsense"), ContentEncoding: []byte("gzip")})
		if err != nil || got.Kind != BodyNone {
			t.Errorf("got %v, %v", got, err)
		}
	})
	t.Run("the type of what Copy writes", func(t *testing.T) {
		if got, err := BodyOf(plain, "POST", BodyHeader{Present: true, ContentType: []byte(MultipartType(fresh))}); err != nil ||
			string(got.Boundary) != fresh {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

// Whatever is taken, the standard library reads in the same way.
func FuzzMediaType(f *testing.F) {
	for _, seed := range []string{"application/json", `a/b; c="d"; e=f`, "multipart/form-data; boundary=x", "a/b;", "a/b; c",
		`a/b; c="\"`, "a/b; charset=utf-8"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		m, ok := multipart.ParseMediaType([]byte(value))
		if !ok || !ASCII(value) {
			return
		}
		full, params, err := mime.ParseMediaType(value)
		if m.Others {
			return // the standard library joins continuations (a*0=), which nothing here reads
		}
		if err != nil || full != strings.ToLower(string(m.Full)) || params["boundary"] != string(m.Boundary) ||
			params["charset"] != string(m.Charset) {
			t.Fatalf("%q is %+v, mime reads %q %v, %v", value, m, full, params, err)
		}
	})
}

func ASCII(s string) bool {
	for i := range len(s) {
		if s[i] > 0x7e {
			return false
		}
	}
	return true
}
