package legacy

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"patgate/proxy/surface"
	"patgate/routes/params/multipart"
	"patgate/routes/percent"
	"patgate/token"
)

// InBody says which credentials of the forge's own are among the parameters of a body. The zero value: no credential is.
type InBody struct {
	// Secrets are the values of the parameters by which the forge takes a credential.
	Secrets []byte
	// Unclear: the forge may read the body in another way than patgate does.
	Unclear bool
	// Ours: a patgate token stands in the body.
	Ours bool
}

// FindInBody looks for a credential of the forge's own in a body, by its media type. Forms, multipart and JSON hold parameters. A
// body without a type is a form for Rack and JSON for Grape. Octets hold none. What some routes read of other types is unclear:
// JSON in text/plain, XML.
func FindInBody(contentType, body []byte) (in InBody) {
	in.Ours = surface.MentionsToken(body)
	media, _, err := mime.ParseMediaType(string(contentType))
	switch {
	case len(contentType) == 0:
		in.form(body)
		in.json(body)
	case media == "application/x-www-form-urlencoded":
		in.form(body)
	case err != nil:
		in.Unclear = true
	case media == "multipart/form-data":
		in.Unclear = multipart.Fields(contentType, bytes.NewReader(body), in.field) != nil
	case strings.Contains(media, "json"):
		in.json(body)
	case media != "application/octet-stream":
		in.Unclear = len(body) > 0
	}
	return in
}

// FindInUpload is FindInBody for multipart, however long. Files are not looked into.
func FindInUpload(contentType []byte, body io.Reader) (in InBody) {
	in.Unclear = multipart.Fields(contentType, body, in.field) != nil
	return in
}

// IsUpload tells whether a body of a type may be long because it holds files.
func IsUpload(contentType []byte) bool {
	media, _, err := mime.ParseMediaType(string(contentType))
	return err == nil && media == "multipart/form-data"
}

// HoldsNothing tells whether the forge takes no parameters from a body of a type.
func HoldsNothing(contentType []byte) bool { return string(contentType) == "application/octet-stream" }

// field notes a parameter when the forge takes a credential from it.
func (in *InBody) field(name, value []byte) {
	if surface.IsCredentialName(name) {
		in.credential(value)
	}
}

// credential notes a parameter by which the forge takes a credential.
func (in *InBody) credential(value []byte) {
	in.Ours = in.Ours || token.Find(value)
	in.Secrets = append(append(in.Secrets, value...), '\n')
}

// form reads as Rack does, which parts pairs at "&" and, in some versions, at ";".
func (in *InBody) form(body []byte) {
	for pair := range bytes.FieldsFuncSeq(body, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, _ := bytes.Cut(pair, []byte{'='})
		if surface.IsCredentialName(name) {
			value = bytes.Clone(value)
			in.credential(value[:percent.DecodeInPlace(value)])
		}
	}
}

// json reads the names at the top of an object. Ruby takes more for JSON than the grammar does, so what is no JSON is unclear.
func (in *InBody) json(body []byte) {
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if d.PeekKind() != '{' {
		_, err := d.ReadValue()
		in.Unclear = err != nil
		return
	}
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != '}' {
		var name, value jsontext.Value
		if name, err = d.ReadValue(); err != nil {
			break
		}
		name = bytes.Clone(name)
		text, _ := jsontext.AppendUnquote(nil, name)
		if value, err = d.ReadValue(); err != nil || !surface.IsCredentialName(text) {
			continue
		}
		if unquoted, failed := jsontext.AppendUnquote(nil, value); failed == nil {
			value = unquoted
		}
		in.credential(value)
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	in.Unclear = !errors.Is(err, io.EOF)
}
