package web

import (
	"slices"
	"strings"
	"unicode/utf8"

	"patgate/routes"
	"patgate/routes/percent"
)

// canonical gives the one spelling of a path behind its container: what needs no escape has none, and everything else is
// escaped in upper case. It refuses what readers differ on.
func canonical(path string) (string, error) {
	var out strings.Builder
	for i, segment := range strings.Split(path, "/") {
		text, ok := unescape(segment)
		if !ok || text == "" || text == "." || text == ".." || strings.Contains(text, "/") {
			return "", errSpelling
		}
		if i > 0 {
			out.WriteByte('/')
		}
		escape(&out, text, "-._~@+=,!")
	}
	return out.String(), nil
}

// passed gives the query that is sent, with its "?"; empty for none.
func passed(query string, known []string) (string, error) {
	var out strings.Builder
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" && query == "" {
			break
		}
		name, raw, _ := strings.Cut(pair, "=")
		if !slices.Contains(known, name) || seen[name] {
			return "", errQuery
		}
		seen[name] = true
		text, ok := unescape(strings.ReplaceAll(raw, "+", "%20"))
		if !ok || slices.ContainsFunc(strings.Split(text, "/"), func(s string) bool { return s == "." || s == ".." }) {
			return "", errSpelling
		}
		if out.Len() == 0 {
			out.WriteByte('?')
		} else {
			out.WriteByte('&')
		}
		out.WriteString(name + "=")
		escape(&out, text, "-._~/")
	}
	return out.String(), nil
}

// unescape decodes once. It refuses control characters, backslashes, dot segments that are escaped twice, and what is no UTF-8.
func unescape(raw string) (string, bool) {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '%' {
			var ok bool
			if c, ok = percent.Decode(raw[i:]); !ok {
				return "", false
			}
			i += 2
		} else if c <= ' ' || c >= 0x7f {
			return "", false
		}
		if c < ' ' || c == 0x7f || c == '\\' || c == ';' {
			return "", false
		}
		out = append(out, c)
	}
	return string(out), utf8.Valid(out) && routes.IsDecoded(out)
}

// escape writes text with everything escaped but letters, digits and what plain holds.
func escape(out *strings.Builder, text, plain string) {
	for i := range len(text) {
		c := text[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(plain, c) >= 0 {
			out.WriteByte(c)
		} else {
			out.Write(percent.Append(nil, c))
		}
	}
}
