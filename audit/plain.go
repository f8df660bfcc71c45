package audit

import (
	"cmp"
	"maps"
	"strconv"
	"strings"

	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// plainLines writes a decision as one line for people, and everything else as the console's encoder does.
type plainLines struct {
	zapcore.Encoder
	o    PlainOptions
	told map[string]bool // next steps
	pool buffer.Pool
}

// PlainOptions configure NewPlain. Name is required.
type PlainOptions struct {
	// Name gives the name of a token, which is quoted where it is not one word; empty: the id is written.
	Name func(token int64) string
	// Edit gives the command that changes a token, without what it changes: it makes the next step, behind a denial that a
	// permission would allow. Nil: there is none.
	Edit func(token string) string
}

// NewPlain gives an encoder for people, whose decisions look like this, the second line once for each permission and place:
//
//	15:04:05.000 DENY ci GET /projects/{project}/issues needs read_work_item on acme/website (out_of_bounds)
//	             to allow it: patgate token edit 1000000000042 --project acme/website --add read_work_item
func NewPlain(o PlainOptions) zapcore.Encoder {
	return &plainLines{Encoder: NewEncoder(true), o: o, told: map[string]bool{}, pool: buffer.NewPool()}
}

// Clone implements zapcore.Encoder.
func (p *plainLines) Clone() zapcore.Encoder {
	return &plainLines{Encoder: p.Encoder.Clone(), o: p.o, told: maps.Clone(p.told), pool: p.pool}
}

// plainContainer is the field with the path of the container that was checked.
const plainContainer = "container"

// EncodeEntry implements zapcore.Encoder.
func (p *plainLines) EncodeEntry(e zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	if e.Message != "decision" {
		return p.Encoder.EncodeEntry(e, fields)
	}
	text := map[string]string{}
	for _, f := range fields {
		if text[f.Key] = f.String; f.Type == zapcore.Int64Type {
			text[f.Key] = strconv.FormatInt(f.Integer, 10)
		}
	}
	who := text["credential"]
	if id, err := strconv.ParseInt(text["token_id"], 10, 64); err == nil {
		who = cmp.Or(word(p.o.Name(id)), text["token_id"])
	}
	parts := []string{e.Time.Format("15:04:05.000"), strings.ToUpper(text["verdict"]), who, text["method"],
		cmp.Or(text["route"], "(unknown endpoint)")}
	where := strings.TrimSpace(text["boundary"] + " " + cmp.Or(word(text[plainContainer]), text["boundary_id"]))
	if text["boundary"] == "project" && text[plainContainer] != "" {
		where = word(text[plainContainer])
	}
	denied := text["verdict"] != "allow"
	if denied && text["permission"] != "" {
		parts = append(parts, "needs", text["permission"])
	}
	if where != "" {
		parts = append(parts, "on", where)
	}
	if denied {
		parts = append(parts, "("+text["reason"]+")")
	}
	if text["store"] != "" {
		parts = append(parts, "store "+text["store"])
	}
	if text["failure"] != "" {
		parts = append(parts, text["failure"])
	}
	if text["status"] != "" && (!denied || text["status"] != "403") {
		parts = append(parts, text["status"])
	}
	b := p.pool.Get()
	b.AppendString(strings.Join(parts, " "))
	b.AppendString("\n")
	if step := p.step(text); step != "" {
		b.AppendString("             to allow it: " + step + "\n")
	}
	return b, nil
}

// maxSteps is how many next steps are told.
const maxSteps = 4096

// step gives the command that gives a token what it was denied for want of, the first time. It names what the forge told alone,
// and only what a shell takes as it stands.
func (p *plainLines) step(text map[string]string) string {
	boundary, path, lacks := text["boundary"], text[plainContainer], text["permission"]
	switch reason := text["reason"]; {
	case p.o.Edit == nil, text["verdict"] != "deny", reason != "permission_missing" && reason != "out_of_bounds":
		return ""
	case text["token_id"] == "", lacks == "", boundary != "project" && boundary != "group", !plainPath(path):
		return ""
	}
	step := p.o.Edit(text["token_id"]) + " --" + boundary + " " + path + " --add " + lacks
	if p.told[step] || len(p.told) >= maxSteps {
		return ""
	}
	p.told[step] = true
	return step
}

// plainPath tells whether a path is one word to every shell.
func plainPath(path string) bool {
	return path != "" && path[0] != '-' && !strings.ContainsFunc(path, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("/._-", r)
	})
}

// word gives a name as one word, so that it cannot be taken for more than a name.
func word(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }) {
		return strconv.QuoteToASCII(name)
	}
	return name
}
