package forge

import "time"

// longestPause bounds what a forge can ask for with Retry-After.
const longestPause = time.Minute

// limitKey is what a forge's 429 may hold for: the user, and the part of the API. GitLab counts by the user of a credential
// (throttle_authenticated_api), and some of its endpoints apart (project_api_limit, group_api_limit).
type limitKey struct {
	owner int64
	part  string
}

// limit is what a forge has said of its own rate limit since its last good answer.
type limit struct {
	said  int       // how often, one time after the other
	until time.Time // when it wants to be asked again
	last  time.Time
}

// Limited tells whether the forge wants to be left alone with questions about a part of its API for an owner: the error then
// wraps ErrRateLimited.
func (b *Budget) Limited(ownerID int64, part string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.limits) == 0 {
		return nil
	}
	if l := b.limits[limitKey{ownerID, part}]; l != nil {
		if after := l.until.Sub(b.options.Now()); after > 0 {
			return RateLimited(after)
		}
	}
	return nil
}

// Answered notes how the forge answered a question: with a 429, and when it wants to be asked again, or otherwise. One alone
// holds for the question that it answers. A second one with nothing between them is believed: until its time is over, at most
// a minute, nobody asks.
func (b *Budget) Answered(ownerID int64, part string, limited bool, after time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := limitKey{ownerID, part}
	if !limited {
		delete(b.limits, key)
		return
	}
	l := b.limits[key]
	if l == nil {
		l = &limit{}
		b.limits[key] = l
	}
	now := b.options.Now()
	l.said, l.last = l.said+1, now
	if l.said > 1 {
		l.until = now.Add(min(max(after, time.Second), longestPause))
	}
}
