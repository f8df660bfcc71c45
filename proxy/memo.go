package proxy

// memo keeps what was found out about lines of a header block, so that each is read once: most lines of a request and of an
// answer are those of the one before. Only one goroutine uses it.
type memo[T any] [128]struct {
	line []byte
	what T
}

// maxMemoLine bounds the length of the lines.
const maxMemoLine = 256

// slot is where a line is kept, in the place of others. The line must not be empty.
func (m *memo[T]) slot(line []byte) int {
	n := len(line)
	return int((uint(n)*37 ^ uint(line[n/2])*5 ^ uint(line[n-1])*11 ^ uint(line[n/4])) % uint(len(m)))
}

// find gives what was kept of a line; nil when it is not known.
func (m *memo[T]) find(line []byte) *T {
	s := &m[m.slot(line)]
	if string(s.line) != string(line) {
		return nil
	}
	return &s.what
}

// keep adds a line.
func (m *memo[T]) keep(line []byte, what T) {
	if len(line) <= maxMemoLine {
		s := &m[m.slot(line)]
		s.line, s.what = append(s.line[:0], line...), what
	}
}
