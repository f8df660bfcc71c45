package forgetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// params are the parameters of a request by name. Values are string, json.Number, bool, nil, []any or map[string]any.
type params map[string]any

// text gives a parameter as text; "" when it is absent.
func (p params) text(name string) string {
	switch v := p[name].(type) {
	case nil, []any, map[string]any:
		return ""
	default:
		return fmt.Sprint(v)
	}
}

// number gives a parameter as a number; 0 for any other text.
func (p params) number(name string) int64 {
	n, _ := strconv.ParseInt(strings.TrimSpace(p.text(name)), 10, 64)
	return n
}

// flag reads a truth value as Grape does: 1, t, true, y, yes and on, in lower, upper or capital letters.
func (p params) flag(name string) bool {
	switch strings.ToLower(p.text(name)) {
	case "1", "t", "true", "y", "yes", "on":
		return true
	}
	return false
}

// texts gives a list: an array or a comma-separated string.
func (p params) texts(name string) []string {
	switch v := p[name].(type) {
	case []any:
		var out []string
		for _, item := range v {
			out = append(out, fmt.Sprint(item))
		}
		return out
	case string:
		if v == "" {
			return nil
		}
		return strings.Split(v, ",")
	}
	return nil
}

// add sets a parameter as Rack does: brackets around the name are dropped, name[] collects, the last one wins.
func (p params) add(name, value string) {
	name = strings.TrimLeft(name, " [")
	base, key, nested := strings.Cut(name, "[")
	base = strings.TrimRight(base, "]")
	if base == "" {
		return
	}
	if !nested {
		p[base] = value
		return
	}
	key, _, _ = strings.Cut(key, "]")
	if key == "" {
		items, _ := p[base].([]any)
		p[base] = append(items, value)
		return
	}
	m, isMap := p[base].(map[string]any)
	if !isMap {
		m = map[string]any{}
		p[base] = m
	}
	m[key] = value
}

// parseQuery reads urlencoded text; & alone separates.
func parseQuery(raw string) params {
	p := params{}
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if name != "" && err1 == nil && err2 == nil {
			p.add(name, value)
		}
	}
	return p
}

const maxBody = 8 << 20

// parseBody reads the parameters of a body that GitLab would parse: form, multipart and JSON, whatever the method.
func parseBody(r *http.Request) (params, []byte) {
	kind, options, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	p := params{}
	switch {
	case kind == "application/x-www-form-urlencoded":
		body, _ := io.ReadAll(io.LimitReader(r.Body, maxBody))
		return parseQuery(string(body)), body
	case strings.HasPrefix(kind, "multipart/") && options["boundary"] != "":
		reader := multipart.NewReader(io.LimitReader(r.Body, maxBody), options["boundary"])
		for {
			part, err := reader.NextPart()
			if err != nil {
				return p, nil
			}
			if part.FileName() == "" {
				value, _ := io.ReadAll(part)
				p.add(part.FormName(), string(value))
			}
		}
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		body, _ := io.ReadAll(io.LimitReader(r.Body, maxBody))
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		if err := decoder.Decode(&p); err != nil {
			return params{}, body
		}
		return p, body
	}
	return p, nil
}

// merge gives the union; what later ones say wins.
func merge(sets ...params) params {
	out := params{}
	for _, set := range sets {
		for name, value := range set {
			out[name] = value
		}
	}
	return out
}
