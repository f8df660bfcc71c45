package proxy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"patgate/routes"
)

// leafValue is one parameter, whatever carried it: the names that lead to it, "[]" for a list's element, and its text with
// a letter for its kind (s string, n number, b boolean, 0 null, f file, e empty list or object).
type leafValue struct {
	path []string
	kind byte
	text string
}

// canonical gives the route table's name: entities[].destination_namespace.
func (l leafValue) canonical() string {
	var b strings.Builder
	for i, p := range l.path {
		if p != "[]" && i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(p)
	}
	return b.String()
}

func (l leafValue) String() string {
	return strings.Join(l.path, "\x1f") + "\x1e" + string(l.kind) + l.text
}

// readPlainly reads the parameters of a request that the gateway took, without knowing its rules: a request that has not
// one plain reading must not have been taken. It is written against the standard library, not against routes/params.
func readPlainly(s *spec, row *routes.Route) (query, body []leafValue, err error) {
	if query, err = plainPairs(strings.Join(s.query, "&")); err != nil {
		return nil, nil, fmt.Errorf("the query: %w", err)
	}
	if len(s.body) == 0 {
		return query, nil, nil
	}
	contentType := s.contentType
	for _, h := range s.headers {
		if name, value, _ := strings.Cut(h, ":"); strings.EqualFold(name, "content-type") {
			contentType = strings.TrimSpace(value)
		}
	}
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	if err != nil && contentType != "" {
		return nil, nil, fmt.Errorf("the content type: %w", err)
	}
	err = nil
	if text := strings.TrimSpace(string(s.body)); s.method != "POST" && s.method != "PUT" && s.method != "PATCH" &&
		(text == "{}" || text == "null") && (contentType == "" || mediaType == "application/json") {
		return query, nil, nil // libraries send it with every request
	}
	if slices.Contains(row.Body.Stream, mediaType) {
		return query, nil, nil
	}
	switch mediaType {
	case "application/x-www-form-urlencoded":
		body, err = plainPairs(string(s.body))
	case "application/json":
		if row.Body.Text {
			var text string // Grape makes no parameter of it, Rails its own
			return query, nil, json.Unmarshal(s.body, &text)
		}
		body, err = plainJSON(string(s.body))
	case "multipart/form-data":
		body, err = plainMultipart(string(s.body), parameters["boundary"])
	default:
		if !slices.Contains(row.Body.Stream, "*/*") {
			err = fmt.Errorf("a body of type %q was taken", contentType)
		}
	}
	return query, body, err
}

func plainPairs(text string) (out []leafValue, err error) {
	for _, pair := range strings.Split(text, "&") {
		if pair == "" {
			continue
		}
		name, value, has := strings.Cut(pair, "=")
		if name, err = url.QueryUnescape(name); err != nil {
			return nil, err
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, err
		}
		l := leafValue{path: plainName(name), kind: 's', text: value}
		if !has {
			l.kind = '0'
		}
		out = append(out, l)
	}
	return out, nil
}

// plainName splits a[b][] into its parts. What is no such name is one part.
func plainName(name string) []string {
	root, rest, nested := strings.Cut(name, "[")
	if !nested || root == "" || !strings.HasSuffix(rest, "]") {
		return []string{name}
	}
	out := []string{root}
	for _, part := range strings.Split(strings.TrimSuffix(rest, "]"), "][") {
		if part == "" {
			part = "[]"
		}
		out = append(out, part)
	}
	return out
}

func plainJSON(text string) ([]leafValue, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	value, err := plainValue(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one JSON value")
	}
	if _, ok := value.(map[string]any); !ok {
		return nil, errors.New("the JSON is no object")
	}
	return leaves(nil, nil, value), nil
}

// plainValue reads a JSON value in which no name stands twice.
func plainValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		object := map[string]any{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			if _, twice := object[name.(string)]; twice {
				return nil, fmt.Errorf("the JSON name %q stands twice", name)
			}
			if object[name.(string)], err = plainValue(d); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return object, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			element, err := plainValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, element)
		}
		_, err = d.Token()
		return list, err
	}
	return token, nil
}

func plainMultipart(text, boundary string) (out []leafValue, err error) {
	r := multipart.NewReader(strings.NewReader(text), boundary)
	for {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		l := leafValue{path: plainName(part.FormName()), kind: 's', text: string(content)}
		if part.FileName() != "" {
			sum := sha256.Sum256(content)
			l.kind = 'f'
			l.text = fmt.Sprintf("%s %d %s", part.FileName(), len(content), hex.EncodeToString(sum[:]))
		}
		out = append(out, l)
	}
}

// leaves flattens parameters as the stand-in tells them.
func leaves(out []leafValue, path []string, value any) []leafValue {
	at := func(step string) []string { return append(slices.Clone(path), step) }
	switch v := value.(type) {
	case map[string]any:
		if file, ok := v["(file)"].([]any); ok && len(file) == 4 {
			return append(out, leafValue{path, 'f', fmt.Sprintf("%v %v %v", file[0], file[2], file[3])})
		}
		if len(v) == 0 && len(path) > 0 {
			return append(out, leafValue{path, 'e', ""})
		}
		for name, inner := range v {
			out = leaves(out, at(name), inner)
		}
	case []any:
		if len(v) == 0 {
			return append(out, leafValue{path, 'e', ""})
		}
		for _, inner := range v {
			out = leaves(out, at("[]"), inner)
		}
	case json.Number:
		out = append(out, leafValue{path, 'n', plainNumber(v.String())})
	case string:
		out = append(out, leafValue{path, 's', v})
	case bool:
		out = append(out, leafValue{path, 'b', strconv.FormatBool(v)})
	case nil:
		out = append(out, leafValue{path, '0', ""})
	}
	return out
}

// plainNumber brings a number into one spelling; Ruby writes 2.50 as 2.5 and 1e2 as 100.0.
func plainNumber(text string) string {
	if text == "-0" {
		return "0"
	}
	if !strings.ContainsAny(text, ".eE") {
		return text
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// sent gives what the forge must see of parameters that were read plainly: checked ids in the place of references.
func sent(r *routes.Route, op *routes.Operation, all []leafValue) []leafValue {
	out := make([]leafValue, len(all))
	for i, l := range all {
		out[i] = l
		name := l.canonical()
		if kind, path, ok := targetOf(r, name); ok {
			if ref, parsed := routes.ParseReference(kind, []byte(l.text)); parsed {
				out[i].text = worldSent(ref, path)
				if l.kind == 'n' && strings.Trim(out[i].text, "0123456789") != "" {
					out[i].kind = 's'
				}
			}
			continue
		}
		if n := firstReference(op); n >= 0 && r.Params[name] == routes.ParamUndeclared && repeats(&op.Captures()[n], name) {
			if l.text == string(op.Captures()[n].Value) {
				out[i].text = checked(op, n)
			}
		}
	}
	return out
}

func targetOf(r *routes.Route, name string) (routes.RefKind, bool, bool) {
	for i := range r.Targets {
		if t := &r.Targets[i]; t.Param == name {
			return t.Ref, t.SendPath, true
		}
	}
	if r.Find.From == routes.FindInParam && r.Find.Name == name {
		return r.Find.Ref, r.Find.SendPath, true
	}
	return routes.RefNone, false, false
}

func firstReference(op *routes.Operation) int {
	return slices.IndexFunc(op.Captures(), func(c routes.Capture) bool { return c.Ref != routes.RefNone })
}

func repeats(c *routes.Capture, name string) bool {
	return name == "id" || name == c.Name || name == c.Ref.String()+"_id"
}
