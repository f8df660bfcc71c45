package limits

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Name is the name of one limit, as the JSON form, answers and the log have it.
type Name string

// The limits.
const (
	Networks            Name = "networks"
	Windows             Name = "windows"
	RequestsPerMinute   Name = "requests_per_minute"
	RequestsAtOnce      Name = "requests_at_once"
	UpstreamConnections Name = "upstream_connections"
	BytesPerDay         Name = "bytes_per_day"
	MaxUses             Name = "max_uses"
)

// Names gives all limits, in the order in which they are shown.
func Names() []Name {
	return []Name{Networks, Windows, RequestsPerMinute, RequestsAtOnce, UpstreamConnections, BytesPerDay, MaxUses}
}

// Spec is the limits of a token as people and clients write them. A zero value does not limit.
type Spec struct {
	// Networks are ranges of addresses, such as 10.0.0.0/8 or 2001:db8::/32, or single addresses. A request must come from one of
	// them.
	Networks []string `json:"networks,omitempty"`
	// Windows are the times at which the token works; one of them must be open.
	Windows []Window `json:"windows,omitempty"`
	// RequestsPerMinute bounds the requests of any minute.
	RequestsPerMinute int64 `json:"requests_per_minute,omitempty"`
	// RequestsAtOnce bounds those that are under way, and UpstreamConnections those of them that are at the forge.
	RequestsAtOnce      int64 `json:"requests_at_once,omitempty"`
	UpstreamConnections int64 `json:"upstream_connections,omitempty"`
	// BytesPerDay bounds the bytes of bodies, of requests and of answers together, from midnight to midnight UTC.
	BytesPerDay int64 `json:"bytes_per_day,omitempty"`
	// MaxUses is how many requests there may ever be.
	MaxUses int64 `json:"max_uses,omitempty"`
}

// Window is a time that comes again every week.
type Window struct {
	// Days are those on which it opens: mon, tue, wed, thu, fri, sat, sun. None is every day.
	Days []string `json:"days,omitempty"`
	// From and To are times of the day, 08:00 and 18:00. One that ends at or before its beginning ends on the next day; 24:00 is
	// the end of a day.
	From string `json:"from"`
	To   string `json:"to"`
	// Zone is the name of a time zone, Europe/Berlin, by whose clocks the times are; none is UTC.
	Zone string `json:"zone,omitempty"`
}

// Empty tells whether nothing is limited.
func (s *Spec) Empty() bool {
	return len(s.Networks) == 0 && len(s.Windows) == 0 && s.RequestsPerMinute == 0 && s.RequestsAtOnce == 0 &&
		s.UpstreamConnections == 0 && s.BytesPerDay == 0 && s.MaxUses == 0
}

// Equal tells whether two are the same, as they are written.
func (s *Spec) Equal(other *Spec) bool {
	return s.Empty() && other.Empty() || reflect.DeepEqual(s, other)
}

// Number gives the number of a limit that is one; nil for networks and windows.
func (s *Spec) Number(n Name) *int64 {
	switch n {
	case RequestsPerMinute:
		return &s.RequestsPerMinute
	case RequestsAtOnce:
		return &s.RequestsAtOnce
	case UpstreamConnections:
		return &s.UpstreamConnections
	case BytesPerDay:
		return &s.BytesPerDay
	case MaxUses:
		return &s.MaxUses
	}
	return nil
}

// Has tells whether there is a limit of a name.
func (s *Spec) Has(n Name) bool {
	switch n {
	case Networks:
		return len(s.Networks) > 0
	case Windows:
		return len(s.Windows) > 0
	}
	number := s.Number(n)
	return number != nil && *number != 0
}

// Text says what a limit is; empty when no limit of that name is set.
func (s *Spec) Text(n Name) string {
	switch {
	case !s.Has(n):
		return ""
	case n == Networks:
		return strings.Join(s.Networks, ", ")
	case n == Windows:
		all := make([]string, len(s.Windows))
		for i, w := range s.Windows {
			all[i] = w.String()
		}
		return strings.Join(all, "; ")
	}
	return strconv.FormatInt(*s.Number(n), 10)
}

// String says what all limits are, on one line; empty: there are none.
func (s *Spec) String() string {
	var all []string
	for _, n := range Names() {
		if text := s.Text(n); text != "" {
			all = append(all, strings.ReplaceAll(string(n), "_", " ")+" "+text)
		}
	}
	return strings.Join(all, "; ")
}

// Under gives the limits, with those of other where these set none.
func (s Spec) Under(other *Spec) Spec {
	for _, n := range Names() {
		switch {
		case s.Has(n) || !other.Has(n):
		case n == Networks:
			s.Networks = append([]string(nil), other.Networks...)
		case n == Windows:
			s.Windows = append([]Window(nil), other.Windows...)
		default:
			*s.Number(n) = *other.Number(n)
		}
	}
	return s
}

// Problem is one thing that is wrong with limits.
type Problem struct {
	Field   string // as in the JSON form: networks[0], windows[1].zone
	Message string
}

// Error holds everything that is wrong with limits, in their order.
type Error struct{ Problems []Problem }

// Error gives all problems in one line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Field + ": " + p.Message
	}
	return strings.Join(lines, "; ")
}

func (e *Error) add(field, format string, arguments ...any) {
	e.Problems = append(e.Problems, Problem{field, fmt.Sprintf(format, arguments...)})
}
