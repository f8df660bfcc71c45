package audit

import (
	"testing"
	"time"
)

func TestDenialsAreBounded(t *testing.T) {
	var d Denials
	start := time.Unix(1, 0)
	for i := range 3 * mostDenials {
		d.Note(7, &Denial{BoundaryID: int64(i), Last: start})
	}
	if list := d.Of(7); len(list) != mostDenials || list[0].BoundaryID != 3*mostDenials-1 {
		t.Errorf("%d are kept, the first of %d", len(list), list[0].BoundaryID)
	}
	d.Note(7, &Denial{BoundaryID: 3*mostDenials - 2, Last: start})
	if list := d.Of(7); len(list) != mostDenials || list[0].Count != 2 || list[0].BoundaryID != 3*mostDenials-2 {
		t.Errorf("one that came again is %+v of %d", list[0], len(list))
	}
	for i := range mostDenied + 10 {
		d.Note(int64(100+i), &Denial{Last: start.Add(time.Duration(i+1) * time.Second)})
	}
	if len(d.of) != mostDenied || d.Of(7) != nil {
		t.Errorf("%d tokens are kept, the oldest among them: %v", len(d.of), d.Of(7) != nil)
	}
}
