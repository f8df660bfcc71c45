package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strings"
	"time"

	"patgate/admin/console/words"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets
var assetFiles embed.FS

// Pages are the parsed templates and the embedded files.
type Pages struct {
	all    map[string]*template.Template
	assets map[string]assetFile
	names  map[string]string // of assets: their address
}

type assetFile struct {
	kind string
	data []byte
}

// New parses every template, each with the layout, for a console below a path.
func New(base string) (*Pages, error) {
	p := &Pages{all: map[string]*template.Template{}, assets: map[string]assetFile{}, names: map[string]string{}}
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
		"plural":   words.Plural,
		"plural64": func(n int64, one, many string) string { return words.Plural(int(n), one, many) },
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

// Write writes a page. What fails while it is made leaves nothing written.
func (p *Pages) Write(w io.Writer, name string, data any) error {
	return p.all[name].ExecuteTemplate(w, "layout", data)
}

// Address gives that of an embedded file.
func (p *Pages) Address(name string) string { return p.names[name] }

// Asset serves an embedded file. Its name has its content's hash, so that browsers may keep it.
func (p *Pages) Asset(w http.ResponseWriter, r *http.Request) {
	a, ok := p.assets[r.PathValue("file")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.data))
}
