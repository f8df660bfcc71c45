package fast

import "testing"

// What has come of an answer is kept in memory of the request's own, also after a look that brought nothing: the loop's memory
// is another's by the time that the rest comes.
func TestKeptAnswersAreTheirOwn(t *testing.T) {
	desk := make([]byte, 0, 64)
	var f flight
	f.keepBrought(desk, true)
	f.keepBrought(append(desk, "HTTP/1.1 200"...), true)
	_ = append(desk, "another one's"...)
	if string(f.brought) != "HTTP/1.1 200" {
		t.Fatalf("got %q", f.brought)
	}
	f.keepBrought(append(f.brought, " OK"...), false)
	if string(f.brought) != "HTTP/1.1 200 OK" || cap(f.brought) < cap(desk) {
		t.Errorf("got %q, with room for %d bytes", f.brought, cap(f.brought))
	}
}
