package picker

// Added is one permission that would be added to a token.
type Added struct {
	Title, Label, Permission, About string
	Dangers                         string
	Cautions                        []string
	Opens                           []string // endpoints
}

// Added says what permissions are and open.
func (k *Catalogue) Added(names []string) (all []Added) {
	for _, what := range k.Group(names) {
		for i, name := range what.Permissions {
			one := Added{Title: what.Title, Label: what.Verbs[i], Permission: name, Dangers: what.Dangers[i]}
			if v := k.Verbs[name]; v != nil {
				one.About, one.Cautions, one.Opens = v.About, v.Effects, v.Rows
				if v.Mints {
					one.Cautions = append([]string{"Some of what it opens makes another credential, or answers " +
						"with one"}, one.Cautions...)
				}
			}
			all = append(all, one)
		}
	}
	return all
}
