package trust

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Claims are those of an ID token by their names. What lies in objects has a name of several parts with a slash between them:
// kubernetes.io/serviceaccount/uid. Within a part "~" is written "~0" and "/" is written "~1" (RFC 6901), so that no claim can
// have the name of another one that lies deeper.
type Claims map[string]Value

// Value is the value of a claim. The zero value is that of one that is not there.
type Value struct {
	// Texts are its texts: numbers and truth values as JSON writes them.
	Texts []string
	// Many: it is a list. Number: it is a number, or a list that holds one.
	Many, Number bool
	// Odd: it is there, and is or holds what has no text: null, a number that is not whole, an object, a list within a list. It
	// equals nothing, and must not count as one that is not there.
	Odd bool
}

// Absent tells whether the claim is not there at all.
func (v Value) Absent() bool { return len(v.Texts) == 0 && !v.Many && !v.Odd }

// Text gives the one text of a claim; empty when it has none or is a list.
func (v Value) Text() string {
	if v.Many || v.Odd || len(v.Texts) != 1 {
		return ""
	}
	return v.Texts[0]
}

const (
	// mostClaims is how many values a token may have, and deepestClaim how deep they may lie.
	mostClaims   = 512
	deepestClaim = 8
)

// errClaims: claims are too many, or lie too deep.
var errClaims = errors.New("the claims are too many or lie too deep")

// ParseClaims reads claims: one JSON object, in which no name appears twice.
func ParseClaims(data []byte) (Claims, error) {
	d := jsontext.NewDecoder(bytes.NewReader(data))
	c := claimReader{d, Claims{}, 0}
	if d.PeekKind() != '{' {
		return nil, errors.New("the claims are not a JSON object")
	}
	if err := c.object("", 0); err != nil {
		return nil, err
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, errors.New("something follows the claims")
	}
	return c.claims, nil
}

// claimReader reads claims.
type claimReader struct {
	d      *jsontext.Decoder
	claims Claims
	count  int
}

// escapes write a part of a claim's name, and escaped reads one.
var (
	escapes = strings.NewReplacer("~", "~0", "/", "~1")
	escaped = strings.NewReplacer("~1", "/", "~0", "~")
)

// part writes a part of a claim's name.
func part(name string) string { return escapes.Replace(name) }

// partsOf reads a claim's name; nil when no claim can have it.
func partsOf(name string) []string {
	parts := strings.Split(name, "/")
	if len(parts) > deepestClaim+1 {
		return nil
	}
	for i, text := range parts {
		parts[i] = escaped.Replace(text)
		if text == "" || part(parts[i]) != text {
			return nil
		}
	}
	return parts
}

func (c *claimReader) object(prefix string, depth int) error {
	if _, err := c.d.ReadToken(); err != nil {
		return fmt.Errorf("reading claims: %w", err)
	}
	if depth > deepestClaim {
		return errClaims
	}
	for c.d.PeekKind() != '}' {
		name, err := c.d.ReadToken()
		if err != nil {
			return fmt.Errorf("reading claims: %w", err)
		}
		if err := c.value(prefix+part(name.String()), depth); err != nil {
			return err
		}
	}
	_, err := c.d.ReadToken()
	return err
}

func (c *claimReader) value(name string, depth int) error {
	if c.count++; c.count > mostClaims {
		return errClaims
	}
	switch c.d.PeekKind() {
	case '{':
		c.claims[name] = Value{Odd: true}
		return c.object(name+"/", depth+1)
	case '[':
		return c.list(name)
	}
	number := c.d.PeekKind() == '0'
	text, ok, err := c.plain()
	if err != nil {
		return err
	}
	c.claims[name] = Value{Odd: true}
	if ok {
		c.claims[name] = Value{Texts: []string{text}, Number: number}
	}
	return nil
}

// list reads a list. What it holds beside plain values makes it odd.
func (c *claimReader) list(name string) error {
	v := Value{Many: true}
	if _, err := c.d.ReadToken(); err != nil {
		return fmt.Errorf("reading claims: %w", err)
	}
	for c.d.PeekKind() != ']' {
		if c.count++; c.count > mostClaims {
			return errClaims
		}
		if k := c.d.PeekKind(); k == '{' || k == '[' {
			if err := c.d.SkipValue(); err != nil {
				return fmt.Errorf("reading claims: %w", err)
			}
			v.Odd = true
			continue
		}
		v.Number = v.Number || c.d.PeekKind() == '0'
		text, ok, err := c.plain()
		if err != nil {
			return err
		}
		if ok {
			v.Texts = append(v.Texts, text)
		} else {
			v.Odd = true
		}
	}
	c.claims[name] = v
	_, err := c.d.ReadToken()
	return err
}

// plain reads a plain value. A number counts when it is a whole one, written in the one way that numbers are.
func (c *claimReader) plain() (text string, ok bool, err error) {
	kind := c.d.PeekKind()
	value, err := c.d.ReadToken()
	if err != nil {
		return "", false, fmt.Errorf("reading claims: %w", err)
	}
	text = value.String()
	if kind == '0' {
		n, err := strconv.ParseInt(text, 10, 64)
		return text, err == nil && strconv.FormatInt(n, 10) == text, nil
	}
	return text, kind == '"' || kind == 't' || kind == 'f', nil
}
