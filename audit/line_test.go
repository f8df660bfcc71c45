package audit

import (
	"net/netip"
	"testing"
	"time"

	"patgate/policy"
	"patgate/routes"
)

// A line that is written straight away is what the encoder writes, byte for byte.
func TestALineIsTheEncoders(t *testing.T) {
	at := time.Date(2026, 5, 6, 7, 8, 9, 10_200_000, time.FixedZone("", 2*3600))
	full := *complete(allowed())
	full.Start, full.Failure = at, "client_gone"
	for name, e := range map[string]Event{
		"full":          full,
		"nothing known": {},
		"no fraction of a second": {Start: at.Truncate(time.Second), Method: "GET", Client: netip.MustParseAddr("2001:db8::1"), Status: 200,
			Verdict: policy.Deny, Reason: "malformed_header"},
		"an address with a zone": {Start: at, Client: netip.MustParseAddr("fe80::1%eth\"0")},
		"what must be escaped": {Start: at, Method: "a\"b\\c", Reason: "\x00\x1f\n\r\t\x7f\u2028é<&>\U0001f600\xff end", Permission: "\u007f",
			Route: &routes.Route{Path: "/\"quoted\""}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, completed := range []bool{false, true} {
				x := &entry{Event: e, completed: completed}
				direct, encoded := &line{}, &line{encoder: NewEncoder(false)}
				for _, l := range []*line{direct, encoded} {
					l.begin(e.Start, "decision")
					x.decided(l)
					if err := l.end(); err != nil {
						t.Fatal(err)
					}
					l.begin(e.Start, "completion")
					x.finished(l)
					if err := l.end(); err != nil {
						t.Fatal(err)
					}
				}
				if string(direct.json) != string(encoded.json) {
					t.Errorf("\ngot  %s\nwant %s", direct.json, encoded.json)
				}
			}
		})
	}
}

func TestALineAllocatesNothing(t *testing.T) {
	l := &line{}
	x := &entry{Event: *complete(allowed()), completed: true}
	if n := testing.AllocsPerRun(100, func() {
		l.json = l.json[:0]
		l.begin(x.Start, "decision")
		x.decided(l)
		_ = l.end()
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAnInstantIsWrittenAsTheStandardLibraryDoes(t *testing.T) {
	l := &line{}
	at := time.Date(2026, 12, 31, 23, 59, 58, 0, time.UTC)
	kolkata := time.FixedZone("", 5*3600+1800)
	for _, step := range []time.Duration{0, 1, 10, 1_200, time.Millisecond, 999_999_999, time.Second, 1500 * time.Millisecond, time.Hour, -time.Hour} {
		for _, zone := range []*time.Location{time.UTC, kolkata, time.Local} {
			x := at.Add(step).In(zone)
			if got, want := string(l.time(nil, x)), x.Format(time.RFC3339Nano); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	}
}
