package cli_test

import (
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"patgate/forge/forgetest"
)

// TestWhatEndsATokenByItself watches a running server find out what became of its owners at the forge.
func TestWhatEndsATokenByItself(t *testing.T) {
	r := startRunningWith(t, func(*world) []string {
		return []string{"PATGATE_TOKENS_CHECK_INTERVAL=250ms", "PATGATE_LIMITS_FAILED_CREDENTIALS=1000000"}
	})
	w := r.world
	becomes := func(t *testing.T, id int64, state string) shown {
		t.Helper()
		for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
			cmd := exec.Command("patgate", "token", "show", "--json", fmt.Sprint(id))
			cmd.Env, cmd.Dir = r.env, r.dir
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			if v := parseShown(t, out); v.State == state {
				return v
			}
			if time.Now().After(end) {
				t.Fatalf("it is not %s: %s", state, out)
			}
		}
	}
	v := r.make(t, creation("resting", on(w.api, "read_project")))
	r.want(t, 200, v.Token, "GET", allTokens+"/self", nil)

	t.Run("a credential that the forge refuses makes its tokens rest, and says how to repair it", func(t *testing.T) {
		w.forge.RevokeToken(w.alicePAT)
		if l := becomes(t, v.ID, "credential_invalid"); l.Active || l.Revoked || !strings.Contains(l.StateReason, "patgate owner replace alice") {
			t.Errorf("%+v", l)
		}
		if _, text := r.want(t, 401, v.Token, "GET", fmt.Sprintf("/api/v4/projects/%d", w.api), nil); !strings.Contains(text, "patgate owner replace") {
			t.Error(text)
		}
		r.logs(t, `"change":"credential_invalid"`)
	})
	t.Run("a new one in its place lets them work again", func(t *testing.T) {
		w.alicePAT = w.forge.AddToken(w.alice, forgetest.Token{Name: "fresh"})
		r.secret("alice's fresh forge token", w.alicePAT)
		cmd := exec.Command("patgate", "owner", "replace", "alice")
		cmd.Env, cmd.Dir = append(r.env, "PATGATE_OWNER_CREDENTIAL="+w.alicePAT), r.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		becomes(t, v.ID, "active")
		for end := time.Now().Add(patience); r.call(t, v.Token, "GET", fmt.Sprintf("/api/v4/projects/%d", w.api), nil).status != 200; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the token does not work again")
			}
		}
	})
	t.Run("a blocked owner loses the tokens, with the reason", func(t *testing.T) {
		w.forge.BlockUser(w.alice)
		if l := becomes(t, v.ID, "revoked"); !strings.Contains(l.StateReason, "alice is blocked") {
			t.Errorf("%+v", l)
		}
		r.want(t, 401, v.Token, "GET", allTokens+"/self", nil)
		r.logs(t, `"change":"owner_revoked"`)
	})
}

// acknowledged is what one client was told of one token.
type acknowledged struct {
	secret  string
	valid   bool // else it was revoked or rotated
	pending bool // the last call on it got no answer: either may be true
}

// TestKilledWhileTokensChange kills the server while clients make, rotate and revoke tokens through its API, and holds that
// after a restart all that was acknowledged is so, and of every rotation exactly one secret works.
func TestKilledWhileTokensChange(t *testing.T) {
	r := unlimited(t)
	w := r.world
	r.make(t, creation("seals", on(w.api, "read_project")))
	for round := range 3 {
		var mu sync.Mutex
		all := map[int64]*acknowledged{}
		pairs := map[int64]int64{} // rotated to
		var clients sync.WaitGroup
		var once sync.Once
		enough := make(chan struct{})
		for client := range 4 {
			clients.Go(func() {
				for i := 0; ; i++ {
					v, ok := r.try(w.alicePAT, "POST", userTokens, creation(fmt.Sprintf("round %d, client %d, %d", round, client, i), on(w.api, "read_project")))
					if !ok {
						return
					}
					mu.Lock()
					all[v.ID] = &acknowledged{secret: v.Token, valid: true}
					if len(all) > 50 {
						once.Do(func() { close(enough) })
					}
					mu.Unlock()
					switch i % 3 {
					case 0:
						next, ok := r.try(w.alicePAT, "POST", path(v.ID, "/rotate"), nil)
						mu.Lock()
						all[v.ID].valid, all[v.ID].pending = false, !ok
						if ok {
							all[next.ID], pairs[v.ID] = &acknowledged{secret: next.Token, valid: true}, next.ID
						}
						mu.Unlock()
						if !ok {
							return
						}
					case 1:
						_, ok := r.try(w.alicePAT, "DELETE", path(v.ID, ""), nil)
						mu.Lock()
						all[v.ID].valid, all[v.ID].pending = false, !ok
						mu.Unlock()
						if !ok {
							return
						}
					}
				}
			})
		}
		<-enough
		if err := r.stop(syscall.SIGKILL); err == nil {
			t.Fatal("a killed server ended without an error")
		}
		clients.Wait()
		if err := r.start(r.env, nil, r.operators); err != nil {
			t.Fatal(err)
		}
		ended, unsure := 0, 0
		for id, a := range all {
			r.secret("a minted token", a.secret)
			got := r.call(t, a.secret, "GET", allTokens+"/self", nil).status
			switch {
			case a.pending:
				unsure++
			case a.valid && got != 200, !a.valid && got != 401:
				t.Errorf("round %d: token %d answers %d, acknowledged as valid: %t", round, id, got, a.valid)
			}
			if !a.valid {
				ended++
			}
			l, text := r.want(t, 200, w.alicePAT, "GET", path(id, ""), nil)
			if next := pairs[id]; next != 0 && (l.RotatedTo == nil || *l.RotatedTo != next) {
				t.Errorf("round %d: a rotation of %d is lost: %s", round, id, text)
			}
			if a.pending && l.RotatedTo != nil { // the whole rotation or none of it
				if n, text := r.want(t, 200, w.alicePAT, "GET", path(*l.RotatedTo, ""), nil); got != 401 || !n.Active {
					t.Errorf("round %d: half a rotation of %d, which answers %d: %s", round, id, got, text)
				}
			}
		}
		t.Logf("round %d: %d tokens, %d of them ended, %d without an answer", round, len(all), ended, unsure)
		if ended < 5 {
			t.Errorf("only %d tokens were ended: that shows little", ended)
		}
	}
	cmd := exec.Command("patgate", "store", "check")
	cmd.Env, cmd.Dir = r.env, r.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestIdsOfTheForge holds that the forge's own tokens stay the forge's: patgate's ids begin at 10^12.
func TestIdsOfTheForge(t *testing.T) {
	r := unlimited(t)
	w := r.world
	token := r.make(t, creation("all of it", on(w.api, "read_project"),
		account("read_personal_access_token", "rotate_personal_access_token", "revoke_personal_access_token", "create_personal_access_token")))
	for _, call := range []string{"GET " + allTokens + "/17", "DELETE " + allTokens + "/17", "POST " + allTokens + "/17/rotate", "GET " + allTokens + "/999999999999"} {
		method, target, _ := strings.Cut(call, " ")
		w.forge.ForgetRequests()
		r.call(t, w.alicePAT, method, target, nil)
		if got := w.forge.Requests(); len(got) != 1 || got[0].Method != method || got[0].Target != target {
			t.Errorf("%s with a forge token: the forge got %+v", call, got)
		}
		w.forge.ForgetRequests()
		r.want(t, 404, token.Token, method, target, nil)
		r.want(t, 404, token.Token, method, strings.Replace(target, "/17", "/1999999999999", 1), nil)
		if got := w.forge.Requests(); len(got) != 0 {
			t.Errorf("%s with a patgate token: the forge got %+v", call, got)
		}
	}
	w.forge.ForgetRequests()
	r.want(t, 404, w.alicePAT, "GET", allTokens+"/1999999999999", nil)
	for _, request := range w.forge.Requests() {
		if strings.Contains(request.Target, "1999999999999") {
			t.Errorf("the forge was asked for one of patgate's ids: %+v", request)
		}
	}
}
