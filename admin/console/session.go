package console

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"patgate/admin/tokens"
)

// askAgain is how old the forge's word on a session's credential may be.
const askAgain = 5 * time.Minute

// askSoon is when a forge that could not be asked is asked again.
const askSoon = 30 * time.Second

// formsKept bounds the forms that a session remembers.
const formsKept = 100

// namesKept bounds the paths that a session remembers.
const namesKept = 2000

// session is somebody who is signed in. Its fields but those under mu do not change.
type session struct {
	userID  int64
	csrf    string
	created time.Time

	mu      sync.Mutex
	caller  *tokens.Owner // remembered
	used    time.Time     // last request
	checked time.Time     // when the forge last took the credential
	notice  string        // for the next page
	done    map[string]int64
	names   map[tokens.Place]named
}

// named is a path that the forge told.
type named struct {
	path string
	at   time.Time
}

// sameForm tells whether a form's token is this session's.
func (s *session) sameForm(csrf string) bool {
	return subtle.ConstantTimeCompare([]byte(csrf), []byte(s.csrf)) == 1
}

// say leaves a notice for the next page.
func (s *session) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notice = text
}

// heard takes the notice.
func (s *session) heard() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.notice
	s.notice = ""
	return text
}

// once begins what a form asks for, unless the same form was sent before: then id is the token that came of it, 0 while
// that is still being made. A form that makes a token makes no second one.
func (s *session) once(form string) (id int64, before bool) {
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

// failed lets a form be sent again, because nothing came of it.
func (s *session) failed(form string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.done, form)
}

// finished notes that a form made a token.
func (s *session) finished(form string, id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done[form] = id
}

// key is what a session is kept under: the cookie's hash, so that memory alone opens none.
type key [sha256.Size]byte

// sessions are those who are signed in.
type sessions struct {
	o     *Options
	mu    sync.Mutex
	all   map[key]*session
	timed bool // sweepLater is under way
}

func newSessions(o *Options) *sessions { return &sessions{o: o, all: map[key]*session{}} }

// random gives 256 random bits as text.
func random(source io.Reader) (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(source, b[:]); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// begin makes a session, and gives the cookie's value.
func (a *sessions) begin(c *tokens.Owner) (cookie string, err error) {
	cookie, err = random(a.o.Random)
	if err != nil {
		return "", err
	}
	csrf, err := random(a.o.Random)
	if err != nil {
		return "", err
	}
	now := a.o.Now()
	s := &session{userID: c.UserID(), csrf: csrf, created: now, caller: c.Remembered(), used: now, checked: now,
		done: map[string]int64{}, names: map[tokens.Place]named{}}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sweepLocked(now)
	a.dropLocked(func(o *session) bool { return o.userID == s.userID }, a.o.SessionsPerUser-1)
	a.dropLocked(func(*session) bool { return true }, a.o.Sessions-1)
	a.all[sha256.Sum256([]byte(cookie))] = s
	a.sweepLaterLocked()
	return cookie, nil
}

// sweepLaterLocked has sessions that are over dropped although nobody comes by: they hold forge credentials.
func (a *sessions) sweepLaterLocked() {
	if a.timed || len(a.all) == 0 {
		return
	}
	a.timed = true
	time.AfterFunc(a.o.IdleTimeout, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.timed = false
		a.sweepLocked(a.o.Now())
		a.sweepLaterLocked()
	})
}

// sweepLocked drops sessions that are over.
func (a *sessions) sweepLocked(now time.Time) {
	for k, s := range a.all {
		if a.over(s, now) {
			delete(a.all, k)
		}
	}
}

// dropLocked drops the oldest of some sessions until at most keep of them are left.
func (a *sessions) dropLocked(of func(*session) bool, keep int) {
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

func (a *sessions) over(s *session, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Sub(s.used) >= a.o.IdleTimeout || now.Sub(s.created) >= a.o.SessionLifetime
}

// find gives the session of a cookie; nil when there is none any more.
func (a *sessions) find(cookie string) *session {
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

// end ends the session of a cookie.
func (a *sessions) end(cookie string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.all, sha256.Sum256([]byte(cookie)))
}

// The cookies. With https they have the prefix __Host-: browsers then take them from this very host only, over https, and
// for its whole path. Over plain http, which is for this machine alone, they cannot have it.
const (
	sessionCookie = "patgate-console"
	formCookie    = "patgate-console-form"
)

// CookiePrefix begins the name of every cookie of the console, behind __Host- or without it.
const CookiePrefix = "patgate-console"

func (c *Console) cookieName(name string) string {
	if c.secure {
		return "__Host-" + name
	}
	return name
}

func (c *Console) setCookie(w http.ResponseWriter, name, value string) {
	cookie := &http.Cookie{
		Name:     c.cookieName(name),
		Value:    value,
		Path:     "/",
		HttpOnly: true,
		Secure:   c.secure,
		SameSite: http.SameSiteStrictMode,
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

func (c *Console) cookie(r *http.Request, name string) string {
	found := r.CookiesNamed(c.cookieName(name))
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}

// recognize finds out who is signed in. The forge is asked now and then whether it still takes the credential; while it
// cannot be asked the session goes on, because being signed in alone gives no power.
func (q *request) recognize() error {
	cookie := q.cookie(q.r, sessionCookie)
	if cookie == "" {
		return nil
	}
	s := q.sessions.find(cookie)
	if s == nil {
		return nil
	}
	s.mu.Lock()
	caller, due := s.caller, q.o.Now().Sub(s.checked) >= askAgain
	s.mu.Unlock()
	if due {
		fresh, err := q.o.Tokens.Still(q.ctx(), caller)
		switch {
		case err == nil:
			caller = fresh
			s.mu.Lock()
			s.caller, s.checked = fresh, q.o.Now()
			s.mu.Unlock()
		case errors.Is(err, tokens.ErrUnknownCaller), errors.Is(err, tokens.ErrForbidden):
			q.sessions.end(cookie)
			q.setCookie(q.w, sessionCookie, "")
			q.o.Record(Event{What: "signed_out", UserID: s.userID, Client: q.client(q.r)})
			return nil
		default: // the forge did not say; it is asked again a little later, not with every page
			s.mu.Lock()
			s.checked = q.o.Now().Add(askSoon - askAgain)
			s.mu.Unlock()
		}
	}
	q.session, q.caller = s, caller
	return nil
}
