package params

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
		dst = appendEscaped(dst, f.Name)
		dst = append(dst, '=')
		dst = appendEscaped(dst, f.Value)
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
			dst = appendEscaped(dst, e.name)
		default:
			dst = append(appendEscaped(dst, e.name), '=')
			dst = appendEscaped(dst, s.sent(e))
		}
	}
	return dst
}

// appendEscaped percent-encodes everything but the unreserved characters of RFC 3986, 2.3.
func appendEscaped[T []byte | string](dst []byte, text T) []byte {
	const digits = "0123456789ABCDEF"
	for i := 0; i < len(text); i++ {
		if c := text[i]; isUnreserved(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

// unreserved tells whether text is written as it is.
func unreserved(text []byte) bool {
	for _, c := range text {
		if !isUnreserved(c) {
			return false
		}
	}
	return true
}

func isUnreserved(c byte) bool {
	return letterOrDigit(c) || c == '-' || c == '.' || c == '_' || c == '~'
}
