package gateway

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"patgate/config"
)

// snippet is a block of a how-to page.
type snippet struct {
	page, language, text string
	line                 int
}

var (
	blockBegins = regexp.MustCompile("^( *)```([a-z]+)$")
	linkTo      = regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)
)

// snippetsOf gives the blocks of a page.
func snippetsOf(t *testing.T, page string) (all []snippet) {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	open, indent := (*snippet)(nil), ""
	for i, line := range strings.Split(string(data), "\n") {
		m := blockBegins.FindStringSubmatch(line)
		switch {
		case open == nil && m != nil:
			indent = m[1]
			open = &snippet{page: filepath.Base(page), language: m[2], line: i + 1}
		case open != nil && line == indent+"```":
			all, open = append(all, *open), nil
		case open != nil:
			open.text += strings.TrimPrefix(line, indent) + "\n"
		case strings.Contains(line, "```"):
			t.Errorf("%s:%d: a block without a language, or an end without a block", page, i+1)
		}
	}
	if open != nil {
		t.Errorf("%s:%d: the block has no end", page, open.line)
	}
	return all
}

// check has the program check a block that it is for, and tells whether there is one.
func (s *snippet) check(t *testing.T) bool {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.conf")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	switch s.language {
	case "yaml":
		var any map[string]any
		if err := yaml.Unmarshal([]byte(s.text), &any); err != nil || len(any) == 0 {
			t.Errorf("it is no YAML: %v", err)
		}
		if !strings.HasPrefix(s.text, "# patgate.yaml\n") {
			return false
		}
		text := s.text
		if !strings.Contains(text, "upstream:") {
			text += "upstream: {url: https://gitlab.example.com}\n"
		}
		env := map[string]string{}
		if strings.Contains(text, "grace:") {
			env["PATGATE_STORE_URL"] = "postgres://db.example.com/patgate"
		}
		if _, problems := config.Parse(config.Input{File: "patgate.yaml", Data: []byte(text), Env: env}); len(problems) > 0 {
			t.Error(problems)
		}
	case "nginx":
		program := tool(t, "nginx", "apt-get install nginx-light")
		head := "pid " + file + ".pid;\nerror_log stderr;\nevents {}\n"
		around := "http {\n%s\nserver { listen 8088; location / { proxy_pass http://patgate; } }\n}\n"
		if strings.Contains(s.text, "proxy_protocol on") {
			const module = "/usr/lib/nginx/modules/ngx_stream_module.so"
			if _, err := os.Stat(module); err != nil {
				t.Skip("nginx has no stream module: apt-get install libnginx-mod-stream")
			}
			head, around = "load_module "+module+";\n"+head, "stream {\n%s\n}\n"
		}
		write(head + fmt.Sprintf(around, s.text))
		accepted(t, program, "-t", "-q", "-c", file)
	case "haproxy":
		write(s.text)
		accepted(t, tool(t, "haproxy", "apt-get install haproxy"), "-c", "-f", file)
	default:
		return false
	}
	return true
}

// TestHowTo has the blocks of the how-to pages checked by what they are for, and holds that their links lead somewhere. What is to be
// pasted into a shell is run by TestDocumentedLines of cli.
func TestHowTo(t *testing.T) {
	pages, err := filepath.Glob("../../docs/howto/*.md")
	if err != nil || len(pages) < 14 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	list, err := os.ReadFile("../../docs/howto/README.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := map[string]int{}
	for _, page := range pages {
		name := filepath.Base(page)
		if name != "README.md" && !strings.Contains(string(list), "]("+name+")") {
			t.Errorf("README.md does not lead to %s", name)
		}
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range linkTo.FindAllStringSubmatch(string(data), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s leads to %s: %v", name, m[1], err)
			}
		}
		for _, s := range snippetsOf(t, page) {
			t.Run(fmt.Sprintf("%s:%d", s.page, s.line), func(t *testing.T) {
				if s.check(t) {
					checked[s.language]++
				}
			})
		}
	}
	if checked["yaml"] < 10 {
		t.Errorf("only %v were checked", checked)
	}
}
