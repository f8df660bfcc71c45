package routes

// literals finds the child of a node by a literal: a hash table whose hash looks at the length and four bytes only. What
// stands in it comes from the table alone, so that no request can make its chains longer.
type literals struct {
	buckets [][]literal // a power of two of them; none at first
	n       int
}

type literal struct {
	text string
	to   *node
}

// find gives the child for a raw segment; nil when there is none.
func (l *literals) find(raw []byte) *node {
	if l.n == 0 || len(raw) == 0 {
		return nil
	}
	bucket := l.buckets[literalHash(raw)&uint(len(l.buckets)-1)]
	for i := range bucket {
		if bucket[i].text == string(raw) {
			return bucket[i].to
		}
	}
	return nil
}

func literalHash(raw []byte) uint {
	n := len(raw)
	return uint(n) + uint(raw[0])*5 + uint(raw[n/2])*17 + uint(raw[n-1])*67 + uint(raw[n/4])*29
}

// add puts a child in. Its text is not empty and not there yet.
func (l *literals) add(text string, to *node) {
	if l.n >= len(l.buckets) {
		grown := literals{buckets: make([][]literal, max(1, 2*len(l.buckets)))}
		for _, bucket := range l.buckets {
			for _, c := range bucket {
				grown.put(c)
			}
		}
		*l = grown
	}
	l.put(literal{text, to})
}

func (l *literals) put(c literal) {
	i := literalHash([]byte(c.text)) & uint(len(l.buckets)-1)
	l.buckets[i] = append(l.buckets[i], c)
	l.n++
}
