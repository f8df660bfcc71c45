package fleet

import "sync/atomic"

// Size is how many nodes there are. The zero value is one, and so is nil. It is safe for concurrent use.
type Size struct{ nodes atomic.Int64 }

// Set notes how many nodes there are, this one included; fewer than one are one.
func (s *Size) Set(nodes int) { s.nodes.Store(int64(max(1, nodes))) }

// Nodes is how many there are, this one included.
func (s *Size) Nodes() int {
	if s == nil {
		return 1
	}
	return int(max(1, s.nodes.Load()))
}

// Share is this node's part of a limit of all nodes; at least one, unless the limit is less. It allocates nothing.
func (s *Size) Share(limit int) int {
	n := s.Nodes()
	if n == 1 {
		return limit
	}
	return max(limit/n, min(1, limit))
}
