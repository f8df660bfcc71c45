package learn

import (
	"net/netip"
	"time"
)

// Day is a day in UTC: how many have passed since 1970-01-01.
type Day int32

// DayOf gives the day of an instant.
func DayOf(t time.Time) Day { return Day(t.Unix() / (24 * 60 * 60)) }

// Start is the instant at which the day begins.
func (d Day) Start() time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }

// Observation is what is known about one unit of a subject.
type Observation struct {
	Unit  Unit
	First time.Time
	Last  time.Time
	Uses  int64   // of all days, also of those that are not kept
	Days  []Count // in order; the days with requests among the last DaysKept
	// Suspect: it was seen from networks alone that were new for its subject after its FirstDays.
	Suspect bool
}

const (
	// DaysKept is for how many days counts are kept day by day.
	DaysKept = 90
	// MostUnits is how many allowed units, and how many denied ones, a subject has. Further ones are kept without their
	// containers and refs, see Unit.Collapsed. There are MostCollapsed of these; units beyond that are lost.
	MostUnits     = 2000
	MostCollapsed = 1000
	// MostUnitsOfForgeToken and MostCollapsedOfForgeToken are the same for a credential of the forge's own, which any user there
	// can make.
	MostUnitsOfForgeToken     = 300
	MostCollapsedOfForgeToken = 100
	// MostText bounds such a credential's unit as it is kept, without the groups, and MostRef the name of a ref in it, both in
	// bytes. A longer unit is kept collapsed.
	MostText = 2 << 10
	MostRef  = 255
	// MostSuspect is how many suspect units a subject or token has beside all these. Beyond it they are lost.
	MostSuspect = 200
)

// Count is how many requests of a unit came on a day.
type Count struct {
	Day Day
	N   int64
}

// Seen is what was seen of a unit of a subject since the last report.
type Seen struct {
	Subject int64 // the id of a Subject or of a token
	Unit    Unit
	Count   int64
	Last    time.Time
	// Networks are those that it was seen from; empty where that is not known.
	Networks []netip.Prefix
}
