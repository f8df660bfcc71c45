package forge

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
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
		admits(t, "at once again", a.AdmitRevocation(client, a.guess(50)), false)
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
