package git

import (
	"bytes"
	"crypto/sha1"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// receivePack is git's own server, with a repository whose hook tells what it has read of a push.
type receivePack struct {
	dir, said  string
	base, head string // two commits that are there
}

func newReceivePack(t *testing.T) *receivePack {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIPPED: git is not here (fix: apt-get install git)")
	}
	g := &receivePack{dir: filepath.Join(t.TempDir(), "a.git")}
	g.said = filepath.Join(g.dir, "said")
	g.git(t, "init", "-q", "--bare", g.dir)
	for name, value := range map[string]string{"receive.advertisePushOptions": "true", "receive.shallowUpdate": "true", "receive.denyDeletes": "false",
		"user.name": "x", "user.email": "x@example.com", "receive.autogc": "false"} {
		g.git(t, "-C", g.dir, "config", name, value)
	}
	tree := g.git(t, "-C", g.dir, "mktree")
	g.base = g.git(t, "-C", g.dir, "commit-tree", "-m", "base", tree)
	g.head = g.git(t, "-C", g.dir, "commit-tree", "-m", "head", "-p", g.base, tree)
	g.git(t, "-C", g.dir, "update-ref", "refs/heads/main", g.head)
	hook := "#!/bin/sh\n{ while read -r line; do echo \"$line\"; done; i=0; while [ $i -lt ${GIT_PUSH_OPTION_COUNT:-0} ]; do eval \"printf 'option %s\\n' \\\"\\$GIT_PUSH_OPTION_$i\\\"\"; i=$((i+1)); done; } >" + g.said + "\nexit 1\n"
	if err := os.WriteFile(filepath.Join(g.dir, "hooks", "pre-receive"), []byte(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *receivePack) git(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("git", args...).Output()
	if err != nil {
		t.Fatalf("git %v: %v", args, err)
	}
	return strings.TrimSpace(string(out))
}

// emptyPack is a pack without objects.
func emptyPack() string {
	pack := "PACK\x00\x00\x00\x02\x00\x00\x00\x00"
	sum := sha1.Sum([]byte(pack))
	return pack + string(sum[:])
}

// read gives what git's server reads of a push and what it answers. Where it reads no push, said is empty.
func (g *receivePack) read(t *testing.T, head []byte) (said, answer string) {
	t.Helper()
	_ = os.Remove(g.said)
	cmd := exec.Command("git", "receive-pack", "--stateless-rpc", g.dir)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + g.dir, "LC_ALL=C"}
	cmd.Stdin = strings.NewReader(string(head) + emptyPack())
	out, _ := cmd.Output() // it fails where the head makes no sense
	text, err := os.ReadFile(g.said)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text), string(out)
}

// told is what the hook tells of a push that was read as p.
func told(p *Push) string {
	var b strings.Builder
	for _, u := range p.Updates {
		fmt.Fprintf(&b, "%s %s %s\n", u.Old, u.New, u.Name)
	}
	for _, o := range p.Options {
		fmt.Fprintf(&b, "option %s\n", o)
	}
	return b.String()
}

// heads makes up heads of pushes.
type heads struct {
	*rand.Rand
	base, head string
}

func (h *heads) one(of ...string) string { return of[h.IntN(len(of))] }

// words makes up a list of capabilities.
func (h *heads) words() string {
	words := []string{"report-status"}
	for range h.IntN(5) {
		words = append(words, h.one("report-status-v2", "side-band-64k", "quiet", "atomic", "ofs-delta", "delete-refs", "object-format=sha1", "agent=git/2.47",
			"session-id=a-b"))
	}
	words = slices.Compact(slices.Sorted(slices.Values(words)))
	if h.IntN(3) > 0 {
		words = append(words, "push-options")
	}
	if h.IntN(3) == 0 {
		odd := h.one("push-options", "push-options=1", "push-options=", "push-optionsx", "Push-Options", "xpush-options", "agent=x")
		if i := len(words) - 1; h.IntN(2) == 0 {
			words[i] = odd
		} else {
			words = append(words, odd)
		}
	}
	h.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	space, end := h.one(" ", " ", " ", "  "), h.one("", "", "", " ")
	if h.IntN(6) == 0 {
		space = h.one("\t", "\n", "\r", "\v", "\u00a0", "\x00")
	}
	if h.IntN(8) == 0 {
		end = h.one("\n", "\x00", "\x00x")
	}
	return h.one("", " ", " ", " ") + strings.Join(words, space) + end
}

// push makes up a head, with a list of options where one might be read.
func (h *heads) push() []byte {
	var b strings.Builder
	line := func(text string) {
		length := fmt.Sprintf("%04x", len(text)+4)
		if h.IntN(60) == 0 {
			length = h.one(strings.ToUpper(length), "0000", "0001", "0002", "0004")
		}
		b.WriteString(length + text)
	}
	end := func() string { return h.one("", "", "", "\n") }
	if h.IntN(10) == 0 {
		line("shallow " + h.base + end())
	}
	words := "\x00" + h.words()
	for i := range 1 + h.IntN(3) {
		before, after := h.one(h.base, zero), h.one(h.head, h.head, h.base)
		if before != zero && h.IntN(4) == 0 {
			after = zero
		}
		if h.IntN(40) == 0 {
			after = strings.ToUpper(after)
		}
		name := h.one("refs/heads/", "refs/tags/", "refs/for/") + fmt.Sprint("x", i)
		if h.IntN(20) == 0 {
			name += h.one("\n", " ", "\x00push-options")
		}
		line(before + " " + after + " " + name + words + end())
		words = ""
		if h.IntN(40) == 0 {
			words = "\x00push-options"
		}
	}
	b.WriteString("0000")
	if h.IntN(5) > 0 {
		for range h.IntN(4) {
			if h.IntN(20) == 0 {
				line(h.one("", "a\x00b", "a\nb"))
			}
			line(h.one("ci.skip", "mr.create", "merge_request.title=a b", "repo.private=false", "a\tb", "a=b=c", "ä") + end())
		}
		b.WriteString("0000")
	}
	text := []byte(b.String())
	if h.IntN(8) == 0 {
		i := h.IntN(len(text))
		text[i] = h.one("\x00", "\n", " ", "0", "a", "A", "=", "\t", "-")[0]
	}
	return text
}

// TestPushesAgreeWithGit has git's own server read made-up heads of pushes: those that are taken, as they came and as they are
// written anew. All three readings must be one, and git must answer both in the same way.
func TestPushesAgreeWithGit(t *testing.T) {
	g := newReceivePack(t)
	seed, count := rand.Uint64(), 300
	if testing.Short() {
		count = 100
	}
	t.Logf("seed %d", seed)
	h := &heads{Rand: rand.New(rand.NewPCG(seed, 13)), base: g.base, head: g.head}
	taken, optioned, refused, stopped := 0, 0, 0, 0
	for range count {
		head := h.push()
		r := bytes.NewReader(append(slices.Clone(head), emptyPack()...))
		p, err := ReadPush(r, 1<<16)
		if err != nil {
			refused++
			continue
		}
		taken++
		if r.Len() > len(emptyPack()) { // a shorter list than was made up: the rest would be read as the pack
			head = head[:len(head)+len(emptyPack())-r.Len()]
		}
		if len(p.Options) > 0 {
			optioned++
		}
		said, answer := g.read(t, head)
		if said == "" {
			stopped++ // before its hook, as where nothing is shallow that was said to be
		} else if want := told(p); said != want {
			t.Errorf("%q\nis read as\n%s\nand by git as\n%s", head, want, said)
		}
		written := p.AppendHead(nil, p.Options)
		if again, other := g.read(t, written); again != said || other != answer {
			t.Errorf("%q\nis written anew as\n%q\nwhich git reads as\n%s\nnot\n%s\nand answers\n%q\nnot\n%q", head, written, again, said, other, answer)
		}
	}
	counts := fmt.Sprintf("%d taken, %d of them with options, %d of them stopped; %d refused", taken, optioned, stopped, refused)
	t.Log(counts)
	if taken < count/6 || optioned < count/15 || stopped > taken/4 {
		t.Error(counts)
	}
}

// Threat: options that git reads and nobody else, so that a push may do what it has no permission for.
// Attack: the capability that announces them in ways in which git finds it.
// Control: the capability as it is, which is read.
func TestThreatHiddenPushOptions(t *testing.T) {
	g := newReceivePack(t)
	for _, words := range []string{" push-options", " push-options=1", " push-options=", " push-options\x00x", "\tpush-options", " quiet\npush-options=0"} {
		head := packet(g.base+" "+g.head+" refs/heads/x\x00report-status"+words, "", "mr.create", "")
		if said, _ := g.read(t, []byte(head)); !strings.Contains(said, "option mr.create") {
			t.Errorf("%q: git reads %q", words, said)
		}
		p, err := ReadPush(strings.NewReader(head), 1<<16)
		if control := words == " push-options"; control != (err == nil) || control && !slices.Equal(p.Options, []string{"mr.create"}) {
			t.Errorf("%q: %v", words, err)
		}
	}
}
