package meter

import (
	"time"

	"patgate/token/limits"
)

// seconds is how long the window of requests a minute is.
const seconds = 60

// slots is one more: the first and the last second of any minute are parts of seconds.
const slots = seconds + 1

// count is what is counted for a family.
type count struct {
	holders           int // those that point to it, and for which it must stay the family's
	atOnce, connected int64
	last              int64 // the second of the newest request, since the meter began
	sum               int64 // of the minute before it
	ring              [slots]int32

	day     int64 // of the bytes, since 1970
	stored  int64 // what the store knew of that day, at read; less than nothing: it was not asked yet
	pending int64 // what it does not know yet
	read    time.Time

	reserved int64 // what requests under way have announced and not moved yet
}

// advance forgets the requests that are a minute old.
func (c *count) advance(now int64) {
	if now-c.last >= slots {
		c.ring, c.sum, c.last = [slots]int32{}, 0, now
	}
	for c.last < now {
		c.last++
		at := &c.ring[c.last%slots]
		c.sum -= int64(*at)
		*at = 0
	}
}

// take counts a request.
func (c *count) take() {
	c.ring[c.last%slots]++
	c.sum++
}

// wait is how long it takes until there are fewer than most in a minute.
func (c *count) wait(most int64) time.Duration {
	left := c.sum
	for age := int64(slots - 1); age > 0; age-- {
		if left -= int64(c.ring[(c.last-age+slots)%slots]); left < most {
			return time.Duration(slots-age) * time.Second
		}
	}
	return slots * time.Second
}

// turn begins a day. A day does not begin again, whatever the clock says; one that was days ahead is believed when it is set
// right, and what was counted stays.
func (c *count) turn(day int64) {
	switch {
	case day > c.day:
		c.day, c.stored, c.pending, c.read = day, -1, 0, time.Time{}
	case day < c.day-1:
		c.day = day
	}
}

// bytes is what was moved on the day, as far as it is known here, and what was announced.
func (c *count) bytes() int64 { return max(c.stored, 0) + c.pending + c.reserved }

// idle tells whether nothing is lost when the count is forgotten. second is that of now, since the meter began.
func (c *count) idle(now time.Time, second int64) bool {
	c.advance(second)
	return c.holders == 0 && c.sum == 0 && c.pending == 0 && now.Sub(c.read) > seconds*time.Second
}

// untilMidnight is how long the day lasts.
func untilMidnight(t time.Time) time.Duration {
	return time.Unix((limits.DayOf(t)+1)*24*60*60, 0).Sub(t)
}
