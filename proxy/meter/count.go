package meter

import "time"

// seconds is how long the window of requests a minute is.
const seconds = 60

// count is what is counted for a family.
type count struct {
	holders           int // those that point to it, and for which it must stay the family's
	atOnce, connected int64
	last              int64 // the second of the newest request, since 1970
	sum               int64 // of the minute before it
	ring              [seconds]int32

	day     int64 // of the bytes, since 1970
	stored  int64 // what the store knew of that day, at read; less than nothing: it was not asked yet
	pending int64 // what it does not know yet
	read    time.Time
}

// advance forgets the requests that are a minute old.
func (c *count) advance(now int64) {
	if now-c.last >= seconds {
		c.ring, c.sum, c.last = [seconds]int32{}, 0, now
	}
	for c.last < now {
		c.last++
		at := &c.ring[c.last%seconds]
		c.sum -= int64(*at)
		*at = 0
	}
}

// take counts a request.
func (c *count) take() {
	c.ring[c.last%seconds]++
	c.sum++
}

// wait is how long it takes until there are fewer than most in a minute.
func (c *count) wait(most int64) time.Duration {
	left := c.sum
	for age := int64(seconds - 1); age > 0; age-- {
		if left -= int64(c.ring[(c.last-age+seconds)%seconds]); left < most {
			return time.Duration(seconds-age) * time.Second
		}
	}
	return seconds * time.Second
}

// turn begins a day.
func (c *count) turn(day int64) {
	if c.day != day {
		c.day, c.stored, c.pending, c.read = day, -1, 0, time.Time{}
	}
}

// bytes is what was moved on the day, as far as it is known here.
func (c *count) bytes() int64 { return max(c.stored, 0) + c.pending }

// idle tells whether nothing is lost when the count is forgotten.
func (c *count) idle(now int64) bool {
	c.advance(now)
	return c.holders == 0 && c.sum == 0 && c.pending == 0 && now-c.read.Unix() > seconds
}

const daySeconds = 24 * 60 * 60

// dayOf gives the day of an instant, since 1970, UTC.
func dayOf(t time.Time) int64 { return t.Unix() / daySeconds }

// untilMidnight is how long the day lasts.
func untilMidnight(t time.Time) time.Duration {
	return time.Unix((dayOf(t)+1)*daySeconds, 0).Sub(t)
}
