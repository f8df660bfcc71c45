package trust

import (
	"bytes"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// deepestSaid is how deep values may lie that are passed over.
const deepestSaid = 64

// Said gives the one issuer and the one audience that claims name, and passes over all else, so that it costs little whatever
// somebody made up. known tells whether an issuer is one; when it is not, nothing else is read. Not ok: there is no such issuer
// or audience, one of the two appears twice, or the claims are not an object.
func Said(claims []byte, known func(issuer []byte) bool) (issuer, audience string, ok bool) {
	d := jsontext.NewDecoder(bytes.NewBuffer(claims), jsontext.AllowDuplicateNames(true))
	if d.PeekKind() != '{' {
		return "", "", false
	}
	_, err := d.ReadToken()
	var room [64]byte
	var foundIssuer, foundAudience bool
	for err == nil && d.PeekKind() == '"' {
		var name jsontext.Value
		if name, err = d.ReadValue(); err != nil {
			break
		}
		text, _ := jsontext.AppendUnquote(room[:0], name)
		switch string(text) {
		case "iss":
			value, failed := d.ReadValue()
			iss, notText := jsontext.AppendUnquote(room[:0], value)
			if failed != nil || notText != nil || foundIssuer || !known(iss) {
				return "", "", false
			}
			issuer, foundIssuer = string(iss), true
		case "aud":
			if foundAudience {
				return "", "", false
			}
			foundAudience = true
			audience, err = one(d)
		default:
			err = skip(d)
		}
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	return issuer, audience, err == io.EOF && foundIssuer && audience != ""
}

// one reads a text, or a list of one; empty when it is another value.
func one(d *jsontext.Decoder) (text string, err error) {
	isList := d.PeekKind() == '['
	if isList {
		_, err = d.ReadToken()
	}
	if d.PeekKind() == '"' {
		var t jsontext.Token
		if t, err = d.ReadToken(); err == nil {
			text = t.String()
		}
	} else if !isList {
		return "", skip(d)
	}
	if !isList {
		return text, err
	}
	for err == nil && d.PeekKind() != ']' {
		text, err = "", skip(d)
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	return text, err
}

// skip passes over a value.
func skip(d *jsontext.Decoder) error {
	for depth := d.StackDepth(); ; {
		_, err := d.ReadToken()
		switch {
		case err != nil:
			return err
		case d.StackDepth() > deepestSaid:
			return errClaims
		case d.StackDepth() <= depth:
			return nil
		}
	}
}
