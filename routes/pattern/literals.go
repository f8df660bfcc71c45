package pattern

// literals finds the child of a node by a literal: a hash table. What stands in it comes from the route table alone, so that
// no request can make its chains longer.
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
	bucket := l.buckets[l.bucket(raw)]
	for i := range bucket {
		if bucket[i].text == string(raw) {
			return bucket[i].to
		}
	}
	return nil
}

// fewLiterals is up to how many buckets the length and four bytes of a literal spread it well enough.
const fewLiterals = 256

// bucket gives where a literal, which is not empty, belongs. Among many, names that differ in a digit are likely: then all
// bytes count (FNV-1a).
func (l *literals) bucket(text []byte) uint32 {
	n := len(text)
	hash := uint32(n) + uint32(text[0])*5 + uint32(text[n/2])*17 + uint32(text[n-1])*67 + uint32(text[n/4])*29
	if len(l.buckets) > fewLiterals {
		hash = 2166136261
		for _, c := range text {
			hash = (hash ^ uint32(c)) * 16777619
		}
	}
	return hash & uint32(len(l.buckets)-1)
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
	i := l.bucket([]byte(c.text))
	l.buckets[i] = append(l.buckets[i], c)
	l.n++
}
