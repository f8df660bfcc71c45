package session

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"time"

	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/store"
	"patgate/token"
)

// askAgain is how old the forge's word on a session's credential may be.
const askAgain = 5 * time.Minute

// askSoon is when a forge that could not be asked is asked again.
const askSoon = 30 * time.Second

// Session is a signed-in user's session, as one request has found it in the store.
type Session struct {
	UserID int64
	CSRF   string // the token of its forms

	all        *Sessions
	id         store.SignInID
	identity   forge.Identity // as the forge told it at the sign-in
	credential token.Secret
	notes      *notes
}

// SameForm tells whether a form's token is this session's.
func (s *Session) SameForm(csrf string) bool {
	return subtle.ConstantTimeCompare([]byte(csrf), []byte(s.CSRF)) == 1
}

// Owner gives the signed-in user. due tells that the forge must be asked again whether it takes the credential. A watcher's
// credential is not kept.
func (s *Session) Owner(now time.Time) (o *tokens.Owner, due bool) {
	n := s.notes
	n.mu.Lock()
	defer n.mu.Unlock()
	identity := s.identity
	if n.identity != nil {
		identity = *n.identity
	}
	if s.credential.Empty() {
		return tokens.Watcher(identity), false
	}
	return tokens.Remembered(identity, s.credential), now.Sub(n.checked) >= askAgain
}

// Confirmed notes what the forge said about the credential.
func (s *Session) Confirmed(o *tokens.Owner, now time.Time) {
	identity := o.Identity()
	n := s.notes
	n.mu.Lock()
	defer n.mu.Unlock()
	n.identity, n.checked = &identity, now
}

// Unasked notes that the forge could not be asked: it is asked again a little later, not with every page.
func (s *Session) Unasked(now time.Time) {
	n := s.notes
	n.mu.Lock()
	defer n.mu.Unlock()
	n.checked = now.Add(askSoon - askAgain)
}

// form names a form in the store.
func form(text string) store.FormID {
	return sha256.Sum256([]byte("patgate console form v1\x00" + text))
}

// Once begins what a form asks for, unless the same form was sent before, to any node: then id is the token that the form made,
// 0 while it is being made. A form that makes a token makes no second one. The error is ErrStore when the store cannot keep
// that, and store.ErrUnknownSignIn when the session has ended meanwhile.
func (s *Session) Once(ctx context.Context, text string) (id int64, before bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	id, before, err = s.all.o.Store.BeginForm(ctx, s.id, form(text), s.all.o.Now())
	return id, before, failed(err)
}
