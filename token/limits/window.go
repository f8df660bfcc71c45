package limits

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// dayNames are those of the days, from time.Sunday on.
var dayNames = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

const (
	dayMinutes  = 24 * 60
	weekMinutes = 7 * dayMinutes
	everyDay    = 1<<7 - 1
)

// window is a Window in minutes of the day.
type window struct {
	days     uint8 // a bit for each time.Weekday
	from, to int   // from is less than dayMinutes; to is more than 0, and not more than from when the window ends on the next day
	zone     *time.Location
}

func (w *Window) compile(field string, problems *Error) (c window, ok bool) {
	before := len(problems.Problems)
	for i, name := range w.Days {
		at := slices.Index(dayNames[:], strings.ToLower(strings.TrimSpace(name)))
		if at < 0 {
			problems.add(fmt.Sprintf("%s.days[%d]", field, i), "%q is not a day: use mon, tue, wed, thu, fri, sat or sun", name)
			continue
		}
		c.days |= 1 << at
	}
	if len(w.Days) == 0 {
		c.days = everyDay
	}
	var known bool
	if c.from, known = clock(w.From); !known || c.from == dayMinutes {
		problems.add(field+".from", "%q is not a time of day: write 08:00", w.From)
	}
	if c.to, known = clock(w.To); !known {
		problems.add(field+".to", "%q is not a time of day: write 18:00, or 24:00 for its end", w.To)
	}
	if c.to == 0 {
		c.to = dayMinutes
	}
	c.zone = time.UTC
	if w.Zone != "" {
		zone, err := time.LoadLocation(w.Zone)
		if err != nil || w.Zone == "Local" {
			problems.add(field+".zone", "%q is not a time zone: write Europe/Berlin or UTC", w.Zone)
			return c, false
		}
		c.zone = zone
	}
	return c, len(problems.Problems) == before
}

// clock reads a time of the day, in minutes.
func clock(text string) (minutes int, ok bool) {
	if len(text) != len("08:00") || text[2] != ':' {
		return 0, false
	}
	hour, wrongHour := strconv.ParseUint(text[:2], 10, 8)
	minute, wrongMinute := strconv.ParseUint(text[3:], 10, 8)
	minutes = int(hour)*60 + int(minute)
	return minutes, wrongHour == nil && wrongMinute == nil && minute < 60 && minutes <= dayMinutes
}

// spec gives the window as it is written.
func (w *window) spec() Window {
	s := Window{From: writeClock(w.from), To: writeClock(w.to), Zone: w.zone.String()}
	for i := range dayNames {
		if day := (i + 1) % len(dayNames); w.days&(1<<day) != 0 && w.days != everyDay { // the week begins on Monday
			s.Days = append(s.Days, dayNames[day])
		}
	}
	return s
}

func writeClock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// open tells whether it is open at an instant, by the clocks of its zone: what they show twice, or never, is so for it too.
func (w *window) open(t time.Time) bool {
	t = t.In(w.zone)
	hour, minute, _ := t.Clock()
	return w.openAt(int(t.Weekday()), hour*60+minute)
}

// openAt tells whether it is open at a minute of a day of the week.
func (w *window) openAt(day, minute int) bool {
	today, yesterday := w.days&(1<<day) != 0, w.days&(1<<((day+6)%7)) != 0
	if w.from < w.to {
		return today && minute >= w.from && minute < w.to
	}
	return today && minute >= w.from || yesterday && minute < w.to
}

// opens gives when it opens next after an instant at which it is not open; zero when it does not within two weeks.
func (w *window) opens(now time.Time) time.Time {
	year, month, day := now.In(w.zone).Date()
	for ahead := range 15 {
		at := time.Date(year, month, day+ahead, 0, w.from, 0, 0, w.zone)
		// Where clocks go forward, the beginning may be skipped, and Date gives a time before or after it. The rest of the window
		// begins within a few hours.
		if late := minuteOf(at) - w.from; late > 0 && late < 4*60 {
			at = at.Add(-time.Duration(late) * time.Minute)
		}
		for range 4 * 60 {
			if at.After(now) && w.open(at) {
				return at
			}
			if minuteOf(at) == w.from {
				break
			}
			at = at.Add(time.Minute)
		}
	}
	return time.Time{}
}

func minuteOf(t time.Time) int { return t.Hour()*60 + t.Minute() }

// week is the minutes of a week, from Sunday on.
type week [(weekMinutes + 63) / 64]uint64

// add takes in when a window is open.
func (m *week) add(w *window) {
	for minute := range weekMinutes {
		if w.openAt(minute/dayMinutes, minute%dayMinutes) {
			m[minute/64] |= 1 << (minute % 64)
		}
	}
}

// has tells whether all minutes of another one are among these.
func (m *week) has(other *week) bool {
	for i := range m {
		if other[i]&^m[i] != 0 {
			return false
		}
	}
	return true
}

// whole tells whether these are all minutes of a week.
func (m *week) whole() bool {
	var all week
	all.add(&window{days: everyDay, to: dayMinutes})
	return m.has(&all)
}

// weeks gives when windows are open, by the name of their zone.
func weeks(all []window) map[string]*week {
	by := map[string]*week{}
	for i := range all {
		w := &all[i]
		if by[w.zone.String()] == nil {
			by[w.zone.String()] = &week{}
		}
		by[w.zone.String()].add(w)
	}
	return by
}

// ParseWindow reads a window as it is written on one line: days, if not all, times, and the zone, if it is not UTC:
// `mon-fri 08:00-18:00 Europe/Berlin`. What it holds is read by Compile.
func ParseWindow(text string) (w Window, ok bool) {
	parts := strings.Fields(text)
	if len(parts) > 0 && !strings.Contains(parts[0], ":") {
		for _, item := range strings.Split(strings.ToLower(parts[0]), ",") {
			first, last, isRange := strings.Cut(item, "-")
			begin, end := slices.Index(dayNames[:], first), slices.Index(dayNames[:], last)
			if !isRange || begin < 0 || end < 0 {
				w.Days = append(w.Days, item)
				continue
			}
			for day := begin; ; day = (day + 1) % 7 {
				w.Days = append(w.Days, dayNames[day])
				if day == end {
					break
				}
			}
		}
		parts = parts[1:]
	}
	if len(parts) == 0 || len(parts) > 2 {
		return w, false
	}
	if w.From, w.To, ok = strings.Cut(parts[0], "-"); len(parts) == 2 {
		w.Zone = parts[1]
	}
	return w, ok
}

// String writes it as ParseWindow reads it.
func (w Window) String() string {
	var days []string
	for i := 0; i < len(w.Days); {
		at := slices.Index(dayNames[:], w.Days[i])
		end := i + 1
		for end < len(w.Days) && at >= 0 && w.Days[end] == dayNames[(at+end-i)%7] {
			end++
		}
		if end-i > 2 {
			days = append(days, w.Days[i]+"-"+w.Days[end-1])
		} else {
			days = append(days, w.Days[i:end]...)
		}
		i = end
	}
	text := w.From + "-" + w.To
	if len(days) > 0 {
		text = strings.Join(days, ",") + " " + text
	}
	if w.Zone != "" {
		text += " " + w.Zone
	}
	return text
}
