//go:build linux

package report

import "testing"

func TestSpread(t *testing.T) {
	for name, c := range map[string]struct {
		values []float64
		want   Spread
	}{
		"none": {nil, Spread{}},
		"odd":  {[]float64{3, 1, 2}, Spread{1, 2, 3}},
		"even": {[]float64{4, 1, 2, 3}, Spread{1, 2.5, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := SpreadOf(c.values); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
