package limits

import (
	"strconv"
	"strings"
)

// Lines writes limits as ParseLines reads them, a limit to a line: `networks: 10.0.0.0/8, 192.0.2.7`.
func (s *Spec) Lines() string {
	var lines []string
	for _, n := range Names() {
		if text := s.Text(n); text != "" {
			lines = append(lines, string(n)+": "+text)
		}
	}
	return strings.Join(lines, "\n")
}

// ParseLines reads limits that people type, a limit to a line. It leaves no line out: one that it cannot read is kept in a form
// that Compile refuses.
func ParseLines(text string) (s Spec) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		n := Name(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), " ", "_"))
		value = strings.TrimSpace(value)
		switch number := s.Number(n); {
		case n == Networks:
			for one := range strings.SplitSeq(value, ",") {
				s.Networks = append(s.Networks, strings.TrimSpace(one))
			}
		case n == Windows:
			for one := range strings.SplitSeq(value, ";") {
				w, ok := ParseWindow(one)
				if !ok {
					w = Window{From: strings.TrimSpace(one)}
				}
				s.Windows = append(s.Windows, w)
			}
		case number != nil && *number == 0:
			most, err := strconv.ParseInt(value, 10, 64)
			if err != nil || most <= 0 {
				most = -1
			}
			*number = most
		case number != nil: // twice
			*number = -1
		default:
			s.Networks = append(s.Networks, line)
		}
	}
	return s
}
