package forgetest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// answer is what an endpoint gives back. Exactly one of body, list, raw and stream is used.
type answer struct {
	status      int
	body        any   // marshalled
	list        []any // paginated, then marshalled
	raw         []byte
	contentType string
	header      http.Header
}

// object is a JSON object.
type object = map[string]any

func ok(body any) answer      { return answer{status: http.StatusOK, body: body} }
func created(body any) answer { return answer{status: http.StatusCreated, body: body} }
func noContent() answer       { return answer{status: http.StatusNoContent} }

func list[T any](items []T, show func(T) any) answer {
	out := make([]any, 0, len(items))
	for _, item := range items {
		out = append(out, show(item))
	}
	return answer{status: http.StatusOK, list: out}
}

func text(contentType, body string) answer {
	return answer{status: http.StatusOK, raw: []byte(body), contentType: contentType}
}

// answerError is GitLab's render_api_error!: {"message": ...}.
func answerError(status int, message string) answer {
	return answer{status: status, body: object{"message": message}}
}

// answerOAuthError has the shape of rack-oauth2. WWW-Authenticate comes only with a 401 (lib/api/api_guard.rb).
func answerOAuthError(status int, code, description string) answer {
	a := answer{status: status, body: object{"error": code, "error_description": description}}
	if status == http.StatusUnauthorized {
		a.header = http.Header{"Www-Authenticate": {
			`Bearer realm="Protected by OAuth 2.0", error="` + code + `", error_description="` + description + `"`,
		}}
	}
	return a
}

// with adds a header.
func (a answer) with(name, value string) answer {
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(name, value)
	return a
}

func (a answer) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	body := a.raw
	switch {
	case a.raw != nil:
		w.Header().Set("Content-Type", a.contentType)
	case a.status == http.StatusNoContent:
	default:
		v := a.body
		if a.list != nil {
			v = a.list
		}
		var err error
		if body, err = json.Marshal(v); err != nil {
			panic("forgetest: answer cannot be marshalled: " + err.Error())
		}
		w.Header().Set("Content-Type", "application/json")
	}
	if a.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body)
}

// halt is thrown by the small finders of endpoints and caught where the endpoint was called, like Grape's error!.
type halt struct{ answer }

func notFound(noun string) {
	if noun != "" {
		noun += " "
	}
	panic(halt{answerError(http.StatusNotFound, "404 "+noun+"Not Found")})
}

func forbidden() { panic(halt{answerError(http.StatusForbidden, "403 Forbidden")}) }

func badRequest(reason string) {
	panic(halt{answer{status: http.StatusBadRequest, body: object{"error": reason}}})
}

func conflict(message string) { panic(halt{answerError(http.StatusConflict, message)}) }

// stamp writes a time as GitLab does.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// day writes a date as GitLab does.
func day(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02")
}
