package audit

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
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
		"a denied act":           {Start: at, Method: "GET", Verdict: policy.Deny, Act: policy.ActTarget, Reason: "target_denied"},
		"names to be escaped":    {Start: at, TokenID: 7, TokenName: "nächtlich \"x\"", OwnerID: 1, OwnerName: "a\nb"},
		"names that are unknown": {Start: at, TokenID: 7, OwnerID: 1},
		"an address with a zone": {Start: at, Client: netip.MustParseAddr("fe80::1%eth\"0")},
		"what must be escaped": {Start: at, Method: "a\"b\\c", Reason: "\x00\x1f\n\r\t\x7f\u2028é<&>\U0001f600\xff end", Permission: "\u007f",
			Route: &routes.Route{Path: "/\"quoted\""}},
	} {
		t.Run(name, func(t *testing.T) {
			x := &e
			direct, encoded := &line{}, &line{encoder: NewEncoder(false)}
			for _, l := range []*line{direct, encoded} {
				l.decision(x, false)
				l.decision(x, true)
				l.completion(x)
			}
			if string(direct.json) != string(encoded.json) {
				t.Errorf("\ngot  %s\nwant %s", direct.json, encoded.json)
			}
		})
	}
}

// Lines in any order are what they would be alone, whatever is kept from one to the next.
func TestLinesKeepNothingOfOthers(t *testing.T) {
	events := []*Event{}
	for i := range 400 {
		e := *complete(allowed())
		e.Status, e.BoundaryID, e.ResponseBytes = 200+i, int64(i%3), []int64{0, 9, 10, 99, 100, 123456, 999_999, 1_000_000, -5, 1 << 62}[i%10]
		e.TokenID, e.TokenName = int64(i/9%3), []string{"nightly", "", "näxt", "nightly\""}[i/4%4]
		e.OwnerID, e.OwnerName = int64(i/40%2), []string{"alice", "bob"}[i/20%2]
		e.Method, e.Reason = []string{"GET", "PUT", "POST"}[i%3], []string{"granted", "allowed"}[i%2]
		if i%7 > 0 {
			e.Route = &routes.Route{Path: fmt.Sprintf("/projects/{project}/%c", 'a'+i%26), Action: "read", Resource: []string{"job", "tag"}[i%2]}
		}
		if i%5 == 0 {
			e.Permission, e.Verdict = "write_job", policy.Deny
			e.Act = policy.ActKind(i / 5 % 5)
		}
		events = append(events, &e)
	}
	shared := &line{}
	for round := range 2 {
		for i, x := range events {
			encoded := &line{encoder: NewEncoder(false)}
			shared.json = shared.json[:0]
			for _, l := range []*line{shared, encoded} {
				l.decision(x, true)
			}
			if string(shared.json) != string(encoded.json) {
				t.Fatalf("round %d, event %d:\ngot  %s\nwant %s", round, i, shared.json, encoded.json)
			}
		}
	}
}

func TestDecimalNumbers(t *testing.T) {
	check := func(n int64) {
		if got, want := string(appendDecimal([]byte("x"), n)), "x"+strconv.FormatInt(n, 10); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for n := int64(1); n > 0; n *= 2 {
		check(n)
		check(n - 1)
		check(-n)
	}
	for n, i := int64(1), 0; i < 19; n, i = n*10, i+1 {
		check(n)
		check(n - 1)
		check(n + 1)
		check(9 * (n / 10))
	}
	for n := range int64(20_000) {
		check(n)
	}
	check(math.MaxInt64)
	check(math.MinInt64)
}

func TestALineAllocatesNothing(t *testing.T) {
	l := &line{}
	x := complete(allowed())
	if n := testing.AllocsPerRun(100, func() {
		l.json = l.json[:0]
		l.decision(x, true)
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
