package opening

import (
	"net/netip"
	"slices"

	"patgate/admin/questions"
	"patgate/admin/tokens"
	"patgate/config"
	"patgate/proxy/reading"
	"patgate/proxy/surfaces"
)

// Questions makes the service that answers questions about the tokens of t, with the surfaces and proxies that the configuration
// describes.
func Questions(c *config.Config, t *tokens.Service) *questions.Service {
	proxies := slices.Concat(Ranges(c.TrustedProxies), Ranges(c.ProxyProtocol))
	return questions.New(t, surfaces.Find, func(a netip.Addr) bool { return reading.Includes(proxies, a) })
}

// Ranges gives the ranges of a setting in the proxy's own form.
func Ranges(of []config.Prefix) (all []netip.Prefix) {
	for _, p := range of {
		all = append(all, p.Prefix)
	}
	return all
}
