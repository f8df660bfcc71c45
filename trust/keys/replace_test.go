package keys_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"patgate/trust/keys"
	"patgate/trust/trusttest"
)

// An issuer that is taken out is gone with its keys, however fresh these are; the others keep theirs, and nobody is asked.
func TestAnIssuerThatIsTakenOutIsGoneAtOnce(t *testing.T) {
	a, b := trusttest.New(t), trusttest.New(t)
	both := []keys.Issuer{{Name: "a", URL: a.URL}, {Name: "b", URL: b.URL}}
	c := newClocked(t, both...)
	for _, i := range []*trusttest.Issuer{a, b} {
		if err := c.find(t, i.URL, "ES256-1"); err != nil {
			t.Fatal(err)
		}
	}
	before, reads := c.Issuers(), b.Reads()
	if err := c.Replace(both); err != nil || c.Issuers() != before {
		t.Errorf("the same ones are others: %v", err)
	}
	if err := c.Replace(both[1:]); err != nil || c.Issuers() == before {
		t.Errorf("others are the same: %v", err)
	}
	if err := c.find(t, a.URL, "ES256-1"); !errors.Is(err, keys.ErrIssuer) {
		t.Errorf("the one that was taken out: %v", err)
	}
	if _, _, ok := c.Says(a.Token(t, "ES256-1", a.Claims("x", nil))); ok {
		t.Error("its tokens are still known")
	}
	if err := c.find(t, b.URL, "ES256-1"); err != nil || b.Reads() != reads {
		t.Errorf("the other one: %v, read %d times more", err, b.Reads()-reads)
	}
	// It comes back without what it had.
	reads = a.Reads()
	if err := c.Replace(both); err != nil {
		t.Fatal(err)
	}
	if err := c.find(t, a.URL, "ES256-1"); err != nil || a.Reads() == reads {
		t.Errorf("it came back with keys of before: %v", err)
	}
}

// Keys that arrive for an issuer which was taken out meanwhile count for nothing.
func TestAnIssuerThatIsTakenOutWhileItsKeysAreRead(t *testing.T) {
	i := trusttest.New(t)
	c := newClocked(t, keys.Issuer{Name: "a", URL: i.URL})
	i.Answer(func(w http.ResponseWriter, r *http.Request) {
		_ = c.Replace(nil)
		i.Answer(nil)
		http.Redirect(w, r, r.URL.Path, http.StatusFound) // to the same, which answers now
	})
	if _, err := c.Find(t.Context(), i.URL, "ES256-1", jose.ES256); !errors.Is(err, keys.ErrIssuer) {
		t.Errorf("%v", err)
	}
}

// One that cannot be had is left out, and does not keep others that are to go.
func TestAnIssuerThatCannotBeHadIsNone(t *testing.T) {
	i := trusttest.New(t)
	c := newClocked(t, keys.Issuer{Name: "a", URL: i.URL})
	err := c.Replace([]keys.Issuer{{Name: "b", URL: "https://b.example.com", CAFile: "/nowhere/ca.pem"}})
	if err == nil {
		t.Error("a file that is not there is no problem")
	}
	for _, url := range []string{i.URL, "https://b.example.com"} {
		if _, err := c.Issuer(url); !errors.Is(err, keys.ErrIssuer) {
			t.Errorf("%s: %v", url, err)
		}
	}
}
