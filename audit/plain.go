package audit

import (
	"cmp"
	"strconv"
	"strings"

	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// plainLines writes a decision as one line for people, and everything else as the console's encoder does.
type plainLines struct {
	zapcore.Encoder
	name func(token int64) string
	pool buffer.Pool
}

// NewPlain gives an encoder for people, whose decisions look like this:
//
//	15:04:05.000 DENY ci GET /projects/{project}/issues needs read_work_item on project 6 (out_of_bounds)
//
// name gives the name of a token, which is quoted where it is not one word; empty: the id is written.
func NewPlain(name func(token int64) string) zapcore.Encoder {
	return &plainLines{Encoder: NewEncoder(true), name: name, pool: buffer.NewPool()}
}

// Clone implements zapcore.Encoder.
func (p *plainLines) Clone() zapcore.Encoder {
	return &plainLines{Encoder: p.Encoder.Clone(), name: p.name, pool: p.pool}
}

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
		who = cmp.Or(word(p.name(id)), text["token_id"])
	}
	parts := []string{e.Time.Format("15:04:05.000"), strings.ToUpper(text["verdict"]), who, text["method"],
		cmp.Or(text["route"], "(no row)")}
	where := text["boundary"]
	if id := text["boundary_id"]; id != "" {
		where += " " + id
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
	return b, nil
}

// word gives a name as one word, so that it cannot be taken for more than a name.
func word(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }) {
		return strconv.QuoteToASCII(name)
	}
	return name
}
