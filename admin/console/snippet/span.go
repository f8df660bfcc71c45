package snippet

import (
	"fmt"
	"time"
)

// Span writes a length of time in its largest unit.
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	count := func(n time.Duration, unit string) string {
		if n != 1 {
			unit += "s"
		}
		return fmt.Sprintf("%d %s", n, unit)
	}
	switch {
	case d < 90*time.Second:
		return count(max((d+time.Second-1)/time.Second, 1), "second")
	case d < 90*time.Minute:
		return count((d+30*time.Second)/time.Minute, "minute")
	case d < 36*time.Hour:
		return count((d+30*time.Minute)/time.Hour, "hour")
	case d < 90*day:
		return count((d+12*time.Hour)/day, "day")
	case d < 700*day:
		return count((d+15*day)/(30*day), "month")
	}
	return count((d+182*day)/(365*day), "year")
}
