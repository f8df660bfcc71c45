// Package memo remembers what was found out about short texts that come again and again, such as the lines of header blocks and
// the parameters of queries: reading a text takes longer than recognising it.
package memo

// size is how many texts a memo holds.
const size = 128

// MaxText bounds the length of the texts, in bytes.
const MaxText = 256

// Of remembers something about texts. It holds a bounded number of them; others take their places. The zero value is
// empty. It is for one goroutine.
type Of[T any] [size]slot[T]

type slot[T any] struct {
	text []byte
	what T
}

func (m *Of[T]) slot(text []byte) *slot[T] {
	n := len(text)
	return &m[(uint(n)*37^uint(text[n/2])*5^uint(text[n-1])*11^uint(text[n/4]))%size]
}

// Find gives what is remembered of a text; nil when that is nothing. It is good until the next Keep. The text must not be
// empty.
func (m *Of[T]) Find(text []byte) *T {
	s := m.slot(text)
	if string(s.text) != string(text) {
		return nil
	}
	return &s.what
}

// Keep remembers something about a text, which it copies. Texts longer than MaxText are not remembered. The text must not be
// empty.
func (m *Of[T]) Keep(text []byte, what T) {
	if len(text) > MaxText {
		return
	}
	s := m.slot(text)
	s.text, s.what = append(s.text[:0], text...), what
}
