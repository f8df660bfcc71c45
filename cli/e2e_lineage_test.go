package cli_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestTokensThatMakeTokens(t *testing.T) {
	r := unlimited(t)
	w := r.world
	parent := r.make(t, object{"name": "parent", "seal": true, "expires_in": "2h", "granular_scopes": []object{on(w.api, "read_job", "read_work_item"),
		account("create_personal_access_token", "read_personal_access_token", "rotate_personal_access_token")}})
	child := func(t *testing.T, status int, body object) (shown, string) {
		t.Helper()
		return r.want(t, status, parent.Token, "POST", userTokens, body)
	}
	t.Run("a subset is made, bound to its parent", func(t *testing.T) {
		v, text := child(t, 201, object{"name": "child", "expires_in": "1h", "granular_scopes": []object{on(w.api, "read_job")}})
		if strings.Contains(text, "shop/backend/api") {
			t.Errorf("the maker is told the path of a project that it names by id: %s", text)
		}
		if v.ParentID == nil || *v.ParentID != parent.ID || v.UserID != parent.UserID {
			t.Error(text)
		}
	})
	t.Run("more is not", func(t *testing.T) {
		for name, scope := range map[string]object{
			"a permission": on(w.api, "read_job", "run_job"), "a place": on(w.web, "read_job"), "everything": {"access": "all_memberships", "permissions": []string{"read_job"}},
			"an account permission": account("read_user"), "a group around": {"access": "selected_memberships", "permissions": []string{"read_job"}, "group_ids": []int64{w.shop}},
		} {
			if _, text := child(t, 403, object{"name": name, "expires_in": "1h", "granular_scopes": []object{scope}}); !strings.Contains(text, "it would hold more than the token that makes it") {
				t.Errorf("%s: %s", name, text)
			}
		}
	})
	t.Run("nor longer", func(t *testing.T) {
		for _, life := range []object{{"expires_in": "3h"}, {"expires_in": "1h", "renew_until": "3h"}} {
			life["name"], life["granular_scopes"] = "long", []object{on(w.api, "read_job")}
			if _, text := child(t, 400, life); !strings.Contains(text, "is too late: the token that makes it expires then") {
				t.Error(text)
			}
		}
		v, _ := child(t, 201, object{"name": "default", "granular_scopes": []object{on(w.api, "read_job")}})
		if v.ExpiresAtTime.After(parent.ExpiresAtTime) {
			t.Errorf("expires %s, its parent %s", v.ExpiresAtTime, parent.ExpiresAtTime)
		}
	})
	t.Run("nor without the permission", func(t *testing.T) {
		plain := r.make(t, creation("plain", on(w.api, "read_job")))
		if _, text := r.want(t, 403, plain.Token, "POST", userTokens, creation("x", on(w.api, "read_job"))); !strings.Contains(text, "create_personal_access_token") {
			t.Error(text)
		}
	})
	t.Run("a token touches nobody else's", func(t *testing.T) {
		other := r.make(t, creation("other", on(w.api, "read_job")))
		r.want(t, 403, parent.Token, "POST", path(other.ID, "/rotate"), nil)
		r.want(t, 403, parent.Token, "DELETE", path(other.ID, ""), nil)
		r.want(t, 403, parent.Token, "PATCH", extra(other.ID, ""), object{"name": "x"})
	})
	t.Run("it rotates and revokes what it made", func(t *testing.T) {
		v, _ := child(t, 201, object{"name": "turned", "expires_in": "1h", "granular_scopes": []object{on(w.api, "read_job")}})
		next, _ := r.want(t, 200, parent.Token, "POST", path(v.ID, "/rotate"), nil)
		if next.ExpiresAtTime.After(v.ExpiresAtTime) {
			t.Errorf("the rotation lives until %s, the token until %s", next.ExpiresAtTime, v.ExpiresAtTime)
		}
		if _, text := r.want(t, 400, parent.Token, "POST", path(next.ID, "/rotate"), object{"expires_in": "2h"}); !strings.Contains(text, "may be renewed until") {
			t.Error(text)
		}
		r.want(t, 204, parent.Token, "DELETE", path(next.ID, ""), nil)
		r.want(t, 401, next.Token, "GET", allTokens+"/self", nil)
	})
	t.Run("revoking it revokes what it made", func(t *testing.T) {
		v, _ := child(t, 201, object{"name": "orphan", "expires_in": "1h", "granular_scopes": []object{on(w.api, "read_job")}})
		r.want(t, 204, w.alicePAT, "DELETE", path(parent.ID, ""), nil)
		r.want(t, 401, v.Token, "GET", allTokens+"/self", nil)
		if l, text := r.want(t, 200, w.alicePAT, "GET", path(v.ID, ""), nil); !l.Revoked || !strings.Contains(text, "which it comes from, was revoked") {
			t.Error(text)
		}
	})
}

func TestRotation(t *testing.T) {
	r := unlimited(t)
	w := r.world
	issues := fmt.Sprintf("/api/v4/projects/%d/issues", w.api)
	fresh := func(t *testing.T, more object) shown {
		t.Helper()
		body := creation("rotating", on(w.api, "read_work_item"), account("rotate_personal_access_token"))
		for k, v := range more {
			body[k] = v
		}
		return r.make(t, body)
	}
	t.Run("the old secret dies at once", func(t *testing.T) {
		v := fresh(t, nil)
		next, _ := r.want(t, 200, v.Token, "POST", allTokens+"/self/rotate", nil)
		if life := time.Until(next.ExpiresAtTime); life > 7*24*time.Hour || life < 7*24*time.Hour-time.Minute {
			t.Errorf("lives %s, want a week", life)
		}
		r.want(t, 200, next.Token, "GET", issues, nil)
		if _, text := r.want(t, 401, v.Token, "GET", issues, nil); !strings.Contains(text, "was rotated") {
			t.Error(text)
		}
		r.logs(t, `"reason":"token_rotated"`)
		r.want(t, 200, next.Token, "GET", issues, nil) // a stale job stops nothing
	})
	t.Run("a rotated-out secret that asks for another rotation ends the family", func(t *testing.T) {
		v := fresh(t, nil)
		next, _ := r.want(t, 200, v.Token, "POST", path(v.ID, "/rotate"), nil)
		r.want(t, 401, v.Token, "POST", allTokens+"/self/rotate", nil)
		r.want(t, 401, next.Token, "GET", issues, nil)
		if l, text := r.want(t, 200, w.alicePAT, "GET", path(next.ID, ""), nil); !l.Revoked || !strings.Contains(text, "presented for another rotation") {
			t.Error(text)
		}
	})
	t.Run("with a grace both work, until it is over", func(t *testing.T) {
		v := fresh(t, nil)
		next, _ := r.want(t, 200, v.Token, "POST", allTokens+"/self/rotate", object{"grace": "2s"})
		r.want(t, 200, v.Token, "GET", issues, nil)
		r.want(t, 200, next.Token, "GET", issues, nil)
		if l, _ := r.want(t, 200, next.Token, "GET", allTokens+"/self", nil); l.ID != next.ID {
			t.Error("another token")
		}
		time.Sleep(2100 * time.Millisecond)
		r.want(t, 401, v.Token, "GET", issues, nil)
		r.want(t, 200, next.Token, "GET", issues, nil)
	})
	t.Run("within its grace the old secret may not rotate again", func(t *testing.T) {
		v := fresh(t, nil)
		next, _ := r.want(t, 200, v.Token, "POST", allTokens+"/self/rotate", object{"grace": "1h"})
		r.want(t, 401, v.Token, "POST", allTokens+"/self/rotate", nil)
		r.want(t, 401, next.Token, "GET", issues, nil)
		r.want(t, 401, v.Token, "GET", issues, nil)
	})
	t.Run("a grace is bounded", func(t *testing.T) {
		v := fresh(t, nil)
		if _, text := r.want(t, 400, v.Token, "POST", allTokens+"/self/rotate", object{"grace": "8d"}); !strings.Contains(text, "tokens.max_grace") {
			t.Error(text)
		}
	})
	t.Run("a token does not renew itself beyond what its maker gave", func(t *testing.T) {
		v := fresh(t, object{"expires_in": "1h"})
		r.want(t, 400, v.Token, "POST", allTokens+"/self/rotate", object{"expires_in": "2h"})
		r.want(t, 400, v.Token, "POST", allTokens+"/self/rotate", object{"renew_until": "2h"})
		next, _ := r.want(t, 200, v.Token, "POST", allTokens+"/self/rotate", nil)
		if next.ExpiresAtTime.After(v.ExpiresAtTime) {
			t.Errorf("%s after %s", next.ExpiresAtTime, v.ExpiresAtTime)
		}
		renewable := fresh(t, object{"expires_in": "1h", "renew_until": "30d"})
		next, _ = r.want(t, 200, renewable.Token, "POST", allTokens+"/self/rotate", object{"expires_in": "10d"})
		r.want(t, 400, next.Token, "POST", allTokens+"/self/rotate", object{"expires_in": "31d"})
	})
	t.Run("rotation needs its permission", func(t *testing.T) {
		v := r.make(t, creation("still", on(w.api, "read_work_item")))
		if _, text := r.want(t, 403, v.Token, "POST", allTokens+"/self/rotate", nil); !strings.Contains(text, "rotate_personal_access_token") {
			t.Error(text)
		}
	})
}

func TestEditing(t *testing.T) {
	r := unlimited(t)
	w := r.world
	wide := func(t *testing.T) shown {
		t.Helper()
		return r.make(t, object{"name": "wide", "seal": true, "expires_in": "10d", "granular_scopes": []object{on(w.api, "read_job", "read_work_item"), account("create_personal_access_token")}})
	}
	t.Run("narrowing is free, and in force at once", func(t *testing.T) {
		v := wide(t)
		issues := fmt.Sprintf("/api/v4/projects/%d/issues", w.api)
		r.want(t, 200, v.Token, "GET", issues, nil)
		r.want(t, 200, v.Token, "PATCH", extra(v.ID, ""), object{"granular_scopes": []object{on(w.api, "read_job")}})
		r.want(t, 403, v.Token, "GET", issues, nil)
	})
	t.Run("widening asks for the owner's credential", func(t *testing.T) {
		v := wide(t)
		for name, change := range map[string]object{
			"permissions": {"granular_scopes": []object{on(w.api, "read_job", "run_job")}}, "places": {"granular_scopes": []object{on(w.web, "read_job")}},
			"time": {"expires_in": "20d"}, "renewal": {"renew_until": "20d"},
		} {
			if _, text := r.want(t, 403, v.Token, "PATCH", extra(v.ID, ""), change); !strings.Contains(text, "the owner's forge credential is needed") {
				t.Errorf("%s: %s", name, text)
			}
			r.want(t, 200, w.alicePAT, "PATCH", extra(v.ID, ""), change)
			v = wide(t)
		}
	})
	t.Run("a credential that reaches less does not widen, rotate or resume", func(t *testing.T) {
		v := wide(t)
		weak := w.readOnlyPAT()
		r.secret("alice's weak token", weak)
		r.want(t, 200, weak, "GET", path(v.ID, ""), nil)
		for _, call := range []struct{ method, path string }{{"PATCH", extra(v.ID, "")}, {"POST", path(v.ID, "/rotate")}, {"POST", extra(v.ID, "/resume")}, {"DELETE", path(v.ID, "")}} {
			if _, text := r.want(t, 403, weak, call.method, call.path, object{"expires_in": "20d"}); !strings.Contains(text, "yours lacks api") {
				t.Errorf("%s %s: %s", call.method, call.path, text)
			}
		}
	})
	t.Run("what was decided on the token as it was before another change is refused", func(t *testing.T) {
		v := wide(t)
		_, text := r.want(t, 200, w.alicePAT, "GET", extra(v.ID, ""), nil)
		read, both := json.Number(regexp.MustCompile(`"revision":(\d+)`).FindStringSubmatch(text)[1]), []object{on(w.api, "read_job", "read_work_item")}
		r.want(t, 200, w.alicePAT, "PATCH", extra(v.ID, ""), object{"granular_scopes": []object{on(w.api, "read_job")}, "revision": read})
		for _, change := range []object{{"granular_scopes": both, "revision": read}, {"name": "other", "revision": read}} {
			if _, text := r.want(t, 409, w.alicePAT, "PATCH", extra(v.ID, ""), change); !strings.Contains(text, "changed meanwhile") {
				t.Error(text)
			}
		}
		for _, wrong := range []any{0, -1, "x"} {
			r.want(t, 400, w.alicePAT, "PATCH", extra(v.ID, ""), object{"name": "other", "revision": wrong})
		}
		if l, _ := r.want(t, 200, w.alicePAT, "GET", extra(v.ID, ""), nil); l.Name != "wide" || len(l.GranularScopes[0].Permissions) != 1 {
			t.Errorf("%+v", l)
		}
	})
	t.Run("what it made keeps no more than it has", func(t *testing.T) {
		v := wide(t)
		keeps, _ := r.want(t, 201, v.Token, "POST", userTokens, object{"name": "keeps", "granular_scopes": []object{on(w.api, "read_job")}})
		loses, _ := r.want(t, 201, v.Token, "POST", userTokens, object{"name": "loses", "granular_scopes": []object{on(w.api, "read_work_item")}})
		edited, text := r.want(t, 200, w.alicePAT, "PATCH", extra(v.ID, ""), object{"expires_in": "1h", "granular_scopes": []object{on(w.api, "read_job")}})
		if len(edited.RevokedTokens) != 1 || edited.RevokedTokens[0] != loses.ID {
			t.Error(text)
		}
		r.want(t, 401, loses.Token, "GET", allTokens+"/self", nil)
		if l, _ := r.want(t, 200, keeps.Token, "GET", allTokens+"/self", nil); l.ExpiresAtTime.After(edited.ExpiresAtTime) {
			t.Error("it outlives what it comes from")
		}
	})
	t.Run("pause and resume", func(t *testing.T) {
		v := wide(t)
		if l, _ := r.want(t, 200, w.alicePAT, "POST", extra(v.ID, "/pause"), object{"reason": "holidays"}); l.State != "paused" || l.StateReason != "holidays" {
			t.Errorf("%+v", l)
		}
		r.want(t, 401, v.Token, "GET", allTokens+"/self", nil)
		r.want(t, 200, w.alicePAT, "POST", extra(v.ID, "/resume"), nil)
		r.want(t, 200, v.Token, "GET", allTokens+"/self", nil)
		r.want(t, 200, v.Token, "POST", extra(v.ID, "/pause"), nil)
		r.want(t, 401, v.Token, "POST", extra(v.ID, "/resume"), nil)
	})
	t.Run("unknown fields are refused", func(t *testing.T) {
		v := wide(t)
		r.want(t, 400, w.alicePAT, "PATCH", extra(v.ID, ""), object{"expires": "1h"})
		r.want(t, 400, w.alicePAT, "PATCH", extra(v.ID, ""), object{"name": ""})
	})
	t.Run("the other pages of the API", func(t *testing.T) {
		v := wide(t)
		for _, page := range []string{"/templates", "/permissions", "/tokens/self", "/tokens/self/usage"} {
			r.want(t, 200, v.Token, "GET", ownAPI+page, nil)
		}
		for _, page := range []string{"/report", "/tokens"} {
			r.want(t, 403, v.Token, "GET", ownAPI+page, nil)
			r.want(t, 200, w.alicePAT, "GET", ownAPI+page, nil)
		}
		r.want(t, 200, "", "GET", ownAPI+"/openapi.json", nil)
		r.want(t, 404, v.Token, "GET", ownAPI+"/nothing", nil)
		r.want(t, 404, v.Token, "GET", "/-/patgate/else", nil)
	})
	t.Run("who has a secret may end it", func(t *testing.T) {
		v := wide(t)
		r.want(t, 202, "", "POST", ownAPI+"/revoke", object{"tokens": []string{v.Token, "patgate_nonsense"}})
		r.want(t, 401, v.Token, "GET", allTokens+"/self", nil)
	})
}

// unlimited is a server that never locks an address out for wrong credentials.
func unlimited(t *testing.T) *running {
	return startRunningWith(t, func(*world) []string { return []string{"PATGATE_LIMITS_FAILED_CREDENTIALS=1000000"} })
}

// TestRevocationUnderLoad holds that after the call that revokes has been answered, not one request passes.
func TestRevocationUnderLoad(t *testing.T) {
	r := unlimited(t)
	issues := fmt.Sprintf("/api/v4/projects/%d", r.world.api)
	for range 5 {
		v := r.make(t, creation("hammered", on(r.world.api, "read_project")))
		var revoked atomic.Bool
		var late, passed atomic.Int64
		var done sync.WaitGroup
		stop := make(chan struct{})
		for range 8 {
			done.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					after := revoked.Load()
					a := r.call(t, v.Token, "GET", issues, nil)
					if a.status == 200 {
						passed.Add(1)
						if after {
							late.Add(1)
						}
					}
				}
			})
		}
		time.Sleep(100 * time.Millisecond)
		r.want(t, 204, r.world.alicePAT, "DELETE", path(v.ID, ""), nil)
		revoked.Store(true)
		time.Sleep(100 * time.Millisecond)
		close(stop)
		done.Wait()
		if late.Load() > 0 || passed.Load() == 0 {
			t.Fatalf("%d requests passed, %d of them after the revocation", passed.Load(), late.Load())
		}
	}
}
