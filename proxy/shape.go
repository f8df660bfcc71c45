package proxy

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/valyala/fasthttp"
)

// body writes the answer in the surface's shape. Every added field is a string or a list of strings: client libraries
// fail on others.
func (f *facts) body(x *exchange) []byte {
	switch x.surface {
	case surfaceGit:
		return []byte(f.message + "\n")
	case surfaceRegistry:
		return f.listed("code", registryCode(f.status), "message", f.message, "detail", f.reason, "request_id", f.id)
	case surfaceGraphQL:
		return f.listed("message", f.message)
	}
	var b bytes.Buffer
	e := jsontext.NewEncoder(&b)
	write(e, jsontext.BeginObject)
	switch {
	case x.h.dialect.message:
		text(e, "message", f.message, "url", x.h.links.public+"/api/swagger")
	case f.decision != nil:
		text(e, "error", "insufficient_granular_scope", "error_description", f.message)
	case f.challenge == challengeToken:
		text(e, "error", "invalid_token", "error_description", f.message)
	case f.challenge == challengeMissing || f.status == fasthttp.StatusNotFound:
		text(e, "message", f.message)
	case f.status == fasthttp.StatusForbidden:
		text(e, "error", f.reason, "error_description", f.message)
	default:
		text(e, "error", f.message)
	}
	text(e, "reason", f.reason)
	if len(f.missing) > 0 {
		write(e, jsontext.String("missing_permissions"))
		write(e, jsontext.BeginArray)
		for _, name := range f.missing {
			write(e, jsontext.String(name))
		}
		write(e, jsontext.EndArray)
	}
	if f.boundary != "" {
		text(e, "boundary", f.boundary)
	}
	if f.grantURL != "" {
		text(e, "grant_url", f.grantURL)
	}
	text(e, "request_id", f.id)
	write(e, jsontext.EndObject)
	return b.Bytes()
}

// listed writes {"errors": [{...}]}.
func (f *facts) listed(pairs ...string) []byte {
	var b bytes.Buffer
	e := jsontext.NewEncoder(&b)
	write(e, jsontext.BeginObject)
	write(e, jsontext.String("errors"))
	write(e, jsontext.BeginArray)
	write(e, jsontext.BeginObject)
	text(e, pairs...)
	write(e, jsontext.EndObject)
	write(e, jsontext.EndArray)
	write(e, jsontext.EndObject)
	return b.Bytes()
}

// registryCode is the error code of the OCI distribution specification (v1.1, "Error Codes").
func registryCode(status int) string {
	switch status {
	case fasthttp.StatusUnauthorized:
		return "UNAUTHORIZED"
	case fasthttp.StatusForbidden:
		return "DENIED"
	case fasthttp.StatusNotFound:
		return "NAME_UNKNOWN"
	case fasthttp.StatusTooManyRequests:
		return "TOOMANYREQUESTS"
	}
	return "UNSUPPORTED"
}

func text(e *jsontext.Encoder, pairs ...string) {
	for _, s := range pairs {
		write(e, jsontext.String(s))
	}
}

// write writes a token into memory, which fails only for text that is not UTF-8; answers hold none.
func write(e *jsontext.Encoder, t jsontext.Token) { _ = e.WriteToken(t) }
