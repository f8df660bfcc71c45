package forge

import (
	"context"

	"patgate/token"
)

// What some forges can tell besides what a Resolver does.

// Finder is a forge that can look for projects and groups.
type Finder interface {
	// Search gives at most most projects and as many groups whose name or path holds the text, and which the credential's user
	// is a member of.
	Search(ctx context.Context, credential token.Secret, userID int64, text string, most int) ([]Found, error)
}

// Inventory is a forge that lists a user's own tokens there.
type Inventory interface {
	// OwnTokens lists the tokens of the credential's user that are active, the newest first.
	OwnTokens(ctx context.Context, credential token.Secret, userID int64) ([]OwnToken, error)
}

// Lister is a forge that can list what a credential's user is a member of.
type Lister interface {
	// Memberships gives one page of the groups and projects where the session's owner has at least the access level least; 0 is
	// any. A page that is not full is the last.
	Memberships(ctx context.Context, s *token.Session, least, page, size int) (Memberships, error)
}
