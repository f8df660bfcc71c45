package config

import (
	"strings"
	"testing"
)

const forgeAnd = "upstream: {url: https://gitlab.example.com}\npublic_url: https://p.example.com\n"

func TestIssuers(t *testing.T) {
	const good = "oidc:\n  trusts: [/etc/t]\n  issuers:\n    - name: gitlab\n      url: https://gitlab.example.com\n      kind: gitlab\n" +
		"      algorithms: [RS256]\n"
	c, problems := Parse(Input{File: "p.yaml", Data: []byte(forgeAnd + good)})
	if len(problems) > 0 || len(c.OIDC.Issuers) != 1 || c.OIDC.Issuers[0].Algorithms[0] != "RS256" ||
		c.TrustAudience() != "https://p.example.com" {
		t.Fatalf("%v, %+v", problems, c.OIDC)
	}
	again, problems := Parse(Input{File: "p.yaml", Data: []byte(c.Show())})
	if len(problems) > 0 || again.OIDC.Issuers[0].String() != c.OIDC.Issuers[0].String() {
		t.Errorf("what is shown reads as %v, %+v", problems, again.OIDC)
	}
	env, problems := Parse(Input{File: "p.yaml", Data: []byte(forgeAnd), Env: map[string]string{
		"PATGATE_OIDC_ISSUERS": "[{name: a, url: https://a, kind: github}, {name: b, url: https://b, kind: generic}]"}})
	if len(problems) > 0 || len(env.OIDC.Issuers) != 2 || env.OIDC.Issuers[1].Name != "b" {
		t.Errorf("by a variable: %v, %+v", problems, env.OIDC)
	}
	for old, x := range map[string][2]string{
		"kind: gitlab":                      {"kind: jenkins", "an issuer without a known kind"},
		"name: gitlab":                      {"name: Git Lab", "without a short name"},
		"url: https://gitlab.example.com\n": {"url: http://gitlab.example.com\n", "without an address"},
		"[RS256]":                           {"[HS256]", "an algorithm that is not supported"},
		"algorithms:":                       {"algorithm:", "an unknown key"},
		"  issuers:":                        {"  issuer:", "is not a setting"},
	} {
		_, problems := Parse(Input{File: "p.yaml", Data: []byte(forgeAnd + strings.Replace(good, old, x[0], 1))})
		text := ""
		for _, p := range problems {
			text += p.Error()
		}
		if !strings.Contains(text, x[1]) || !strings.Contains(text, "p.yaml:") {
			t.Errorf("%s: %q", x[0], text)
		}
	}
}
