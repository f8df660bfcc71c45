package graphql

import (
	"hash/maphash"
	"sync/atomic"

	"patgate/routes/graphql"
)

// recentDocuments bounds the documents that are kept.
const recentDocuments = 64

// recent keeps documents that were read lately by one reader, and not refused: clients send the same one again and again, with
// other variables. Each has a slot that its text gives; a later one of the same slot takes it.
type recent struct {
	reader *graphql.Reader
	seed   maphash.Seed
	slots  [recentDocuments]atomic.Pointer[graphql.Parsed]
}

// recently gives what is kept of a reader's documents. That of another table goes.
func (s *Surface) recently(reader *graphql.Reader) *recent {
	if r := s.recent.Load(); r != nil && r.reader == reader {
		return r
	}
	r := &recent{reader: reader, seed: maphash.MakeSeed()}
	s.recent.Store(r)
	return r
}

// read reads a request.
func (r *recent) read(q *graphql.Request) (*graphql.Document, error) {
	slot := &r.slots[maphash.String(r.seed, q.Query)%recentDocuments]
	if p := slot.Load(); p != nil && p.Of(q) {
		return r.reader.ReadAgain(q, p)
	}
	d, err := r.reader.Read(q)
	if err == nil && d.Parsed() != nil {
		slot.Store(d.Parsed())
	}
	return d, err
}
