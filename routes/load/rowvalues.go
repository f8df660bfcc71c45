package load

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/load/document"
	"patgate/routes/nearest"
)

// permissions reads one permission name or a list. Those that have holds already are problems.
func (s *section) permissions(n *yaml.Node, what string, have []routes.Permission) []routes.Permission {
	var out []routes.Permission
	for _, item := range s.Items(n, what) {
		name, ok := s.Text(item, "a permission")
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
			s.Problem(item, fix, "unknown permission %q in %s", name, what)
		case slices.Contains(have, p) || slices.Contains(out, p):
			s.Problem(item, "remove it", "permission %q in %s is needed already", name, what)
		default:
			out = append(out, p)
		}
	}
	return out
}

// after reads `after:`, rows as METHOD PATH.
func (s *section) after(n *yaml.Node) []string {
	var out []string
	for _, item := range s.Items(n, "after") {
		if text, ok := s.Text(item, "a row of after"); ok {
			out = append(out, strings.Join(splitWords(text), " "))
		}
	}
	return out
}

// paramRules reads `parameters:`, of a row or of a file.
func (s *section) paramRules(n *yaml.Node, what string) map[string]routes.ParamRule {
	rules := map[string]routes.ParamRule{}
	s.Each(n, what, func(key, value *yaml.Node) {
		rule, _ := s.Text(value, "the rule of "+key.Value)
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
			s.Problem(value, "write pass, repeat, closed, drop or refuse; a container belongs under `targets:`",
				"unknown rule %q of parameter %q", rule, key.Value)
		}
	})
	return rules
}

// inheritParams gives a row the parameters of its file; its own rule wins. Rows without own rules share one map, read only.
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
	s.Each(n, "force", func(key, value *yaml.Node) {
		if v, ok := s.Line(value, "the value of "+key.Value); ok {
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
	s.Fields(n, "body",
		document.On("limit", func(v *yaml.Node) {
			text, ok := s.Text(v, "the limit")
			if !ok {
				return
			}
			limit, err := parseSize(text)
			if err != nil {
				s.Problem(v, "write a size such as 512KiB or 10MiB", "limit %q: %v", text, err)
			}
			b.Limit = limit
		}),
		document.On("text", func(v *yaml.Node) { b.Text = s.Flag(v, "text") }),
		document.On("stream", func(v *yaml.Node) {
			for _, item := range s.Items(v, "stream") {
				media, ok := s.Text(item, "a media type")
				if !ok {
					continue
				}
				main, sub, found := strings.Cut(media, "/")
				plain := media == strings.ToLower(media) && !strings.ContainsAny(media, " ;,")
				if !found || main == "" || sub == "" || !plain {
					s.Problem(item, "write a media type in lower case without parameters: application/octet-stream",
						"%q is not a media type", media)
					continue
				}
				b.Stream = append(b.Stream, media)
			}
		}),
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
			return 0, fmt.Errorf("%q is not a whole number above zero", digits)
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
	s.Fields(n, "response",
		document.On("remove", func(v *yaml.Node) {
			for _, item := range s.Items(v, "remove") {
				if key, ok := s.Line(item, "a key to remove"); ok {
					r.Remove = append(r.Remove, key)
				}
			}
		}),
		document.On("shows_rendered", func(v *yaml.Node) { r.ShowsRendered, _ = s.Line(v, "the reason") }))
	return r
}

// issuedTokens is the closed set of tokens that patgate gives out itself.
var issuedTokens = [...]string{"Conan token"}

// issues reads `issues:`.
func (s *section) issues(n *yaml.Node) string {
	name, ok := s.Text(n, "the token")
	if ok && !slices.Contains(issuedTokens[:], name) {
		s.Problem(n, nearest.DidYouMean(name, issuedTokens[:], "use one of "+strings.Join(issuedTokens[:], ", ")),
			"patgate gives out no %q", name)
	}
	return name
}

// effectNames is the closed set of effects that no boundary can contain.
var effectNames = [...]string{"runs_as_owner", "exports", routes.EffectGrantsRights, routes.EffectChangesVisibility,
	routes.EffectStoresSecret}

// effects reads `effects:`.
func (s *section) effects(n *yaml.Node) []string {
	var out []string
	for _, item := range s.Items(n, "effects") {
		name, ok := s.Text(item, "an effect")
		if !ok {
			continue
		}
		if !slices.Contains(effectNames[:], name) {
			fix := nearest.DidYouMean(name, effectNames[:], "use one of "+strings.Join(effectNames[:], ", "))
			s.Problem(item, fix, "unknown effect %q", name)
			continue
		}
		out = append(out, name)
	}
	return out
}
