package tokens

import (
	"context"
	"slices"
	"strconv"

	"patgate/routes"
	"patgate/store"
	"patgate/token"
)

// Caller is an Owner with a forge credential, the holder of a token (Token), or an operator on the machine (Operator).
type Caller interface {
	// UserID and Username are those of the forge user that the caller acts for; 0 and empty for an operator.
	UserID() int64
	Username() string
	// by names the caller for the record, words to the owner.
	by() string
	words() string
	// administrates tells whether the caller may see, pause and revoke everyone's tokens.
	administrates(s *Service) bool
	// find reads a token that the caller may see, ending one that it may pause and revoke, own one that it may change.
	// A token that is none of the caller's business is ErrNotFound.
	find(ctx context.Context, s *Service, id int64) (store.Listed, error)
	ending(ctx context.Context, s *Service, id int64) (store.Listed, error)
	own(ctx context.Context, s *Service, id int64) (store.Listed, error)
	// authority finds what a new token of the caller's will be bound to.
	authority(ctx context.Context, s *Service, q *Creation) (*binding, error)
}

// Administrates tells whether the caller may see, pause and revoke everyone's tokens.
func (s *Service) Administrates(c Caller) bool { return c.administrates(s) }

// read reads a token, for any caller.
func (s *Service) read(ctx context.Context, id int64) (store.Listed, error) {
	l, err := s.o.Store.Token(ctx, id)
	if err != nil {
		return store.Listed{}, moved(err)
	}
	return l, nil
}

// belongs tells whether a token acts for a forge user of this forge.
func (s *Service) belongs(l *store.Listed, userID int64) bool {
	return l.Owner.UserID == userID && l.Owner.Origin == s.o.Origin
}

// operator is somebody who works on patgate's own machine.
type operator string

// Operator is somebody who works on patgate's own machine, by a name for the record such as "cli:alice".
func Operator(name string) Caller { return operator(name) }

func (operator) UserID() int64               { return 0 }
func (operator) Username() string            { return "" }
func (o operator) by() string                { return string(o) }
func (operator) words() string               { return "an operator" }
func (operator) administrates(*Service) bool { return true }

func (operator) find(ctx context.Context, s *Service, id int64) (store.Listed, error) {
	return s.read(ctx, id)
}

func (operator) ending(ctx context.Context, s *Service, id int64) (store.Listed, error) {
	return s.read(ctx, id)
}

func (operator) own(ctx context.Context, s *Service, id int64) (store.Listed, error) {
	return s.read(ctx, id)
}

func (operator) authority(ctx context.Context, s *Service, q *Creation) (*binding, error) {
	owner, err := s.o.Store.Owner(ctx, q.OwnerID)
	if err != nil {
		return nil, err
	}
	credential, err := s.o.Store.Credential(ctx, q.CredentialID)
	if err != nil {
		return nil, err
	}
	if credential.OwnerID != owner.ID {
		return nil, refuse(ErrForbidden, "credential %d is not %s's", credential.ID, owner.Username)
	}
	return s.sealed(ctx, owner, credential)
}

// holder is a caller with a valid patgate token.
type holder struct{ *token.Session }

// Token is the holder of a valid patgate token.
func Token(s *token.Session) Caller { return holder{s} }

func (h holder) UserID() int64             { return h.OwnerUserID }
func (h holder) Username() string          { return h.Session.Username }
func (h holder) by() string                { return "token:" + strconv.FormatInt(h.TokenID, 10) }
func (holder) words() string               { return "a token" }
func (holder) administrates(*Service) bool { return false }

// lacks refuses a token without a permission on its owner's account, or with one that a limit forbids.
func (h holder) lacks(s *Service, name string) error {
	p, ok := s.o.Table().Catalogue().Find(name)
	if ok && h.Grant.Holds(routes.BoundaryUser, p) {
		return nil
	}
	return &Missing{name, h.Grant.Barred(routes.BoundaryUser, p)}
}

// find gives a token itself, and with the permission to read them the others of its owner.
func (h holder) find(ctx context.Context, s *Service, id int64) (store.Listed, error) {
	l, err := s.read(ctx, id)
	if err == nil && id != h.TokenID {
		if err = h.lacks(s, "read_personal_access_token"); !s.belongs(&l, h.OwnerUserID) {
			err = ErrNotFound
		}
	}
	if err != nil {
		return store.Listed{}, err
	}
	return l, nil
}

// ending gives a token itself and what it made, and with the permission to revoke them the others of its owner.
func (h holder) ending(ctx context.Context, s *Service, id int64) (store.Listed, error) {
	mine, err := h.made(ctx, s, id)
	if err == nil && !mine {
		err = h.lacks(s, "revoke_personal_access_token")
	}
	if err != nil {
		return store.Listed{}, err
	}
	l, err := s.read(ctx, id)
	if err == nil && !s.belongs(&l, h.OwnerUserID) {
		return store.Listed{}, ErrNotFound
	}
	return l, err
}

// own gives a token itself and what it made.
func (h holder) own(ctx context.Context, s *Service, id int64) (store.Listed, error) {
	mine, err := h.made(ctx, s, id)
	if err == nil && !mine {
		if _, err = h.find(ctx, s, id); err == nil {
			err = refuse(ErrForbidden, "a token may change only itself and what it made: the owner's forge credential is needed")
		}
	}
	if err != nil {
		return store.Listed{}, err
	}
	return s.read(ctx, id)
}

// made tells whether a token is the caller's own, or was made by that or by one that it was rotated from, directly or not.
func (h holder) made(ctx context.Context, s *Service, id int64) (bool, error) {
	if id == h.TokenID {
		return true, nil
	}
	below, err := s.o.Store.Descendants(ctx, h.TokenID)
	return slices.ContainsFunc(below, func(l store.Listed) bool { return l.ID == id }), err
}

func (h holder) authority(ctx context.Context, s *Service, _ *Creation) (*binding, error) {
	l, err := s.o.Store.Token(ctx, h.TokenID)
	if err != nil {
		return nil, err
	}
	return &binding{owner: l.Owner, credential: store.Credential{ID: l.CredentialID}, secret: h.Credential}, nil
}
