package proxy

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"math"
	"strings"

	"github.com/valyala/fasthttp"

	"patgate/policy"
	"patgate/routes"
	"patgate/routes/git"
	"patgate/routes/params"
)

const (
	// maxCommands bounds the list of refs and options in front of a pack, in bytes, as sent and inflated.
	maxCommands = 8 << 20
	// maxInflated bounds what a compressed push inflates to, in bytes. Clients compress only what they hold in memory.
	maxInflated = 256 << 20
)

// pushRequest is what an exchange keeps of a push: what its head says, and where what stands behind it comes from.
type pushRequest struct {
	*git.Push
	options []git.Option
	rest    io.Reader // nil: nothing may follow
	length  int64     // of rest; -1 when it is not known

	first int      // the first check that is asked for what asked says
	asked []string // what needs the further checks: "The push option merge_request.create"
}

// readCommands reads the head of a push: the list of refs in front of a pack, and the push options.
func (x *exchange) readCommands() error {
	b := &x.body
	if !b.present() {
		return refuse400("malformed_push", git.ErrMalformedPush.Error()+": it has no body")
	}
	b.lease.from = x.h.room
	raw := &limited{from: b, left: maxCommands}
	source, rest, length := io.Reader(raw), io.Reader(b), b.length
	if b.gzipped {
		in, err := inflate(raw)
		if err != nil {
			return commandError(err)
		}
		source, rest, length = in, in, -1
	}
	read, err := git.ReadPush(&leased{from: source, lease: &b.lease}, maxCommands)
	if err != nil {
		return commandError(err)
	}
	if raw.left, b.gzipped = math.MaxInt64, false; length >= 0 {
		length -= b.received
	}
	push := &pushRequest{Push: read, rest: rest, length: length}
	x.git.push = push
	if len(push.Updates) == 0 { // git reads nothing behind an empty list
		if _, err := io.ReadFull(rest, make([]byte, 1)); !errors.Is(err, io.EOF) {
			return refuse400("malformed_push", git.ErrMalformedPush.Error()+": something stands behind an empty list of refs")
		}
		push.rest = nil
	}
	if push.options, err = git.ReadOptions(x.table, x.op.Route, push.Options); err != nil {
		return err
	}
	x.readPushTexts()
	for i := range push.Updates {
		u := &push.Updates[i]
		x.question.Refs = append(x.question.Refs, policy.RefUpdate{Name: u.Name, Create: u.Create, Delete: u.Delete})
	}
	return nil
}

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
		return 0, &errUpload{errBodyTooLarge}
	}
	n, err := i.from.Read(p[:min(int64(len(p)), i.left)])
	i.left -= int64(n)
	var source *errUpload
	switch {
	case err == nil, errors.As(err, &source), errors.Is(err, git.ErrPushTooLong):
		return n, err
	case errors.Is(err, io.EOF):
		if _, err = i.raw.ReadByte(); errors.Is(err, io.EOF) {
			return n, io.EOF
		}
		err = gzip.ErrHeader
	}
	return n, &errUpload{err}
}

// leased reads what will be kept, in memory that it takes room for.
type leased struct {
	from  io.Reader
	lease *lease
	read  int64
}

func (l *leased) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	l.read += int64(n)
	if l.read*bodyCost > l.lease.memory && !l.lease.memoryFor(2*l.read) {
		return 0, errNoRoom
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
	var source *errUpload
	switch {
	case errors.Is(err, git.ErrPushTooLong):
		return errBodyTooLarge
	case errors.Is(err, git.ErrMalformedPush):
		return refuse400("malformed_push", err.Error())
	case errors.Is(err, errNoRoom):
		return err
	case errors.As(err, &source) && !isCompression(source.err):
		return err
	}
	return refuse400("malformed_push", "the push cannot be read: its compression is broken")
}

// isCompression tells whether an error is of what was inflated, not of the connection that it came by.
func isCompression(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt)
}

// readPushTexts notes the commands in the texts among the options. Where the forge makes a text itself, of what nobody sees
// here, each command may stand in it.
func (x *exchange) readPushTexts() {
	push := x.git.push
	has := func(name string) *git.Option {
		for i := range push.options {
			if push.options[i].Name == name {
				return &push.options[i]
			}
		}
		return nil
	}
	for _, known := range x.op.Route.PushOptions.All() {
		text := known.Text
		if text == nil {
			continue
		}
		given := has(known.Name)
		if has(known.FilledBy) != nil && (given == nil || given.Unseen()) {
			for _, c := range text.Commands.All() {
				if c.NeedSet(text.Kind) != nil {
					unseen := params.FoundCommand{Param: text.Param, Name: c.Name, Kind: text.Kind, Command: c}
					x.set.Commands = append(x.set.Commands, unseen)
				}
			}
			continue
		}
		if given == nil {
			continue
		}
		scan := text.Scan([]byte(given.Lines()))
		for name, line, c := scan.Next(); c != nil; name, line, c = scan.Next() {
			one := params.FoundCommand{Param: text.Param, Line: line, Name: name, Kind: text.Kind, Command: c}
			x.set.Commands = append(x.set.Commands, one)
		}
	}
}

// checkPush asks for what a push would have the forge do besides taking commits, on the row's own container.
func (x *exchange) checkPush() {
	push := x.git.push
	if push == nil || len(x.question.Checks) == 0 {
		return
	}
	push.first, push.asked = len(x.question.Checks), push.asked[:0]
	seen := map[any]bool{}
	ask := func(key any, what string, needs *routes.PermissionSet) {
		if seen[key] {
			return
		}
		seen[key] = true
		own := x.question.Checks[0]
		own.Needs, own.Target = needs, true
		x.question.Checks = append(x.question.Checks, own)
		push.asked = append(push.asked, what)
	}
	for i := range push.Updates {
		if r := x.table.PushOptions().Ref(push.Updates[i].Name); r != nil {
			ask(r, "A push to "+r.Prefix, &r.NeedSet)
		}
	}
	for i := range push.options {
		if o := push.options[i].PushOption; !o.Harmless {
			ask(o, "The push option "+o.Name, &o.NeedSet)
		}
	}
}

// askedMessage says what of a push asks for more than the token allows.
func (x *exchange) askedMessage() string {
	push := x.git.push
	i := x.decision.Check - push.first
	if i < 0 || i >= len(push.asked) {
		return ""
	}
	needs := x.question.Checks[x.decision.Check].Needs
	return push.asked[i] + " needs " + strings.Join(permissionNames(x.table.Catalogue(), needs), " and ") + "."
}

// checkUpstream refuses options that in a fork act on the project that it comes from, unless the grant holds what they need
// under all_memberships too. It is asked only for what the grant allows, so that nobody learns from it what is a fork.
func (x *exchange) checkUpstream() *refusal {
	push := x.git.push
	if push == nil {
		return nil
	}
	own := x.ownContainer()
	if own == nil || !own.Fork {
		return nil
	}
	for i := range push.options {
		o := push.options[i].PushOption
		if !o.Upstream {
			continue
		}
		upstream := x.question
		upstream.Commands = []policy.Command{{Needs: &o.NeedSet, Elsewhere: true}}
		if d := policy.Decide(x.session.Grant, &upstream); d.Verdict != policy.Allow {
			return refuse403("push_option", "Access denied: This project is a fork, where the push option "+o.Name+
				" may act on the project that it comes from: it needs "+strings.Join(x.table.Catalogue().Names(o.Needs), " and ")+
				" under all_memberships too. Or make the merge request with the REST API.")
		}
	}
	return nil
}

// rebuildPush writes the head of a push anew; what stands behind it streams.
func (x *exchange) rebuildPush() upload {
	push := x.git.push
	texts := make([]string, 0, len(push.options)+1)
	upstream := false
	for i := range push.options {
		texts = append(texts, push.options[i].String())
		upstream = upstream || push.options[i].Upstream
	}
	if name := x.table.PushOptions().Own(); upstream && name != "" && !x.ownContainer().Fork {
		texts = append(texts, name+"="+x.ownContainer().Path)
	}
	head := push.AppendHead(nil, texts)
	switch {
	case push.rest == nil:
		return upload{whole: head}
	case push.length < 0:
		return upload{stream: io.MultiReader(bytes.NewReader(head), push.rest), length: -1}
	}
	return upload{stream: io.MultiReader(bytes.NewReader(head), push.rest), length: int64(len(head)) + push.length}
}

// refusePush answers a push whose refs were read in git's own form, which shows its user why; the rest of what the client
// sends is read and dropped first, because git reads no answer before it has sent everything. It returns false when the
// client would not understand it.
func (x *exchange) refusePush(message string) bool {
	push := x.git.push
	if push == nil || !push.Capabilities.Report || len(push.Updates) == 0 || x.upload.running() {
		return false
	}
	if _, err := io.CopyN(io.Discard, &x.body, maxDropped); !errors.Is(err, io.EOF) {
		x.ctx.Response.Header.SetConnectionClose()
	}
	failed := -1
	if x.decision.Reason == policy.ReasonRef {
		failed = x.decision.Check
	}
	out := &x.ctx.Response
	out.SetStatusCode(fasthttp.StatusOK)
	out.Header.SetContentType("application/x-git-receive-pack-result")
	body := push.AppendReport(nil, message, func(i int) string {
		if failed >= 0 && i != failed && x.allowsRef(i) {
			return "patgate refused the push because of another ref"
		}
		return "patgate: not allowed for this token"
	})
	out.SetBody(body)
	x.complete(fasthttp.StatusOK, int64(len(body)))
	return true
}

// allowsRef tells whether the i-th ref alone would have been allowed.
func (x *exchange) allowsRef(i int) bool {
	alone := x.question
	alone.Refs = x.question.Refs[i : i+1]
	d := policy.Decide(x.session.Grant, &alone)
	return d.Verdict == policy.Allow
}

// maxDropped bounds what is read of a push that is refused, in bytes.
const maxDropped = 1 << 30

// refMessage says which ref a push may not change.
func (x *exchange) refMessage() string {
	i := x.decision.Check
	if i < 0 || i >= len(x.question.Refs) {
		return ""
	}
	u := &x.question.Refs[i]
	what := "change"
	if u.Delete {
		what = "delete"
	} else if u.Create {
		what = "create"
	}
	return "Access denied: This token may push here, but may not " + what + " " + string(u.Name) + ": it is limited to some refs."
}
