package graphql

import (
	"bytes"
	"errors"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
	"github.com/vektah/gqlparser/v2/parser"
)

// Limits of a request. GitLab's own are close to them (19.3, app/graphql/gitlab_schema.rb): 10,000 characters, depth 20.
const (
	MaxBody       = 256 << 10 // bytes, with variables
	MaxQuery      = 32 << 10  // bytes
	MaxTokens     = 4000
	MaxDepth      = 20   // fields within fields; introspection too
	MaxRoots      = 30   // root fields, after fragments
	MaxAliases    = 100  // renamed fields, after fragments
	MaxVisits     = 5000 // fields, after fragments, once for each type that they may belong to
	MaxContainers = 20   // projects, groups and objects that a document names
	MaxActs       = 200  // permissions on containers
	maxValueDepth = 16
)

// Request is what a client sends.
type Request struct {
	Query     string
	Operation string
	Variables map[string]jsontext.Value // by name; values as they came: parts of the body
}

// ParseRequest reads a body {"query", "variables", "operationName"}. It refuses duplicate names, invalid UTF-8, lists of requests
// and anything behind the object.
func ParseRequest(body []byte) (*Request, error) {
	if len(body) > MaxBody {
		return nil, refuse(CodeLimit, "the request has more than "+strconv.Itoa(MaxBody>>10)+" KiB")
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(body)) // of a buffer nothing is copied
	switch dec.PeekKind() {
	case '{':
	case '[':
		return nil, refuse(CodeBatch, "several requests at once are not supported: send them one by one")
	default:
		return nil, errBody
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, errBody
	}
	q := &Request{}
	for dec.PeekKind() != '}' {
		var room [32]byte
		raw, err := dec.ReadValue()
		if err != nil {
			return nil, errBody
		}
		name, err := jsontext.AppendUnquote(room[:0], raw)
		if err != nil {
			return nil, errBody
		}
		if err := q.member(string(name), dec, body); err != nil {
			return nil, err
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, errBody
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		return nil, errBody
	}
	if q.Query == "" {
		return nil, refuse(CodeBody, "the request has no query: persisted queries are not supported")
	}
	return q, nil
}

var errBody = refuse(CodeBody, `the body is not one strict JSON object {"query": "...", "variables": {...}}`)

func (q *Request) member(name string, dec *jsontext.Decoder, body []byte) error {
	if name == "variables" && dec.PeekKind() == '{' {
		return q.variables(dec, body)
	}
	kind := dec.PeekKind()
	if kind == '"' && (name == "query" || name == "operationName") {
		text, err := dec.ReadToken()
		switch {
		case err != nil:
			return errBody
		case name == "query":
			q.Query = text.String()
		default:
			q.Operation = text.String()
		}
		return nil
	}
	if err := dec.SkipValue(); err != nil {
		return errBody
	}
	switch name {
	case "query", "operationName":
		if kind != 'n' {
			return refuse(CodeBody, name+" is not a text")
		}
	case "variables":
		if kind != 'n' {
			return refuse(CodeBody, "variables is not an object")
		}
	case "extensions": // it is not sent on
	default:
		return refuse(CodeBody, "the body may have query, variables and operationName, and nothing else")
	}
	return nil
}

func (q *Request) variables(dec *jsontext.Decoder, body []byte) error {
	q.Variables = map[string]jsontext.Value{}
	if _, err := dec.ReadToken(); err != nil {
		return errBody
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return errBody
		}
		text := name.String()
		v, err := dec.ReadValue()
		if err != nil {
			return errBody
		}
		end := dec.InputOffset()
		q.Variables[text] = body[end-int64(len(v)) : end]
	}
	if _, err := dec.ReadToken(); err != nil {
		return errBody
	}
	return nil
}

// jsonValue reads a variable's value.
func jsonValue(dec *jsontext.Decoder, depth int) (value, error) {
	if depth > maxValueDepth {
		return value{}, refuse(CodeLimit, "a variable is nested deeper than "+strconv.Itoa(maxValueDepth))
	}
	tok, err := dec.ReadToken()
	if err != nil {
		return value{}, errBody
	}
	switch tok.Kind() {
	case 'n':
		return value{}, nil
	case '"':
		return value{kind: textValue, text: tok.String()}, nil
	case '[', '{':
		out := value{kind: listValue}
		object := tok.Kind() == '{'
		if object {
			out.kind = objectValue
		}
		for dec.PeekKind() != ']' && dec.PeekKind() != '}' {
			if object {
				name, err := dec.ReadToken()
				if err != nil {
					return value{}, errBody
				}
				out.names = append(out.names, name.String())
			}
			item, err := jsonValue(dec, depth+1)
			if err != nil {
				return value{}, err
			}
			out.items = append(out.items, item)
		}
		_, err := dec.ReadToken()
		if err != nil {
			return value{}, errBody
		}
		return out, nil
	}
	return value{kind: otherValue, text: tok.String()}, nil
}

// parse reads the document and chooses the operation.
func parse(q *Request) (*Parsed, error) {
	if len(q.Query) > MaxQuery {
		return nil, refuse(CodeLimit, "the query has more than "+strconv.Itoa(MaxQuery>>10)+" KiB")
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: q.Query}, MaxTokens)
	if err != nil {
		if doc, err = parser.ParseQueryWithTokenLimit(&ast.Source{Input: withoutEmpty(q.Query)}, MaxTokens); err != nil {
			return nil, unparsed(err)
		}
	}
	p := &Parsed{query: q.Query, name: q.Operation, fragments: doc.Fragments}
	for i, f := range doc.Fragments {
		for _, other := range doc.Fragments[:i] {
			if other.Name == f.Name {
				return nil, refuse(CodeDocument, "there are two fragments "+f.Name)
			}
		}
	}
	for i, op := range doc.Operations {
		for _, other := range doc.Operations[:i] {
			if other.Name == op.Name {
				return nil, refuse(CodeDocument, "there are two operations with the same name, or without one")
			}
		}
		if op.Name == "" && len(doc.Operations) > 1 {
			return nil, refuse(CodeDocument, "an operation without a name must stand alone")
		}
		if op.Name == q.Operation || q.Operation == "" && len(doc.Operations) == 1 {
			p.operation = op
		}
	}
	switch {
	case p.operation == nil && len(doc.Operations) == 0:
		return nil, refuse(CodeDocument, "the document has no operation")
	case p.operation == nil:
		return nil, refuse(CodeDocument, "operationName names none of the document's operations")
	case p.operation.Operation == ast.Subscription:
		return nil, refuse(CodeSubscription, "subscriptions are not supported with fine-grained tokens")
	case len(p.operation.Directives) > 0:
		return nil, refuse(CodeDirective, "an operation may carry no directive")
	}
	return p, nil
}

// withoutEmpty leaves out parentheses with nothing between them, which GitLab takes and GraphQL does not (October 2021, 2.6):
// client-go sends workItems() where it asks for all of them.
func withoutEmpty(query string) string {
	out := []byte(query)
	var offsets []int // of characters, by which places are counted
	for i := range query {
		offsets = append(offsets, i)
	}
	lex, open := lexer.New(&ast.Source{Input: query}), -1
	for range MaxTokens {
		tok, err := lex.ReadToken()
		if err != nil || tok.Kind == lexer.EOF || tok.Pos.Start >= len(offsets) {
			break
		}
		at := offsets[tok.Pos.Start]
		if tok.Kind == lexer.ParenR && open >= 0 {
			out[open], out[at] = ' ', ' '
		}
		if open = -1; tok.Kind == lexer.ParenL {
			open = at
		}
	}
	return string(out)
}

// give takes the request's values of the variables that the operation declares. Others mean nothing to the forge.
func (d *reading) give(q *Request) error {
	defs := d.operation.VariableDefinitions
	d.given = make([]given, 0, len(defs))
	for i, def := range defs {
		for _, other := range defs[:i] {
			if other.Variable == def.Variable {
				return refuse(CodeDocument, "the variable $"+def.Variable+" is declared twice")
			}
		}
		if len(def.Directives) > 0 {
			return refuse(CodeDirective, "a variable may carry no directive")
		}
		raw, is := q.Variables[def.Variable]
		if !is {
			continue
		}
		g := given{name: def.Variable, raw: raw}
		if raw.Kind() == '"' {
			var room [128]byte
			text, err := jsontext.AppendUnquote(room[:0], raw)
			if err != nil {
				return errBody
			}
			g.value = value{kind: textValue, text: string(text)}
		} else {
			var err error
			if g.value, err = jsonValue(jsontext.NewDecoder(bytes.NewBuffer(raw)), 0); err != nil {
				return err
			}
		}
		d.given = append(d.given, g)
	}
	return nil
}

// given is a variable with the value that the request gives it.
type given struct {
	name  string
	raw   jsontext.Value
	value value
}

// unparsed says what cannot be read, with the place and without a word of the document: it may hold secrets.
func unparsed(err error) error {
	place := ""
	var at *gqlerror.Error
	if errors.As(err, &at) && len(at.Locations) > 0 {
		place = " (line " + strconv.Itoa(at.Locations[0].Line) + ", column " + strconv.Itoa(at.Locations[0].Column) + ")"
	}
	most := strconv.Itoa(MaxTokens)
	return refuse(CodeDocument, "the query cannot be read as a GraphQL document of at most "+most+" tokens"+place)
}
