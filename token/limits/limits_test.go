package limits

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

func compiled(t testing.TB, s Spec) *Limits {
	t.Helper()
	l, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestNetworks(t *testing.T) {
	l := compiled(t, Spec{Networks: []string{"10.0.0.0/8", "2001:db8::/32", "192.0.2.7", "::ffff:198.51.100.0/120",
		"10.0.0.0/8"}})
	for address, want := range map[string]bool{
		"10.255.0.1": true, "11.0.0.1": false, "::ffff:10.1.2.3": true, "::ffff:11.1.2.3": false, "2001:db8::1": true,
		"2001:db9::1": false, "192.0.2.7": true, "192.0.2.8": false, "198.51.100.9": true, "::ffff:198.51.100.9": true,
		"::a00:1": false, "::": false,
	} {
		if got := l.From(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	if l.From(netip.Addr{}) {
		t.Error("no address is within a network")
	}
	local := netip.MustParseAddr("fe80::1%eth0")
	if l.From(local) || !compiled(t, Spec{Networks: []string{"fe80::/10"}}).From(local) {
		t.Error("zones of addresses")
	}
	if want := []string{"10.0.0.0/8", "192.0.2.7/32", "198.51.100.0/24", "2001:db8::/32"}; !reflect.DeepEqual(l.Spec.Networks, want) {
		t.Errorf("in one spelling: %q", l.Spec.Networks)
	}
	if v4 := compiled(t, Spec{Networks: []string{"::/0"}}); v4.From(netip.MustParseAddr("10.0.0.1")) {
		t.Error("all of IPv6 is nothing of IPv4")
	}
	var none *Limits
	if open, _ := none.At(time.Now()); !open || !none.From(netip.Addr{}) {
		t.Error("no limits limit nothing")
	}
}

func TestAllProblemsAreTold(t *testing.T) {
	_, err := Compile(Spec{
		Networks: []string{"10.0.0.1/8", "ten", "", "::ffff:0.0.0.0/90", "fe80::1%eth0"}, RequestsPerMinute: -1,
		MaxUses: MostNumber + 1,
		Windows: []Window{{Days: []string{"monday"}, From: "8:00", To: "24:01", Zone: "Europe/Bärlin"},
			{From: "24:00", To: "08:60", Zone: "Local"}},
	})
	var all *Error
	if !errors.As(err, &all) {
		t.Fatal(err)
	}
	var fields []string
	for _, p := range all.Problems {
		fields = append(fields, p.Field)
	}
	want := "networks[0] networks[1] networks[2] networks[3] networks[4] windows[0].days[0] windows[0].from windows[0].to " +
		"windows[0].zone windows[1].from windows[1].to windows[1].zone requests_per_minute max_uses"
	if got := strings.Join(fields, " "); got != want {
		t.Errorf("%s\n%v", got, err)
	}
	if !strings.Contains(err.Error(), "write 10.0.0.0/8") {
		t.Error(err)
	}
	if _, err := Compile(Spec{Networks: make([]string, MostNetworks+1), Windows: make([]Window, MostWindows+1)}); err == nil ||
		!strings.Contains(err.Error(), "too many") {
		t.Error(err)
	}
	if l, err := Compile(Spec{}); l != nil || err != nil {
		t.Error(l, err)
	}
}

func TestWindows(t *testing.T) {
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for _, c := range []struct {
		name, window, at string
		open             bool
		next             string
	}{
		{"within, on a Monday", "mon-fri 08:00-18:00", "2026-11-30T08:00:00Z", true, ""},
		{"at its end", "mon-fri 08:00-18:00", "2026-11-30T18:00:00Z", false, "2026-12-01T08:00:00Z"},
		{"on Friday evening", "mon-fri 08:00-18:00", "2026-12-04T18:00:00Z", false, "2026-12-07T08:00:00Z"},
		{"in its zone", "mon-fri 08:00-18:00 Europe/Berlin", "2026-11-30T07:00:00Z", true, ""},
		{"in its zone, in summer", "mon-fri 08:00-18:00 Europe/Berlin", "2026-06-01T06:00:00Z", true, ""},
		{"before, in its zone", "mon-fri 08:00-18:00 Europe/Berlin", "2026-11-30T06:59:59Z", false, "2026-11-30T07:00:00Z"},
		{"over midnight, before it", "fri 22:00-06:00", "2026-12-04T23:00:00Z", true, ""},
		{"over midnight, after it", "fri 22:00-06:00", "2026-12-05T05:59:00Z", true, ""},
		{"over midnight, on the morning of the day", "fri 22:00-06:00", "2026-12-04T05:00:00Z", false, "2026-12-04T22:00:00Z"},
		{"over midnight, on the next evening", "fri 22:00-06:00", "2026-12-05T22:00:00Z", false, "2026-12-11T22:00:00Z"},
		{"a whole day", "sun 00:00-24:00", "2026-12-06T23:59:59Z", true, ""},
		{"a whole day, by 00:00", "sun 00:00-00:00", "2026-12-07T00:00:00Z", false, "2026-12-13T00:00:00Z"},
		{"from noon to noon", "sun 12:00-12:00", "2026-12-07T11:59:00Z", true, ""},
		// 2026-03-29, 02:00 in Berlin is 03:00. 2026-10-25, 03:00 is 02:00.
		{"in the hour that is left out", "02:15-02:45 Europe/Berlin", "2026-03-29T00:59:00Z", false, "2026-03-30T00:15:00Z"},
		{"with a beginning that is left out", "02:30-05:00 Europe/Berlin", "2026-03-29T00:59:00Z", false, "2026-03-29T01:00:00Z"},
		{"in the hour that comes twice, first", "02:15-02:45 Europe/Berlin", "2026-10-25T00:20:00Z", true, ""},
		{"in the hour that comes twice, again", "02:15-02:45 Europe/Berlin", "2026-10-25T01:20:00Z", true, ""},
		{"with an end after the hour that comes twice", "01:00-04:00 Europe/Berlin", "2026-10-25T02:59:00Z", true, ""},
		{"where midnight is left out", "sun 00:00-02:00 America/Santiago", "2026-09-06T03:59:00Z", false, "2026-09-06T04:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, ok := ParseWindow(c.window)
			if !ok {
				t.Fatal("it is not read")
			}
			open, next := compiled(t, Spec{Windows: []Window{w}}).At(at(c.at))
			want := time.Time{}
			if c.next != "" {
				want = at(c.next)
			}
			if open != c.open || !next.Equal(want) {
				t.Errorf("open %v, next %s", open, next.UTC())
			}
		})
	}
	two := compiled(t, Spec{Windows: []Window{{From: "08:00", To: "09:00"}, {From: "07:00", To: "07:30"}}})
	if open, next := two.At(at("2026-11-30T06:00:00Z")); open || !next.Equal(at("2026-11-30T07:00:00Z")) {
		t.Errorf("of two: %v %v", open, next)
	}
}

func TestWindowsAreWrittenAsTheyAreRead(t *testing.T) {
	for _, text := range []string{"08:00-18:00", "mon-fri 08:00-18:00 Europe/Berlin", "mon,wed,fri-sun 22:00-06:00 UTC",
		"sat,sun 00:00-24:00 UTC"} {
		w, ok := ParseWindow(text)
		if !ok || w.String() != text {
			t.Errorf("%q is written %q (%v)", text, w, ok)
		}
	}
	if w, ok := ParseWindow("fri-mon 08:00-18:00"); !ok || len(w.Days) != 4 {
		t.Errorf("%v", w)
	}
	for _, text := range []string{"", "mon", "08:00", "mon 08:00-18:00 UTC more", "mon UTC"} {
		if w, ok := ParseWindow(text); ok {
			t.Errorf("%q is read as %v", text, w)
		}
	}
	l := compiled(t, Spec{Windows: []Window{{Days: []string{"Sun", "mon", "mon"}, From: "08:00", To: "00:00"}}})
	text, err := json.Marshal(l.Spec)
	if want := `{"windows":[{"days":["mon","sun"],"from":"08:00","to":"24:00","zone":"UTC"}]}`; err != nil || string(text) != want {
		t.Errorf("%s %v", text, err)
	}
	var again Spec
	if err := json.Unmarshal(text, &again); err != nil || !reflect.DeepEqual(compiled(t, again).Spec, l.Spec) {
		t.Errorf("%+v %v", again, err)
	}
}

func TestBeyond(t *testing.T) {
	for _, c := range []struct {
		name          string
		child, parent Spec
		want          []Name
	}{
		{"nothing within nothing", Spec{}, Spec{}, nil},
		{"something within nothing", Spec{MaxUses: 1, Networks: []string{"10.0.0.0/8"}}, Spec{}, nil},
		{"nothing within something", Spec{}, Spec{Networks: []string{"10.0.0.0/8"}, MaxUses: 1}, []Name{Networks, MaxUses}},
		{"a narrower network", Spec{Networks: []string{"10.1.0.0/16"}}, Spec{Networks: []string{"10.0.0.0/8"}}, nil},
		{"one network more", Spec{Networks: []string{"10.1.0.0/16", "11.0.0.0/8"}}, Spec{Networks: []string{"10.0.0.0/8"}},
			[]Name{Networks}},
		{"a wider network", Spec{Networks: []string{"10.0.0.0/7"}}, Spec{Networks: []string{"10.0.0.0/8"}}, []Name{Networks}},
		{"numbers", Spec{RequestsPerMinute: 60, BytesPerDay: 2}, Spec{RequestsPerMinute: 60, BytesPerDay: 1, RequestsAtOnce: 1},
			[]Name{RequestsAtOnce, BytesPerDay}},
		{"a shorter window", Spec{Windows: []Window{{From: "09:00", To: "10:00"}}},
			Spec{Windows: []Window{{From: "08:00", To: "09:30"}, {From: "09:30", To: "10:00", Zone: "UTC"}}}, nil},
		{"the same in another zone", Spec{Windows: []Window{{From: "09:00", To: "10:00", Zone: "Europe/Berlin"}}},
			Spec{Windows: []Window{{From: "00:00", To: "23:00"}}}, []Name{Windows}},
		{"another zone within always", Spec{Windows: []Window{{From: "09:00", To: "10:00", Zone: "Europe/Berlin"}}},
			Spec{Windows: []Window{{From: "00:00", To: "24:00"}}}, nil},
		{"always within always", Spec{}, Spec{Windows: []Window{{From: "00:00", To: "24:00"}}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Beyond(compiled(t, c.child), compiled(t, c.parent)); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v", got)
			}
		})
	}
}

// randomSpec makes limits that often overlap.
func randomSpec(r *rand.Rand) (s Spec) {
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	for range r.IntN(3) {
		s.Networks = append(s.Networks, pick("10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16", "0.0.0.0/0", "10.1.2.3",
			"2001:db8::/32", "2001:db8:1::/48", "::/0", "::ffff:10.1.0.0/112"))
	}
	for range r.IntN(3) {
		w := Window{From: pick("00:00", "08:00", "09:00", "22:00", "02:30"), To: pick("06:00", "18:00", "24:00", "09:00", "03:00"),
			Zone: pick("", "UTC", "Europe/Berlin")}
		for range r.IntN(3) {
			w.Days = append(w.Days, pick("mon", "tue", "sun"))
		}
		s.Windows = append(s.Windows, w)
	}
	for _, n := range Names() {
		if number := s.Number(n); number != nil {
			*number = int64(r.IntN(4))
		}
	}
	return s
}

// TestWhatAChildLetsThroughItsParentLetsThrough holds Beyond and Under against what limits do.
func TestWhatAChildLetsThroughItsParentLetsThrough(t *testing.T) {
	r := rand.New(rand.NewPCG(19, 1))
	addresses := []netip.Addr{}
	for _, text := range []string{"10.1.2.3", "10.1.0.1", "10.200.0.1", "11.0.0.1", "::ffff:10.1.2.3", "2001:db8::1", "2001:db8:1::1",
		"fe80::1"} {
		addresses = append(addresses, netip.MustParseAddr(text))
	}
	within, passed := 0, 0
	for range 3_000 {
		childSpec, parentSpec := randomSpec(r), randomSpec(r)
		if r.IntN(2) == 0 {
			childSpec = childSpec.Under(&parentSpec)
		}
		child, parent := compiled(t, childSpec), compiled(t, parentSpec)
		if len(Beyond(child, parent)) > 0 {
			continue
		}
		within++
		for _, a := range addresses {
			if child.From(a) && !parent.From(a) {
				t.Fatalf("%s passes %+v and not %+v", a, childSpec, parentSpec)
			}
		}
		for range 20 {
			at := time.Date(2026, 3, 22, 0, 0, r.IntN(14*24*3600), 0, time.UTC) // clocks change in it
			open, next := child.At(at)
			if wide, _ := parent.At(at); open && !wide {
				t.Fatalf("%s is within %+v and not %+v", at, childSpec, parentSpec)
			}
			if open {
				passed++
			} else if again, _ := child.At(next); !again || !next.After(at) {
				t.Fatalf("%+v opens at %s, and does not (from %s)", childSpec, next, at)
			}
		}
		for _, n := range Names() {
			most, own := parentSpec.Number(n), childSpec.Number(n)
			if most != nil && *most != 0 && (*own == 0 || *own > *most) {
				t.Fatalf("%s of %+v is beyond %+v", n, childSpec, parentSpec)
			}
		}
	}
	if within < 200 || passed < 300 {
		t.Errorf("%d within, %d passed: it tries too little", within, passed)
	}
	s := randomSpec(r)
	if under := (Spec{}).Under(&s); !under.Equal(&s) || len(Beyond(compiled(t, under), compiled(t, s))) != 0 {
		t.Errorf("%+v under %+v", under, s)
	}
}

func TestChecksAllocateNothing(t *testing.T) {
	l := compiled(t, Spec{Networks: []string{"10.0.0.0/8"}, Windows: []Window{{From: "00:00", To: "24:00", Zone: "Europe/Berlin"}}})
	a, now := netip.MustParseAddr("10.1.2.3"), time.Now()
	if n := testing.AllocsPerRun(100, func() {
		l.From(a)
		l.At(now)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestLinesAreReadAsTheyAreWritten(t *testing.T) {
	s := compiled(t, Spec{Networks: []string{"10.0.0.0/8", "2001:db8::/32"}, MaxUses: 3, BytesPerDay: 9,
		Windows: []Window{{Days: []string{"mon"}, From: "08:00", To: "18:00"}, {From: "20:00", To: "21:00", Zone: "Europe/Berlin"}}}).Spec
	const want = "networks: 10.0.0.0/8, 2001:db8::/32\nwindows: mon 08:00-18:00 UTC; 20:00-21:00 Europe/Berlin\nbytes_per_day: 9\nmax_uses: 3"
	if got := s.Lines(); got != want || !reflect.DeepEqual(ParseLines(got), s) {
		t.Errorf("%q is read as %+v", got, ParseLines(got))
	}
	if got := ParseLines("\n Max Uses : 3 \r\n\n"); !got.Equal(&Spec{MaxUses: 3}) {
		t.Errorf("%+v", got)
	}
	if got := ParseLines(" \n"); !got.Empty() {
		t.Errorf("%+v", got)
	}
	for _, wrong := range []string{"max_uses", "max_uses: 0", "max_uses: many", "max_uses: 1\nmax_uses: 2", "most_uses: 1", "networks:",
		"networks: 10.0.0.0/8,", "windows: mon", "windows:", "10.0.0.0/8 and more", "network: 10.0.0.0/8"} {
		if _, err := Compile(ParseLines(wrong)); err == nil {
			t.Errorf("%q is taken for %+v", wrong, ParseLines(wrong))
		}
	}
}
