package commands_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"patgate/routes"
	"patgate/routes/commands"
)

// newCommands makes the commands of a list without names that appear twice.
func newCommands(list []*routes.Command) *routes.Commands {
	return routes.NewCommands(list, func(c *routes.Command, name string, _ *routes.Command) {
		panic("the name " + name + " of " + c.Name + " appears twice")
	})
}

// testCommands are commands of every form.
func testCommands() *routes.Commands {
	var list []*routes.Command
	add := func(name string, kinds []routes.CommandKind, aliases ...string) {
		command := &routes.Command{Name: name, Aliases: aliases, Harmless: kinds == nil}
		for _, k := range kinds {
			command.SetNeeds(k, []routes.Permission{1})
		}
		list = append(list, command)
	}
	both := []routes.CommandKind{routes.CommandsWorkItem, routes.CommandsMergeRequest}
	add("close", both)
	add("label", both, "labels")
	add("unlock", both)
	add("assign", both)
	add("merge", []routes.CommandKind{routes.CommandsMergeRequest})
	add("q", both)
	add("promote", both)
	add("promote_to", both)
	add("shrug", nil)
	return newCommands(list)
}

// scanAll gives what stands in a text as "line name", with the commands' canonical names.
func scanAll(kind routes.CommandKind, text string) (found []string) {
	f := routes.TextField{Param: "body", Kind: kind, Commands: testCommands()}
	s := commands.Read(&f, []byte(text))
	for {
		_, line, command := s.Next()
		if command == nil {
			return found
		}
		found = append(found, fmt.Sprint(line, " ", command.Name))
	}
}

func TestCommandsAreFound(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"alone", "/close", "1 close"},
		{"with an argument", "/label ~bug", "1 label"},
		{"by an alias", "/labels ~bug", "1 label"},
		{"of one letter", "/q dev", "1 q"},
		{"on a later line", "a\nb\n/close\nc", "3 close"},
		{"after a blank line", "a\n\n/close", "3 close"},
		{"with CR LF", "a\r\n/close\r\nb", "2 close"},
		{"with lone carriage returns", "a\r/close\rb", "2 close"},
		{"two", "/close\n/label x\n", "1 close, 2 label"},
		{"the same twice", "/close\n/close", "1 close, 2 close"},
		{"in capitals", "/CLOSE", "1 close"},
		{"in mixed letters", "/cLoSe now", "1 close"},
		{"with the Kelvin sign", "/unloc\u212a", "1 unlock"},
		{"with a long s", "/clo\u017fe", "1 close"},
		{"with a carriage return inside", "/cl\rose", "1 close"},
		{"with a carriage return after the slash", "/\rclose", "1 close"},
		{"with carriage returns everywhere", "\r/\rc\rl\ro\rs\re\r\n", "2 close"},
		{"with a longer name behind a carriage return", "/promote\r_to", "1 promote_to"},
		{"with no name behind a carriage return", "/promote\rx", "1 promote"},
		{"with a mark behind a carriage return", "/promote\r.", "1 promote"},
		{"with much behind a carriage return", "/promote\r" + strings.Repeat("x", 100), "1 promote"},
		{"with blanks before it", "  \t/close", "1 close"},
		{"with four blanks before it, which makes code", "    /close", "1 close"},
		{"with a no-break space before it", "\u00a0/close", "1 close"},
		{"with a byte order mark before it", "\ufeff/close", "1 close"},
		{"with a zero width space before it", "\u200b/close", "1 close"},
		{"with a tab behind it", "/close\t", "1 close"},
		{"with a tab and an argument", "/close\tx", "1 close"},
		{"with a form feed behind it", "/close\f\n", "1 close"},
		{"with a vertical tab behind it", "/close\v\n", "1 close"},
		{"with a no-break space behind it", "/close\u00a0", "1 close"},
		{"after a vertical tab", "a\v/close", "1 close"},
		{"after a form feed", "a\f/close", "1 close"},
		{"after a next line character", "a\u0085/close", "1 close"},
		{"after a line separator", "a\u2028/close", "1 close"},
		{"after a paragraph separator", "a\u2029/close", "1 close"},
		{"before a line separator", "/close\u2028x", "1 close"},
		{"in a code block", "```\n/close\n```", "2 close"},
		{"in HTML", "<div>\n/close\n</div>", "2 close"},
		{"in a comment", "<!--\n/close\n-->", "2 close"},
		{"after one that is none", "/usr/bin\n/close", "2 close"},
		{"after a harmless one", "/shrug\n/close", "2 close"},
		{"after invalid UTF-8", "\xff\n/close", "2 close"},
		{"after a slash on its line's end", "a/\n/close", "2 close"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.Join(scanAll(routes.CommandsWorkItem, c.text), ", "); got != c.want {
				t.Errorf("%q holds %q, want %q", c.text, got, c.want)
			}
		})
	}
}

func TestWhatIsNoCommandIsNotFound(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"nothing", ""},
		{"a slash", "/"},
		{"slashes", "//close"},
		{"a path", "/close/file\n/usr/bin/close\n/label.txt"},
		{"an unknown name", "/closes\n/clos\n/reclose"},
		{"a longer name", "/close_all\n/close1\n/close-all"},
		{"a name of any length", "/" + strings.Repeat("close", 1000)},
		{"in the middle of a line", "see /close\nx /label y"},
		{"in a list", "- /close\n* /close\n1. /close"},
		{"in a quote", "> /close"},
		{"in backquotes", "`/close`"},
		{"with a full stop", "/close.\n/close, /label!"},
		{"with a colon", "/label:bug"},
		{"a harmless one", "/shrug\n/SHRUG x"},
		{"one that is not carried out in such a text", "/merge"},
		{"with other letters that look alike", "/\u0441lose\n/\uff43lose"},
		{"with a wide slash", "\uff0fclose"},
		{"with a backslash", "\\close"},
		{"invalid UTF-8 inside", "/clo\xffse"},
		{"letters without a slash", "close\nlabel"},
		{"a URL", "https://example.com/close\n//example.com/close"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := scanAll(routes.CommandsWorkItem, c.text); len(got) > 0 {
				t.Errorf("%q holds %v", c.text, got)
			}
		})
	}
}

func TestCommandsDependOnTheText(t *testing.T) {
	if got := scanAll(routes.CommandsMergeRequest, "/merge\n/close"); len(got) != 2 {
		t.Errorf("a merge request's text holds %v", got)
	}
	if got := scanAll(routes.CommandsCommit, "/merge\n/close"); len(got) != 0 {
		t.Errorf("a commit's text holds %v", got)
	}
	if got := scanAll(routes.CommandKind(9), "/close"); len(got) != 0 {
		t.Errorf("a text of no kind holds %v", got)
	}
}

func TestScanningAllocatesNothing(t *testing.T) {
	f := routes.TextField{Kind: routes.CommandsMergeRequest, Commands: testCommands()}
	for name, text := range map[string][]byte{
		"clean":   []byte(strings.Repeat("Some words, a path /usr/bin and\n/etc/hosts a URL https://example.com/a/b.\n", 50)),
		"command": []byte("Some words.\n/close\n/MERGE now\n/unloc\u212a"),
	} {
		t.Run(name, func(t *testing.T) {
			n := testing.AllocsPerRun(100, func() {
				s := commands.Read(&f, text)
				for {
					if _, _, command := s.Next(); command == nil {
						return
					}
				}
			})
			if n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// readNaively finds what GitLab would look at, from its rules in words: carriage returns are removed; a command stands in
// the first column, without regard to case, and a blank or nothing but white space follows.
func readNaively(commands *routes.Commands, text string) (names []string) {
	byName := map[string]*routes.Command{}
	for _, c := range commands.All() {
		for _, name := range append([]string{c.Name}, c.Aliases...) {
			byName[name] = c
		}
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r", ""), "\n") {
		rest, slash := strings.CutPrefix(line, "/")
		if !slash {
			continue
		}
		for name, command := range byName {
			end := 0
			for range len(name) {
				_, size := utf8.DecodeRuneInString(rest[end:])
				end += size
			}
			behind := rest[end:]
			if strings.EqualFold(rest[:end], name) && !command.Harmless &&
				(strings.HasPrefix(behind, " ") || strings.Trim(behind, "\t\v\f ") == "") {
				names = append(names, command.Name)
			}
		}
	}
	return names
}

// FuzzCommandScan compares the scan with that: nothing that GitLab would look at is missed, and whatever is found stands
// in the text.
func FuzzCommandScan(f *testing.F) {
	for _, text := range []string{
		"/close", "a\r\n/close\r\n", "/cl\rose", "/unloc\u212a\n", "/close\t\n/label x", " \u2028/close", "```\n/close\n```",
		"/label ~a\n\n\n/q", "/promote\r_to", "/usr/bin/close", "/\r\r", "/close\v", "\xff/close",
	} {
		f.Add(text)
	}
	field := routes.TextField{Kind: routes.CommandsMergeRequest, Commands: testCommands()}
	fold := strings.NewReplacer("\r", "", "\u212a", "k", "\u017f", "s")
	f.Fuzz(func(t *testing.T, text string) {
		found := map[string]bool{}
		lower := strings.ToLower(fold.Replace(text))
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1
		before := 0
		for s := commands.Read(&field, []byte(text)); ; {
			name, line, command := s.Next()
			if command == nil {
				break
			}
			found[command.Name] = true
			if !strings.Contains(lower, "/"+name) {
				t.Fatalf("%q is not in %q", name, text)
			}
			if line < before || line < 1 || line > lines {
				t.Fatalf("line %d of %q after line %d", line, text, before)
			}
			before = line
		}
		for _, name := range readNaively(field.Commands, text) {
			if !found[name] {
				t.Fatalf("%s was not found in %q", name, text)
			}
		}
	})
}

func BenchmarkScanCleanText(b *testing.B) {
	text := []byte(strings.Repeat("Some words, a path /usr/bin and\n/etc/hosts a URL https://example.com/a/b.\n", 100))
	f := routes.TextField{Kind: routes.CommandsMergeRequest, Commands: testCommands()}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s := commands.Read(&f, text)
		if _, _, command := s.Next(); command != nil {
			b.Fatal("found a command")
		}
	}
}
