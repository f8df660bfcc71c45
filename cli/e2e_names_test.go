package cli_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// placed is what the API says of the places of a token.
type placed struct {
	Name   string `json:"name"`
	Places []struct {
		Kind, Path string
		ID         int64
		Seen, Gone *time.Time
	} `json:"places"`
}

// placesOf reads a token on somebody's word.
func (r *running) placesOf(t *testing.T, secret string, id any) (v placed) {
	t.Helper()
	_, text := r.want(t, 200, secret, "GET", fmt.Sprint(allTokens, "/", id), nil)
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// awaitPlace reads a token until its only place is called as is wanted.
func (r *running) awaitPlace(t *testing.T, id int64, path string, gone bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		v := r.placesOf(t, r.world.alicePAT, id)
		if len(v.Places) == 1 && v.Places[0].Path == path && (v.Places[0].Gone != nil) == gone {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%+v, want %s", v.Places, path)
		}
	}
}

// TestNames holds what tokens name to be called as their owner saw it last: through a new name and a deletion that requests come upon,
// and for nobody but the owner.
func TestNames(t *testing.T) {
	r := startRunningWith(t, func(*world) []string {
		return []string{"PATGATE_RESOLVER_FRESH_FOR_READS=20ms", "PATGATE_RESOLVER_FRESH_FOR_WRITES=20ms", "PATGATE_RESOLVER_NOT_FOUND_TTL=20ms"}
	})
	w := r.world
	job := r.make(t, creation("job", on(w.api, "read_project")))
	other := r.make(t, creation("other", account("read_personal_access_token"), on(w.web, "read_project")))
	r.awaitPlace(t, job.ID, "shop/backend/api", false)
	use := func(status int) {
		t.Helper()
		time.Sleep(50 * time.Millisecond) // older than facts may be
		r.want(t, status, job.Token, "GET", fmt.Sprint("/api/v4/projects/", w.api), nil)
	}
	t.Run("a project that is renamed is called by its new name from then on", func(t *testing.T) {
		w.forge.MoveProject(w.api, "shop/renamed")
		use(200)
		r.awaitPlace(t, job.ID, "shop/renamed", false)
	})
	t.Run("a token is told nothing of names, nor finds by them", func(t *testing.T) {
		for _, path := range []string{"/self", fmt.Sprint("/", job.ID), fmt.Sprint("?project=", w.api), "?search=job"} {
			_, text := r.want(t, 200, other.Token, "GET", allTokens+path, nil)
			if strings.Contains(text, "shop/") || strings.Contains(text, `"places"`) || path != "/self" && !strings.Contains(text, `"job"`) {
				t.Errorf("%s: %s", path, text)
			}
		}
		for _, path := range []string{"shop/renamed", "shop"} {
			if _, text := r.want(t, 200, other.Token, "GET", allTokens+"?search="+path, nil); text != "[]" {
				t.Errorf("%s", text)
			}
			r.want(t, 403, other.Token, "GET", allTokens+"?project="+path, nil)
		}
	})
	t.Run("the owner finds by id, by path and by that of a group above", func(t *testing.T) {
		for path, want := range map[string]string{
			"?project=shop/renamed": "job", "?project=shop/backend/api": "", fmt.Sprint("?project=", w.api): "job",
			"?group=shop&sort=name_asc": "job other", "?group=shop/renamed": "",
			"?project=shop&sort=name_asc": "job other", "?search=shop/my.web-site": "other",
		} {
			_, text := r.want(t, 200, w.alicePAT, "GET", "/-/patgate/api/tokens"+path, nil)
			var list []placed
			if err := json.Unmarshal([]byte(text), &list); err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, v := range list {
				names = append(names, v.Name)
			}
			if got := strings.Join(names, " "); got != want {
				t.Errorf("%s: %q, want %q", path, got, want)
			}
		}
		r.want(t, 400, w.alicePAT, "GET", "/-/patgate/api/tokens?project=a%00b", nil)
		r.want(t, 400, w.alicePAT, "GET", "/-/patgate/api/tokens?project=a&group=b", nil)
	})
	t.Run("nobody else finds by what the owner saw", func(t *testing.T) {
		if _, text := r.want(t, 200, w.bobPAT, "GET", "/-/patgate/api/tokens?project=shop/renamed", nil); text != "[]" {
			t.Error(text)
		}
	})
	t.Run("what is gone is said to be", func(t *testing.T) {
		w.forge.DeleteProject(w.api)
		use(404)
		r.awaitPlace(t, job.ID, "shop/renamed", true)
	})
	t.Run("it is known after a start anew", func(t *testing.T) {
		r.restart(t)
		r.awaitPlace(t, job.ID, "shop/renamed", true)
	})
}
