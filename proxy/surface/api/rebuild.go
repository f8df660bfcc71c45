package api

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"io"
	"strconv"
	"strings"

	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/routes/params"
	"patgate/routes/params/refusal"
)

var (
	errOldOwner = reply.BadRequest(refusal.CodePathDiffers.String(),
		"The repository has another owner by now: use the name that it has.")
	errNameClash = reply.BadRequest(string(routes.CodeAmbiguousPath),
		"The name that this has now is one that the forge reads as something else in this path.")
)

// Rebuild gives the parameters the ids that were checked, and writes target and body anew.
func (v visit) Rebuild(q *surface.Request, b *surface.Body, j *surface.Judgement, s *surface.Sending) error {
	if j.Set.NamesOwner && !ownerStayed(j) {
		return errOldOwner
	}
	replacements, err := replacements(j)
	if err != nil {
		return err
	}
	if err := j.Set.Resolve(firstID(j), replacements); err != nil {
		return err
	}
	if err := rewriteBody(b, j, s); err != nil {
		return err
	}
	s.Target = j.Op.AppendPath(s.Target[:0])
	if j.Renamed && !q.Table.Means(&j.Op, s.Target) {
		return errNameClash
	}
	if j.Filtered {
		return listTarget(j, s)
	}
	s.Target = append(s.Target, '?')
	path := len(s.Target) - 1
	if s.Target, err = j.Set.AppendQuery(s.Target); err != nil {
		return err
	}
	if len(s.Target) == path+1 {
		s.Target = s.Target[:path]
	}
	if q.Sealed.Kind == surface.SealTicket {
		s.Target = append(append(appendSeparator(s.Target), "token="...), q.Sealed.Inner...)
	}
	return nil
}

// listTarget ends the target of a list that is filtered: patgate makes the client's page of the forge's first ones.
func listTarget(j *surface.Judgement, s *surface.Sending) (err error) {
	pages := j.Question.Entries.Pages
	s.Target = append(s.Target, '?')
	path := len(s.Target)
	if s.Target, err = j.Set.AppendQueryWithout(s.Target, pages.Names()); err != nil {
		return err
	}
	if len(s.Target) > path {
		s.Target = append(s.Target, '&')
	}
	s.List = len(s.Target)
	s.Page(pages, 1, pages.Most)
	return nil
}

// ownerStayed tells whether the owner in the path's first reference is that of the container that was checked: a project
// that was given away is still found by its old path, in which the former owner stands.
func ownerStayed(j *surface.Judgement) bool {
	path := j.OwnPath()
	if j.Own() == nil || len(j.Op.Captures()) == 0 {
		return false
	}
	was, _, _ := bytes.Cut(j.Op.Captures()[0].Value, []byte{'/'})
	is, _, _ := strings.Cut(path, "/")
	return header.EqualFold(was, is)
}

// firstID gives the id of the path's first reference; 0 when it has none, or none that was found.
func firstID(j *surface.Judgement) int64 {
	for i := range j.Op.Captures() {
		if c := &j.Op.Captures()[i]; c.Ref != routes.RefNone {
			return c.ID
		}
	}
	return 0
}

// replacements gives what is sent for every reference in a parameter: the id, or the path where the forge wants one.
func replacements(j *surface.Judgement) ([][]byte, error) {
	if len(j.Set.Targets) == 0 {
		return nil, nil
	}
	out := make([][]byte, len(j.Set.Targets))
	for i := range j.Set.Targets {
		v := &j.Set.Targets[i]
		c := j.ContainerOf(v.Ref)
		byPath := v.Target == nil && j.Op.Route.Find.SendPath || v.Target != nil && v.Target.SendPath
		switch {
		case byPath && c != nil && c.Path != "":
			out[i] = []byte(c.Path)
		case !byPath && c != nil && surface.HasOwnID(c, v.Ref.Kind):
			out[i] = strconv.AppendInt(nil, c.ID, 10)
		case !byPath && v.Ref.ID != 0:
			out[i] = strconv.AppendInt(nil, v.Ref.ID, 10)
		default:
			return nil, &refusal.Refusal{Code: refusal.CodeReference, Param: v.Name,
				Message: "parameter \"" + v.Name + "\" must be a numeric id here"}
		}
	}
	return out, nil
}

// rewriteBody makes what is sent of the body, with the ids that were checked.
func rewriteBody(b *surface.Body, j *surface.Judgement, s *surface.Sending) error {
	b.ContentType = append(b.ContentType[:0], b.Form.ContentType...)
	u := &s.Upload
	switch b.Form.Kind {
	case params.BodyStream:
		u.Stream, u.Length = b, b.Length
	case params.BodyForm:
		var err error
		b.Out, err = j.Set.AppendForm(b.Out[:0])
		u.Whole = b.Out
		return err
	case params.BodyJSON:
		return rewriteJSON(b, j, s)
	case params.BodyMultipart:
		delimiter := newDelimiter()
		b.ContentType = append(b.ContentType[:0], params.MultipartType(delimiter)...)
		u.Length = -1
		u.Pour = func(w io.Writer) error { return b.Multipart.Copy(w, delimiter) }
	}
	return nil
}

func rewriteJSON(b *surface.Body, j *surface.Judgement, s *surface.Sending) (err error) {
	if j.Set.Drafted() {
		b.Out, err = j.Set.AppendJSON(b.Out[:0])
		s.Upload.Whole = b.Out
		return err
	}
	source, err := b.Again()
	if err != nil {
		return err
	}
	if b.Spooled() {
		s.Upload.Length = -1
		s.Upload.Pour = func(w io.Writer) error { return j.Set.WriteJSON(w, source) }
		return nil
	}
	b.Out = b.Out[:0]
	err = j.Set.WriteJSON((*appender)(&b.Out), source)
	s.Upload.Whole = b.Out
	return err
}

// appender is a writer into a slice.
type appender []byte

func (a *appender) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}

// newDelimiter gives what separates the parts of a multipart body: no part can hold it by accident or on purpose.
func newDelimiter() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return "patgate" + hex.EncodeToString(b[:])
}
