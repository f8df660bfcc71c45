package meter

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"patgate/fleet"
	"patgate/proxy/reply"
	"patgate/token/limits"
)

// memory counts like a store.
type memory struct {
	mu          sync.Mutex
	err         error
	uses        map[int64]int64
	bytes       map[[2]int64]int64 // by family and day
	asked, took int
}

func newMemory() *memory { return &memory{uses: map[int64]int64{}, bytes: map[[2]int64]int64{}} }

func (m *memory) TakeUse(_ context.Context, of []limits.MostUses) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.took++
	for _, u := range of {
		if m.uses[u.Family] >= u.Most {
			return errors.Join(m.err, limits.ErrUsedUp)
		}
	}
	for _, u := range of {
		m.uses[u.Family]++
	}
	return m.err
}

func (m *memory) AddBytes(_ context.Context, moved []limits.Moved) (sums []int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range moved {
		m.bytes[[2]int64{b.Family, b.Day}] += b.Bytes
		sums = append(sums, m.bytes[[2]int64{b.Family, b.Day}])
	}
	return sums, m.err
}

func (m *memory) LimitUse(_ context.Context, family, day int64) (uses, bytes int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	return m.uses[family], m.bytes[[2]int64{family, day}], m.err
}

// clock is one that stands still.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

var inside = netip.MustParseAddr("10.1.2.3")

func held(t testing.TB, specs ...limits.Spec) *limits.Held {
	t.Helper()
	h := &limits.Held{}
	for i, s := range specs {
		l, err := limits.Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		h.Levels = append(h.Levels, limits.Level{Family: int64(i + 1), Limits: l})
	}
	return h
}

func newMeter(counts Counts, nodes int) (*Meter, *clock) {
	c := &clock{time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)}
	var f fleet.Size
	f.Set(nodes)
	return New(Options{Counts: counts, Fleet: &f, Now: c.now}), c
}

// reason is that of a refusal; empty: none.
func reason(r *reply.Refusal) string {
	if r == nil {
		return ""
	}
	return r.Reason
}

// admit lets one request pass, and ends it.
func admit(m *Meter, h *limits.Held) *reply.Refusal {
	var p Pass
	defer p.Release()
	return p.Admit(m, h, inside, false, 0)
}

func TestAMinuteIsAnyMinute(t *testing.T) {
	m, c := newMeter(nil, 1)
	h := held(t, limits.Spec{RequestsPerMinute: 3})
	start := c.at
	var passed []time.Duration
	for i := range 400 {
		c.at = start.Add(time.Duration(i) * time.Second)
		for range 2 {
			r := admit(m, h)
			if r == nil {
				passed = append(passed, c.at.Sub(start))
				continue
			}
			if r.Status != 429 || r.Retry < time.Second || r.Retry > slots*time.Second {
				t.Fatalf("%+v", r)
			}
			c.at = c.at.Add(r.Retry)
			if again := admit(m, held(t, limits.Spec{RequestsPerMinute: 3})); again != nil {
				t.Fatalf("after %s still %+v", r.Retry, again)
			}
			t.Logf("%d passed", len(passed))
			return
		}
	}
	t.Error("nothing is refused")
}

func TestNeverMoreInAMinute(t *testing.T) {
	m, c := newMeter(nil, 1)
	h := held(t, limits.Spec{RequestsPerMinute: 5})
	start := c.at
	var passed []time.Time
	for i := range 600 {
		c.at = start.Add(time.Duration(i) * 700 * time.Millisecond)
		if admit(m, h) == nil {
			passed = append(passed, c.at)
		}
	}
	for i := 5; i < len(passed); i++ {
		if d := passed[i].Sub(passed[i-5]); d < time.Minute {
			t.Fatalf("six within %s", d)
		}
	}
	if len(passed) < 30 {
		t.Errorf("%d in seven minutes", len(passed))
	}
}

func TestAtOnceAndAtTheForge(t *testing.T) {
	m, _ := newMeter(nil, 1)
	h := held(t, limits.Spec{RequestsAtOnce: 2, UpstreamConnections: 1})
	var a, b, c Pass
	if a.Admit(m, h, inside, false, 0) != nil || b.Admit(m, h, inside, false, 0) != nil {
		t.Fatal("two do not pass")
	}
	if r := c.Admit(m, h, inside, false, 0); reason(r) != "limit_requests_at_once" || r.Retry == 0 {
		t.Errorf("%+v", r)
	}
	for range 2 { // once more is the same connection
		if a.Connect() != nil {
			t.Error("one does not get to the forge")
		}
	}
	if r := b.Connect(); reason(r) != "limit_upstream_connections" {
		t.Errorf("%+v", r)
	}
	a.Release()
	a.Release()
	if b.Connect() != nil || c.Admit(m, h, inside, false, 0) != nil {
		t.Error("what has ended is still counted")
	}
	b.Release()
	c.Release()
	if n := m.counts[1]; n.atOnce != 0 || n.connected != 0 {
		t.Errorf("%+v is left", n)
	}
}

func TestAFleetSharesCounts(t *testing.T) {
	m, _ := newMeter(nil, 2)
	h := held(t, limits.Spec{RequestsAtOnce: 4, RequestsPerMinute: 100})
	var passes [5]Pass
	passed := 0
	for i := range passes {
		if passes[i].Admit(m, h, inside, false, 0) == nil {
			passed++
		}
	}
	if passed != 2 {
		t.Errorf("%d of four at once on one of two nodes", passed)
	}
}

func TestNetworksAndWindowsNeedNoCount(t *testing.T) {
	m, c := newMeter(nil, 1)
	h := held(t, limits.Spec{Networks: []string{"10.0.0.0/8"}, Windows: []limits.Window{{From: "13:00", To: "14:00"}}})
	for _, foreseen := range []bool{true, false} {
		p := Pass{Foreseen: foreseen}
		if r := p.Admit(m, h, netip.MustParseAddr("11.0.0.1"), false, 0); reason(r) != "limit_networks" || r.Status != 403 {
			t.Errorf("%+v", r)
		}
		if r := p.Admit(m, h, netip.Addr{}, true, 0); reason(r) != "limit_networks" {
			t.Errorf("from nowhere, and to end the token: %+v", r)
		}
		if r := p.Admit(m, h, inside, true, 0); r != nil {
			t.Errorf("to end the token: %+v", r)
		}
		if r := p.Admit(m, h, inside, false, 0); reason(r) != "limit_windows" || r.Retry != time.Hour || r.Status != 403 {
			t.Errorf("%+v", r)
		}
	}
	c.at = c.at.Add(time.Hour)
	p := Pass{Foreseen: true}
	if r := p.Admit(m, h, netip.MustParseAddr("::ffff:10.0.0.1"), false, 0); r != nil || m.counts[1].sum != 0 || m.counts[1].holders != 0 {
		t.Errorf("%+v, %+v", r, m.counts[1])
	}
}

func TestUsesAreTheStores(t *testing.T) {
	counts := newMemory()
	m, _ := newMeter(counts, 4)
	h := held(t, limits.Spec{MaxUses: 2}, limits.Spec{MaxUses: 3})
	for i, want := range []string{"", "", "limit_max_uses"} {
		if r := admit(m, h); reason(r) != want {
			t.Errorf("%d: %+v", i, r)
		}
	}
	above := &limits.Held{Levels: h.Levels[1:]}
	if admit(m, above) != nil || reason(admit(m, above)) != "limit_max_uses" {
		t.Error("what a child uses is not counted above it, or what is refused to it is")
	}
	if n := m.counts[1]; n.atOnce != 0 {
		t.Errorf("%+v is left of what was refused", n)
	}
	counts.err = errors.New("lost")
	counts.uses = map[int64]int64{}
	if r := admit(m, h); r != reply.ErrStore {
		t.Errorf("without a store: %+v", r)
	}
	alone, _ := newMeter(nil, 1)
	if r := admit(alone, h); r != reply.ErrStore {
		t.Errorf("without anything that counts: %+v", r)
	}
	if before := counts.took; admit(m, held(t, limits.Spec{RequestsAtOnce: 1})) != nil || counts.took != before || counts.asked != 0 {
		t.Error("a token without such limits asks the store")
	}
}

func TestBytesOfADay(t *testing.T) {
	counts := newMemory()
	m, c := newMeter(counts, 3)
	h := held(t, limits.Spec{BytesPerDay: 100})
	day := limits.DayOf(c.at)
	counts.bytes[[2]int64{1, day}] = 40 // before a restart, or of another node
	var p Pass
	if r := p.Admit(m, h, inside, false, 61); reason(r) != "limit_bytes_per_day" || r.Retry != 12*time.Hour {
		t.Errorf("a body that is too long: %+v", r)
	}
	if r := p.Admit(m, h, inside, false, 10); r != nil {
		t.Fatalf("%+v", r)
	}
	if !p.Move(10) || !p.Move(50) || !p.Move(50) {
		t.Error("50 do not fit")
	}
	if p.Fits(10, false) != nil || reason(p.Fits(11, false)) != "limit_bytes_per_day" {
		t.Error("10 are left")
	}
	if p.Move(61) {
		t.Error("61 fit")
	}
	p.Release()
	if r := admit(m, h); reason(r) != "limit_bytes_per_day" {
		t.Errorf("%+v", r)
	}
	counts.err = errors.New("lost")
	m.Flush()
	counts.err = nil
	counts.bytes[[2]int64{1, day}] = 40
	m.Flush()
	m.Flush()
	if got := counts.bytes[[2]int64{1, day}]; got != 101 {
		t.Errorf("%d are stored", got)
	}
	again, _ := newMeter(counts, 1)
	if r := admit(again, h); reason(r) != "limit_bytes_per_day" {
		t.Errorf("after a restart: %+v", r)
	}
	c.at = c.at.Add(12 * time.Hour)
	if r := admit(m, h); r != nil {
		t.Errorf("on the next day: %+v", r)
	}
	counts.err = errors.New("lost")
	c.at = c.at.Add(time.Minute)
	if r := admit(m, h); r != nil {
		t.Errorf("what is known goes on: %+v", r)
	}
	fresh, _ := newMeter(counts, 1)
	if r := admit(fresh, h); r != reply.ErrStore {
		t.Errorf("what is not known does not: %+v", r)
	}
}

func TestWhatOthersMoveIsKnownSoon(t *testing.T) {
	counts := newMemory()
	m, c := newMeter(counts, 2)
	h := held(t, limits.Spec{BytesPerDay: 100})
	if admit(m, h) != nil {
		t.Fatal("it does not pass")
	}
	counts.bytes[[2]int64{1, limits.DayOf(c.at)}] = 100
	if c.at = c.at.Add(freshFor); reason(admit(m, h)) != "limit_bytes_per_day" {
		t.Error("it passes")
	}
}

func TestCountsAreForgotten(t *testing.T) {
	m, c := newMeter(nil, 1)
	running := held(t, limits.Spec{RequestsAtOnce: 1})
	running.Levels[0].Family = -1
	var p Pass
	p.Admit(m, running, inside, false, 0)
	for i := range 3 * leastRoom {
		h := held(t, limits.Spec{RequestsAtOnce: 1})
		h.Levels[0].Family = int64(i + 1)
		admit(m, h)
		c.at = c.at.Add(time.Second)
	}
	if len(m.counts) > leastRoom || m.counts[-1] == nil {
		t.Errorf("%d are kept, what runs: %v", len(m.counts), m.counts[-1])
	}
	p.Release()
}

func TestPassesAllocateNothing(t *testing.T) {
	m, _ := newMeter(nil, 1)
	h := held(t, limits.Spec{Networks: []string{"10.0.0.0/8"}, RequestsAtOnce: 1, RequestsPerMinute: 1 << 20, UpstreamConnections: 1})
	var p Pass
	if n := testing.AllocsPerRun(100, func() {
		if p.Admit(m, h, inside, false, 0) != nil || p.Connect() != nil || !p.Move(10) {
			t.Fatal("refused")
		}
		p.Release()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestCountsOfOneRequestStay holds that a level's count is not forgotten while another level of the same request is looked for,
// nor while the store is asked.
func TestCountsOfOneRequestStay(t *testing.T) {
	counts := newMemory()
	m, c := newMeter(counts, 1)
	family := func(n int64, s limits.Spec) limits.Level {
		l := held(t, s).Levels[0]
		l.Family = n
		return l
	}
	child := &limits.Held{Levels: []limits.Level{family(-1, limits.Spec{RequestsAtOnce: 1}), family(-2, limits.Spec{RequestsAtOnce: 5})}}
	admit(m, &limits.Held{Levels: child.Levels[:1]})
	for n := range int64(leastRoom - 1) {
		admit(m, &limits.Held{Levels: []limits.Level{family(n+1, limits.Spec{RequestsAtOnce: 1})}})
	}
	c.at = c.at.Add(10 * time.Minute)
	var p, q Pass
	if r := p.Admit(m, child, inside, false, 0); r != nil {
		t.Fatalf("%+v", r)
	}
	if r := q.Admit(m, child, inside, false, 0); reason(r) != "limit_requests_at_once" {
		t.Errorf("the first is not counted: %+v", r)
	}
	p.Release()
	if r := q.Admit(m, child, inside, false, 0); r != nil {
		t.Errorf("a slot is lost: %+v", r)
	}
	q.Release()
	if len(m.counts) > 2 {
		t.Errorf("%d are kept", len(m.counts))
	}

	daily := &limits.Held{Levels: []limits.Level{family(-3, limits.Spec{BytesPerDay: 100})}}
	counts.bytes[[2]int64{-3, limits.DayOf(c.at)}] = 100
	m.o.Counts = during{counts, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.room = 0
		m.sweep(c.at)
	}}
	if r := admit(m, daily); reason(r) != "limit_bytes_per_day" {
		t.Errorf("what the store said is lost: %+v", r)
	}
}

// during does something while the store is asked.
type during struct {
	*memory
	do func()
}

func (d during) LimitUse(ctx context.Context, family, day int64) (uses, bytes int64, err error) {
	d.do()
	return d.memory.LimitUse(ctx, family, day)
}

// TestWhatIsForeseenIsHeldToCounts holds that a request which waits for "100 Continue" is refused when it would be, and that it
// counts nothing.
func TestWhatIsForeseenIsHeldToCounts(t *testing.T) {
	for want, s := range map[string]limits.Spec{
		"limit_requests_per_minute": {RequestsPerMinute: 1},
		"limit_bytes_per_day":       {BytesPerDay: 100},
		"limit_max_uses":            {MaxUses: 1},
	} {
		m, _ := newMeter(newMemory(), 1)
		h := held(t, s)
		for range 3 {
			if r := (&Pass{Foreseen: true}).Admit(m, h, inside, false, 60); r != nil {
				t.Errorf("%s: %+v", want, r)
			}
		}
		var p Pass
		if r := p.Admit(m, h, inside, false, 60); r != nil {
			t.Errorf("%s: %+v", want, r)
		}
		p.Move(60)
		p.Release()
		if r := (&Pass{Foreseen: true}).Admit(m, h, inside, false, 60); reason(r) != want {
			t.Errorf("%s: %+v", want, r)
		}
	}
	m, _ := newMeter(nil, 1)
	if r := (&Pass{Foreseen: true}).Admit(m, held(t, limits.Spec{MaxUses: 1}), inside, false, 0); r != reply.ErrStore {
		t.Errorf("without anything that counts: %+v", r)
	}
}

// TestUploadsAtOnceShareADay holds that what several requests announce is together within the day, and that what is not announced
// ends when it is too much.
func TestUploadsAtOnceShareADay(t *testing.T) {
	m, c := newMeter(newMemory(), 1)
	h := held(t, limits.Spec{BytesPerDay: 100})
	var a, b, open Pass
	if r := a.Admit(m, h, inside, false, 60); r != nil {
		t.Fatalf("%+v", r)
	}
	if r := b.Admit(m, h, inside, false, 41); reason(r) != "limit_bytes_per_day" {
		t.Errorf("60 are announced, and 41: %+v", r)
	}
	if r := b.Admit(m, h, inside, false, 40); reason(r) != "" {
		t.Errorf("60 are announced, and 40: %+v", r)
	}
	if a.Take(30) != nil || a.Take(60) != nil || b.Take(40) != nil {
		t.Error("what was announced does not pass")
	}
	b.Release()
	a.Release()
	if n := m.counts[1]; n.reserved != 0 || n.pending != 100 {
		t.Errorf("%+v", n)
	}
	c.at = c.at.Add(12 * time.Hour)
	if r := a.Admit(m, h, inside, false, 60); r != nil {
		t.Fatalf("%+v", r)
	}
	if r := open.Admit(m, h, inside, false, -1); r != nil {
		t.Fatalf("%+v", r)
	}
	if open.Take(40) != nil || reason(open.Take(41)) != "limit_bytes_per_day" {
		t.Error("40 are left")
	}
	a.Release() // its client has gone
	if n := m.counts[1]; n.reserved != 0 || n.pending != 41 {
		t.Errorf("%+v", n)
	}
}

// TestAnswersToWhatIsDoneCount holds that nobody is told to send again what the forge has done, and that it counts.
func TestAnswersToWhatIsDoneCount(t *testing.T) {
	m, _ := newMeter(newMemory(), 1)
	h := held(t, limits.Spec{BytesPerDay: 100})
	var p Pass
	if r := p.Admit(m, h, inside, false, 0); r != nil {
		t.Fatalf("%+v", r)
	}
	if r := p.Fits(101, true); r != ErrDone || r.Retry != 0 {
		t.Errorf("%+v", r)
	}
	p.Release()
	if r := admit(m, h); reason(r) != "limit_bytes_per_day" {
		t.Errorf("%+v", r)
	}
}

// TestClocksThatGoBack holds that no day begins twice, that one which was days ahead is no end, and that a minute is over some time.
func TestClocksThatGoBack(t *testing.T) {
	counts := newMemory()
	m, c := newMeter(counts, 1)
	h := held(t, limits.Spec{BytesPerDay: 100})
	move := func(n int64) *reply.Refusal {
		var p Pass
		defer p.Release()
		r := p.Admit(m, h, inside, false, 0)
		p.Move(n)
		return r
	}
	c.at = c.at.Add(12 * time.Hour)
	if r := move(100); r != nil {
		t.Fatalf("%+v", r)
	}
	for range 2 {
		c.at = c.at.Add(-time.Minute)
		if r := move(0); reason(r) != "limit_bytes_per_day" {
			t.Errorf("on the day before: %+v", r)
		}
		c.at = c.at.Add(time.Minute)
	}
	c.at = c.at.Add(100 * 24 * time.Hour)
	_ = move(0)
	c.at = c.at.Add(-100 * 24 * time.Hour)
	if r := move(100); r != nil {
		t.Errorf("after a day that was wrong: %+v", r)
	}
	c.at = c.at.Add(24 * time.Hour)
	if r := move(0); r != nil {
		t.Errorf("the day after: %+v", r)
	}
	if m, _ := newMeter(nil, 1); m.second(m.began.Add(time.Minute)) != seconds {
		t.Error("seconds are not those since the beginning")
	}
}

// TestAllIsStoredAtTheEnd holds that nothing is forgotten at a clean stop, however many families there are.
func TestAllIsStoredAtTheEnd(t *testing.T) {
	counts := newMemory()
	m, _ := newMeter(counts, 1)
	const families = 2*mostAtOnce + 1
	for n := range int64(families) {
		h := held(t, limits.Spec{BytesPerDay: 100})
		h.Levels[0].Family = n + 1
		var p Pass
		p.Admit(m, h, inside, false, 0)
		p.Move(1)
		p.Release()
	}
	m.Close()
	if len(counts.bytes) != families {
		t.Errorf("%d are stored", len(counts.bytes))
	}
}
