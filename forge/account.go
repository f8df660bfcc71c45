package forge

import "context"

type accountKey struct{}

type account struct{ user, token int64 }

// On gives a context whose questions are charged to a user and one of the user's tokens; token 0 stands for no token. It is for
// credentials that are known to be the user's.
func On(ctx context.Context, user, token int64) context.Context {
	return context.WithValue(ctx, accountKey{}, account{user, token})
}

// AccountOf gives the user and the token that a question is charged to, as On said; known is false without that.
func AccountOf(ctx context.Context) (user, token int64, known bool) {
	a, known := ctx.Value(accountKey{}).(account)
	return a.user, a.token, known
}
