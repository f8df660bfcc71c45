package api

import (
	"bytes"
	"time"

	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/routes"
)

// ticketLife is how long the address of a Terraform module holds at most, as GitLab's own does.
const ticketLife = 5 * time.Minute

// Special gives the field that tells a Terraform client where a module is.
func (s *Surface) Special(q *surface.Request, j *surface.Judgement, redirects *reply.Redirects) reply.Special {
	if j.Op.Route == nil || !j.Op.Route.Response.Links {
		return nil
	}
	return &moduleAddress{s, q, redirects}
}

// moduleAddress passes X-Terraform-Get.
type moduleAddress struct {
	surface   *Surface
	request   *surface.Request
	redirects *reply.Redirects
}

// Field gives the address where a Terraform client finds a module. It does not pass when it leads elsewhere, nor when a
// credential stands in it that is not the download token of the module registry. That one acts as the owner's, so that it is
// sealed.
func (m *moduleAddress) Field(dst, name, value []byte) (written []byte, passes, special bool) {
	if !header.EqualFold(name, "x-terraform-get") {
		return dst, false, false
	}
	links := m.surface.Links
	if m.redirects.Tell(value) || !links.Stays(value) {
		return dst, false, true
	}
	if surface.QueryCredential(value) {
		if value = m.sealTicket(value); value == nil {
			return dst, false, true
		}
	}
	return links.AppendLocation(dst, value, m.request.Origin), true, true
}

// sealTicket puts a sealed text in the place of the token in an address; nil when there is anything else in it that the
// forge might take.
func (m *moduleAddress) sealTicket(address []byte) []byte {
	rest, ticket := cutTicket(address)
	if len(ticket) == 0 || surface.QueryCredential(rest) || !surface.IsJWT(string(ticket)) {
		return nil
	}
	until := time.Now().Add(ticketLife)
	if e := surface.ExpiryOf(string(ticket)); !e.IsZero() && e.Before(until) {
		until = e
	}
	sealed, err := m.request.Seal(m.surface.Seals, surface.SealTicket, until, string(ticket))
	if err != nil {
		return nil
	}
	return append(appendSeparator(append([]byte(nil), rest...)), "token="+sealed...)
}

// appendSeparator begins a query, or goes on with one.
func appendSeparator(target []byte) []byte {
	if bytes.IndexByte(target, '?') < 0 {
		return append(target, '?')
	}
	return append(target, '&')
}

// cutTicket takes the first parameter token out of a target. What is left may hold another one.
func cutTicket(target []byte) (rest, ticket []byte) {
	path, query, _ := bytes.Cut(target, []byte{'?'})
	rest = append([]byte(nil), path...)
	found := false
	for len(query) > 0 {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte{'&'})
		if value, is := bytes.CutPrefix(pair, []byte("token=")); is && !found {
			ticket, found = value, true
			continue
		}
		rest = append(appendSeparator(rest), pair...)
	}
	return rest, ticket
}

// openTicket finds out whose download address a request comes with: its query's token is one that sealTicket made. found is
// false when it is not such an address.
func (s *Surface) openTicket(q *surface.Request) (r *reply.Refusal, found bool) {
	rest, ticket := cutTicket(q.Target)
	if surface.KindOf(ticket) != surface.SealTicket {
		return nil, false
	}
	if q.Credential.Found > 0 || surface.QueryCredential(rest) {
		return reply.ErrSeveralCredentials, true
	}
	sealed, ok := s.Seals.Open(surface.SealTicket, ticket, time.Now())
	if !ok {
		return surface.ErrSealed, true
	}
	q.Sealed = sealed
	q.Target, q.Path = rest, rest[:len(q.Path)]
	q.Credential.Kind, q.Credential.Auth = surface.KindPatgate, routes.AuthTicket
	return nil, true
}

// ticketed tells whether the row is one where the forge takes nothing but a token that it named itself.
func ticketed(r *routes.Route) bool {
	return r != nil && len(r.Auth) == 1 && r.Auth[0] == routes.AuthTicket
}
