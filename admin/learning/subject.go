package learning

import (
	"context"
	"errors"

	"patgate/admin/tokens"
	"patgate/learn"
	"patgate/store"
)

// subject is what was seen at work: a token, or a credential of the forge's own.
type subject struct {
	ID   int64
	Name string
	// UserID and Username are whose it is at the forge.
	UserID   int64
	Username string
	// Token is the token, Credential the other kind; one of them is nil.
	Token      *store.Listed
	Credential *learn.Subject
}

// subjectOf reads a token or a credential of the forge's own that is the caller's; all are an operator's. A subject that is not
// there, or is another's, is tokens.ErrNotFound. Another's token is tokens.ErrForbidden to administrators: they see the token,
// but only its owner is told what it did.
func (s *Service) subjectOf(ctx context.Context, c tokens.Caller, id int64) (*subject, error) {
	if id >= store.FirstTokenID {
		l, err := s.tokens.Show(ctx, c, id)
		if err == nil {
			err = s.tokens.ToldTo(c, &l)
		}
		if err != nil {
			return nil, err
		}
		return ofToken(&l), nil
	}
	if _, isToken := tokens.OwnGrant(c); isToken {
		return nil, tokens.ErrNotFound // a token is told about tokens alone
	}
	found, err := s.tokens.Units().Subject(ctx, id)
	switch {
	case errors.Is(err, store.ErrUnknownSubject):
		return nil, tokens.ErrNotFound
	case err != nil:
		return nil, err
	case found.Origin != s.tokens.Origin(), !onMachine(c) && found.UserID != c.UserID():
		return nil, tokens.ErrNotFound
	}
	return ofCredential(&found), nil
}

func ofToken(l *store.Listed) *subject {
	return &subject{ID: l.ID, Name: l.Name, UserID: l.Owner.UserID, Username: l.Owner.Username, Token: l}
}

func ofCredential(of *learn.Subject) *subject {
	return &subject{ID: of.ID, Name: of.Name, UserID: of.UserID, Username: of.Username, Credential: of}
}

// mostSubjects bounds a list of subjects.
const mostSubjects = 1000

// subjects lists the tokens that List would list, and the caller's credentials of the forge's own, each with a short account of
// what it did. all is for operators, and for administrators, who only see that others' credentials exist.
func (s *Service) subjects(ctx context.Context, c tokens.Caller, all bool) (list []subject, of map[int64]learn.Summary,
	err error) {
	found, _, err := s.tokens.List(ctx, c, 0, all, store.Filter{Limit: mostSubjects})
	if err != nil {
		return nil, nil, err
	}
	for i := range found {
		list = append(list, *ofToken(&found[i]))
	}
	userID := c.UserID()
	if all && s.tokens.Administrates(c) {
		userID = 0
	}
	if _, isToken := tokens.OwnGrant(c); !isToken {
		credentials, _, err := s.tokens.Units().Subjects(ctx, s.tokens.Origin(), userID, mostSubjects)
		if err != nil {
			return nil, nil, err
		}
		for i := range credentials {
			list = append(list, *ofCredential(&credentials[i]))
		}
	}
	ids := make([]int64, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	of, err = s.tokens.Units().Summaries(ctx, ids)
	return list, of, err
}

// yours tells whether a subject is the caller's own, so that the caller can make a token in its place. All are an operator's.
func yours(c tokens.Caller, x *subject) bool { return onMachine(c) || x.UserID == c.UserID() }

// onMachine tells whether the caller is an operator.
func onMachine(c tokens.Caller) bool { return c.UserID() == 0 }
