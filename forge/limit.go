package forge

import "time"

// longestPause bounds what a forge can ask for with Retry-After.
const longestPause = time.Minute

// limitKey is the scope of a forge's 429: the user, and the part of the API. GitLab counts by the user of a credential
// (throttle_authenticated_api), and some endpoints separately (project_api_limit, group_api_limit).
type limitKey struct {
	owner int64
	part  string
}

// limit is what a forge has said about its own rate limit since its last good answer.
type limit struct {
	said  int       // how often, one time after the other
	until time.Time // when it wants to be asked again
	last  time.Time
}

// Limited gives an error that wraps ErrRateLimited while the forge wants no questions for an owner about a part of its API.
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

// Answered notes whether the forge answered a question with a 429, and when it then wants to be asked again. A single 429 holds
// for its own question alone. A second one, with no other answer between them, is believed: until its time is over, at most a
// minute, no question is asked.
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
