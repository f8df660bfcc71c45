package proxy

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"

	"patgate/routes"
)

// spec is a request in parts, so that it can be changed part by part. Its raw form is sent.
type spec struct {
	pair        *corpusPair
	method      string
	path        string
	query       []string    // between the ampersands
	headers     []string    // lines
	place       routes.Auth // of the token
	body        []byte
	contentType string
	chunked     bool
	changes     []string // what was done to it
}

// base gives a well-formed request for a pair. Its parameters and the place of its token vary.
func (p *corpusPair) base(rng *rand.Rand, path int) *spec {
	s := &spec{pair: p, method: p.method, path: p.paths[path%len(p.paths)], place: routes.AuthPrivateToken}
	switch rng.IntN(12) {
	case 0:
		s.place = routes.AuthBearer
	case 1:
		s.place = routes.AuthBasic
	case 2:
		s.place = routes.AuthNugetKey
	}
	parameters := required(p.row)
	for _, extra := range []parameter{{"search", "a b&c=d+e%"}, {"title", "ä \"q\" \\ <x>"}, {"labels[]", "one"}, {"labels[]", "two"},
		{"options.depth", "3"}, {"per_page", "20"}} {
		if rng.IntN(4) == 0 && !forcedName(p.row, extra.name) {
			parameters = append(parameters, extra)
		}
	}
	takesBody := p.method != "GET" && p.method != "HEAD"
	streams := len(p.row.Body.Stream) > 0 && p.row.Body.Stream[len(p.row.Body.Stream)-1] == "*/*"
	switch {
	case takesBody && p.row.Body.Text:
		s.contentType, s.body = "application/json", []byte(`"1.0.0"`)
	case takesBody && streams:
		s.addQuery(parameters)
		s.contentType, s.body = "application/octet-stream", []byte("private_token=x&sudo=root")
	case !takesBody || rng.IntN(5) == 0 && !inList(parameters):
		s.addQuery(parameters)
	default:
		s.setBody(parameters, [...]string{"json", "json", "form", "multipart"}[pick(rng, 4, inList(parameters))])
	}
	return s
}

// pick gives a random number below n, or 0: what is required in every element of a list is taken in JSON only.
func pick(rng *rand.Rand, n int, first bool) int {
	if first {
		return 0
	}
	return rng.IntN(n)
}

func inList(parameters []parameter) bool {
	for _, p := range parameters {
		if strings.Contains(p.name, "[].") {
			return true
		}
	}
	return false
}

func forcedName(r *routes.Route, name string) bool {
	for i := range r.Force {
		if r.Force[i].Name == name {
			return true
		}
	}
	return false
}

// wireName turns a.b[] into a[b][].
func wireName(canonical string) string {
	first, rest, nested := strings.Cut(canonical, ".")
	if !nested {
		return canonical
	}
	list := ""
	if strings.HasSuffix(first, "[]") {
		first, list = strings.TrimSuffix(first, "[]"), "[]"
	}
	return first + list + "[" + strings.ReplaceAll(rest, ".", "][") + "]"
}

func (s *spec) addQuery(parameters []parameter) {
	for _, p := range parameters {
		s.query = append(s.query, url.QueryEscape(wireName(p.name))+"="+url.QueryEscape(p.value))
	}
}

const sampleBoundary = "b0undary"

func (s *spec) setBody(parameters []parameter, kind string) {
	switch kind {
	case "form":
		var pairs []string
		for _, p := range parameters {
			pairs = append(pairs, url.QueryEscape(wireName(p.name))+"="+url.QueryEscape(p.value))
		}
		s.contentType, s.body = "application/x-www-form-urlencoded", []byte(strings.Join(pairs, "&"))
	case "multipart":
		var b bytes.Buffer
		for _, p := range parameters {
			fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", sampleBoundary, wireName(p.name), p.value)
		}
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nsudo=root\r\n--%s--\r\n", sampleBoundary, sampleBoundary)
		s.contentType, s.body = "multipart/form-data; boundary="+sampleBoundary, b.Bytes()
	default:
		object := map[string]any{}
		for _, p := range parameters {
			setMember(object, p.name, p.value)
		}
		s.contentType = "application/json"
		s.body, _ = json.Marshal(object)
	}
}

// setMember puts a value at a canonical name; lists get one element, or a further one.
func setMember(object map[string]any, name, value string) {
	first, rest, nested := strings.Cut(name, ".")
	key, list := strings.CutSuffix(first, "[]")
	switch {
	case !nested && !list:
		object[key] = value
	case !nested:
		elements, _ := object[key].([]any)
		object[key] = append(elements, value)
	case list:
		elements, _ := object[key].([]any)
		if len(elements) == 0 {
			elements = []any{map[string]any{}}
		}
		setMember(elements[0].(map[string]any), rest, value)
		object[key] = elements
	default:
		inner, _ := object[key].(map[string]any)
		if inner == nil {
			inner = map[string]any{}
		}
		setMember(inner, rest, value)
		object[key] = inner
	}
}

func (s *spec) target() string {
	if s.query == nil {
		return s.path
	}
	return s.path + "?" + strings.Join(s.query, "&")
}

// credential is the header line of the token.
func (s *spec) credential(token string) string {
	switch s.place {
	case routes.AuthBearer:
		return "Authorization: Bearer " + token
	case routes.AuthBasic:
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("anybody:"+token))
	case routes.AuthNugetKey:
		return "X-NuGet-ApiKey: " + token
	}
	return "PRIVATE-TOKEN: " + token
}

// raw gives the request's bytes.
func (s *spec) raw(token string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: patgate.test\r\n%s\r\n", s.method, s.target(), s.credential(token))
	for _, h := range s.headers {
		b.WriteString(strings.ReplaceAll(h, "%T", token) + "\r\n")
	}
	if s.contentType != "" {
		fmt.Fprintf(&b, "Content-Type: %s\r\n", s.contentType)
	}
	switch {
	case s.chunked:
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		if len(s.body) > 0 {
			fmt.Fprintf(&b, "%x\r\n%s\r\n", len(s.body), s.body)
		}
		b.WriteString("0\r\n\r\n")
	default:
		if len(s.body) > 0 || s.method == "POST" || s.method == "PUT" || s.method == "PATCH" {
			fmt.Fprintf(&b, "Content-Length: %d\r\n", len(s.body))
		}
		b.WriteString("\r\n")
		b.Write(s.body)
	}
	return b.Bytes()
}
