package tokens

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"patgate/admin/catalogue"
	"patgate/admin/names"
	"patgate/forge"
	"patgate/store"
	"patgate/token"
)

const (
	// mostFound is how many projects, and groups, a search gives at most.
	mostFound = 100
	// longestSearch is the longest text that is looked for, in characters.
	longestSearch = 100
)

// Search looks at the forge for projects and groups that an owner may name in a scope: so many of each, and 100, at most.
func (s *Service) Search(ctx context.Context, c *Owner, text string, most int) ([]forge.Found, error) {
	finder, ok := s.o.Forge.(forge.Finder)
	text = strings.TrimSpace(text)
	if !ok {
		return nil, ErrNotFound
	}
	if text == "" || !utf8.ValidString(text) || utf8.RuneCountInString(text) > longestSearch {
		return nil, nil
	}
	if err := c.shown(); err != nil {
		return nil, err
	}
	return finder.Search(ctx, c.secret, c.UserID(), text, min(most, mostFound))
}

// ForgeTokens lists the tokens that an owner has at the forge itself. ErrNotFound when the forge cannot tell.
func (s *Service) ForgeTokens(ctx context.Context, c *Owner) ([]forge.OwnToken, error) {
	inventory, ok := s.o.Forge.(forge.Inventory)
	if !ok {
		return nil, ErrNotFound
	}
	if err := c.shown(); err != nil {
		return nil, err
	}
	return inventory.OwnTokens(ctx, c.secret, c.UserID())
}

// Sealed tells whether patgate holds a forge credential of an owner that a token could be bound to on this caller's word.
func (s *Service) Sealed(ctx context.Context, c *Owner) (bool, error) {
	owner, err := s.owner(ctx, c.UserID())
	if err != nil || owner.ID == 0 {
		return false, err
	}
	all, err := s.o.Store.Credentials(ctx, owner.ID)
	return slices.ContainsFunc(all, func(k store.Credential) bool {
		return len(catalogue.Broader(k.Scopes, c.identity.Scopes)) == 0
	}), err
}

// Names gives the names of places, as an owner last saw them.
func (s *Service) Names(ctx context.Context, c *Owner, places []store.Place) (store.Named, error) {
	return s.o.Store.NamesOf(ctx, s.o.Origin, c.UserID(), places)
}

// readingPaths sets the allowance of questions for paths apart from those of tokens, whose ids are above zero, and of searches.
const readingPaths = -1 << 40

// Called asks what a place is called, as an owner sees it now. ok is false where the forge does not say.
func (s *Service) Called(ctx context.Context, c *Owner, p store.Place) (n store.Name, ok bool) {
	if c.watches {
		return n, false
	}
	return names.Ask(ctx, s.o.Forge, c.reader(), p, s.now())
}

// reader is a session with an allowance of questions of its own: no token's, and not that of the owner's searches.
func (o *Owner) reader() *token.Session {
	id := o.UserID()
	return &token.Session{TokenID: readingPaths - id, OwnerUserID: id, Username: o.Username(), Credential: o.secret}
}
