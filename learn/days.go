package learn

import (
	"encoding/binary"
	"fmt"
)

// AddCount adds to the counts of days, which are in order, and drops those before the last DaysKept.
func AddCount(days []Count, more Count) []Count {
	at := len(days)
	for at > 0 && days[at-1].Day > more.Day {
		at--
	}
	if at > 0 && days[at-1].Day == more.Day {
		days[at-1].N += more.N
	} else {
		days = append(days[:at], append([]Count{more}, days[at:]...)...)
	}
	oldest := days[len(days)-1].Day - DaysKept
	for days[0].Day <= oldest {
		days = days[1:]
	}
	return days
}

// AppendDays writes counts as they are kept: for each day how many days it is after the one before, and its count.
func AppendDays(dst []byte, days []Count) []byte {
	before := Day(0)
	for _, c := range days {
		dst = binary.AppendUvarint(dst, uint64(c.Day-before))
		dst = binary.AppendUvarint(dst, uint64(c.N))
		before = c.Day
	}
	return dst
}

// ParseDays reads what AppendDays wrote; ErrDamaged when that is not it.
func ParseDays(kept []byte) (days []Count, err error) {
	const most = 1 << 30
	day := uint64(0)
	for len(kept) > 0 {
		after, n := binary.Uvarint(kept)
		if n <= 0 || after == 0 || after > most {
			return nil, fmt.Errorf("%w: its days", ErrDamaged)
		}
		kept = kept[n:]
		count, n := binary.Uvarint(kept)
		if day += after; n <= 0 || count > 1<<62 || day > most || len(days) > DaysKept {
			return nil, fmt.Errorf("%w: its days", ErrDamaged)
		}
		kept = kept[n:]
		days = append(days, Count{Day(day), int64(count)})
	}
	return days, nil
}
