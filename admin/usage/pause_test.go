package usage

import (
	"testing"
	"time"
)

func TestStoringTakesASmallShareOfTheTime(t *testing.T) {
	for flush, want := range map[time.Duration]time.Duration{
		0:                      5 * time.Second,
		200 * time.Millisecond: 5 * time.Second,
		400 * time.Millisecond: 9600 * time.Millisecond,
		3 * time.Second:        12 * time.Second,
	} {
		if got := pause(flush); got != want {
			t.Errorf("after a flush of %s: %s, want %s", flush, got, want)
		}
	}
}
