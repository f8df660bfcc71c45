package session

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"io"
	"slices"
	"sync"
	"time"

	"patgate/admin/tokens"
	"patgate/store"
)

// askAgain is how old the forge's word on a session's credential may be.
const askAgain = 5 * time.Minute

// askSoon is when a forge that could not be asked is asked again.
const askSoon = 30 * time.Second

// formsKept bounds the forms that a session remembers.
const formsKept = 100

// NameAge is how old a path may be that is only shown.
const NameAge = 10 * time.Minute

// namesKept bounds the paths that a session remembers.
const namesKept = 2000

// Session is somebody who is signed in. Its fields but those under mu do not change.
type Session struct {
	UserID  int64
	CSRF    string
	created time.Time

	mu      sync.Mutex
	caller  *tokens.Owner // remembered
	used    time.Time     // last request
	checked time.Time     // when the forge last took the credential
	notice  string        // for the next page
	done    map[string]int64
	names   map[store.Place]store.Name
}

// SameForm tells whether a form's token is this session's.
func (s *Session) SameForm(csrf string) bool {
	return subtle.ConstantTimeCompare([]byte(csrf), []byte(s.CSRF)) == 1
}

// Say leaves a notice for the next page.
func (s *Session) Say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notice = text
}

// Heard takes the notice.
func (s *Session) Heard() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.notice
	s.notice = ""
	return text
}

// Once begins what a form asks for, unless the same form was sent before: then id is the token that came of it, 0 while
// that is still being made. A form that makes a token makes no second one.
func (s *Session) Once(form string) (id int64, before bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id, before = s.done[form]; before {
		return id, true
	}
	if len(s.done) >= formsKept {
		clear(s.done)
	}
	s.done[form] = 0
	return 0, false
}

// Failed lets a form be sent again, because nothing came of it.
func (s *Session) Failed(form string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.done, form)
}

// Finished notes that a form made a token.
func (s *Session) Finished(form string, id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done[form] = id
}

// Known gives what the forge told of a place that may be named by no token, when that is remembered, and not for too long.
func (s *Session) Known(p store.Place, now time.Time) (n store.Name, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok = s.names[p]
	return n, ok && (now.Sub(n.Seen) < NameAge || now.Sub(n.Gone) < NameAge)
}

// Remember keeps for a while what the forge told of a place.
func (s *Session) Remember(p store.Place, n store.Name) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.names) >= namesKept {
		clear(s.names)
	}
	s.names[p] = n
}

// Owner gives who is signed in, and whether the forge is to be asked again whether it takes the credential.
func (s *Session) Owner(now time.Time) (o *tokens.Owner, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.caller, now.Sub(s.checked) >= askAgain
}

// Confirmed notes what the forge said of the credential.
func (s *Session) Confirmed(o *tokens.Owner, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.caller, s.checked = o, now
}

// Unasked notes that the forge could not be asked: it is asked again a little later, not with every page.
func (s *Session) Unasked(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checked = now.Add(askSoon - askAgain)
}

// key is what a session is kept under: the cookie's hash, so that memory alone opens none.
type key [sha256.Size]byte

// Bounds are those of sessions, and where time and chance come from.
type Bounds struct {
	Idle, Lifetime   time.Duration // without a request, and in any case
	Most, MostOfUser int
	Now              func() time.Time
	Random           io.Reader
}

// Sessions are those who are signed in.
type Sessions struct {
	o     Bounds
	mu    sync.Mutex
	all   map[key]*Session
	timed bool // sweepLater is under way
}

// New keeps sessions within bounds.
func New(o Bounds) *Sessions { return &Sessions{o: o, all: map[key]*Session{}} }

// Random gives 256 random bits as text.
func Random(source io.Reader) (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(source, b[:]); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// Begin makes a session, and gives the cookie's value.
func (a *Sessions) Begin(c *tokens.Owner) (cookie string, err error) {
	cookie, err = Random(a.o.Random)
	if err != nil {
		return "", err
	}
	csrf, err := Random(a.o.Random)
	if err != nil {
		return "", err
	}
	now := a.o.Now()
	s := &Session{UserID: c.UserID(), CSRF: csrf, created: now, caller: c.Remembered(), used: now, checked: now,
		done: map[string]int64{}, names: map[store.Place]store.Name{}}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sweepLocked(now)
	a.dropLocked(func(o *Session) bool { return o.UserID == s.UserID }, a.o.MostOfUser-1)
	a.dropLocked(func(*Session) bool { return true }, a.o.Most-1)
	a.all[sha256.Sum256([]byte(cookie))] = s
	a.sweepLaterLocked()
	return cookie, nil
}

// sweepLaterLocked has sessions that are over dropped although nobody comes by: they hold forge credentials.
func (a *Sessions) sweepLaterLocked() {
	if a.timed || len(a.all) == 0 {
		return
	}
	a.timed = true
	time.AfterFunc(a.o.Idle, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.timed = false
		a.sweepLocked(a.o.Now())
		a.sweepLaterLocked()
	})
}

// sweepLocked drops sessions that are over.
func (a *Sessions) sweepLocked(now time.Time) {
	for k, s := range a.all {
		if a.over(s, now) {
			delete(a.all, k)
		}
	}
}

// dropLocked drops the oldest of some sessions until at most keep of them are left.
func (a *Sessions) dropLocked(of func(*Session) bool, keep int) {
	var keys []key
	for k, s := range a.all {
		if of(s) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(x, y key) int { return a.all[x].created.Compare(a.all[y].created) })
	for _, k := range keys[:max(0, len(keys)-keep)] {
		delete(a.all, k)
	}
}

func (a *Sessions) over(s *Session, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Sub(s.used) >= a.o.Idle || now.Sub(s.created) >= a.o.Lifetime
}

// Find gives the session of a cookie; nil when there is none any more.
func (a *Sessions) Find(cookie string) *Session {
	now := a.o.Now()
	k := key(sha256.Sum256([]byte(cookie)))
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.all[k]
	if s == nil {
		return nil
	}
	if a.over(s, now) {
		delete(a.all, k)
		return nil
	}
	s.mu.Lock()
	s.used = now
	s.mu.Unlock()
	return s
}

// End ends the session of a cookie.
func (a *Sessions) End(cookie string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.all, sha256.Sum256([]byte(cookie)))
}
