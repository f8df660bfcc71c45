package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// limitStatuses are those that tell a client of a limit of patgate's, as fasthttp and net/http name them.
var limitStatuses = []string{"StatusRequestTimeout", "StatusRequestEntityTooLarge", "StatusTooManyRequests",
	"StatusRequestHeaderFieldsTooLarge", "StatusServiceUnavailable", "StatusGatewayTimeout"}

// noLimit are refusals with such a status that no setting could change.
var noLimit = map[string]string{
	"store":            "the store fails",
	"forge_rate_limit": "it is the forge's own",
	"leaving":          "the server is being stopped",

	"limit_requests_per_minute":  "it is the token's own, and named",
	"limit_requests_at_once":     "it is the token's own, and named",
	"limit_upstream_connections": "it is the token's own, and named",
	"limit_bytes_per_day":        "it is the token's own, and named",
}

var (
	settingHeading = regexp.MustCompile("(?m)^### `([a-z_.]+)`$")
	settingName    = regexp.MustCompile(`\b(limits|timeouts|resolver|upstream|cache|tokens)\.[a-z_]+\b`)
)

// TestARefusalForALimitNamesItsSetting reads every refusal in the sources whose status is one of a limit: its message names a key of
// the configuration, and whatever looks like a key in any message is one.
func TestARefusalForALimitNamesItsSetting(t *testing.T) {
	page, err := os.ReadFile("docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, m := range settingHeading.FindAllStringSubmatch(string(page), -1) {
		keys[m[1]] = true
	}
	limits, messages := 0, 0
	walk := func(file string) {
		for _, r := range refusalsIn(t, file) {
			messages++
			named := settingName.FindAllString(r.message, -1)
			for _, key := range named {
				if !keys[key] {
					t.Errorf("%s: %s names %s, which is no setting", file, r.reason, key)
				}
			}
			if _, excepted := noLimit[r.reason]; !slices.Contains(limitStatuses, r.status) || excepted {
				continue
			}
			limits++
			if len(named) == 0 {
				t.Errorf("%s: %q tells of a limit and names no setting: %s", file, r.reason, r.message)
			}
		}
	}
	if all := fieldLimits(t, "routes/params/multipart.go"); len(all) != 1 || !strings.Contains(all[0], "limit: body.limit") {
		t.Errorf("the refusal of fields that are too large does not name the row's limit: %q", all)
	}
	err = filepath.WalkDir("proxy", func(file string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go") {
			walk(file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) < 50 || limits < 10 || messages < 40 {
		t.Errorf("%d settings, %d refusals, %d of them for limits: it reads too little", len(keys), messages, limits)
	}
}

// refusal is one in a source file.
type refusal struct{ status, reason, message string }

// refusalsIn gives the literals of the type Refusal in a file.
func refusalsIn(t *testing.T, file string) (all []refusal) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		literal, ok := n.(*ast.CompositeLit)
		if !ok || nameOf(literal.Type) != "Refusal" {
			return true
		}
		var r refusal
		for _, element := range literal.Elts {
			pair, ok := element.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			switch nameOf(pair.Key) {
			case "Status":
				r.status = nameOf(pair.Value)
			case "Reason":
				r.reason = textOf(pair.Value)
			case "Message":
				r.message = textOf(pair.Value)
			}
		}
		all = append(all, r)
		return true
	})
	return all
}

// fieldLimits gives the texts of refusals for fields that are too large, which become a 413.
func fieldLimits(t *testing.T, file string) (all []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if ok && nameOf(call.Fun) == "Named" && len(call.Args) == 3 && nameOf(call.Args[0]) == "CodeTooLarge" {
			all = append(all, textOf(call.Args[2]))
		}
		return true
	})
	return all
}

// nameOf gives the last part of a name.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// textOf gives the parts of a text that are constants.
func textOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(e.Value)
		return s
	case *ast.BinaryExpr:
		return textOf(e.X) + textOf(e.Y)
	}
	return ""
}
