package token

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestValidity(t *testing.T) {
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	fresh := func(change func(*Record)) *Record {
		r := &Record{ID: 1, CreatedAt: noon.Add(-time.Hour), ExpiresAt: noon.Add(time.Hour)}
		change(r)
		return r
	}
	cases := []struct {
		name   string
		record *Record
		want   Validity
	}{
		{"a token before its expiry", fresh(func(*Record) {}), Valid},
		{"a token one nanosecond before its expiry", fresh(func(r *Record) { r.ExpiresAt = noon.Add(1) }), Valid},
		{"a token at the instant of its expiry", fresh(func(r *Record) { r.ExpiresAt = noon }), Expired},
		{"a token after its expiry", fresh(func(r *Record) { r.ExpiresAt = noon.Add(-1) }), Expired},
		{"an expiry in another time zone", fresh(func(r *Record) { r.ExpiresAt = noon.In(time.FixedZone("", 7200)) }), Expired},
		{"a revoked token", fresh(func(r *Record) { r.RevokedAt = noon.Add(-time.Minute) }), Revoked},
		{"a token that a faster clock revoked", fresh(func(r *Record) { r.RevokedAt = noon.Add(time.Minute) }), Revoked},
		{"a revoked token that is expired too", fresh(func(r *Record) { r.RevokedAt, r.ExpiresAt = noon, noon }), Revoked},
		{"a paused token", fresh(func(r *Record) { r.PausedAt = noon.Add(-time.Minute) }), Paused},
		{"a token that a faster clock paused", fresh(func(r *Record) { r.PausedAt = noon.Add(time.Minute) }), Paused},
		{"a paused token that is expired too", fresh(func(r *Record) { r.PausedAt, r.ExpiresAt = noon, noon }), Expired},
		{"a paused token that is revoked too", fresh(func(r *Record) { r.PausedAt, r.RevokedAt = noon, noon }), Revoked},
		{"a record without an expiry", fresh(func(r *Record) { r.ExpiresAt = time.Time{} }), Unknown},
		{"the zero record", &Record{}, Unknown},
		{"no record", nil, Unknown},
	}
	seen := map[Validity]bool{}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := c.record.Validity(noon); got != c.want {
				t.Errorf("is %v, want %v", got, c.want)
			}
		})
		seen[c.want] = true
	}
	for v := range validityNames {
		if !seen[Validity(v)] {
			t.Errorf("no case is %v", Validity(v))
		}
	}
}

func TestValidityNames(t *testing.T) {
	for v, want := range map[Validity]string{0: "unknown", Valid: "valid", Expired: "expired", Revoked: "revoked", Paused: "paused", 77: "validity"} {
		t.Run(want, func(t *testing.T) {
			if v.String() != want {
				t.Errorf("is called %q", v)
			}
		})
	}
}

func TestHash(t *testing.T) {
	hash, err := Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("is read as it is written", func(t *testing.T) {
		again, err := ParseHash(hash.String())
		if err != nil || again != hash || len(hash.String()) != 64 {
			t.Errorf("%v is read as %v (%v)", hash, again, err)
		}
	})
	t.Run("is read from JSON as it is written", func(t *testing.T) {
		var again Hash
		out, err := json.Marshal(hash)
		if err != nil || json.Unmarshal(out, &again) != nil || again != hash {
			t.Errorf("%s is read as %v (%v)", out, again, err)
		}
	})
	t.Run("equals only itself", func(t *testing.T) {
		other := hash
		other[31] ^= 1
		if !hash.Equal(hash) || hash.Equal(other) || hash.Equal(Hash{}) || hash.IsZero() || !(Hash{}).IsZero() {
			t.Error("compared wrongly")
		}
	})
	text := hash.String()
	for name, bad := range map[string]string{"nothing": "", "one digit less": text[1:], "one digit more": text + "0", "upper case": strings.ToUpper(text),
		"another character": "g" + text[1:], "a sign": "+" + text[1:], "two bytes for one character": "é" + text[2:]} {
		t.Run("is not read from "+name, func(t *testing.T) {
			kept := hash
			if h, err := ParseHash(bad); err == nil || !h.IsZero() {
				t.Errorf("read as %v", h)
			}
			if err := kept.UnmarshalText([]byte(bad)); err == nil || kept != hash {
				t.Errorf("changed to %v (%v)", kept, err)
			}
		})
	}
}
