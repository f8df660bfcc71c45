package routes

import (
	"bytes"
	"strconv"

	"patgate/routes/pattern"
	"patgate/routes/percent"
)

// AppendPath writes the canonical path of the operation: literals as they stand in the table, references as the numeric
// ids that SetID gave (or that the client sent), every other capture in its one spelling: unreserved characters as they
// are, escapes in upper case (RFC 3986, 6.2.2). What it writes classifies to the same operation.
func (op *Operation) AppendPath(dst []byte) []byte {
	if op.form == nil {
		return dst
	}
	n := 0
	for i := range op.form.Runs {
		if r := &op.form.Runs[i]; !r.Capture {
			dst = append(dst, r.Literal...)
			continue
		}
		c := &op.captures[n]
		n++
		switch {
		case c.ID != 0:
			dst = strconv.AppendInt(dst, c.ID, 10)
		case c.sent != "":
			dst = append(dst, c.sent...)
		default:
			dst = percent.AppendCanonical(dst, c.raw)
		}
	}
	if op.format != "" {
		dst = append(append(dst, '.'), op.format...)
	}
	if op.slash {
		dst = append(dst, '/')
	}
	return dst
}

// SetID makes AppendPath write id for the i-th capture, a reference or a global id whose object was looked up.
func (op *Operation) SetID(i int, id int64) { op.captures[i].ID = id }

// SetPath makes AppendPath write path, as the forge spells it, for the i-th capture, which must be Named. ok is false, and
// nothing is set, when the capture could not have held that path.
func (op *Operation) SetPath(i int, path string) (ok bool) {
	c := &op.captures[i]
	if _, ok := ParseName(c.Ref, []byte(path)); !ok || !c.Named {
		return false
	}
	c.sent = path
	return true
}

// Means tells whether a path (what AppendPath wrote after SetPath) is read as the operation that op is. Where a name is
// spelled otherwise than the client did, it could be a literal of another row: the repository "issues/search".
func (t *Table) Means(op *Operation, path []byte) bool {
	again := t.again.Get().(*Operation)
	defer t.again.Put(again)
	return t.Classify(again, op.Route.Method, path) == nil && again.Route == op.Route && again.form == op.form &&
		again.n == op.n
}

// confirm reads the canonical path of an operation that was spelled with escapes and refuses when it means another one:
// /personal_access_tokens/%73elf is "self" to the forge.
func (t *Table) confirm(op *Operation, method int, path []byte) error {
	op.canonical = op.appendUnresolved(op.canonical[:0])
	canonical := op.canonical
	if bytes.Equal(canonical, path) {
		return nil
	}
	again := t.again.Get().(*Operation)
	defer t.again.Put(again)
	again.n, again.form, again.Route, again.format = 0, nil, nil, ""
	var m pattern.Matcher
	if _, err := m.Cut(canonical); err != nil {
		op.Route = nil
		return errSpelling
	}
	if err := t.match(again, method, &m); err != nil || again.Route != op.Route || again.form != op.form || !again.same(op) {
		op.Route = nil
		return errSpelling
	}
	return nil
}

// appendUnresolved is AppendPath with references as the client named them, without a trailing slash.
func (op *Operation) appendUnresolved(dst []byte) []byte {
	var ids [pattern.MaxCaptures]int64
	for i := range op.captures[:op.n] {
		ids[i], op.captures[i].ID = op.captures[i].ID, 0
	}
	slash := op.slash
	op.slash = false
	dst = op.AppendPath(dst)
	op.slash = slash
	for i := range op.captures[:op.n] {
		op.captures[i].ID = ids[i]
	}
	return dst
}

func (op *Operation) same(o *Operation) bool {
	if op.n != o.n || op.format != o.format {
		return false
	}
	for i := range op.captures[:op.n] {
		if !bytes.Equal(op.captures[i].Value, o.captures[i].Value) {
			return false
		}
	}
	return true
}
