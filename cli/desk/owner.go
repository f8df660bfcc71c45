package desk

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"patgate/admin/tokens"
	"patgate/cli/terminal"
	"patgate/store"
)

// FindOwner finds an owner by its id in the store, or by its username or user id at the forge.
func (d *Desk) FindOwner(ctx context.Context, name string) (*tokens.Owned, error) {
	owners, err := d.Owners(ctx, d.As)
	if err != nil {
		return nil, err
	}
	upstream := d.Config.Upstream.URL
	var found []*tokens.Owned
	var known []string
	for i := range owners {
		o := &owners[i]
		here := upstream.Empty() || o.Origin == upstream.String()
		atForge := strings.EqualFold(o.Username, name) || strconv.FormatInt(o.UserID, 10) == name
		if here && atForge || strconv.FormatInt(o.ID, 10) == name {
			found = append(found, o)
		}
		known = append(known, o.Username)
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, terminal.Usage(fmt.Errorf("%d owners match %q, by their ids or user ids: give a username, or an id "+
			"that is no other's user id (patgate owner list)", len(found), name))
	case len(known) == 0:
		return nil, fmt.Errorf("%w %q: there is none yet (fix: patgate owner add)", store.ErrUnknownOwner, name)
	}
	return nil, fmt.Errorf("%w %q: there are %s", store.ErrUnknownOwner, name, strings.Join(known, ", "))
}

// ChooseCredential gives the owner's credential with that number, or the only one when it is 0.
func ChooseCredential(owner *tokens.Owned, number int64) (store.Credential, error) {
	all := owner.Credentials
	var numbers []string
	for _, cred := range all {
		if cred.ID == number || number == 0 && len(all) == 1 {
			return cred, nil
		}
		numbers = append(numbers, strconv.FormatInt(cred.ID, 10)+" ("+strings.Join(cred.Scopes, ", ")+")")
	}
	switch {
	case len(all) == 0:
		return store.Credential{}, fmt.Errorf("%s has no sealed credential (fix: patgate owner add)", owner.Username)
	case number == 0:
		return store.Credential{}, terminal.Usage(fmt.Errorf("%s has several credentials: choose one with --credential: %s",
			owner.Username,
			strings.Join(numbers, ", ")))
	}
	return store.Credential{}, terminal.Usage(fmt.Errorf("%s has no credential %d: there are %s", owner.Username, number,
		strings.Join(numbers, ", ")))
}

// OnlyOwner gives the owner of that name, or the only one when none is named; nil when there is none at all.
func (d *Desk) OnlyOwner(ctx context.Context, name string) (*tokens.Owned, error) {
	if name != "" {
		return d.FindOwner(ctx, name)
	}
	owners, err := d.Owners(ctx, d.As)
	if err != nil || len(owners) == 0 {
		return nil, err
	}
	if len(owners) == 1 {
		return &owners[0], nil
	}
	var names []string
	for _, o := range owners {
		names = append(names, o.Username)
	}
	slices.Sort(names)
	return nil, terminal.Usage(fmt.Errorf("there are several owners: choose one with --owner: %s", strings.Join(names, ", ")))
}
