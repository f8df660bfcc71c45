package surface

import (
	"io"

	"patgate/cache"
	"patgate/proxy/header"
	"patgate/routes/params"
)

// ReadParameters reads the body by its row's rules: whole, to its first file, or not at all.
func (j *Judgement) ReadParameters(q *Request, b *Body) error {
	form, err := params.BodyOf(j.Op.Route, q.Method, params.BodyHeader{
		Present:     b.Present(),
		ContentType: q.Fields.Get(header.ContentType), ContentEncoding: q.Fields.Get(header.ContentEncoding),
	})
	if err != nil {
		return err
	}
	b.Form = form
	if q.InLoop && (form.Kind == params.BodyStream || form.Kind == params.BodyMultipart) {
		return cache.ErrNotKept
	}
	switch form.Kind {
	case params.BodyForm:
		if err = b.Whole(j.Op.Route.Body.Limit, false); err == nil {
			err = j.Set.Form(b.Memory)
		}
	case params.BodyJSON:
		if err := b.Whole(j.Op.Route.Body.Limit, !q.InLoop); err != nil {
			return err
		}
		var source io.Reader
		if source, err = b.Turn(); err == nil && (b.Spooled() || len(b.Memory) > params.MaxDraft) {
			err = j.Set.JSON(source)
		} else if err == nil {
			err = j.Set.DraftJSON(source)
		}
	case params.BodyMultipart:
		b.Multipart, err = j.Set.Multipart(b, form.Boundary)
	}
	if err != nil {
		return err
	}
	j.event.Undeclared = j.Set.Undeclared
	if row := j.Op.Route; row.Asked {
		j.Rendered = j.Set.Asks(row.Response.RenderedFor)
	}
	return j.Set.Complete()
}
