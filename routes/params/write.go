package params

import "patgate/routes/percent"

// AppendQuery appends the canonical query, without a '?', with checked ids in the place of the references and with the
// row's forced parameters. Nothing is appended when there is no parameter.
func (s *Set) AppendQuery(dst []byte) ([]byte, error) {
	if !s.ready() {
		return dst, ErrUnresolved
	}
	start := len(dst)
	dst = s.appendEntries(dst, s.query)
	for i := range s.route.Force {
		f := &s.route.Force[i]
		if s.hasQuery(f.Name) {
			continue
		}
		if len(dst) > start {
			dst = append(dst, '&')
		}
		dst = percent.AppendText(dst, f.Name)
		dst = append(dst, '=')
		dst = percent.AppendText(dst, f.Value)
	}
	return dst, nil
}

func (s *Set) hasQuery(name string) bool {
	for i := range s.query {
		if string(s.query[i].name) == name {
			return true
		}
	}
	return false
}

// AppendForm appends the canonical application/x-www-form-urlencoded body.
func (s *Set) AppendForm(dst []byte) ([]byte, error) {
	if !s.ready() {
		return dst, ErrUnresolved
	}
	return s.appendEntries(dst, s.body), nil
}

func (s *Set) appendEntries(dst []byte, entries []entry) []byte {
	for i := range entries {
		e := &entries[i]
		if i > 0 {
			dst = append(dst, '&')
		}
		switch {
		case e.plain && e.bare:
			dst = append(dst, e.name...)
		case e.plain:
			dst = append(append(append(dst, e.name...), '='), e.value...)
		case e.bare:
			dst = percent.AppendText(dst, e.name)
		default:
			dst = append(percent.AppendText(dst, e.name), '=')
			dst = percent.AppendText(dst, s.sent(e))
		}
	}
	return dst
}

// unreserved tells whether text is written as it is.
func unreserved(text []byte) bool {
	for _, c := range text {
		if !percent.Unreserved(c) {
			return false
		}
	}
	return true
}
