package forge

import "context"

type accountKey struct{}

type account struct{ user, token int64 }

// On gives a context for questions on the account of a token of a user's; token 0 stands for no token. It is for credentials that
// are known to be that user's.
func On(ctx context.Context, user, token int64) context.Context {
	return context.WithValue(ctx, accountKey{}, account{user, token})
}

// AccountOf tells on whose account is asked; known is false where nobody has said.
func AccountOf(ctx context.Context) (user, token int64, known bool) {
	a, known := ctx.Value(accountKey{}).(account)
	return a.user, a.token, known
}
