package surface

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"patgate/routes/percent"
	"patgate/token"
)

// InBody is what was found of the forge's own credentials among the parameters of a body. The zero value: there is none.
type InBody struct {
	// Secrets are the values of the parameters by which the forge takes a credential.
	Secrets []byte
	// Unclear: the forge may read the body in another way than patgate does.
	Unclear bool
	// Ours: a patgate token stands in the body.
	Ours bool
}

// FindInBody looks for a credential of the forge's own in a body, by its media type. Forms, multipart and JSON hold
// parameters, and so does a body without a type, which Rack takes for a form.
func FindInBody(contentType, body []byte) (in InBody) {
	in.Ours = mentionsToken(body)
	media, options, err := mime.ParseMediaType(string(contentType))
	switch {
	case len(contentType) == 0, media == "application/x-www-form-urlencoded":
		in.form(body)
	case err != nil:
		in.Unclear = true
	case strings.HasPrefix(media, "multipart/"):
		in.multipart(body, options["boundary"])
	case strings.Contains(media, "json"):
		in.json(body)
	}
	return in
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
		if isCredentialName(name) {
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
		if value, err = d.ReadValue(); err != nil || !isCredentialName(text) {
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

// multipart reads the parts without a file name. A name that Rack would unescape, or that is written twice, is unclear.
func (in *InBody) multipart(body []byte, boundary string) {
	if boundary == "" {
		in.Unclear = true
		return
	}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := reader.NextRawPart()
		if err != nil {
			in.Unclear = in.Unclear || !errors.Is(err, io.EOF)
			return
		}
		disposition := strings.ToLower(strings.Join(part.Header["Content-Disposition"], "\n"))
		in.Unclear = in.Unclear || part.FormName() == "" || strings.ContainsAny(disposition, "\\\n") ||
			strings.Count(strings.ReplaceAll(disposition, "filename", ""), "name") != 1
		value, err := io.ReadAll(part)
		in.Unclear = in.Unclear || err != nil
		if isCredentialName([]byte(part.FormName())) {
			in.credential(value)
		}
	}
}

// isCredentialName tells whether the forge takes a credential from a parameter of that name, as it stands in a query or form.
func isCredentialName(name []byte) bool {
	if len(name) < 5 || len(name) > 128 {
		return false
	}
	var room [128]byte
	decoded := append(room[:0], name...)
	decoded = bytes.Trim(decoded[:percent.DecodeInPlace(decoded)], " +[]")
	switch string(decoded) {
	case "private_token", "access_token", "bearer_token", "job_token", "token", "feed_token", "rss_token", "instance_id":
		return true
	}
	return false
}
