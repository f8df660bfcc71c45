package git

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"patgate/policy"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/proxy/wire"
	"patgate/routes"
	"patgate/routes/commands"
	"patgate/routes/git"
	"patgate/routes/params"
)

const (
	// maxCommands bounds the list of refs and options in front of a pack, in bytes, as sent and inflated.
	maxCommands = 8 << 20
	// maxInflated bounds what a compressed push inflates to, in bytes. Clients compress only what they hold in memory.
	maxInflated = 256 << 20
)

// push is what a visit keeps of a push: what its head says, and where what stands behind it comes from.
type push struct {
	*git.Push
	options []git.Option
	rest    io.Reader // nil: nothing may follow
	length  int64     // of rest; -1 when it is not known

	updates []policy.RefUpdate // as the policy takes them

	first int      // the act that asked[0] is about
	asked []string // what needs the further acts: "The push option merge_request.create"
}

// readPush reads the head of a push: the list of refs in front of a pack, and the push options.
func (v *visit) readPush(q *surface.Request, b *surface.Body, j *surface.Judgement) error {
	if !b.Present() {
		return malformed(git.ErrMalformedPush.Error() + ": it has no body")
	}
	raw := &limited{from: b, left: maxCommands}
	source, rest, length := io.Reader(raw), io.Reader(b), b.Length
	if b.Encoding != "" {
		in, err := inflate(raw)
		if err != nil {
			return commandError(err)
		}
		source, rest, length = in, in, -1
	}
	read, err := git.ReadPush(&leased{from: source, body: b}, maxCommands)
	if err != nil {
		return commandError(err)
	}
	raw.left, b.Encoding = math.MaxInt64, ""
	if length >= 0 {
		length -= b.Received
	}
	push := &push{Push: read, rest: rest, length: length}
	v.push = push
	if len(push.Updates) == 0 { // git reads nothing behind an empty list
		if _, err := io.ReadFull(rest, make([]byte, 1)); !errors.Is(err, io.EOF) {
			return malformed(git.ErrMalformedPush.Error() + ": something stands behind an empty list of refs")
		}
		push.rest = nil
	}
	if push.options, err = git.ReadOptions(q.Table, j.Op.Route, push.Options); err != nil {
		return err
	}
	for i := range push.Updates {
		u := &push.Updates[i]
		push.updates = append(push.updates, policy.RefUpdate{Name: u.Name, Create: u.Create, Delete: u.Delete})
	}
	push.readTexts(j)
	return nil
}

var (
	errManyRefs = reply.TooLarge(fmt.Sprintf("The push names more refs or options than are read: their list has at most %d MiB. "+
		"Push them in several steps.", maxCommands>>20))
	errInflated = reply.TooLarge(fmt.Sprintf("The body is longer than %d MiB once it is inflated.", maxInflated>>20))
)

func malformed(message string) error { return reply.BadRequest("malformed_push", message) }

// inflated is a compressed body, inflated. It is one stream, with nothing behind it.
type inflated struct {
	raw  *bufio.Reader
	from *gzip.Reader
	left int64
}

func inflate(raw io.Reader) (*inflated, error) {
	buffered := bufio.NewReader(raw)
	z, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, err
	}
	z.Multistream(false) // readers differ on what a second one means
	return &inflated{raw: buffered, from: z, left: maxInflated}, nil
}

func (i *inflated) Read(p []byte) (int, error) {
	if i.left <= 0 {
		return 0, &wire.UploadError{Err: errInflated}
	}
	n, err := i.from.Read(p[:min(int64(len(p)), i.left)])
	i.left -= int64(n)
	var source *wire.UploadError
	switch {
	case err == nil, errors.As(err, &source), errors.Is(err, git.ErrPushTooLong):
		return n, err
	case errors.Is(err, io.EOF):
		if _, err = i.raw.ReadByte(); errors.Is(err, io.EOF) {
			return n, io.EOF
		}
		err = gzip.ErrHeader
	}
	return n, &wire.UploadError{Err: err}
}

// leased reads what will be kept, in memory that it takes room for.
type leased struct {
	from io.Reader
	body *surface.Body
	read int64
}

func (l *leased) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	if l.read += int64(n); !l.body.Keeps(l.read) {
		return 0, reply.ErrNoRoom
	}
	return n, err
}

// limited reads at most left bytes and then fails.
type limited struct {
	from io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, git.ErrPushTooLong
	}
	n, err := l.from.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// commandError maps the errors of reading a push; those of the client's connection stay what they are.
func commandError(err error) error {
	var source *wire.UploadError
	switch {
	case errors.Is(err, git.ErrPushTooLong):
		return errManyRefs
	case errors.Is(err, git.ErrMalformedPush):
		return malformed(err.Error())
	case errors.Is(err, reply.ErrNoRoom):
		return err
	case errors.As(err, &source) && !isCompression(source.Err):
		return err
	}
	return malformed("the push cannot be read: its compression is broken")
}

// isCompression tells whether an error comes from inflating, and not from the connection.
func isCompression(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt)
}

// readTexts notes the commands in the texts among the options. Where the forge makes a text itself, patgate does not
// see it, and it counts as holding every command.
func (p *push) readTexts(j *surface.Judgement) {
	has := func(name string) *git.Option {
		for i := range p.options {
			if p.options[i].Name == name {
				return &p.options[i]
			}
		}
		return nil
	}
	for _, known := range j.Op.Route.PushOptions.All() {
		text := known.Text
		if text == nil {
			continue
		}
		given := has(known.Name)
		if has(known.FilledBy) != nil && (given == nil || given.Unseen()) {
			for _, c := range text.Commands.All() {
				if c.NeedSet(text.Kind) != nil {
					unseen := params.FoundCommand{Param: text.Param, Name: c.Name, Kind: text.Kind, Command: c}
					j.Set.Commands = append(j.Set.Commands, unseen)
				}
			}
			continue
		}
		if given == nil {
			continue
		}
		scan := commands.Read(text, []byte(given.Lines()))
		for name, line, c := scan.Next(); c != nil; name, line, c = scan.Next() {
			one := params.FoundCommand{Param: text.Param, Line: line, Name: name, Kind: text.Kind, Command: c}
			j.Set.Commands = append(j.Set.Commands, one)
		}
	}
}

// ask asks for what a push would have the forge do besides taking commits, on the row's own container.
func (p *push) ask(table *routes.Table, j *surface.Judgement) {
	if len(j.Question.Acts) == 0 {
		return
	}
	p.first, p.asked = len(j.Question.Acts), p.asked[:0]
	seen := map[any]bool{}
	ask := func(key any, what string, needs *routes.PermissionSet) {
		if seen[key] {
			return
		}
		seen[key] = true
		further := j.Question.Acts[0]
		further.Kind, further.Needs = policy.ActTarget, needs
		j.Question.Acts = append(j.Question.Acts, further)
		p.asked = append(p.asked, what)
	}
	for i := range p.Updates {
		if r := table.PushOptions().Ref(p.Updates[i].Name); r != nil {
			ask(r, "A push to "+r.Prefix, &r.NeedSet)
		}
	}
	for i := range p.options {
		if o := p.options[i].PushOption; !o.Harmless {
			ask(o, "The push option "+o.Name, &o.NeedSet)
		}
	}
}

// message says what of a push asks for more than the token allows.
func (p *push) message(q *surface.Request, j *surface.Judgement) string {
	i := j.Decision.Act - p.first
	if i < 0 || i >= len(p.asked) {
		return ""
	}
	needs := j.Question.Acts[j.Decision.Act].Needs
	return p.asked[i] + " needs " + strings.Join(reply.PermissionNames(q.Table.Catalogue(), needs), " and ") + "."
}

// checkUpstream refuses options that in a fork act on the project that it comes from, and the quick actions in their texts,
// unless the grant holds what they need under all_memberships too. It is asked only for what the grant allows, so that nobody
// learns from it what is a fork.
func (v *visit) checkUpstream(q *surface.Request, j *surface.Judgement) error {
	own := j.Own()
	if v.push == nil || own == nil || !own.Fork {
		return nil
	}
	upstream := ""
	for i := range v.push.options {
		o := v.push.options[i].PushOption
		if !o.Upstream {
			continue
		}
		upstream = o.Name
		if !v.allowsElsewhere(q, j, &o.NeedSet) {
			return errUpstream("the push option "+o.Name, q.Table.Catalogue().Names(o.Needs))
		}
	}
	for i := range j.Set.Commands {
		c := &j.Set.Commands[i]
		if needs := c.Command.NeedSet(c.Kind); upstream != "" && !v.allowsElsewhere(q, j, needs) {
			return errUpstream("the quick action /"+c.Name+" of "+c.Param, q.Table.Catalogue().Names(c.Command.Needs(c.Kind)))
		}
	}
	return nil
}

// allowsElsewhere tells whether the grant holds permissions in projects that nobody can tell.
func (v *visit) allowsElsewhere(q *surface.Request, j *surface.Judgement, needs *routes.PermissionSet) bool {
	further := policy.Act{Kind: policy.ActQuickAction, Needs: needs, Elsewhere: true}
	alone := policy.Question{Route: j.Question.Route, Acts: append(v.push.others(j), further)}
	return j.Allows(q, &alone)
}

func errUpstream(what string, needs []string) error {
	return reply.Forbidden("push_option", "Access denied: This project is a fork, where "+what+
		" may act on the project that it comes from: it needs "+strings.Join(needs, " and ")+
		" under all_memberships too. Or make the merge request with the REST API.")
}

// others gives the acts of a push but for the changes of refs, which stand last.
func (p *push) others(j *surface.Judgement) []policy.Act {
	return slices.Clone(j.Question.Acts[:len(j.Question.Acts)-len(p.updates)])
}

// rebuild writes the head of a push anew; what stands behind it streams.
func (p *push) rebuild(q *surface.Request, j *surface.Judgement) wire.Upload {
	texts := make([]string, 0, len(p.options)+1)
	upstream := false
	for i := range p.options {
		texts = append(texts, p.options[i].String())
		upstream = upstream || p.options[i].Upstream
	}
	if name := q.Table.PushOptions().Own(); upstream && name != "" && !j.Own().Fork {
		texts = append(texts, name+"="+j.OwnPath())
	}
	head := p.AppendHead(nil, texts)
	switch {
	case p.rest == nil:
		return wire.Upload{Whole: head}
	case p.length < 0:
		return wire.Upload{Stream: io.MultiReader(bytes.NewReader(head), p.rest), Length: -1}
	}
	return wire.Upload{Stream: io.MultiReader(bytes.NewReader(head), p.rest), Length: int64(len(head)) + p.length}
}

// Refuse answers a push whose refs were read in git's own form, which shows its user why; the rest of what the client
// sends is read and dropped first, because git reads no answer before it has sent everything. It returns false when the
// client would not understand it.
func (v *visit) Refuse(b *surface.Body, j *surface.Judgement, n *reply.Notice, sending bool, out *fasthttp.Response) bool {
	p := v.push
	if p == nil || n.Status != fasthttp.StatusForbidden || !p.Capabilities.Report || len(p.Updates) == 0 || sending {
		return false
	}
	if _, err := io.CopyN(io.Discard, b, maxDropped); !errors.Is(err, io.EOF) {
		out.Header.SetConnectionClose()
	}
	allowed := func(int) bool { return false }
	if j.Decision.Reason == policy.ReasonRef {
		allowed = p.allowedRefs(j)
	}
	out.SetStatusCode(fasthttp.StatusOK)
	out.Header.SetStatusMessage(nil)
	out.Header.SetContentType("application/x-git-receive-pack-result")
	out.SetBody(p.AppendReport(nil, text(n), func(i int) string {
		if allowed(i) {
			return "patgate refused the push because of another ref"
		}
		return "patgate: not allowed for this token"
	}))
	return true
}

// allowedRefs gives a function that tells whether the i-th ref alone would have been allowed.
func (p *push) allowedRefs(j *surface.Judgement) func(i int) bool {
	refs := len(j.Question.Acts) - len(p.updates)
	alone := policy.Question{Route: j.Question.Route, Acts: append(p.others(j), policy.Act{})}
	return func(i int) bool {
		alone.Acts[refs] = j.Question.Acts[refs+i]
		return policy.Decide(j.Session.Grant, &alone).Verdict == policy.Allow
	}
}

// maxDropped bounds what is read of a push that is refused, in bytes.
const maxDropped = 1 << 30

// refMessage says which ref a push may not change.
func refMessage(u *policy.RefUpdate) string {
	what := "change"
	if u.Delete {
		what = "delete"
	} else if u.Create {
		what = "create"
	}
	return "Access denied: This token may push here, but may not " + what + " " + string(u.Name) + ": it is limited to some refs."
}

// unseenMessage says why a push needs what no line of it shows.
func unseenMessage(c *params.FoundCommand, catalogue *routes.Catalogue) string {
	return "Without the push option " + c.Param + ", and with %{...} or nothing but commands in it, the forge takes the text " +
		"from commits or a template, and carries out the quick actions in it, which patgate cannot see: the token would need " +
		"what each of them needs, such as " +
		strings.Join(catalogue.Names(c.Command.Needs(c.Kind)), " and ") + ". Add -o " + c.Param + "=..."
}
