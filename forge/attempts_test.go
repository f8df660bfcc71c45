package forge

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"patgate/fleet"
)

// clock is one that a test moves.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func (c *clock) pass(d time.Duration) { c.Time = c.Add(d) }

var client = netip.MustParseAddr("192.0.2.7")

func newAttempts(limit int) (*Attempts, *clock) {
	c := &clock{time.Unix(1_000_000, 0)}
	return NewAttempts(AttemptOptions{Limit: limit, Window: time.Minute, Now: c.now}), c
}

// guess is the i-th of many credentials.
func (a *Attempts) guess(i int) Fingerprint { return a.Fingerprint(fmt.Append(nil, "glpat-", i)) }

func admits(t *testing.T, what string, wait time.Duration, want bool) {
	t.Helper()
	if (wait == 0) != want {
		t.Errorf("%s: wait %v", what, wait)
	}
}

func TestWrongCredentialsAreCountedByValue(t *testing.T) {
	a, clock := newAttempts(3)
	for range 9 { // a job that tries one wrong token again and again
		a.Wrong(client, a.guess(0))
	}
	admits(t, "another credential", a.Admit(client, a.guess(1)), true)
	admits(t, "the wrong one, which was tried too often", a.Admit(client, a.guess(0)), false)
	a.Wrong(client, a.guess(1))
	a.Wrong(client, a.guess(2))
	admits(t, "a fourth value", a.Admit(client, a.guess(3)), false)
	if wait := a.Admit(client, a.guess(3)); wait != time.Minute {
		t.Errorf("wait %v", wait)
	}
	admits(t, "from another address", a.Admit(netip.MustParseAddr("192.0.2.8"), a.guess(3)), true)
	clock.pass(time.Minute)
	admits(t, "when the window is over", a.Admit(client, a.guess(3)), true)
}

func TestWhoWasAcceptedPasses(t *testing.T) {
	a, clock := newAttempts(3)
	good := a.Fingerprint([]byte("glpat-good"))
	a.Accepted(good)
	for i := range 10 {
		a.Wrong(client, a.guess(i))
	}
	admits(t, "one that was accepted", a.Admit(client, good), true)
	a.Wrong(client, good)
	admits(t, "the same, once it was wrong", a.Admit(client, good), false)
	a.Accepted(good)
	clock.pass(acceptedFor + 2*time.Minute)
	for i := range 3 {
		a.Wrong(client, a.guess(i))
	}
	admits(t, "one that was accepted long ago", a.Admit(client, good), false)
}

// Threat: guesses are made to look accepted, by an answer that anybody gets, and are then tried out beyond the limit.
func TestThreatAcceptedCredentialsThatAreWrong(t *testing.T) {
	a, _ := newAttempts(3)
	for i := range 3 {
		a.Wrong(client, a.guess(100+i))
	}
	tried := 0
	for i := range 50 {
		a.Accepted(a.guess(i))
		if a.Admit(client, a.guess(i)) == 0 {
			tried++
			a.Wrong(client, a.guess(i))
		}
	}
	if tried != 3 {
		t.Errorf("%d of 50 guesses were tried", tried)
	}
}

func TestTokensAreLookedUpFarBeyondTheLimit(t *testing.T) {
	a, _ := newAttempts(3)
	good := a.Fingerprint([]byte("patgate_good"))
	looked := func() int {
		for i := range 100 {
			if admitted, _ := a.AdmitToken(client, a.guess(i)); !admitted {
				return i
			}
			a.Wrong(client, a.guess(i))
		}
		return 100
	}
	if n := looked(); n != 30 {
		t.Errorf("%d were looked up", n)
	}
	if admitted, wait := a.AdmitToken(client, good); admitted || wait == 0 {
		t.Error("one that nobody knows is looked up")
	}
	a.Accepted(good)
	if admitted, _ := a.AdmitToken(client, good); !admitted {
		t.Error("one that was valid lately is not looked up")
	}
}

func TestRevocationsAreLetThroughInTurn(t *testing.T) {
	a, clock := newAttempts(3)
	for i := range 10 {
		a.Wrong(client, a.guess(i))
	}
	mine := a.Fingerprint([]byte("glpat-mine"))
	admits(t, "just when the limit is reached", a.AdmitRevocation(client, mine), false)
	for range 5 {
		clock.pass(time.Second)
		admits(t, "a second later", a.AdmitRevocation(client, mine), true)
		admits(t, "at once again", a.AdmitRevocation(client, mine), false)
		others := 0
		for i := range 1000 {
			if a.AdmitRevocation(client, a.guess(100+i)) == 0 {
				others++
			}
		}
		if others >= lanes {
			t.Errorf("%d others are let through in the same second", others)
		}
	}
	clock.pass(time.Second)
	admits(t, "one that is known to be wrong", a.AdmitRevocation(client, a.guess(9)), false)
	admits(t, "anything but a revocation", a.Admit(client, mine), false)
}

func TestAttemptsCountFromTheirBegin(t *testing.T) {
	a, _ := newAttempts(3)
	for i := range 3 {
		admits(t, "one within the limit", a.Begin(client, a.guess(i)), true)
	}
	admits(t, "a fourth, while they are under way", a.Begin(client, a.guess(3)), false)
	a.End(client, a.guess(1))
	admits(t, "the fourth, after one was right", a.Begin(client, a.guess(3)), true)
}

func TestAttemptsAreBounded(t *testing.T) {
	a, _ := newAttempts(2)
	for i := range 2 * attemptAddresses {
		a.Wrong(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), a.guess(i))
	}
	if n := len(a.byAddr); n > attemptAddresses {
		t.Errorf("%d addresses are held", n)
	}
	b, _ := newAttempts(1000)
	for i := range 5000 {
		b.Wrong(client, b.guess(i))
	}
	if n := len(b.byAddr[client].last); n > attemptValues {
		t.Errorf("%d values are held", n)
	}
	six := netip.MustParseAddr("2001:db8::1")
	if AttemptKey(six) != AttemptKey(six.Next()) || AttemptKey(netip.MustParseAddr("::ffff:192.0.2.7")) != client {
		t.Error("addresses of one client are counted apart")
	}
}

func TestFingerprints(t *testing.T) {
	a, _ := newAttempts(1)
	b, _ := newAttempts(1)
	one, again := a.guess(1), a.guess(1)
	if one == b.guess(1) || one == a.guess(2) || one != again || one == (Fingerprint{}) {
		t.Error("a fingerprint is that of one credential in one process")
	}
}

// Who polls fastest does not take every turn: one of several that wait gets its own soon.
func TestThreatRevocationBesideAFlood(t *testing.T) {
	a, clock := newAttempts(3)
	for i := range 10 {
		a.Wrong(client, a.guess(i))
	}
	let, tries := 0, 60
	for second := range tries {
		clock.pass(time.Second)
		for i := range 50 { // half of the flood comes first
			_ = a.AdmitRevocation(client, a.guess(1000*second+i))
		}
		if a.AdmitRevocation(client, a.Fingerprint(fmt.Append(nil, "glpat-mine-", second))) == 0 {
			let++
		}
	}
	if let < 3 {
		t.Errorf("%d of %d right credentials were let through", let, tries)
	}
}

// Many at once are no way around the limit, and those that are right do not stand in each other's way.
func TestThreatGuessesAtOnce(t *testing.T) {
	a, _ := newAttempts(3)
	tried := 0
	for i := range 100 {
		if wait, _ := a.Try(client, a.guess(i)); wait == 0 {
			tried++
		}
	}
	if tried != lockedOut*3 {
		t.Errorf("%d guesses are under way at once", tried)
	}
	for range tried {
		a.Done(client)
	}
	if wait, _ := a.Try(client, a.guess(200)); wait != 0 {
		t.Error("none is under way, and another is not tried")
	}
	good := a.guess(300)
	a.Accepted(good)
	if wait, counted := a.Try(client, good); wait != 0 || counted {
		t.Error("one that was accepted lately counts")
	}
}

// A credential in a place where the forge does not look for it is no wrong one.
func TestDoubtfulCredentialsCountLess(t *testing.T) {
	a, _ := newAttempts(3)
	for i := range lockedOut*2 + 5 {
		a.Doubtful(client, a.guess(i))
		a.Doubtful(client, a.guess(i))
	}
	admits(t, "another", a.Admit(client, a.guess(900)), true)
	admits(t, "one of them in its right place", a.Admit(client, a.guess(3)), true)
	for i := range 2 * lockedOut {
		a.Doubtful(client, a.guess(500+i))
	}
	admits(t, "another, after three times as many", a.Admit(client, a.guess(901)), false)
}

// Of three nodes each counts to a third; what it has counted stays when there are more or fewer of them.
func TestAttemptsOfAFleet(t *testing.T) {
	var size fleet.Size
	clock := &clock{time.Unix(1_000_000, 0)}
	a := NewAttempts(AttemptOptions{Limit: 9, Window: time.Minute, Now: clock.now, Fleet: &size})
	for i := range 4 {
		a.Wrong(client, a.guess(i))
	}
	admits(t, "the fifth of nine", a.Admit(client, a.guess(5)), true)
	size.Set(3)
	admits(t, "the fifth of three", a.Admit(client, a.guess(5)), false)
	a.Wrong(client, a.guess(6))
	admits(t, "to revoke, just after the limit was reached", a.AdmitRevocation(client, a.guess(5)), false)
	clock.pass(time.Second)
	admits(t, "to revoke, a second later", a.AdmitRevocation(client, a.guess(5)), true)
	other := netip.MustParseAddr("192.0.2.8")
	for i := range 3 {
		admits(t, "from another address", a.Admit(other, a.guess(100+i)), true)
		a.Wrong(other, a.guess(100+i))
	}
	admits(t, "the fourth from there", a.Admit(other, a.guess(104)), false)
	size.Set(1)
	admits(t, "the fourth, when the others are gone", a.Admit(other, a.guess(104)), true)
	size.Set(1000)
	third := netip.MustParseAddr("192.0.2.9")
	admits(t, "one at least", a.Admit(third, a.guess(200)), true)
	a.Wrong(third, a.guess(200))
	admits(t, "no second one", a.Admit(third, a.guess(201)), false)
}
