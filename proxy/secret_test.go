package proxy

import "patgate/token"

func newSecret(s string) token.Secret { return token.NewSecret(s) }
