package console

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"patgate/admin/console/words"
	"patgate/admin/tokens"
	"patgate/forge"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets
var assetFiles embed.FS

// page is what every page has.
type page struct {
	Title string
	Nav   string // which tab is the present one
	Slim  bool   // a page of one narrow column
	// Set by render.
	User, Forge, Notice  string
	SignedIn, Admin      bool
	CSRF, Form           string // Form is new for each page: what makes a secret is done once for each
	Style, Script, Image string
	Body                 any
}

// pages are the parsed templates and the embedded files.
type pages struct {
	all    map[string]*template.Template
	assets map[string]assetFile
	names  map[string]string // of assets: their address
}

type assetFile struct {
	kind string
	data []byte
}

// newPages parses every template, each with the layout, for a console below a path.
func newPages(base string) (*pages, error) {
	p := &pages{all: map[string]*template.Template{}, assets: map[string]assetFile{}, names: map[string]string{}}
	for name, kind := range map[string]string{
		"console.css": "text/css; charset=utf-8",
		"console.js":  "text/javascript; charset=utf-8",
		"icon.svg":    "image/svg+xml",
	} {
		data, err := assetFiles.ReadFile("assets/" + name)
		if err != nil {
			return nil, fmt.Errorf("reading the console's files: %w", err)
		}
		sum := sha256.Sum256(data)
		first, last, _ := strings.Cut(name, ".")
		versioned := first + "-" + hex.EncodeToString(sum[:6]) + "." + last
		p.assets[versioned], p.names[name] = assetFile{kind, data}, base+"/assets/"+versioned
	}
	functions := template.FuncMap{
		"path": func(parts ...any) string {
			s := base
			for _, part := range parts {
				s += fmt.Sprint(part)
			}
			return s
		},
		"plural":   plural,
		"plural64": func(n int64, one, many string) string { return plural(int(n), one, many) },
		"json":     words.JSON,
		"lines":    func(s []string) string { return strings.Join(s, "\n") },
		"join":     strings.Join,
		"add":      func(a, b int) int { return a + b },
		"dict": func(pairs ...any) map[string]any {
			m := map[string]any{}
			for i := 0; i+1 < len(pairs); i += 2 {
				m[fmt.Sprint(pairs[i])] = pairs[i+1]
			}
			return m
		},
	}
	shared := []string{"templates/layout.html", "templates/parts.html", "templates/scopes.html", "templates/tried.html"}
	layout, err := template.New("layout").Funcs(functions).ParseFS(templateFiles, shared...)
	if err != nil {
		return nil, fmt.Errorf("reading the console's templates: %w", err)
	}
	files, err := templateFiles.ReadDir("templates")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		file := "templates/" + f.Name()
		if strings.Contains(strings.Join(shared, " "), file) {
			continue
		}
		own, err := layout.Clone()
		if err == nil {
			own, err = own.ParseFS(templateFiles, file)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the console's templates: %w", err)
		}
		p.all[strings.TrimSuffix(f.Name(), ".html")] = own
	}
	return p, nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n) + " " + many
}

// render writes a page. What fails while it is made leaves nothing half-written.
func (q *request) render(name string, status int, p page, body any) {
	p.Forge, p.Body = q.o.Forge, body
	p.Style, p.Script, p.Image = q.pages.names["console.css"], q.pages.names["console.js"], q.pages.names["icon.svg"]
	if q.session != nil {
		p.SignedIn, p.User, p.CSRF, p.Notice = true, q.caller.Username(), q.session.csrf, q.session.heard()
		p.Form, _ = random(q.o.Random)
		p.Admin = q.o.Tokens.Administrates(q.caller)
	}
	var b bytes.Buffer
	if err := q.pages.all[name].ExecuteTemplate(&b, "layout", p); err != nil {
		q.o.Report(fmt.Errorf("writing the page %s: %w", name, err))
		http.Error(q.w, "patgate failed to make this page.", http.StatusInternalServerError)
		return
	}
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	q.w.WriteHeader(status)
	if q.r.Method != http.MethodHead {
		_, _ = q.w.Write(b.Bytes())
	}
}

// asset serves an embedded file. Its name has its content's hash, so that browsers may keep it.
func (c *Console) asset(w http.ResponseWriter, r *http.Request) {
	a, ok := c.pages.assets[r.PathValue("file")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.data))
}

// errNoPage: there is no such page.
var errNoPage = errors.New("no such page")

// words gives the status of an error, and what a person is told of it.
func (q *request) words(err error) (int, string) {
	var tooLong *http.MaxBytesError
	switch {
	case errors.Is(err, errForm):
		return http.StatusForbidden, "The form was not one of this session, or too old. Go back, load the page again and repeat " +
			"what you did."
	case errors.Is(err, errScopes):
		return http.StatusUnprocessableEntity, plural(mostScopes, "scope is", "scopes are") +
			" all that the form can show, and this token has more. Use the API, or patgate token edit."
	case errors.Is(err, errForeign):
		return http.StatusForbidden, "The form came from another site, and was not carried out."
	case errors.As(err, &tooLong):
		return http.StatusRequestEntityTooLarge, "The form is longer than patgate takes."
	case errors.Is(err, errNoPage), errors.Is(err, tokens.ErrNotFound) && err == tokens.ErrNotFound:
		return http.StatusNotFound, "There is no such page or token, or it is not yours."
	case errors.Is(err, tokens.ErrUnknownCaller):
		return http.StatusUnauthorized, q.o.Forge + " does not accept this access token any more."
	case errors.Is(err, tokens.ErrForbidden):
		return http.StatusForbidden, sentence(err.Error())
	case errors.Is(err, tokens.ErrConflict):
		return http.StatusConflict, sentence(err.Error())
	case errors.Is(err, tokens.ErrContainer):
		return http.StatusUnprocessableEntity, sentence(err.Error())
	case errors.Is(err, tokens.ErrNotFound):
		return http.StatusNotFound, sentence(err.Error())
	case errors.Is(err, forge.ErrBudget):
		return http.StatusTooManyRequests, sentence(forge.BudgetOf(err).Error()) + " Try again in a moment."
	case errors.Is(err, forge.ErrCredential):
		return http.StatusForbidden, q.o.Forge + " no longer accepts the credential that the token is bound to."
	case errors.Is(err, forge.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, q.o.Forge + " did not answer in time. Nothing was changed."
	case errors.Is(err, forge.ErrUnavailable):
		return http.StatusBadGateway, q.o.Forge + " could not be reached. Nothing was changed."
	}
	q.o.Report(err)
	return http.StatusInternalServerError, "patgate failed to do this. The log says why."
}

// sentence makes a sentence of an error's text.
func sentence(s string) string {
	if s == "" {
		return s
	}
	if !strings.HasPrefix(s, "patgate") {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	if !strings.ContainsAny(s[len(s)-1:], ".!?)") {
		s += "."
	}
	return s
}

// fail shows an error as a page.
func (q *request) fail(err error) {
	status, text := q.words(err)
	title := map[int]string{
		http.StatusNotFound:  "Not found",
		http.StatusForbidden: "Not allowed",
		http.StatusConflict:  "Not possible now",
	}[status]
	if title == "" {
		title = "That did not work"
	}
	q.render("error", status, page{Title: title}, text)
}
