// Package millis keeps times as milliseconds since 1970, the zero time as 0.
package millis

import "time"

// Of gives the milliseconds of a time.
func Of(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Time gives the time of what Of gave.
func Time(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
