package surfaces_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// folders are those below proxy/surface, in the order of the page's cells, each with its name there.
var folders = [][2]string{{"api", "API"}, {"git", "git"}, {"registry", "registry"}, {"depproxy", "dependency proxy"}, {"web", "web"},
	{"graphql", "GraphQL"}, {"unsupported", "websockets"}}

// TestThePageSaysWhatSurfacesDo holds the table of the interfaces that a surface or a visit may have besides, in
// docs/architecture.md, to the types.
func TestThePageSaysWhatSurfacesDo(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile(`(?s)\n\| interface \|[^\n]*\n\| ---[^\n]*\n(.*?)\n\n`).FindSubmatch(page)
	if section == nil {
		t.Fatal("docs/architecture.md has no table of interfaces")
	}
	told := map[string]string{}
	bracket := regexp.MustCompile(` \([^)]*\)`)
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|[^|]*\\| ([^|]*) \\|$").FindAllStringSubmatch(string(section[1]), -1) {
		told[m[1]] = bracket.ReplaceAllString(m[2], "")
	}
	found := optional(t)
	if len(found["Judge"]) < 3 || len(found) < 11 {
		t.Fatalf("found only %v", found)
	}
	for name, has := range found {
		if want := strings.Join(has, ", "); told[name] != want {
			t.Errorf("docs/architecture.md says that `%s` is in %q, and it is in %q", name, told[name], want)
		}
	}
	for name := range told {
		if _, is := found[name]; !is {
			t.Errorf("docs/architecture.md has a row for `%s`, which is no such interface", name)
		}
	}
	inDrawing := regexp.MustCompile(`(?m)^   surface/\.\.\. +(.*)$`).FindSubmatch(page)
	var all []string
	for _, f := range folders {
		all = append(all, f[0])
	}
	slices.Sort(all)
	if inDrawing == nil {
		t.Fatal("docs/architecture.md has no drawing of the wings")
	}
	if drawn := slices.Sorted(slices.Values(strings.Fields(string(inDrawing[1])))); !slices.Equal(drawn, all) {
		t.Errorf("the drawing of the wings has the surfaces %v, and there are %v", drawn, all)
	}
}

// optional gives, for each interface of surface.go but Surface and Visit, which surfaces have it: themselves or one of their visits.
func optional(t *testing.T) map[string][]string {
	t.Helper()
	files := token.NewFileSet()
	from := importer.ForCompiler(files, "gc", exportData(t))
	base, err := from.Import("patgate/proxy/surface")
	if err != nil {
		t.Fatal(err)
	}
	interfaces := interfacesOf(t, base, "../surface/surface.go")
	surface, visit := interfaces["Surface"], interfaces["Visit"]
	if surface == nil || visit == nil {
		t.Fatal("surface.go has no Surface or no Visit")
	}
	delete(interfaces, "Surface")
	delete(interfaces, "Visit")
	found := map[string][]string{}
	for name := range interfaces {
		found[name] = nil
	}
	there, err := os.ReadDir("../surface")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range there {
		known := slices.ContainsFunc(folders, func(f [2]string) bool { return f[0] == entry.Name() })
		if entry.IsDir() && entry.Name() != "testdata" && !known {
			t.Errorf("the surface %s has no name here", entry.Name())
		}
	}
	for _, folder := range folders {
		scope := check(t, files, from, folder[0]).Scope()
		several := 0
		has := map[string]bool{}
		for _, name := range scope.Names() {
			declared, is := scope.Lookup(name).(*types.TypeName)
			if !is || types.IsInterface(declared.Type()) {
				continue
			}
			pointer := types.NewPointer(declared.Type())
			if !types.Implements(pointer, surface) && !types.Implements(pointer, visit) {
				continue
			}
			several++
			for name, i := range interfaces {
				has[name] = has[name] || types.Implements(pointer, i)
			}
		}
		if several == 0 {
			t.Errorf("%s has no surface", folder[0])
		}
		for name := range maps.Keys(has) {
			if has[name] {
				found[name] = append(found[name], folder[1])
			}
		}
	}
	return found
}

// interfacesOf gives the interfaces that a file declares.
func interfacesOf(t *testing.T, pkg *types.Package, file string) map[string]*types.Interface {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]*types.Interface{}
	for _, decl := range parsed.Decls {
		group, is := decl.(*ast.GenDecl)
		if !is || group.Tok != token.TYPE {
			continue
		}
		for _, spec := range group.Specs {
			name := spec.(*ast.TypeSpec).Name.Name
			if i, is := pkg.Scope().Lookup(name).Type().Underlying().(*types.Interface); is {
				list[name] = i
			}
		}
	}
	return list
}

// check reads the types of one surface from its source.
func check(t *testing.T, files *token.FileSet, from types.Importer, folder string) *types.Package {
	t.Helper()
	names, err := filepath.Glob("../surface/" + folder + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var parsed []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	pkg, err := (&types.Config{Importer: from}).Check("patgate/proxy/surface/"+folder, files, parsed, nil)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

// exportData opens what the compiler wrote down of the packages that surfaces import.
func exportData(t *testing.T) importer.Lookup {
	t.Helper()
	list := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", "patgate/proxy/surfaces")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	where := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		where[name] = file
	}
	return func(path string) (io.ReadCloser, error) { return os.Open(where[path]) }
}
