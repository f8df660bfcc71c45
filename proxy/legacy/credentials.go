package legacy

import (
	"patgate/proxy/header"
	"patgate/proxy/surface"
	"patgate/routes"
)

// CredentialsOf gives the credential in the head of a request: its secret when it has one in a place that patgate reads, else all
// that the forge may take for one.
func CredentialsOf(q *surface.Request) (text []byte) {
	for i := range q.Fields.List {
		f := &q.Fields.List[i]
		if f.Class != header.ClassCredential || f.Name == header.Cookie && !q.Dialect.IsSession(f.Value) {
			continue
		}
		if auth, secret := q.Credential.Read(f); auth != routes.AuthNone && q.Credential.Found == 1 {
			text = append(text, secret...)
			continue
		}
		text = append(text, byte(f.Name), '\n')
		text = append(append(text, f.Value...), '\n')
	}
	for query := q.Target[len(q.Path):]; ; {
		var pair []byte
		if pair, query = surface.NextCredential(query); pair == nil {
			return text
		}
		text = append(append(text, '&'), pair...)
	}
}

// Proves tells whether a good answer to this request shows that the forge has looked at its credential and accepted it. Many
// answers do not: pages and open rows are for anybody, and a credential in a place where a row does not look for one is passed
// over, as is one in a header beside one in the query or in a form.
func Proves(q *surface.Request, b *surface.Body) bool {
	if q.Credential.Found != 1 || q.Credential.Auth == routes.AuthNone || surface.QueryCredential(q.Target) {
		return false
	}
	s, is := q.Surface.(surface.Proves)
	return is && s.Proves(q, b)
}
