package params

import "patgate/routes/params/names"

// QueryValue gives the value of a parameter of the query; empty when it has none.
func (s *Set) QueryValue(name string) string {
	for i := range s.query {
		if string(s.query[i].name) == name {
			return string(s.query[i].value)
		}
	}
	return ""
}

// AppendQueryWithout is AppendQuery without some of the parameters, for a caller who writes those itself.
func (s *Set) AppendQueryWithout(dst []byte, without []string) ([]byte, error) {
	all := s.query
	defer func() { s.query = all }()
	s.query = make([]entry, 0, len(all))
	for _, e := range all {
		left := false
		for _, name := range without {
			left = left || string(names.RootOf(e.name)) == name
		}
		if !left {
			s.query = append(s.query, e)
		}
	}
	return s.AppendQuery(dst)
}
