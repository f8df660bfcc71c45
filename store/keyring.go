package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"patgate/store/seal"
)

// OpenKeyring opens the sealing keys that belong to st. A key file that does not exist is made, unless the store holds
// sealed credentials, which no new key could open (seal.ErrKeyMissing). Keys that do not fit the store's credentials are
// seal.ErrWrongKey. The active key is registered in the store.
func OpenKeyring(ctx context.Context, st Store, source seal.Source, now time.Time) (*seal.Keyring, error) {
	used, err := keysInUse(ctx, st)
	if err != nil {
		return nil, err
	}
	ring, err := seal.Open(source)
	if errors.Is(err, seal.ErrKeyMissing) && source.IsFile() {
		if len(used) > 0 {
			return nil, fmt.Errorf("%w; the store holds credentials sealed under key %s: put that file back from its copy, "+
				"or remove the owners (patgate owner remove) and add them again, which revokes their tokens", err, used[0].ID)
		}
		ring, err = seal.Create(source)
	}
	if err != nil {
		return nil, err
	}
	for _, k := range used {
		key, ok := ring.Key(k.ID)
		if !ok || !key.Matches(k.Check) {
			return nil, fmt.Errorf("%w: the store's credentials are sealed under key %s, but %s holds key %s",
				seal.ErrWrongKey, k.ID, source, ring.Active().ID())
		}
	}
	active := ring.Active()
	known := SealingKey{ID: active.ID(), Check: active.CheckValue(), CreatedAt: now}
	if err := st.RegisterKey(ctx, known); err != nil {
		return nil, fmt.Errorf("registering the sealing key: %w", err)
	}
	return ring, nil
}

// keysInUse gives the keys under which credentials are sealed now.
func keysInUse(ctx context.Context, st Store) ([]SealingKey, error) {
	credentials, err := st.Credentials(ctx, 0)
	if err != nil {
		return nil, fmt.Errorf("reading credentials: %w", err)
	}
	keys, err := st.SealingKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading sealing keys: %w", err)
	}
	inUse := map[string]bool{}
	for _, c := range credentials {
		inUse[c.KeyID] = true
	}
	var used []SealingKey
	for _, k := range keys {
		if inUse[k.ID] {
			used = append(used, k)
		}
	}
	return used, nil
}

// RotateKey seals every credential under a new key. The order keeps every credential readable through a crash at any
// point: the key file gets the new key beside the old one, then one transaction seals anew and retires the old key,
// then the file drops it. When the source holds several keys already, because an earlier rotation was interrupted or
// because they were configured so, the first one is taken and no new key is made.
func RotateKey(ctx context.Context, st Store, ring *seal.Keyring, now time.Time) (resealed int, err error) {
	keys := ring.Keys()
	if len(keys) == 1 {
		if !ring.Source().IsFile() {
			return 0, fmt.Errorf("%s holds one key: put a new key in front of it, rotate, then drop the old one", ring.Source())
		}
		fresh, err := seal.NewKey(nil)
		if err != nil {
			return 0, err
		}
		keys = []seal.Key{fresh, keys[0]}
		if err := ring.Replace(keys); err != nil {
			return 0, err
		}
	}
	to := keys[0]
	resealed, err = st.Rekey(ctx, SealingKey{ID: to.ID(), Check: to.CheckValue(), CreatedAt: now}, Reseal(ring))
	if err != nil {
		return 0, fmt.Errorf("sealing the credentials anew (both keys are kept, run the rotation again): %w", err)
	}
	if ring.Source().IsFile() {
		if err := ring.Replace(keys[:1]); err != nil {
			return resealed, fmt.Errorf("dropping the old key (it seals nothing any more, run the rotation again): %w", err)
		}
	}
	return resealed, nil
}

// Reseal gives the function that opens a credential with the ring's keys and seals it under the active one.
func Reseal(ring *seal.Keyring) ResealFunc {
	return func(c Credential, old, b seal.Binding) (string, []byte, error) {
		plain, err := ring.Unseal(old, c.KeyID, c.Sealed)
		if err != nil {
			return "", nil, fmt.Errorf("opening credential %d: %w", c.ID, err)
		}
		defer clear(plain)
		return ring.Seal(b, plain)
	}
}

// CheckOrigin tells, by ErrOriginChanged, when owners in the store belong to another forge address than origin.
func CheckOrigin(ctx context.Context, st Store, origin string) error {
	owners, err := st.Owners(ctx)
	if err != nil {
		return fmt.Errorf("reading owners: %w", err)
	}
	for _, o := range owners {
		if o.Origin != origin {
			return fmt.Errorf("%w: the store's owners belong to %s, the configured upstream is %s; when it is the same forge "+
				"under a new address, run: patgate store move-upstream %s", ErrOriginChanged, o.Origin, origin, o.Origin)
		}
	}
	return nil
}
