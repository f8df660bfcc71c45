package exchange

import (
	"context"
	"fmt"
	"strconv"

	"patgate/admin/tokens"
	"patgate/policy"
	"patgate/store"
	"patgate/trust"
)

// Allow stores that the owner of a policy, who shows a forge credential, allows what it grants now, to whom it does, and for how
// long: the credential is kept sealed, and acts for the tokens of the trust. audience is what ID tokens are made for, without the
// name of a policy. fresh tells that the credential was sealed by this.
func Allow(ctx context.Context, s *tokens.Service, st store.Store, p *trust.Policy, audience string,
	o *tokens.Owner) (a store.Trust, fresh bool, err error) {
	if !IsOwner(p, o.UserID(), o.Username()) {
		return a, false, fmt.Errorf("%w: the credential is that of %s (user %d), and the owner of the trust %s is %s",
			tokens.ErrForbidden, o.Username(), o.UserID(), p.Name, p.Owner)
	}
	table := s.Table()
	if _, err := policy.Compile(o.UserID(), table.Version(), p.Power, table.Catalogue()); err != nil {
		return a, false, err
	}
	c, fresh, err := s.Seal(ctx, o)
	if err != nil {
		return a, false, err
	}
	a = store.Trust{Name: p.Name, OwnerID: c.OwnerID, CredentialID: c.ID, Scopes: p.Power, TableVersion: table.Version(),
		Rules: p.Rules(audience).String(), AllowedAt: s.Now(), AllowedBy: "user:" + strconv.FormatInt(o.UserID(), 10)}
	return a, fresh, st.AllowTrust(ctx, a)
}
