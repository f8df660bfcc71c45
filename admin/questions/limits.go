package questions

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"patgate/admin/tokens"
	"patgate/token/limits"
)

// Moment is from where and when a request would come. The zero values are not known, and now.
type Moment struct {
	From netip.Addr
	At   time.Time
}

// CanAt is Can for a request from an address at a time, by the limits of the token and of the tokens that it comes from. Notes
// tell of limits that count.
func (s *Service) CanAt(ctx context.Context, c tokens.Caller, id int64, method, target string, m Moment) (*Verdict, error) {
	v, err := s.Can(ctx, c, id, method, target)
	if err != nil {
		return nil, err
	}
	held, err := s.tokens.LimitsOf(ctx, c, id)
	if err != nil || held == nil {
		return v, err
	}
	if m.At.IsZero() {
		m.At = s.tokens.Now()
	}
	deny := func(n limits.Name, format string, args ...any) {
		v.Notes = append(v.Notes, fmt.Sprintf(format, args...))
		if v.Answer != "no" {
			v.Answer, v.Reason = "no", "limit_"+string(n)
		}
	}
	switch open, next := held.At(m.At); {
	case open:
	case next.IsZero():
		deny(limits.Windows, "the token does not work at %s", m.At.UTC().Format(time.RFC3339))
	default:
		deny(limits.Windows, "the token does not work at %s, and not before %s", m.At.UTC().Format(time.RFC3339),
			next.UTC().Format(time.RFC3339))
	}
	switch {
	case !m.From.IsValid():
	case s.names(m.From) && !held.From(netip.Addr{}):
		deny(limits.Networks, "%s is a proxy (trusted_proxies, proxy_protocol): its requests count as its clients', so give "+
			"the client's address; a request that names no client is refused", m.From)
	case !held.From(m.From):
		deny(limits.Networks, "the token may not be used from %s", m.From)
	}
	for i := range held.Levels {
		for _, n := range limits.Names() {
			if text := held.Levels[i].Spec.Text(n); text != "" && (n != limits.Networks || !m.From.IsValid()) {
				v.Notes = append(v.Notes, strings.ReplaceAll(string(n), "_", " ")+": "+text)
			}
		}
	}
	return v, nil
}
