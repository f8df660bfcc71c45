package sight

import (
	"context"

	"patgate/admin/terms"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// Covered tells whether some scope of a session's token takes in a project or group as it is now.
func Covered(ctx context.Context, f Forge, as *token.Session, scopes []policy.ScopeSpec, kind routes.RefKind, id int64) (bool,
	error) {
	container, err := Ask(ctx, f, as, routes.Reference{Kind: kind, ID: id}, false)
	if err != nil {
		return false, err
	}
	return container.Boundary == kind.Boundary() && container.ID == id && terms.Covers(scopes, as.OwnerUserID, &container), nil
}
