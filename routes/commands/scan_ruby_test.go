package commands_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/commands"
	"patgate/routes/load"
)

// TestScanFindsWhatRubyFinds compares the scan with Ruby, whose expressions know more spellings of a letter than one would
// think, on texts that are put together from all that a reader may trip over.
func TestScanFindsWhatRubyFinds(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	texts := spelledTexts(table, 20_000)
	found := 0
	for i, names := range commandsByRuby(t, table, texts) {
		seen := scannedFor(table.Commands(), texts[i])
		for _, name := range names {
			if found++; !slices.Contains(seen, table.Commands().Find(name)) {
				t.Errorf("Ruby finds /%s in %q, and the scan does not", name, texts[i])
			}
		}
	}
	if found < 5_000 {
		t.Errorf("only %d commands were in the texts", found)
	}
}

// TestAMissedCommandIsNoticed plants a scan that knows one name less.
func TestAMissedCommandIsNoticed(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	var list []*routes.Command
	for _, c := range table.Commands().All() {
		if c.Name != "unlock" {
			list = append(list, c)
		}
	}
	fewer := newCommands(list)
	texts := []string{"x\n/UNLOC\u212a\n", "/unlock now"}
	missed := 0
	for i, names := range commandsByRuby(t, table, texts) {
		if slices.Equal(names, []string{"unlock"}) && !slices.Contains(scannedFor(fewer, texts[i]), table.Commands().Find("unlock")) {
			missed++
		}
	}
	if missed != len(texts) {
		t.Errorf("noticed %d of %d", missed, len(texts))
	}
}

// scannedFor gives the commands that the scan finds in a text, of whatever kind it is.
func scannedFor(known *routes.Commands, text string) (seen []*routes.Command) {
	for kind := routes.CommandsWorkItem; kind <= routes.CommandsCommit; kind++ {
		f := routes.TextField{Kind: kind, Commands: known}
		for s := commands.Read(&f, []byte(text)); ; {
			_, _, command := s.Next()
			if command == nil {
				break
			}
			seen = append(seen, command)
		}
	}
	return seen
}

// commandsByRuby runs testdata/commands.rb over texts.
func commandsByRuby(t *testing.T, table *routes.Table, texts []string) (found [][]string) {
	t.Helper()
	ruby, err := exec.LookPath("ruby")
	switch {
	case err != nil && os.Getenv("PATGATE_E2E_REQUIRED") == "1":
		t.Fatal("ruby is not here: apt-get install ruby")
	case err != nil:
		t.Skip("ruby is not here: apt-get install ruby")
	}
	var names []string
	for _, c := range table.Commands().All() {
		if !c.Harmless {
			names = append(append(names, c.Name), c.Aliases...)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	var input bytes.Buffer
	encoder := json.NewEncoder(&input)
	_ = encoder.Encode(names)
	for _, text := range texts {
		_ = encoder.Encode(text)
	}
	cmd := exec.Command(ruby, "-Ku", "testdata/commands.rb")
	cmd.Stdin = &input
	cmd.Env = append(os.Environ(), "LANG=C.UTF-8")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	for lines := bufio.NewScanner(bytes.NewReader(output)); lines.Scan(); {
		var names []string
		if err := json.Unmarshal(lines.Bytes(), &names); err != nil {
			t.Fatal(err)
		}
		found = append(found, names)
	}
	if len(found) != len(texts) {
		t.Fatalf("%d answers for %d texts: %s", len(found), len(texts), stderr.String())
	}
	return found
}

// spelledTexts puts texts together, the same ones every time.
func spelledTexts(table *routes.Table, n int) []string {
	random := rand.New(rand.NewPCG(19, 3))
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	var names []string
	for _, c := range table.Commands().All() {
		names = append(append(names, c.Name), c.Aliases...)
	}
	slices.Sort(names)
	before := []string{"", "", "", "\n", "\r", "\r\n", "x\n", " ", "\t", "\v", "\f", "\u00a0", "\ufeff", "\u200b", "\u2028", "\u0085",
		"```\n", "<div>\n", "<!--\n", "> ", "- ", "`", "~~~\n", "    ", "x ", "---\n"}
	behind := []string{"", "", " x", " ", "\n", "\t", "\t\n", "\v\n", "\f", "\r", "\r\n", "\u00a0", "\u2028", "x", "_x", "/", ".", "\n```", "\n-->", "`", "  \n\n"}
	other := map[byte][]string{'k': {"K", "\u212a"}, 's': {"S", "\u017f"}}
	var texts []string
	for range n {
		var b strings.Builder
		for range 1 + random.IntN(3) {
			b.WriteString(pick(before) + "/")
			for _, letter := range []byte(pick(names)) {
				switch spelled := other[letter]; random.IntN(12) {
				case 0:
					b.WriteString(strings.ToUpper(string(letter)))
				case 1:
					b.WriteString("\r" + string(letter))
				case 2:
					if spelled != nil {
						b.WriteString(pick(spelled))
						continue
					}
					fallthrough
				default:
					b.WriteByte(letter)
				}
			}
			b.WriteString(pick(behind))
		}
		text := b.String()
		switch random.IntN(8) { // letters that Ruby takes for two
		case 0:
			text = strings.Replace(text, "ss", "\u00df", 1)
		case 1:
			text = strings.Replace(text, "st", "\ufb06", 1)
		}
		texts = append(texts, text)
	}
	return texts
}
