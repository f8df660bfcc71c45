package main_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "patgate"

// direction gives, for each package, which others of this module it may import. A name with /... stands for all below it.
// A package that has no rule of its own takes that of the nearest folder above it with /..., and none is a violation.
func direction() map[string][]string {
	return map[string][]string{
		".":                          {"cli"},
		"demo":                       {"cli", "forge/forgetest", "forge/forgetest/registry"},
		"routes":                     {"routes/nearest", "routes/pattern", "routes/percent"},
		"routes/pattern":             {"routes/percent"},
		"routes/memo":                {},
		"routes/nearest":             {},
		"routes/percent":             {},
		"routes/commands":            {"routes"},
		"routes/params":              {"routes", "routes/commands", "routes/memo", "routes/percent", "routes/params/..."},
		"routes/params/refusal":      {},
		"routes/params/names":        {},
		"routes/params/multipart":    {"routes/percent", "routes/params/names", "routes/params/refusal"},
		"routes/graphql":             {"routes", "routes/commands"},
		"routes/load":                {"routes", "routes/graphql", "routes/nearest", "routes/pattern", "routes/load/..."},
		"routes/load/document":       {"routes", "routes/nearest"},
		"routes/load/documents":      {"routes", "routes/load/document"},
		"routes/graphql/description": {},
		"routes/inspect": {"routes", "routes/graphql", "routes/graphql/description", "routes/load",
			"routes/pattern"},
		"routes/reload":               {"routes", "routes/load"},
		"routes/routestest":           {"routes", "routes/load"},
		"routes/...":                  {"routes", "routes/pattern", "routes/percent"},
		"policy":                      {"routes"},
		"policy/proof":                {"routes", "policy"},
		"learn/propose":               {"routes", "policy", "learn"},
		"token":                       {"routes", "policy", "token/limits"},
		"learn":                       {"routes", "policy"},
		"cache":                       {},
		"config":                      {"token", "routes/nearest", "trust/issuer"},
		"dial":                        {},
		"audit":                       {"routes", "policy", "token"},
		"fleet":                       {},
		"forge":                       {"routes", "policy", "token", "cache", "fleet"},
		"forge/rest":                  {"routes", "routes/percent", "token", "cache", "dial", "fleet/share", "forge"},
		"forge/facts":                 {"routes", "policy", "token", "cache", "dial", "fleet/share", "forge", "forge/rest"},
		"forge/oauth":                 {"token", "dial", "forge"},
		"forge/oauth/oauthtest":       {},
		"forge/forgetest":             {"forge/forgetest/cable"},
		"forge/forgetest/cable":       {},
		"forge/forgetest/registry":    {},
		"forge/...":                   {"routes", "policy", "token", "cache", "forge", "forge/facts", "forge/rest"},
		"store":                       {"routes", "policy", "token", "cache", "learn", "store/seal", "token/limits"},
		"store/seal":                  {"token"},
		"store/sqlite/files":          {},
		"store/postgres/postgrestest": {},
		"store/...": {"routes", "policy", "token", "cache", "learn", "store", "store/seal", "store/tables",
			"store/transfer", "store/trusts", "store/sqlite/files", "store/storetest", "store/tables/limited",
			"token/limits", "store/signins", "store/tables/filter", "store/tables/granted", "store/tables/tally"},
		"store/storetest/trusted": {"token", "store", "store/storetest"},
		"proxy": {"routes", "routes/...", "policy", "token", "cache", "audit", "dial", "fleet", "fleet/share", "forge",
			"proxy/...", "token/limits"},
		"proxy/header": {"routes/memo", "token"},
		"proxy/fast": {"routes", "routes/memo", "routes/params", "token", "audit", "proxy/header", "proxy/reply",
			"proxy/surface", "proxy/wire", "proxy/wire/loop"},
		"proxy/wire": {"dial", "fleet", "proxy/header", "proxy/wire/loop", "proxy/wire/proxyprotocol",
			"fleet/share"},
		"proxy/reply": {"routes", "routes/params", "routes/params/refusal", "routes/percent", "policy", "token",
			"audit", "dial", "forge", "proxy/header", "proxy/wire", "fleet/share", "proxy/reply/filter"},
		"proxy/surface": {"routes", "routes/params", "routes/params/...", "routes/percent", "policy", "token",
			"audit", "cache", "forge", "proxy/asking", "proxy/header", "proxy/reply", "proxy/reply/filter", "proxy/wire", "fleet/share"},
		"proxy/surface/depproxy": {"routes", "routes/registry", "token", "proxy/header", "proxy/reply",
			"proxy/surface", "proxy/surface/registry"},
		"proxy/surface/...": {"routes", "routes/...", "policy", "forge", "proxy/header", "proxy/reply", "proxy/reply/filter",
			"proxy/surface", "proxy/wire"},
		"proxy/surfaces": {"routes", "routes/git", "token", "proxy/reply", "proxy/surface", "proxy/surface/..."},
		"proxy/reading":  {"proxy/header", "proxy/reply", "proxy/surface"},
		"proxy/legacy": {"routes", "routes/params/multipart", "routes/percent", "token", "proxy/header", "proxy/reply",
			"proxy/surface", "proxy/wire"},
		"proxy/observe": {"routes", "policy", "token", "audit", "forge", "learn", "proxy/asking", "proxy/header", "proxy/legacy",
			"proxy/surface"},
		"proxy/local":             {"routes", "token", "proxy/header", "proxy/surface"},
		"proxy/asking":            {"routes", "policy", "token", "forge", "proxy/wire"},
		"proxy/listing":           {"routes", "policy", "token", "forge", "proxy/header", "proxy/reply/filter"},
		"fleet/share":             {"fleet"},
		"proxy/...":               {},
		"admin/terms":             {"routes", "policy", "token", "token/limits"},
		"admin/catalogue":         {"routes", "admin/terms"},
		"admin/usage":             {"routes", "policy", "token", "audit", "learn", "store"},
		"admin/counts":            {"store", "admin/marks", "admin/tokens"},
		"admin/bulk":              {"policy", "store", "admin/tokens"},
		"admin/export":            {"store", "admin/api", "admin/marks", "admin/names"},
		"admin/console/selection": {"admin/bulk", "admin/terms", "admin/tokens", "admin/console/rows", "admin/console/words"},
		"admin/filters":           {"routes", "policy", "store", "admin/names", "admin/terms"},
		"admin/places":            {"routes", "policy", "admin/catalogue", "admin/terms"},
		"admin/sight":             {"routes", "policy", "token", "forge", "admin/terms"},
		"admin/names":             {"routes", "policy", "token", "store"},
		"admin/tokens": {"routes", "policy", "token", "audit", "forge", "learn", "store", "store/seal",
			"admin/catalogue", "admin/names", "admin/places", "admin/sight", "admin/terms", "token/limits",
			"admin/marks"},
		"admin/learning": {"token", "routes", "learn", "learn/propose", "policy", "store", "admin/sight",
			"admin/terms", "admin/tokens", "token/limits", "admin/marks"},
		"admin/questions": {"routes", "routes/params", "policy", "policy/proof", "forge", "store", "admin/sight",
			"admin/tokens", "admin/terms", "token/limits"},
		"admin/api": {"routes", "policy", "token", "forge", "store", "admin/learning", "admin/names",
			"admin/questions", "admin/tokens", "admin/catalogue", "admin/terms", "trust/exchange", "token/limits",
			"admin/marks", "admin/filters"},
		"admin/upkeep": {"token", "forge", "store", "admin/terms", "admin/tokens"},
		"admin/console": {"routes", "policy", "token", "forge", "forge/oauth", "learn", "learn/propose", "store",
			"store/seal", "admin/learning", "admin/tokens", "admin/catalogue", "admin/counts", "admin/names",
			"admin/terms", "admin/console/...", "token/limits", "admin/bulk", "admin/export", "admin/manifest", "admin/trustwatch"},
		"admin/trustwatch": {"routes", "policy", "token", "store", "admin/tokens", "trust", "trust/exchange"},
		"admin/console/trustpage": {"token", "store", "admin/manifest", "admin/terms", "admin/tokens", "admin/trustwatch", "trust",
			"admin/console/picker", "admin/console/rows", "admin/console/words"},
		"admin/console/words":  {"routes", "policy"},
		"admin/console/picker": {"routes", "admin/catalogue", "admin/console/words", "admin/marks"},
		"admin/console/rows": {"routes", "policy", "store", "admin/names", "admin/tokens", "admin/console/picker",
			"admin/console/snippet", "admin/console/words", "token", "token/limits", "admin/marks"},
		"admin/console/draft": {"routes", "policy", "admin/catalogue", "admin/names", "admin/terms", "admin/tokens",
			"admin/console/elsewhere", "admin/console/picker", "admin/console/rows", "admin/console/words",
			"token/limits"},
		"admin/console/session": {"token", "forge", "store", "store/seal", "admin/terms", "admin/tokens"},
		"admin/console/guard":   {},
		"admin/console/asking":  {"admin/console/rows", "token", "admin/terms"},
		"admin/console/details": {"admin/console/rows", "admin/tokens"},
		"admin/console/recipes": {"routes", "policy"},
		"admin/console/failure": {"forge", "store", "admin/tokens", "admin/console/draft", "admin/console/guard",
			"admin/console/session", "admin/console/words"},
		"admin/console/away":      {"forge/oauth", "admin/console/draft", "admin/console/session"},
		"admin/console/inventory": {"routes", "forge", "admin/catalogue", "admin/learning", "admin/console/rows"},
		"admin/console/paths":     {"store"},
		"admin/console/pages":     {"admin/console/words"},
		"admin/console/table": {"admin/counts", "admin/export", "admin/filters", "admin/terms", "admin/tokens",
			"admin/console/rows", "store"},
		"admin/console/owners":    {"admin/marks", "admin/tokens", "admin/console/rows", "admin/console/table", "store"},
		"admin/console/elsewhere": {"policy", "admin/console/snippet", "token/limits"},
		"admin/console/snippet":   {},
		"admin/console/findings":  {"learn/propose", "admin/learning", "admin/console/words"},
		"admin/console/proposal":  {"routes", "policy", "learn", "learn/propose", "admin/learning"},
		"admin": {"routes", "policy", "token", "cache", "config", "forge", "learn/propose", "store", "audit",
			"admin/..."},
		"admin/...":       {"routes", "policy", "token"},
		"trust":           {"routes", "policy", "admin/terms"},
		"trust/issuer":    {},
		"trust/keys":      {"dial", "trust", "trust/issuer"},
		"trust/trusttest": {},
		"trust/exchange": {"routes", "policy", "token", "cache", "forge", "store", "admin/terms", "admin/tokens", "trust",
			"trust/keys"},
		"trust/direct": {"routes", "routes/percent", "token", "forge", "proxy/header", "proxy/local", "proxy/reply", "proxy/surface",
			"trust/exchange", "trust/keys"},
		"cli/terminal": {},
		"cli/settings": {"config", "cli/terminal"},
		"cli/upstream": {"config", "dial", "forge"},
		"cli/opening": {"routes", "routes/load", "routes/reload", "policy", "token", "cache", "config", "fleet",
			"forge", "forge/facts", "forge/gitea", "forge/gitlab", "store", "store/postgres", "store/seal",
			"store/sqlite", "admin/terms", "admin/tokens", "cli/settings", "trust", "trust/issuer", "trust/keys", "cli/terminal",
			"cli/upstream", "admin/manifest", "admin/questions", "proxy/reading", "proxy/surfaces"},
		"cli/gateway": {"routes", "token", "cache", "config", "dial", "forge", "forge/oauth", "store", "audit", "proxy",
			"proxy/...", "admin", "admin/...", "cli/opening", "cli/upstream", "cli/gateway/..."},
		"cli/gateway/behind": {"routes", "config", "dial", "forge", "proxy/reading", "cli/gateway/logs", "cli/upstream"},
		"cli/gateway/rules":  {"routes", "routes/reload", "policy", "config", "admin/manifest", "cli/terminal"},
		"cli/gateway/storage": {"routes", "policy", "config", "fleet", "store", "admin", "admin/terms", "cli/gateway/logs",
			"cli/opening"},
		"cli/gateway/logs":    {"audit", "config", "cli/terminal"},
		"cli/gateway/sockets": {"config", "cli/gateway/unixsocket"},
		"cli/gateway/trading": {"routes", "routes/reload", "config", "forge", "store", "proxy/reading", "admin/manifest",
			"admin/tokens", "admin/trustwatch", "cli/opening", "trust", "trust/direct", "trust/exchange", "trust/keys"},
		"cli/gateway/githubkeys": {"config", "dial", "cli/upstream"},
		"cli/gateway/unixsocket": {"config"},
		"cli/desk": {"routes", "routes/load", "policy", "token", "config", "store", "admin/api", "admin/catalogue",
			"admin/marks", "admin/names", "admin/terms", "admin/tokens", "cli/opening", "cli/settings", "cli/terminal",
			"cli/upstream", "token/limits"},
		"cli/learncmd": {"routes", "store", "learn/propose", "admin/learning", "admin/names", "admin/terms",
			"admin/tokens", "cli/desk", "cli/opening", "cli/settings", "cli/terminal"},
		"cli/questioncmd": {"routes", "proxy/surfaces", "admin/questions", "cli/desk", "cli/opening", "cli/terminal"},
		"cli/tokencmd": {"routes", "routes/load", "policy", "token", "config", "store",
			"admin/api", "admin/bulk", "admin/catalogue", "admin/export", "admin/filters", "admin/learning", "admin/names",
			"admin/terms",
			"admin/tokens", "cli/desk", "cli/learncmd", "cli/opening", "cli/questioncmd", "cli/settings", "cli/terminal",
			"token/limits"},
		"cli/routecmd": {"routes", "routes/...", "config", "proxy/surfaces", "admin/catalogue", "admin/learning",
			"cli/desk", "cli/learncmd", "cli/opening", "cli/questioncmd", "cli/settings", "cli/terminal"},
		"cli/storecmd": {"config", "store", "store/postgres", "store/sqlite", "store/tables", "store/transfer",
			"admin/api", "admin/tokens", "cli/desk", "cli/opening", "cli/settings", "cli/terminal"},
		"cli/trustcmd": {"routes", "token", "config", "store", "admin/tokens", "cli/desk", "cli/opening",
			"cli/settings", "cli/terminal", "trust", "trust/exchange", "admin/manifest"},
		"cli": {"routes/nearest", "config", "cli/..."},
		"bench": {"routes", "routes/...", "policy", "token", "cache", "config", "forge", "forge/...", "store",
			"store/...", "audit", "admin/marks", "proxy", "bench/..."},
		"bench/report": {},
		"bench/...": {"routes", "routes/...", "policy", "token", "cache", "config", "forge", "forge/...", "store",
			"store/...", "audit", "proxy"},
		"token/limits":            {},
		"proxy/meter":             {"token/limits", "fleet", "proxy/reply"},
		"store/storetest/listing": {"routes", "policy", "store", "store/storetest", "token"},
		"store/tables/filter":     {"routes", "store", "token"},
		"store/tables/tally":      {"store", "token", "store/tables/filter", "store/tables/granted"},
		"store/tables/granted":    {"routes", "store", "store/tables/filter", "store/tables/limited"},
		"admin/marks":             {"routes", "policy", "learn", "store", "admin/catalogue", "admin/terms"},
		"admin/manifest": {"dial", "routes", "routes/load/document", "routes/reload", "policy", "token/limits", "admin/catalogue",
			"admin/terms", "trust", "trust/issuer"},
		"cli/policycmd": {"routes", "token", "token/limits", "policy", "config", "store", "admin/learning", "admin/manifest", "admin/names",
			"admin/terms", "admin/tokens", "cli/desk", "cli/learncmd", "cli/opening", "cli/settings",
			"cli/terminal", "trust", "trust/issuer"},
	}
}

// pure gives, for each package that has no clock, no environment, no logger and no I/O, what it may import besides this
// module. Everything in these lists is a function of its arguments.
func pure() map[string][]string {
	text := []string{"bytes", "cmp", "encoding", "encoding/hex", "encoding/json", "errors", "fmt", "io", "iter", "maps", "math",
		"math/bits",
		"regexp", "slices", "sort", "strconv", "strings", "unicode", "unicode/utf8"}
	return map[string][]string{
		// The files of the table are embedded.
		"routes":                slices.Concat(text, []string{"embed", "io/fs", "sync"}),
		"routes/load":           slices.Concat(text, []string{"sync", "gopkg.in/yaml.v3"}),
		"routes/load/document":  slices.Concat(text, []string{"gopkg.in/yaml.v3"}),
		"routes/load/documents": slices.Concat(text, []string{"gopkg.in/yaml.v3"}),
		// net/url only splits text.
		"routes/inspect":    slices.Concat(text, []string{"net/url", "gopkg.in/yaml.v3"}),
		"routes/routestest": slices.Concat(text, []string{"testing"}),
		"routes/graphql": slices.Concat(text, []string{"net/url", "github.com/go-json-experiment/json/jsontext",
			"github.com/vektah/gqlparser/v2/ast", "github.com/vektah/gqlparser/v2/gqlerror", "github.com/vektah/gqlparser/v2/lexer",
			"github.com/vektah/gqlparser/v2/parser"}),
		"routes/graphql/description": slices.Concat(text, []string{"encoding/json", "github.com/vektah/gqlparser/v2/ast",
			"github.com/vektah/gqlparser/v2/parser"}),
		"routes/params": slices.Concat(text, []string{"mime", "net/url", "github.com/go-json-experiment/json/jsontext"}),
		"routes/...":    text,
		// Watching files for changes is what routes/reload is for: the one part of routes with I/O and a clock.
		"routes/reload": nil,
		// net/netip only compares addresses.
		"policy":        slices.Concat(text, []string{"net/netip"}),
		"policy/proof":  text,
		"learn":         slices.Concat(text, []string{"crypto/sha256", "encoding/binary", "net/netip", "time"}),
		"learn/propose": slices.Concat(text, []string{"time"}),
		"trust":         slices.Concat(text, []string{"time", "github.com/go-json-experiment/json/jsontext", "gopkg.in/yaml.v3"}),
		// net/url only splits text.
		"trust/issuer": slices.Concat(text, []string{"net/url", "gopkg.in/yaml.v3"}),
		// A header block is read from the bytes that came, and from nothing else.
		"proxy/header": slices.Concat(text, []string{"encoding/binary", "net/netip"}),
		// token compares instants that it is given; impure keeps it from asking for the time itself.
		"token": slices.Concat(text, []string{"crypto/sha256", "crypto/subtle", "encoding/binary", "hash/crc32", "time"}),
	}
}

// impure gives the functions of otherwise pure packages that are not functions of their arguments.
func impure() map[string][]string {
	return map[string][]string{
		"time": {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "LoadLocation", "Local"},
		"fmt":  {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
	}
}

// rule finds the rule of a package: its own, or that of the nearest folder above it with /....
func rule(rules map[string][]string, pkg string) ([]string, bool) {
	if allowed, found := rules[pkg]; found {
		return allowed, true
	}
	for dir := path.Dir(pkg); dir != "."; dir = path.Dir(dir) {
		if allowed, found := rules[dir+"/..."]; found {
			return allowed, true
		}
	}
	return nil, false
}

// allows tells whether a package is in a list of names, of which some end in /....
func allows(list []string, pkg string) bool {
	return slices.ContainsFunc(list, func(name string) bool {
		below, whole := strings.CutSuffix(name, "...")
		return name == pkg || whole && strings.HasPrefix(pkg, below)
	})
}

// violations reads every Go file below root and gives each breach of the rules, and the packages that it saw.
func violations(root string) (breaches, packages []string, err error) {
	err = filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			_, nested := os.Stat(filepath.Join(file, "go.mod"))
			if file != root && (nested == nil || name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		relative, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(relative))
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, "_test.go") {
			breaches = append(breaches, testBreaches(pkg, relative, parsed)...)
			return nil
		}
		if !slices.Contains(packages, pkg) {
			packages = append(packages, pkg)
		}
		breaches = append(breaches, fileBreaches(pkg, relative, parsed)...)
		return nil
	})
	return breaches, packages, err
}

// testBreaches holds that no test but those of the command line and main leans on it.
func testBreaches(pkg, file string, parsed *ast.File) (breaches []string) {
	for _, spec := range parsed.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if strings.HasPrefix(imported+"/", module+"/cli/") && pkg != "." && !strings.HasPrefix(pkg+"/", "cli/") {
			breaches = append(breaches, fmt.Sprintf("%s: a test of %s imports %s", file, pkg, imported))
		}
	}
	return breaches
}

// driverOf gives the only package, with those below it, that may import a database's driver; empty for what is none.
func driverOf(imported string) string {
	switch {
	case strings.HasPrefix(imported, "github.com/jackc/"):
		return "store/postgres"
	case strings.HasPrefix(imported, "modernc.org/"):
		return "store/sqlite"
	}
	return ""
}

func fileBreaches(pkg, file string, parsed *ast.File) (breaches []string) {
	report := func(format string, arguments ...any) {
		breaches = append(breaches, file+": "+fmt.Sprintf(format, arguments...))
	}
	down, ruled := rule(direction(), pkg)
	if !ruled {
		report("package %s has no rule: say in direction what it may import", pkg)
	}
	outside, isPure := rule(pure(), pkg)
	isPure = isPure && outside != nil
	watched := map[string][]string{}
	for _, spec := range parsed.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if own, inModule := strings.CutPrefix(imported+"/", module+"/"); inModule {
			own = strings.TrimSuffix(own, "/")
			if own == "" {
				own = "."
			}
			if ruled && !allows(down, own) {
				report("%s must not import %s", pkg, imported)
			}
			continue
		}
		if owner := driverOf(imported); owner != "" && pkg != owner && !strings.HasPrefix(pkg, owner+"/") {
			report("only %s may import %s", owner, imported)
		}
		if !isPure {
			continue
		}
		if !allows(outside, imported) {
			report("%s is pure and must not import %s", pkg, imported)
		}
		if functions, partly := impure()[imported]; partly {
			name := path.Base(imported)
			if spec.Name != nil {
				name = spec.Name.Name
			}
			if name == "." {
				report("%s is pure and must not import %s into its own names", pkg, imported)
			}
			watched[name] = functions
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); ok && slices.Contains(watched[x.Name], selector.Sel.Name) {
			report("%s is pure and must not use %s.%s", pkg, x.Name, selector.Sel.Name)
		}
		return true
	})
	return breaches
}

// TestImportsOnlyGoDown holds the direction of imports between the packages and the purity of those that decide.
func TestImportsOnlyGoDown(t *testing.T) {
	breaches, packages, err := violations(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, breach := range breaches {
		t.Error(breach)
	}
	for _, expected := range []string{".", "routes", "routes/load", "routes/inspect", "routes/params", "routes/reload", "policy",
		"token",
		"cache", "config", "audit", "forge",
		"forge/gitlab", "forge/gitea", "forge/facts", "forge/rest", "forge/oauth", "store", "store/postgres", "store/sqlite",
		"store/seal", "store/tables", "store/transfer", "proxy", "proxy/header",
		"admin", "cli"} {
		if !slices.Contains(packages, expected) {
			t.Errorf("package %s was not seen: %v", expected, packages)
		}
	}
}

// TestImportViolationsAreSeen plants one violation at a time in a tree that has none.
func TestImportViolationsAreSeen(t *testing.T) {
	clean := map[string]string{
		"main.go":                "package main\n\nimport _ \"patgate/cli\"\n",
		"cli/serve.go":           "package cli\n\nimport (\n\t_ \"os\"\n\t_ \"patgate/cli/gateway\"\n)\n",
		"cli/gateway/gateway.go": "package gateway\n\nimport (\n\t_ \"os\"\n\t_ \"patgate/proxy\"\n\t_ \"patgate/store\"\n)\n",
		"cli/serve_test.go":      "package cli_test\n\nimport _ \"patgate/cli\"\n",
		"proxy/header/block.go":  "package header\n\nimport (\n\t_ \"bytes\"\n\n\t_ \"patgate/routes/memo\"\n\t_ \"patgate/token\"\n)\n",
		"proxy/handler.go":       "package proxy\n\nimport (\n\t_ \"net/http\"\n\t_ \"patgate/forge\"\n\t_ \"patgate/routes/params\"\n)\n",
		"forge/forge.go":         "package forge\n\nimport _ \"patgate/policy\"\n",
		"store/sqlite/sqlite.go": "package sqlite\n\nimport _ \"patgate/store\"\n",
		"store/store.go":         "package store\n\nimport _ \"patgate/token\"\n",
		"token/token.go":         "package token\n\nimport (\n\t\"time\"\n\n\t_ \"patgate/policy\"\n)\n\nvar _ time.Time\n",
		"policy/policy.go":       "package policy\n\nimport (\n\t_ \"slices\"\n\n\t_ \"patgate/routes\"\n)\n",
		"routes/routes.go":       "package routes\n\nimport _ \"embed\"\n",
		"routes/load/load.go":    "package load\n\nimport (\n\t_ \"gopkg.in/yaml.v3\"\n\t_ \"patgate/routes\"\n)\n",
		"routes/params/body.go":  "package params\n\nimport (\n\t_ \"github.com/go-json-experiment/json/jsontext\"\n\t_ \"patgate/routes\"\n)\n",
		"routes/reload/watch.go": "package reload\n\nimport (\n\t_ \"os\"\n\t_ \"time\"\n\n\t_ \"patgate/routes\"\n)\n",
		"policy/policy_test.go":  "package policy\n\nimport (\n\t_ \"net/http\"\n\t_ \"patgate/store\"\n)\n",
		"routes/testdata/x.go":   "package x\n\nimport _ \"patgate/cli\"\n",
	}
	t.Run("a clean tree", func(t *testing.T) {
		breaches, packages, err := violations(plant(t, clean, "", ""))
		if err != nil || len(breaches) != 0 || len(packages) != 14 {
			t.Errorf("breaches %v in packages %v (%v)", breaches, packages, err)
		}
	})
	cases := []struct {
		name, file, source, want string
	}{
		{"policy above store", "policy/up.go", "package policy\n\nimport _ \"patgate/store\"\n",
			"policy must not import patgate/store"},
		{"routes above policy", "routes/up.go",
			"package routes\n\nimport p \"patgate/policy\"\n\nvar _ p.Access\n", "routes must not import patgate/policy"},
		{"patterns above the rows that have them", "routes/pattern/up.go",
			"package pattern\n\nimport _ \"patgate/routes\"\n", "routes/pattern must not import patgate/routes"},
		{"the table above its loader", "routes/up.go",
			"package routes\n\nimport _ \"patgate/routes/load\"\n", "routes must not import patgate/routes/load"},
		{"the loader above what looks into tables", "routes/load/up.go",
			"package load\n\nimport _ \"patgate/routes/inspect\"\n", "routes/load must not import patgate/routes/inspect"},
		{"a document above its loader", "routes/load/document/up.go",
			"package document\n\nimport _ \"patgate/routes/load\"\n", "routes/load/document must not import patgate/routes/load"},
		{"names above parameters", "routes/params/names/up.go",
			"package names\n\nimport _ \"patgate/routes/params\"\n", "routes/params/names must not import patgate/routes/params"},
		{"parts of a body above parameters", "routes/params/multipart/up.go",
			"package multipart\n\nimport _ \"patgate/routes/params\"\n", "routes/params/multipart must not import patgate/routes/params"},
		{"YAML in the table", "routes/up.go",
			"package routes\n\nimport _ \"gopkg.in/yaml.v3\"\n", "routes is pure and must not import gopkg.in/yaml.v3"},
		{"routes/params beside routes/reload", "routes/params/up.go",
			"package params\n\nimport _ \"patgate/routes/reload\"\n", "routes/params must not import"},
		{"proxy above store", "proxy/up.go", "package proxy\n\nimport _ \"patgate/store\"\n", "proxy must not import patgate/store"},
		{"proxy above config", "proxy/up.go", "package proxy\n\nimport _ \"patgate/config\"\n", "proxy must not import patgate/config"},
		{"proxy above one forge", "proxy/up.go",
			"package proxy\n\nimport _ \"patgate/forge/gitlab\"\n", "proxy must not import patgate/forge/gitlab"},
		{"the header block above the handler", "proxy/header/up.go",
			"package header\n\nimport _ \"patgate/proxy\"\n", "proxy/header must not import patgate/proxy"},
		{"the header block above policy", "proxy/header/up.go",
			"package header\n\nimport _ \"patgate/policy\"\n", "proxy/header must not import patgate/policy"},
		{"an HTTP library in the header block", "proxy/header/up.go",
			"package header\n\nimport _ \"github.com/valyala/fasthttp\"\n", "proxy/header is pure and must not import"},
		{"bytes on the wire above decisions", "proxy/wire/up.go",
			"package wire\n\nimport _ \"patgate/policy\"\n", "proxy/wire must not import patgate/policy"},
		{"a surface above the gateway", "proxy/surface/git/up.go",
			"package git\n\nimport _ \"patgate/proxy\"\n", "proxy/surface/git must not import patgate/proxy"},
		{"a surface beside another", "proxy/surface/git/up.go",
			"package git\n\nimport _ \"patgate/proxy/surface/api\"\n", "proxy/surface/git must not import patgate/proxy/surface/api"},
		{"what surfaces share above one of them", "proxy/surface/up.go",
			"package surface\n\nimport _ \"patgate/proxy/surface/api\"\n", "proxy/surface must not import patgate/proxy/surface/api"},
		{"answers above surfaces", "proxy/reply/up.go",
			"package reply\n\nimport _ \"patgate/proxy/surface\"\n", "proxy/reply must not import patgate/proxy/surface"},
		{"the reader of requests above the gateway", "proxy/reading/up.go",
			"package reading\n\nimport _ \"patgate/proxy\"\n", "proxy/reading must not import patgate/proxy"},
		{"what passes without a token above what is patgate's own", "proxy/legacy/up.go",
			"package legacy\n\nimport _ \"patgate/proxy/local\"\n", "proxy/legacy must not import patgate/proxy/local"},
		{"what a token shall be above the service", "admin/terms/up.go",
			"package terms\n\nimport _ \"patgate/admin/tokens\"\n", "admin/terms must not import patgate/admin/tokens"},
		{"the catalogue above the service", "admin/catalogue/up.go",
			"package catalogue\n\nimport _ \"patgate/admin/tokens\"\n", "admin/catalogue must not import patgate/admin/tokens"},
		{"a form above the console", "admin/console/draft/up.go",
			"package draft\n\nimport _ \"patgate/admin/console\"\n", "admin/console/draft must not import patgate/admin/console"},
		{"the picker above the form", "admin/console/picker/up.go",
			"package picker\n\nimport _ \"patgate/admin/console/draft\"\n",
			"admin/console/picker must not import patgate/admin/console/draft"},
		{"loops above the gateway", "proxy/fast/up.go",
			"package fast\n\nimport _ \"patgate/proxy\"\n", "proxy/fast must not import patgate/proxy"},
		{"cli imported", "proxy/up.go", "package proxy\n\nimport _ \"patgate/cli\"\n", "proxy must not import patgate/cli"},
		{"cli imported by a test", "proxy/up_test.go", "package proxy\n\nimport _ \"patgate/cli\"\n",
			"a test of proxy imports patgate/cli"},
		{"the gateway above the command line", "cli/gateway/up.go",
			"package gateway\n\nimport _ \"patgate/cli\"\n", "cli/gateway must not import patgate/cli"},
		{"what commands share above one of them", "cli/desk/up.go",
			"package desk\n\nimport _ \"patgate/cli/tokencmd\"\n", "cli/desk must not import patgate/cli/tokencmd"},
		{"a part of the command line imported by a test", "proxy/up_test.go", "package proxy\n\nimport _ \"patgate/cli/desk\"\n",
			"a test of proxy imports patgate/cli/desk"},
		{"main importing more than cli", "more.go", "package main\n\nimport _ \"patgate/store\"\n", ". must not import patgate/store"},
		{"a stand-in forge in the gateway's binary", "cli/demo.go",
			"package cli\n\nimport _ \"patgate/forge/forgetest\"\n", "cli must not import patgate/forge/forgetest"},
		{"PostgreSQL's driver beside its store", "store/tables/pgx.go", "package tables\n\nimport _ \"github.com/jackc/pgx/v5/pgconn\"\n",
			"only store/postgres may import github.com/jackc/pgx/v5/pgconn"},
		{"SQLite's driver beside its store", "cli/sqlite.go", "package cli\n\nimport _ \"modernc.org/sqlite\"\n",
			"only store/sqlite may import modernc.org/sqlite"},
		{"an unknown package", "util/util.go", "package util\n", "package util has no rule"},
		{"an unknown package below another", "policy/util/util.go", "package util\n", "package policy/util has no rule"},
		{"a file for another system", "policy/up_windows.go", "//go:build windows\n\npackage policy\n\nimport _ \"patgate/store\"\n",
			"policy must not import"},
		{"the environment in policy", "policy/env.go", "package policy\n\nimport _ \"os\"\n", "policy is pure and must not import os"},
		{"HTTP in routes", "routes/web.go", "package routes\n\nimport _ \"net/http\"\n", "routes is pure and must not import net/http"},
		{"a logger in token", "token/log.go", "package token\n\nimport _ \"log/slog\"\n", "token is pure and must not import log/slog"},
		{"chance in token", "token/rand.go", "package token\n\nimport _ \"crypto/rand\"\n",
			"token is pure and must not import crypto/rand"},
		{"YAML in policy", "policy/yaml.go",
			"package policy\n\nimport _ \"gopkg.in/yaml.v3\"\n", "policy is pure and must not import gopkg.in/yaml.v3"},
		{"the clock's package in policy", "policy/clock.go", "package policy\n\nimport _ \"time\"\n",
			"policy is pure and must not import time"},
		{"the clock in token", "token/clock.go",
			"package token\n\nimport \"time\"\n\nvar _ = time.Now\n", "token is pure and must not use time.Now"},
		{"the clock by another name", "token/clock.go",
			"package token\n\nimport c \"time\"\n\nvar _ = c.Since\n", "token is pure and must not use c.Since"},
		{"the clock without a name", "token/clock.go",
			"package token\n\nimport . \"time\"\n\nvar _ = Now\n", "must not import time into its own names"},
		{"printing in policy", "policy/print.go",
			"package policy\n\nimport \"fmt\"\n\nfunc f() { fmt.Println() }\n", "policy is pure and must not use fmt.Println"},
		{"a classifier beside routes", "routes/git/clock.go",
			"package git\n\nimport _ \"time\"\n", "routes/git is pure and must not import time"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			breaches, _, err := violations(plant(t, clean, c.file, c.source))
			if err != nil {
				t.Fatal(err)
			}
			if len(breaches) != 1 || !strings.Contains(breaches[0], c.want) || !strings.HasPrefix(breaches[0], c.file+":") {
				t.Errorf("breaches are %q, want one with %q", breaches, c.want)
			}
		})
	}
	t.Run("a file that cannot be read", func(t *testing.T) {
		if _, _, err := violations(plant(t, clean, "policy/broken.go", "package")); err == nil {
			t.Error("no error")
		}
	})
	t.Run("a folder that is not there", func(t *testing.T) {
		if _, _, err := violations(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("error is %v", err)
		}
	})
}

// plant writes a tree of files and one more, and gives its folder.
func plant(t *testing.T, files map[string]string, more, source string) string {
	t.Helper()
	root := t.TempDir()
	write := func(name, source string) {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, source := range files {
		write(name, source)
	}
	if more != "" {
		write(more, source)
	}
	return root
}
