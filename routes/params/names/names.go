// Package names reads the names of parameters: their one canonical form in all carriers, and which of them look like an
// identifier or are reserved.
package names

// AppendCanonical reads the name of a query or form field, ^[a-z][a-z0-9_]*(\[[a-z0-9_]*\])*$, and appends its canonical
// form to dst: a[b][] becomes a.b[]. Two empty brackets in a row are refused with the rest: Rack builds nothing useful
// from them. ok is false for any other name; depth counts the brackets.
func AppendCanonical(dst, name []byte) (canonical []byte, depth int, ok bool) {
	if len(name) == 0 || name[0] < 'a' || name[0] > 'z' {
		return dst, 0, false
	}
	i := 0
	for i < len(name) && wordByte(name[i]) {
		i++
	}
	dst = append(dst, name[:i]...)
	empty := false
	for i < len(name) {
		if name[i] != '[' {
			return dst, depth, false
		}
		start := i + 1
		for i = start; i < len(name) && wordByte(name[i]); i++ {
		}
		if i == len(name) || name[i] != ']' {
			return dst, depth, false
		}
		if start == i {
			if empty {
				return dst, depth, false
			}
			dst = append(dst, '[', ']')
		} else {
			dst = append(append(dst, '.'), name[start:i]...)
		}
		empty = start == i
		depth++
		i++
	}
	return dst, depth, true
}

// PlainName tells whether a name has neither brackets nor anything else to translate: its canonical form is itself.
func PlainName(name []byte) bool {
	if len(name) == 0 || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	for _, c := range name {
		if !wordByte(c) {
			return false
		}
	}
	return true
}

func wordByte(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' }

// OddName tells whether a name outside the grammar may be declared by a row, such as twine's ":action". It excludes
// whatever separates names, values or components in any carrier.
func OddName(name []byte) bool {
	for _, c := range name {
		switch {
		case c <= ' ', c > '~':
			return false
		case c == '[', c == ']', c == '.', c == '%', c == '&', c == '=', c == '+', c == ';', c == '#', c == '"', c == '\\':
			return false
		}
	}
	return len(name) > 0
}

// AppendMember appends a JSON member's name to the canonical name of its object. Characters that would look like
// structure are masked, so that {"a.b": 1} is never taken for {"a": {"b": 1}}. odd is true when the name is more than
// letters, digits, '_' and '-'.
func AppendMember(path, key []byte) (canonical []byte, odd bool) {
	if len(path) > 0 {
		path = append(path, '.')
	}
	if len(key) == 0 {
		return append(path, '%'), true
	}
	for _, c := range key {
		switch {
		case wordByte(c), c >= 'A' && c <= 'Z', c == '-':
		case c == '.', c == '[', c == ']', c == '%':
			c, odd = '%', true
		default:
			odd = true
		}
		path = append(path, c)
	}
	return path, odd
}

// CutLast takes the last component off a canonical name: a[].b, a[], a, "". The rest is nil after the first component.
func CutLast(name []byte) []byte {
	if n := len(name); n >= 2 && name[n-1] == ']' {
		return name[:n-2]
	}
	for i := len(name) - 1; i >= 0; i-- {
		switch name[i] {
		case '.':
			return name[:i]
		case ']':
			return name[:i+1]
		}
	}
	return nil
}

// NextWord takes the first named component off a canonical name; list marks are skipped.
func NextWord(name []byte) (word, rest []byte) {
	for i, c := range name {
		if c == '.' || c == '[' {
			word, rest = name[:i], name[i:]
			for len(rest) > 0 && (rest[0] == '.' || rest[0] == '[' || rest[0] == ']') {
				rest = rest[1:]
			}
			return word, rest
		}
	}
	return name, nil
}

// RootOf gives the first component of a canonical name.
func RootOf(name []byte) []byte {
	root, _ := NextWord(name)
	return root
}

// Below tells whether name is strictly below the container called prefix.
func Below(name []byte, prefix string) bool {
	return len(name) > len(prefix) && string(name[:len(prefix)]) == prefix &&
		(name[len(prefix)] == '.' || name[len(prefix)] == '[')
}

// Conflicting tells whether two different canonical names with the same root cannot both be: one is the other's
// container, or one makes a list where the other makes an object.
func Conflicting(a, b []byte) bool {
	for {
		switch {
		case len(a) == 0 || len(b) == 0:
			return true
		case (a[0] == '[') != (b[0] == '['):
			return true
		case a[0] == '[':
			a, b = a[2:], b[2:]
			continue
		}
		if a[0] == '.' && b[0] == '.' {
			a, b = a[1:], b[1:]
		}
		i, j := componentEnd(a), componentEnd(b)
		if string(a[:i]) != string(b[:j]) {
			return false
		}
		a, b = a[i:], b[j:]
	}
}

func componentEnd(name []byte) int {
	for i, c := range name {
		if c == '.' || c == '[' {
			return i
		}
	}
	return len(name)
}

// SameButShape tells whether two canonical names differ only in list marks and list indices: a[].b, a.b, a.0.b.
func SameButShape(a []byte, b string) bool {
	i, j := 0, 0
	for {
		i, j = skipMarks(a, i), skipMarks(b, j)
		if i >= len(a) || j >= len(b) {
			return i >= len(a) && j >= len(b)
		}
		if a[i] != b[j] {
			return false
		}
		i, j = i+1, j+1
	}
}

// skipMarks skips list marks and components of digits from position i on.
func skipMarks[T []byte | string](name T, i int) int {
	for i < len(name) {
		if name[i] == '[' || name[i] == ']' {
			i++
			continue
		}
		if name[i] != '.' {
			return i
		}
		end := i + 1
		for end < len(name) && name[end] >= '0' && name[end] <= '9' {
			end++
		}
		if end == i+1 || end < len(name) && name[end] != '.' && name[end] != '[' {
			return i
		}
		i = end
	}
	return i
}
