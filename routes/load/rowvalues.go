package load

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/nearest"
)

// permissions reads one permission name or a list. Those that have holds already are problems.
func (s *section) permissions(n *yaml.Node, what string, have []routes.Permission) []routes.Permission {
	var out []routes.Permission
	for _, item := range s.items(n, what) {
		name, ok := s.text(item, "a permission")
		if !ok {
			continue
		}
		p, ok := s.table.catalogue.Find(name)
		switch {
		case !ok:
			near := s.table.catalogue.Nearest(name, 3)
			fix := "use a name of `patgate routes list`"
			if len(near) > 0 {
				fix = "did you mean " + strings.Join(near, ", ") + "?"
			}
			s.problem(item, fix, "unknown permission %q in %s", name, what)
		case slices.Contains(have, p) || slices.Contains(out, p):
			s.problem(item, "remove it", "permission %q in %s is needed already", name, what)
		default:
			out = append(out, p)
		}
	}
	return out
}

// after reads `after:`, rows as METHOD PATH.
func (s *section) after(n *yaml.Node) []string {
	var out []string
	for _, item := range s.items(n, "after") {
		if text, ok := s.text(item, "a row of after"); ok {
			out = append(out, strings.Join(splitWords(text), " "))
		}
	}
	return out
}

// paramRules reads `parameters:`, of a row or of a file.
func (s *section) paramRules(n *yaml.Node, what string) map[string]routes.ParamRule {
	rules := map[string]routes.ParamRule{}
	s.each(n, what, func(key, value *yaml.Node) {
		rule, _ := s.text(value, "the rule of "+key.Value)
		switch rule {
		case "pass":
			rules[key.Value] = routes.ParamPass
		case "refuse":
			rules[key.Value] = routes.ParamRefuse
		case "repeat":
			rules[key.Value] = routes.ParamRepeat
		case "closed":
			rules[key.Value] = routes.ParamClosed
		case "drop":
			rules[key.Value] = routes.ParamDrop
		case "":
		default:
			s.problem(value, "write pass, repeat, closed, drop or refuse; a container belongs under `targets:`",
				"unknown rule %q of parameter %q", rule, key.Value)
		}
	})
	return rules
}

// inheritParams gives a row the parameters of its file. A row's own rule wins. Rows without rules of their own share one
// map, which is not written to after this.
func (s *section) inheritParams(r *routes.Route) {
	if len(s.parameters) == 0 {
		return
	}
	if len(r.Params) == 0 {
		r.Params = s.parameters
		return
	}
	for name, rule := range s.parameters {
		if _, own := r.Params[name]; !own {
			r.Params[name] = rule
		}
	}
}

// forced reads `force:`, parameters with their only value.
func (s *section) forced(n *yaml.Node) []routes.Forced {
	var out []routes.Forced
	s.each(n, "force", func(key, value *yaml.Node) {
		if v, ok := s.line(value, "the value of "+key.Value); ok {
			out = append(out, routes.Forced{Name: key.Value, Value: v})
		}
	})
	return out
}

// bodyUnits are the suffixes of a size, in bytes.
var bodyUnits = [...]struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}

// maxBody bounds `limit:`: such a body is spooled, and nothing that is read whole is larger.
const maxBody = 16 << 30

// body reads `body:`.
func (s *section) body(n *yaml.Node) routes.Body {
	var b routes.Body
	s.fields(n, "body",
		field{"limit", func(v *yaml.Node) {
			text, ok := s.text(v, "the limit")
			if !ok {
				return
			}
			limit, err := parseSize(text)
			if err != nil {
				s.problem(v, "write a size such as 512KiB or 10MiB", "limit %q: %v", text, err)
			}
			b.Limit = limit
		}},
		field{"text", func(v *yaml.Node) { b.Text = s.flag(v, "text") }},
		field{"stream", func(v *yaml.Node) {
			for _, item := range s.items(v, "stream") {
				media, ok := s.text(item, "a media type")
				if !ok {
					continue
				}
				if main, sub, found := strings.Cut(media, "/"); !found || main == "" || sub == "" || media != strings.ToLower(media) ||
					strings.ContainsAny(media, " ;,") {
					s.problem(item, "write a media type in lower case without parameters: application/octet-stream",
						"%q is no media type", media)
					continue
				}
				b.Stream = append(b.Stream, media)
			}
		}},
	)
	return b
}

// parseSize reads a whole number of KiB, MiB or GiB.
func parseSize(text string) (int64, error) {
	for _, unit := range bodyUnits {
		digits, ok := strings.CutSuffix(text, unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 32)
		if err != nil || n < 1 {
			return 0, fmt.Errorf("%q is no whole number above zero", digits)
		}
		if n > maxBody/unit.bytes {
			return 0, fmt.Errorf("more than %d GiB", maxBody>>30)
		}
		return n * unit.bytes, nil
	}
	return 0, fmt.Errorf("no unit KiB, MiB or GiB")
}

// response reads `response:`.
func (s *section) response(n *yaml.Node) routes.Response {
	var r routes.Response
	s.fields(n, "response",
		field{"remove", func(v *yaml.Node) {
			for _, item := range s.items(v, "remove") {
				if key, ok := s.line(item, "a key to remove"); ok {
					r.Remove = append(r.Remove, key)
				}
			}
		}},
		field{"shows_rendered", func(v *yaml.Node) { r.ShowsRendered, _ = s.line(v, "the reason") }})
	return r
}

// issuedTokens is the closed set of what patgate gives out itself.
var issuedTokens = [...]string{"Conan token"}

// issues reads `issues:`.
func (s *section) issues(n *yaml.Node) string {
	name, ok := s.text(n, "the token")
	if ok && !slices.Contains(issuedTokens[:], name) {
		s.problem(n, nearest.DidYouMean(name, issuedTokens[:], "use one of "+strings.Join(issuedTokens[:], ", ")),
			"patgate gives out no %q", name)
	}
	return name
}

// effectNames is the closed set of what no boundary can contain.
var effectNames = [...]string{"runs_as_owner", "exports", routes.EffectGrantsRights, routes.EffectChangesVisibility,
	routes.EffectStoresSecret}

// effects reads `effects:`.
func (s *section) effects(n *yaml.Node) []string {
	var out []string
	for _, item := range s.items(n, "effects") {
		name, ok := s.text(item, "an effect")
		if !ok {
			continue
		}
		if !slices.Contains(effectNames[:], name) {
			fix := nearest.DidYouMean(name, effectNames[:], "use one of "+strings.Join(effectNames[:], ", "))
			s.problem(item, fix, "unknown effect %q", name)
			continue
		}
		out = append(out, name)
	}
	return out
}
