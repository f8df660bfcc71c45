package tokens

import (
	"context"
	"errors"

	"patgate/store"
	"patgate/token"
)

// Revoke revokes a token for good, with what it made. A token may always revoke itself and what it made, and others of
// its owner with revoke_personal_access_token. When it returns, no request on this node passes with the token.
func (s *Service) Revoke(ctx context.Context, c Caller, id int64, reason string) (store.Listed, error) {
	l, err := c.ending(ctx, s, id)
	if err != nil {
		return l, err
	}
	return s.revoke(ctx, c, &l, reason)
}

func (s *Service) revoke(ctx context.Context, c Caller, l *store.Listed, reason string) (out store.Listed, err error) {
	if reason == "" {
		reason = "revoked by " + c.words()
	}
	err = s.Change(ctx, func(ctx context.Context, st store.Store) error {
		// Once asked for, a revocation does not wait for the caller to stay.
		out, err = st.RevokeToken(context.WithoutCancel(ctx), l.ID, store.Cause{Reason: reason, By: c.by(), At: s.now()})
		return err
	})
	if err != nil {
		return out, moved(err)
	}
	if l.RevokedAt.IsZero() {
		s.record("revoked", &out, c, reason, 0)
	}
	return out, nil
}

// RevokeSecret revokes the token of a secret: its holder may end it. Errors are those of token.Parse, and ErrNotFound.
func (s *Service) RevokeSecret(ctx context.Context, by string, secret []byte, reason string) (store.Listed, error) {
	hash, err := token.Parse(secret)
	if err != nil {
		return store.Listed{}, err
	}
	b, err := s.o.Store.TokenByHash(ctx, hash)
	if errors.Is(err, store.ErrUnknownToken) {
		return store.Listed{}, ErrNotFound
	}
	if err != nil {
		return store.Listed{}, err
	}
	return s.revoke(ctx, Operator(by), &store.Listed{Record: b.Record, Owner: b.Owner}, reason)
}

// Pause makes a token invalid until it is resumed. Callers who may revoke it may pause it; a token, itself and what it made.
func (s *Service) Pause(ctx context.Context, c Caller, id int64, reason string) (out store.Listed, err error) {
	if _, err := c.ending(ctx, s, id); err != nil {
		return out, err
	}
	err = s.Change(ctx, func(ctx context.Context, st store.Store) error {
		out, err = st.PauseToken(ctx, id, store.Cause{Reason: reason, By: c.by(), At: s.now()})
		return err
	})
	if err != nil {
		return out, moved(err)
	}
	s.record("paused", &out, c, reason, 0)
	return out, nil
}

// Resume ends a pause. It is for the owner, with a forge credential that reaches as far as the one the token is bound to,
// and for operators: a token cannot undo what was done to it or to another.
func (s *Service) Resume(ctx context.Context, c Caller, id int64) (store.Listed, error) {
	return s.onOwnersWord(ctx, c, id, "resumed", func(ctx context.Context, st store.Store) (store.Listed, error) {
		return st.ResumeToken(ctx, id, store.Cause{By: c.by(), At: s.now()})
	})
}

// Confirm lets a token reach what newer route tables put under its permissions. It is for the same callers as Resume.
func (s *Service) Confirm(ctx context.Context, c Caller, id int64) (store.Listed, error) {
	return s.onOwnersWord(ctx, c, id, "confirmed", func(ctx context.Context, st store.Store) (store.Listed, error) {
		return st.ConfirmToken(ctx, id, s.o.Table().Version(), c.by())
	})
}

// vouched reads a token for what its owner alone decides, with a credential that reaches far enough, or an operator.
func (s *Service) vouched(ctx context.Context, c Caller, id int64) (store.Listed, error) {
	if _, ok := c.(holder); ok {
		return store.Listed{}, refuse(ErrForbidden, "the owner's forge credential is needed for that")
	}
	l, err := c.own(ctx, s, id)
	if owner, ok := c.(*Owner); ok && err == nil {
		err = owner.Vouch(ctx, s, &l)
	}
	return l, err
}

func (s *Service) onOwnersWord(ctx context.Context, c Caller, id int64, what string,
	f func(context.Context, store.Store) (store.Listed, error)) (out store.Listed, err error) {
	if err := present(c); err != nil {
		return out, err
	}
	if _, err := s.vouched(ctx, c, id); err != nil {
		return out, err
	}
	err = s.Change(ctx, func(ctx context.Context, st store.Store) error {
		out, err = f(ctx, st)
		return err
	})
	if err != nil {
		return out, moved(err)
	}
	s.record(what, &out, c, "", 0)
	return out, nil
}
