package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"patgate/store"
	"patgate/store/sqlite"
	"patgate/token"
)

// storing is a store that can be told to be cut off when it has stored a token, to do something before it does, or to keep no
// judgements.
type storing struct {
	*sqlite.DB
	cut      atomic.Bool
	idle     atomic.Bool
	before   func()
	revoking func()
}

func (s *storing) Judge(ctx context.Context, all []store.Judgement) error {
	if s.idle.Load() {
		return nil
	}
	return s.DB.Judge(ctx, all)
}

func (s *storing) RevokeToken(ctx context.Context, id int64, cause store.Cause) (store.Listed, error) {
	if s.revoking != nil {
		s.revoking()
	}
	return s.DB.RevokeToken(ctx, id, cause)
}

func (s *storing) answer(r token.Record, err error) (token.Record, error) {
	if err == nil && s.cut.Load() {
		return token.Record{}, fmt.Errorf("storing token: %w: unexpected EOF", store.ErrUnreachable)
	}
	return r, err
}

func (s *storing) CreateToken(ctx context.Context, r token.Record) (token.Record, error) {
	if s.before != nil {
		s.before()
	}
	return s.answer(s.DB.CreateToken(ctx, r))
}

func (s *storing) RotateToken(ctx context.Context, id, revision int64, r token.Record, grace time.Time, by string) (token.Record,
	error) {
	return s.answer(s.DB.RotateToken(ctx, id, revision, r, grace, by))
}

// Threat: one form makes two tokens, because the store was cut off when it had stored the first.
func TestTheOutcomeIsNotKnown(t *testing.T) {
	for _, what := range []string{"a new token", "a rotation"} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t, nil)
			v := w.signedIn(t, w.alicePAT)
			to, form := "/tokens", v.get(t, "/tokens/new").fill(jobToken(w.alicePAT, nil))
			if what == "a rotation" {
				id, _ := v.make(t, w.alicePAT, nil)
				to = at(id, "/rotate")
				form = v.get(t, to).fill(url.Values{"credential": {w.alicePAT}})
			}
			before := w.count(t)
			w.storing.cut.Store(true)
			p := v.post(t, to, form)
			p.wants(t, http.StatusServiceUnavailable, "The store did not answer", "Look at the list", "load the form again")
			p.lacks(t, "No token was made", "Nothing was changed")
			w.storing.cut.Store(false)
			for range 2 {
				p = v.post(t, to, form)
				if p.secret() != "" {
					t.Fatal("the form makes a second token")
				}
				p.lacks(t, "The secret was shown then")
			}
			if w.count(t) != before+1 {
				t.Errorf("%d tokens were there, and %d are", before, w.count(t))
			}
			if what == "a new token" {
				p.wants(t, http.StatusOK, "its outcome is not known", "load the form again")
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if len(w.faults) == 0 {
				t.Error("it is not reported")
			}
			w.faults = nil
		})
	}
}

// What a form has begun goes on when the browser goes, so that its outcome is known.
func TestTheBrowserGoesWhileATokenIsMade(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	form := v.get(t, "/tokens/new").fill(jobToken(w.alicePAT, nil))
	before := w.count(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.storing.before = cancel
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, w.origin+"/tokens", strings.NewReader(form.Encode()))
	request.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Cookie": {cookieOf(t, v)}, "Origin": {"null"},
		"Sec-Fetch-Site": {"same-origin"}}
	w.nodes[0].ServeHTTP(httptest.NewRecorder(), request)
	if ctx.Err() == nil || w.count(t) != before+1 {
		t.Fatalf("%d tokens were there, and %d are", before, w.count(t))
	}
	v.post(t, "/tokens", form).wants(t, http.StatusOK, "The secret was shown then")
}
