package proxy

import (
	"patgate/routes"

	"fmt"
	"net/url"
	"strings"
)

// hostileHeaders are header lines; %T is the gateway's token.
var hostileHeaders = []string{
	"X-HTTP-Method-Override: DELETE", "x-http-method-override: delete", "X_HTTP_METHOD_OVERRIDE: DELETE", "X-Http_Method-Override: PUT",
	"X-HTTP-Method: PUT", "X-Method-Override: GET",
	"Private_Token: glpat-other", "PRIVATE_TOKEN: glpat-other", "PRIVATE-TOKEN: glpat-other", "Private-Token: %T", "private_token: %T",
	"Authorization: Bearer glpat-other", "Authorization: Basic eDp5",
	"Authorization: Bearer %T", "authorization: glpat-other", "Job-Token: x", "JOB_TOKEN: x", "Deploy-Token: x", "Deploy_Token: x",
	"Runner-Token: x", "Token: x", "X-NuGet-ApiKey: x", "X_Nuget_Apikey: x",
	"Sudo: root", "sudo: 1", "SUDO: root", "Cookie: _gitlab_session=x", "Cookie: a=b", "Cookie: remember_user_token=x",
	"Gitlab-Workhorse-Api-Request: x", "Gitlab_Shared_Secret: x", "Gitlab-Foo: x",
	"X-Gitlab-Static-Object-Token: x", "Unleash-InstanceId: x", "X-Forwarded-For: 10.0.0.1", "X_Forwarded_For: 10.0.0.1",
	"Forwarded: for=10.0.0.1", "X-Forwarded-Host: evil.example", "X-Real-IP: 10.0.0.1",
	"X-Original-URL: /api/v4/user", "X-Rewrite-URL: /api/v4/user", "X-Sendfile-Type: X-Sendfile", "X-GitLab-Organization-ID: 2",
	"Content-Encoding: gzip", "Content-Encoding: identity", "Content-Encoding:",
	"Connection: PRIVATE-TOKEN", "Connection: close, x-forwarded-for", "Connection: close", "Connection: keep-alive, Content-Type",
	"Transfer-Encoding: identity", "Transfer_Encoding: chunked",
	"Content_Length: 3", "Content-Type: application/x-www-form-urlencoded", "content-type: application/json",
	"Content_Type: application/json", "Accept: application/xml", "Accept: text/html", "Accept: */*",
	"Accept-Version: v3", "User-Agent: x", "If-None-Match: \"x\"", "Range: bytes=0-1", "X-Request-Id: 1", "X-Anything: %T", "X-Empty:",
	"Te: trailers", "Upgrade: h2c", "Expect: 100-continue",
	"Origin: http://evil.example", "Access-Control-Request-Method: DELETE", "X-Forwarded-Proto: https", "Trailer: PRIVATE-TOKEN",
	"Host: evil.example", "Keep-Alive: x", "HTTP-SUDO: root", "HTTP_SUDO: root",
}

func (m *mutator) header(s *spec) {
	if m.rng.IntN(8) == 0 {
		s.place = []routes.Auth{routes.AuthPrivateToken, routes.AuthBearer, routes.AuthBasic, routes.AuthNugetKey}[m.rng.IntN(4)]
		return
	}
	h := m.one(hostileHeaders)
	s.changed("header %q", h)
	s.headers = append(s.headers, h)
}

// hostileJSON are whole bodies.
var hostileJSON = []string{
	`{"sudo":"root"}`, `{"\u0073udo":"root"}`, `{"private_token":"glpat-other"}`, `{"priv\u0061te_token":"x"}`,
	`{"title":"a","title":"b"}`, `{"title":"a","titl\u0065":"b"}`, `{"a":1,/* */"b":2}`,
	`{"a":1}//x`, `{"a":NaN}`, `{"a":Infinity}`, `{"a":01}`, `{"a":1.50}`, `{"a":1e2}`, `{"a":-0}`, `{"a":12345678901234567890}`,
	`[{"sudo":"root"}]`, `[]`, `"x"`, `null`, `{}`, ``, ` `, `{"a":[1,[2,[3]]]}`,
	`{"a":{"b":{"c":null}}}`, `{"a":[null,1]}`, `{"a":[]}`, `{"a":"\u0000"}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}",
	`{"a":1}{"sudo":"root"}`, `{"a":1,}`, `{'a':1}`, `{a:1}`, `{"":1}`, `{"a.b":1}`, `{"a[b]":1}`,
	`{"[sudo]":"root"}`, `{" sudo":"root"}`, `{"sudo ":"root"}`, `{"_method":"DELETE"}`, `{"_json":[1]}`, `{"format":"xml"}`, `{"id":5}`,
	`{"id":[5]}`, `{"id":{"x":5}}`, `{"project_id":5}`, `{"go-get":1}`,
	`{"title":"\u00e9 \ud83d\ude00 \/ \b"}`, `{"x":{"sudo":1,"token":"t"}}`, "\xef\xbb\xbf{\"a\":1}", `{"a":tRue}`, `{"a":"b` + "\n" +
		`c"}`, `{"per_page":20,"labels":["a","b"]}`, `{"A":1,"a":2}`, `{"json_class":"String","a":1}`,
	`{"^o":"x"}`, `{"a":"\u2028"}`, "\x00{}", `{"access_token":{"a":1}}`, `{"labels":"a,b","labels[]":"c"}`,
}

var hostileTypes = []string{
	"", "application/json", "Application/JSON", "application/json; charset=utf-8", "application/json; charset=utf-16",
	"application/json;x=y", "application/json, text/plain", "text/json", "application/vnd.api+json",
	"application/problem+json", "text/x-json", "application/jsonrequest", "application/x-www-form-urlencoded",
	"application/x-www-form-urlencoded; charset=utf-8", "APPLICATION/X-WWW-FORM-URLENCODED",
	"application/x-www-form-urlencoded ;a=b", "multipart/form-data", "multipart/form-data; boundary=" + sampleBoundary,
	"multipart/form-data; boundary=\"" + sampleBoundary + "\"", "multipart/mixed; boundary=" + sampleBoundary,
	"multipart/related; boundary=" + sampleBoundary, "multipart/form-data; boundary=x; boundary=" + sampleBoundary,
	"application/octet-stream", "text/plain", "application/xml", "text/xml", "*/*", "application/gzip", "json", "application/msgpack",
}

func (m *mutator) hostileMultipart(s *spec) string {
	name := m.one([]string{"sudo", "[sudo]", "private_token", "title", "title", "id", "to_project_id", "_method", "labels[]", "\\\"sudo",
		"su%64o", "", "a[b]", "x\"; name=\"sudo", "file"})
	disposition := m.one([]string{
		`form-data; name="%s"`, `form-data; name=%s`, `form-data; name="%s"; filename="a.txt"`, `form-data; name="x"; name="%s"`,
		`attachment; name="%s"`, `form-data; filename="%s"`, `form-data; name*=utf-8''%s`,
		`form-data; name="%s"; filename=""`, `form-data;name="%s";filename*=utf-8''a.txt`, `FORM-DATA; NAME="%s"`,
		`form-data; name="%s"; filename="a%%22b"`,
		`form-data; name="%s"; filename="100%%.png"`, `form-data; name="%s"; filename="a; name=sudo"`,
		`form-data; name="%s"; filename="a\"; name=\"sudo"`, `form-data; name="%s"; filename*=UTF-8''%%E2%%82%%AC%%3B`,
		`form-data; name="%s"; filename="a%%20b%%41.txt"`, `form-data; name="%s"; filename="x"; filename*=UTF-8''y`,
	})
	extra := m.one([]string{"", "", "", "Content-Type: application/json\r\n", "Content-Type: text/plain; charset=utf-16\r\n",
		"Content-Id: <sudo>\r\n", "Content-Transfer-Encoding: base64\r\n", "Content-Type: multipart/mixed; boundary=in\r\n",
		"Content-Type: text/plain\r\n", "Content-Transfer-Encoding: binary\r\n", "Content-Length: 4\r\n",
		"Content-Transfer-Encoding: quoted-printable\r\n",
		"Content-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n", "X: y\r\n", " folded: x\r\n"})
	end := m.one([]string{"\r\n--" + sampleBoundary + "--\r\n", "\r\n--" + sampleBoundary + "--\r\n", "\r\n--" + sampleBoundary + "--",
		"\r\n--" + sampleBoundary + "--\r\ntrailer", "\n--" + sampleBoundary + "--\n", "", "\r\n--" + sampleBoundary + " --\r\n"})
	start := m.one([]string{"", "", "", "preamble\r\n", "\r\n"})
	first := ""
	if m.rng.IntN(2) == 0 {
		first = "--" + sampleBoundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nx\r\n"
	}
	if m.rng.IntN(3) == 0 {
		first += "--" + sampleBoundary + "\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nx\r\n"
	}
	return start + first + "--" + sampleBoundary + "\r\nContent-Disposition: " + fmt.Sprintf(disposition, name) + "\r\n" + extra +
		"\r\n" + m.one([]string{"root", "17", "", "a\r\nb"}) + end
}

func (m *mutator) body(s *spec) {
	switch m.rng.IntN(8) {
	case 0, 1:
		s.contentType, s.body = "application/json", []byte(m.one(hostileJSON))
		if m.rng.IntN(3) == 0 {
			s.body = []byte(fmt.Sprintf(`{%q:%q}`, plainText(m.name(s)), plainText(m.one(hostileValues))))
		}
		s.changed("JSON body")
	case 2, 3:
		s.contentType = "application/x-www-form-urlencoded"
		pair := m.one([]string{"", "", " ", "[", "  "}) + m.name(s) + "=" + m.one(hostileValues)
		if len(s.body) > 0 && s.body[0] != '{' && s.body[0] != '-' {
			pair = string(s.body) + "&" + pair
		}
		s.body = []byte(pair)
		s.changed("form body")
	case 4, 5:
		s.contentType, s.body = "multipart/form-data; boundary="+sampleBoundary, []byte(m.hostileMultipart(s))
		s.changed("multipart body")
	case 6:
		s.contentType = m.one(hostileTypes)
		s.changed("type %q", s.contentType)
	default:
		s.chunked = !s.chunked
		s.changed("chunked %v", s.chunked)
	}
}

// plainText decodes what is meant for a query, for use in JSON.
func plainText(escaped string) string {
	text, err := url.QueryUnescape(escaped)
	if err != nil {
		return strings.ToValidUTF8(escaped, "?")
	}
	return strings.ToValidUTF8(text, "?")
}
