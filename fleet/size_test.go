package fleet

import "testing"

func TestShares(t *testing.T) {
	var s Size
	var none *Size
	if none.Nodes() != 1 || none.Share(7) != 7 || s.Nodes() != 1 || s.Share(7) != 7 {
		t.Error("one node has not all")
	}
	for _, c := range []struct{ nodes, limit, want int }{{3, 10, 3}, {3, 2, 1}, {3, 0, 0}, {0, 10, 10}, {-4, 10, 10}, {1, 10, 10}} {
		if s.Set(c.nodes); s.Share(c.limit) != c.want {
			t.Errorf("%d nodes: %d of %d, want %d", c.nodes, s.Share(c.limit), c.limit, c.want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { s.Share(10) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
