package console

import (
	"errors"

	"patgate/admin/tokens"
)

// The cookies: who is signed in, and the form by which one signs in.
const (
	sessionCookie = "patgate-console"
	formCookie    = "patgate-console-form"
)

// CookiePrefix begins the name of every cookie of the console, behind __Host- or without it.
const CookiePrefix = "patgate-console"

// recognize finds out who is signed in. The forge is asked now and then whether it still takes the credential; while it
// cannot be asked the session goes on, because being signed in alone gives no power.
func (q *request) recognize() error {
	cookie := q.cookies.Get(q.r, sessionCookie)
	if cookie == "" {
		return nil
	}
	s, err := q.sessions.Find(q.ctx(), cookie)
	if s == nil || err != nil {
		return err
	}
	caller, due := s.Owner(q.o.Now())
	if due {
		fresh, err := q.o.Tokens.Still(q.ctx(), caller)
		switch {
		case err == nil:
			caller = fresh
			s.Confirmed(fresh, q.o.Now())
		case errors.Is(err, tokens.ErrUnknownCaller), errors.Is(err, tokens.ErrForbidden):
			if err := q.sessions.End(q.ctx(), cookie); err != nil {
				return err
			}
			q.cookies.Set(q.w, sessionCookie, "")
			q.o.Record(Event{What: "signed_out", UserID: s.UserID, Client: q.client(q.r)})
			return nil
		default: // the forge did not say
			s.Unasked(q.o.Now())
		}
	}
	q.session, q.caller = s, caller
	return nil
}
