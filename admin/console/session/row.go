package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"

	"patgate/forge"
	"patgate/store"
	"patgate/token"
)

// purpose begins what a credential is sealed for.
const purpose = "patgate console sign-in v1\x00"

// cookieLength is that of a cookie's value: 256 bits in base64.
const cookieLength = 43

// Random gives 256 random bits as text.
func Random(source io.Reader) (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(source, b[:]); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// idOf names the session of a cookie in the store. Nothing of the cookie, nor what is derived from it otherwise, follows from it.
func idOf(cookie string) store.SignInID {
	return sha256.Sum256([]byte("patgate console sign-in id v1\x00" + cookie))
}

// FormToken gives the token that forms of a cookie's page carry: only a reader of a page of this origin knows it. use tells
// the kinds of forms apart.
func FormToken(cookie, use string) string {
	mac := hmac.New(sha256.New, []byte(cookie))
	mac.Write([]byte("patgate console form token v1\x00"))
	mac.Write([]byte(use))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// kept is the sealed part of a session.
type kept struct {
	Credential string   `json:"credential"`
	Username   string   `json:"username"`
	Admin      bool     `json:"admin"`
	Scopes     []string `json:"scopes"`
}

// about says what a row is sealed to: the forge that the credential is for, and all that the row says in the open.
func (a *Sessions) about(r *store.SignIn) []byte {
	out := []byte(purpose)
	out = binary.BigEndian.AppendUint32(out, uint32(len(a.o.Origin)))
	out = append(out, a.o.Origin...)
	out = append(out, r.ID[:]...)
	for _, n := range []int64{r.UserID, r.MadeAt.UnixMilli(), r.UsedAt.UnixMilli(), r.EndsAt.UnixMilli()} {
		out = binary.BigEndian.AppendUint64(out, uint64(n))
	}
	return out
}

// seal seals a credential, with what the forge said about it, to a row.
func (a *Sessions) seal(r *store.SignIn, cookie string, identity *forge.Identity, credential token.Secret) error {
	plain, err := json.Marshal(kept{credential.Reveal(), identity.Username, identity.Admin, identity.Scopes})
	if err != nil {
		return fmt.Errorf("writing a session: %w", err)
	}
	defer clear(plain)
	r.KeyID, r.Sealed, err = a.joint.Seal([]byte(cookie), a.about(r), plain)
	if err != nil {
		return fmt.Errorf("sealing a session: %w", err)
	}
	return nil
}

// open reverses seal.
func (a *Sessions) open(r *store.SignIn, cookie string) (forge.Identity, token.Secret, error) {
	plain, err := a.joint.Open(r.KeyID, []byte(cookie), a.about(r), r.Sealed)
	if err != nil {
		return forge.Identity{}, token.Secret{}, err
	}
	defer clear(plain)
	var k kept
	if err := json.Unmarshal(plain, &k); err != nil {
		return forge.Identity{}, token.Secret{}, fmt.Errorf("%w: what was sealed of a session cannot be read", store.ErrDamaged)
	}
	identity := forge.Identity{UserID: r.UserID, Username: k.Username, Admin: k.Admin, Kind: forge.CredentialPersonal,
		Scopes: k.Scopes, Active: true}
	return identity, token.NewSecret(k.Credential), nil
}
