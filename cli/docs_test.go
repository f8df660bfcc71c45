package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// codeSpan is what stands between two backticks, and may go over a line's end.
var codeSpan = regexp.MustCompile("`(patgate [a-z][^`]*)`")

// TestTheCommandsThatPagesNameExist holds the commands and flags that stand within the text of README.md, docs and the examples of
// help to those that there are. Blocks to paste are run by TestDocumentedLines.
func TestTheCommandsThatPagesNameExist(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	guides, err := filepath.Glob("../docs/howto/*.md")
	if err != nil || len(guides) < 10 {
		t.Fatalf("%d pages, %v", len(guides), err)
	}
	named := 0
	for _, page := range append(append(pages, guides...), "../README.md", "../CHANGELOG.md", "../SECURITY.md", "../deploy/README.md") {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range codeSpan.FindAllStringSubmatch(string(data), -1) {
			named++
			isCommand(t, filepath.Base(page), m[1])
		}
	}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Example) {
			if _, line, found := strings.Cut(strings.TrimSpace(line), "patgate "); found {
				named++
				isCommand(t, cmd.CommandPath()+" --help", "patgate "+line)
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(New())
	if named < 60 {
		t.Errorf("it reads only %d", named)
	}
}

// isCommand finds the command that a text names, and its flags. Several of a kind may stand in it (a | b), or another program behind.
func isCommand(t *testing.T, where, text string) {
	t.Helper()
	cmd := New()
	cmd.InitDefaultCompletionCmd()
	words := strings.Fields(text)[1:]
	for len(words) > 0 && cmd.HasSubCommands() && !strings.HasPrefix(words[0], "-") && words[0] != "..." {
		next, _, err := cmd.Find(words[:1])
		if err != nil || next == cmd {
			t.Errorf("%s: %q: there is no command %q", where, text, words[0])
			return
		}
		words = words[1:]
		if len(words) > 1 && words[0] == "|" {
			if other, _, err := cmd.Find(words[1:2]); err != nil || other == cmd {
				return // it is another program
			}
			words = words[1:]
			continue
		}
		cmd = next
	}
	for _, word := range words {
		name, _, _ := strings.Cut(strings.Trim(word, "[()].,"), "=")
		if long, is := strings.CutPrefix(name, "--"); is && long != "" && long != "help" && lookup(cmd, long) == nil {
			t.Errorf("%s: %q: %s has no --%s", where, text, cmd.CommandPath(), long)
		}
	}
}

// lookup finds a flag of a command, or of one below it.
func lookup(cmd *cobra.Command, long string) *pflag.Flag {
	found := cmd.Flags().Lookup(long)
	for _, sub := range cmd.Commands() {
		if found == nil {
			found = lookup(sub, long)
		}
	}
	return found
}
