package manifest

import "patgate/trust"

// Trust is a policy by which ID tokens are traded. Package trust reads it, because the issuers are known only where the set is
// in force; the fields here are its keys, for the schema.
type Trust struct {
	Issuer       string           `json:"issuer" doc:"The issuer of the ID tokens, by its name."`
	Mode         string           `json:"mode,omitempty" doc:"enforce, audit or paused; left out: enforce."`
	Match        map[string]any   `json:"match" doc:"Claims that must hold: a value, a list of values, or {glob: }."`
	Deny         map[string]any   `json:"deny,omitempty" doc:"Claims that must not hold."`
	Owner        string           `json:"owner" doc:"Forge user, by username or id, whose credential acts."`
	Grant        []map[string]any `json:"grant" doc:"Scopes, as of a token, with places by ids or {claim}."`
	TTL          string           `json:"ttl,omitempty" doc:"How long a token lives: 15m."`
	BindToJob    bool             `json:"bind_to_job,omitempty" doc:"It ends with the ID token."`
	SingleUse    bool             `json:"single_use,omitempty" doc:"An ID token is traded once."`
	DirectUse    bool             `json:"direct_use,omitempty" doc:"The ID token may be sent itself."`
	MaxActive    string           `json:"max_active,omitempty" doc:"How many of its tokens may be alive at once."`
	NameTemplate string           `json:"name_template,omitempty" doc:"What its tokens are called, with claims in braces."`
	Tests        []TrustTest      `json:"tests" doc:"At least one that is to match and one that is not."`
}

// TrustTest is a test that a trust carries.
type TrustTest struct {
	Claims map[string]any `json:"claims" doc:"Claims as an ID token has them."`
	Want   string         `json:"want" doc:"allow or deny."`
}

func trustKind() kind {
	return kind{"Trust", func() any { return &Trust{} }, func(*checker, *Object) {}}
}

// Trusts gives the policies of a set, for trust.Load; nil has none.
func (s *Set) Trusts() (all []trust.Document) {
	for _, o := range Of[Trust](s) {
		all = append(all, o.trust())
	}
	return all
}

// trust gives the document of a trust.
func (o *Object) trust() trust.Document {
	return trust.Document{File: o.document.File, Node: o.document.Root}
}
