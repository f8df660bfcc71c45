package git

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

// gitlabFacts are spellings of push options, and how GitLab 19.3 reads them: its own class was asked. A line is the spelling,
// the name and the value, as JSON; "null" for what it takes no notice of, and an empty value for none. The first lines are the
// names that it knows, and whether each of several values counts.
const gitlabFacts = "testdata/gitlab_push_options.tsv"

var writeFacts = flag.Bool("facts", false, "write "+gitlabFacts+" with PATGATE_GITLAB_PUSH_OPTIONS instead of reading it")

// spellings makes up push options that GitLab might read: known names in ways of writing them that it might take for others,
// values, and single changes of all that.
type spellings struct {
	*rand.Rand
	names []string
}

func newSpellings(t *testing.T, seed uint64) (*spellings, *routes.Table) {
	t.Helper()
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	s := &spellings{Rand: rand.New(rand.NewPCG(seed, 13))}
	for _, o := range table.PushOptions().All() {
		s.names = append(s.names, o.Name)
	}
	return s, table
}

func (s *spellings) one(of ...string) string { return of[s.IntN(len(of))] }

// option makes one up.
func (s *spellings) option() string {
	namespace, key, _ := strings.Cut(s.one(s.names...), ".")
	if namespace == "merge_request" && s.IntN(2) == 0 {
		namespace = "mr"
	}
	blank := func() string {
		if s.IntN(5) > 0 {
			return ""
		}
		return s.one(" ", "  ", "\t", "\u00a0", "\u3000", "\u200b", " \t ")
	}
	value := s.one("", "", "=", "==", "=true", "=false", "=1", "=0", "=yes", "= true ", "=a", "=a=b", "=KEY=some value", "=group/other", "=@alice", "=7",
		"=\u00a0", "=\u3000 ", "= ", "=%{all_commits}", "=/merge", `=text\n/approve\n/merge`, "=a.b=c", "=mr.create", "=ä")
	before, dot := "", "."
	if s.IntN(4) == 0 {
		before = s.one(".", ".", "..", "x.", "=", "x", "-o ", `"`, "mr.", "=.")
	}
	if s.IntN(8) == 0 {
		dot = s.one("..", ". .", ",", "", "[", ":")
	}
	text := before + blank() + namespace + blank() + dot + blank() + key + blank() + value + blank()
	if s.IntN(5) == 0 {
		text = s.changed(text)
	}
	return text
}

// changed changes one place of a text.
func (s *spellings) changed(text string) string {
	all := []rune(text)
	if len(all) == 0 {
		return text
	}
	i := s.IntN(len(all))
	in := []rune(s.one(".", "=", " ", "\t", "m", "M", "_", "-", "%", `\`, "\u00a0", "\u2028", "ſ", "İ"))
	switch s.IntN(4) {
	case 0:
		return string(slices.Delete(all, i, i+1))
	case 1:
		return string(slices.Insert(all, i, in...))
	case 2:
		return string(slices.Replace(all, i, i+1, in...))
	}
	return string(slices.Insert(all, i, all[i]))
}

// fact is one line of the facts.
type fact struct {
	text, name, value string
	read              bool
}

// agree tells how what is read here differs from a fact; empty when it does not.
func (f fact) agree(options *routes.PushOptions) string {
	name, value, ok := namespacedOption(f.text)
	if read := ok && options.Find(name) != nil; read != f.read {
		return fmt.Sprintf("%q: read is %v, GitLab %v", f.text, read, f.read)
	} else if read && (name != f.name || value != f.value) {
		return fmt.Sprintf("%q: read as %q with %q, GitLab %q with %q", f.text, name, value, f.name, f.value)
	}
	return ""
}

// TestOptionsAgreeWithGitLabFacts holds the reading of push options, and the list of those in the table, to what GitLab's own
// class has said.
func TestOptionsAgreeWithGitLabFacts(t *testing.T) {
	if *writeFacts {
		writeGitLabFacts(t)
	}
	_, table := newSpellings(t, 0)
	data, err := os.ReadFile(gitlabFacts)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	read, unread := 0, 0
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if fields[0] == "known" {
			names = append(names, fields[1])
			if o := table.PushOptions().Find(fields[1]); o == nil || o.Refused == "" && (o.Value == routes.OptionList) != (fields[2] == "many") {
				t.Errorf("the option %s is %+v, GitLab knows it with %s", fields[1], o, fields[2])
			}
			continue
		}
		f := fact{read: fields[1] != "null"}
		for i, to := range []*string{&f.text, &f.name, &f.value} {
			if err := json.Unmarshal([]byte(fields[i]), to); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
		if why := f.agree(table.PushOptions()); why != "" {
			t.Error(why)
		}
		if f.read {
			read++
		} else {
			unread++
		}
	}
	for _, o := range table.PushOptions().All() {
		if !slices.Contains(names, o.Name) {
			t.Errorf("GitLab knows no option %s", o.Name)
		}
	}
	if read < 1000 || unread < 1000 || len(names) < 20 {
		t.Errorf("%d spellings that are read, %d that are not, %d names", read, unread, len(names))
	}
}

// gitlabClass is GitLab's own class, in Ruby.
type gitlabClass struct {
	in    io.WriteCloser
	out   *bufio.Reader
	known struct{ Known, Many []string }
}

// startGitLabClass starts it, or skips the test.
func startGitLabClass(t *testing.T) *gitlabClass {
	t.Helper()
	path := os.Getenv("PATGATE_GITLAB_PUSH_OPTIONS")
	if path == "" {
		t.Skip("SKIPPED: needs GitLab's source (fix: PATGATE_GITLAB_PUSH_OPTIONS=/path/to/gitlab/lib/gitlab/push_options.rb)")
	}
	cmd := exec.Command("ruby", "testdata/gitlab_push_options.rb", path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	g := &gitlabClass{in: in, out: bufio.NewReaderSize(out, 1<<20)}
	g.answer(t, &g.known)
	return g
}

func (g *gitlabClass) answer(t *testing.T, to any) {
	t.Helper()
	line, err := g.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, to)
	}
	if err != nil {
		t.Fatalf("GitLab's class answers %q: %v", line, err)
	}
}

// classAnswer is what the class makes of a list.
type classAnswer struct {
	Options map[string]map[string]any
	Error   string
	One     []any
}

func (g *gitlabClass) read(t *testing.T, options []string) (a classAnswer) {
	t.Helper()
	line, err := json.Marshal(options)
	if err == nil {
		_, err = g.in.Write(append(line, '\n'))
	}
	if err != nil {
		t.Fatal(err)
	}
	g.answer(t, &a)
	return a
}

// one asks for a single spelling.
func (g *gitlabClass) one(t *testing.T, text string) fact {
	t.Helper()
	f := fact{text: text}
	if a := g.read(t, []string{text}); a.One != nil {
		f.read, f.name = true, fmt.Sprint(a.One[0], ".", a.One[1])
		f.value, _ = a.One[2].(string) // else true
	}
	return f
}

// writeGitLabFacts asks the class and writes the facts.
func writeGitLabFacts(t *testing.T) {
	g := startGitLabClass(t)
	s, _ := newSpellings(t, 1)
	var b strings.Builder
	for _, name := range g.known.Known {
		many := "one"
		if slices.Contains(g.known.Many, name) {
			many = "many"
		}
		fmt.Fprintf(&b, "known\t%s\t%s\n", name, many)
	}
	seen := map[string]bool{}
	for len(seen) < 4000 {
		text := s.option()
		if seen[text] {
			continue
		}
		seen[text] = true
		f := g.one(t, text)
		spelled := strconv.QuoteToASCII
		if strings.Contains(spelled(text), `\U`) || strings.Contains(spelled(text), `\x`) {
			continue // no JSON
		}
		name, value := "null", "null"
		if f.read {
			name, value = spelled(f.name), spelled(f.value)
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\n", spelled(text), name, value)
	}
	if err := os.WriteFile(gitlabFacts, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestOptionsAgreeWithGitLab reads made-up spellings and lists of them beside GitLab's own class. What is sent of a list must be
// read by it as what was decided on, and mean what the client's own list means.
func TestOptionsAgreeWithGitLab(t *testing.T) {
	g := startGitLabClass(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	s, table := newSpellings(t, seed)
	route := table.SurfaceRow([]byte("POST /{project}.git/git-receive-pack"))
	read, sent := 0, 0
	for range 20_000 {
		f := g.one(t, s.option())
		if why := f.agree(table.PushOptions()); why != "" {
			t.Error(why)
		}
		if f.read {
			read++
		}
	}
	for range 20_000 {
		var texts []string
		for range 1 + s.IntN(4) {
			texts = append(texts, s.option())
		}
		options, err := ReadOptions(table, route, texts)
		if err != nil {
			continue
		}
		sent++
		var again []string
		want := map[string]map[string]any{}
		for i := range options {
			o := &options[i]
			again = append(again, o.String())
			namespace, key, _ := strings.Cut(o.Name, ".")
			if want[namespace] == nil {
				want[namespace] = map[string]any{}
			}
			switch have, isList := want[namespace][key].(map[string]any); {
			case o.PushOption.Value == routes.OptionList && !isList:
				want[namespace][key] = map[string]any{o.Value: 1.0}
			case o.PushOption.Value == routes.OptionList:
				have[o.Value] = 1.0
			case o.Value == "":
				want[namespace][key] = true
			default:
				want[namespace][key] = o.Value
			}
		}
		got := g.read(t, again)
		if fmt.Sprint(got.Options) != fmt.Sprint(want) || got.Error != "" {
			t.Errorf("%q is sent as %q, which GitLab reads as %v (%s), not %v", texts, again, got.Options, got.Error, want)
		}
		// The same without the alias, for which GitLab forgets that each of several values counts.
		for i, text := range texts {
			if name, value, ok := namespacedOption(text); ok {
				texts[i] = name + "=" + value
			}
		}
		if came := g.read(t, texts); fmt.Sprint(meaning(came.Options)) != fmt.Sprint(meaning(got.Options)) {
			t.Errorf("%q means %v, but is sent as %q, which means %v", texts, came.Options, again, got.Options)
		}
	}
	t.Logf("%d spellings read, %d lists sent", read, sent)
	if read < 4000 || sent < 1000 {
		t.Errorf("%d spellings read, %d lists sent", read, sent)
	}
}

// meaning makes one of all ways to say yes and no, and of a value that came several times.
func meaning(options map[string]map[string]any) map[string]map[string]any {
	for _, keys := range options {
		for key, value := range keys {
			switch v := value.(type) {
			case string:
				switch v {
				case "true", "1":
					keys[key] = true
				case "0":
					keys[key] = "false"
				}
			case map[string]any:
				for each := range v {
					v[each] = 1
				}
			}
		}
	}
	return options
}
