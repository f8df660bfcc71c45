package proxy

import (
	"bytes"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/routes"
	"patgate/token"
)

// ticketLife is how long the address of a Terraform module holds at most, as GitLab's own does.
const ticketLife = 5 * time.Minute

var refuseTicket = refuse403("ticket_missing", "Access denied: The forge takes no token here, but the address that it names for a download: ask for that.")

// moduleAddress gives the address where a Terraform client finds a module, from the forge's X-Terraform-Get; nil when it is
// not handed on: on a row without links, when it leads elsewhere, and when a credential stands in it that is not the
// download token of the module registry. That one acts as the owner's, so that it is sealed.
func (x *exchange) moduleAddress(value []byte) []byte {
	if x.op.Route == nil || !x.op.Route.Response.Links {
		return nil
	}
	if x.tells(value) || x.h.links.origin(value) == 0 && (!hasPrefix(value, "/") || hasPrefix(value, "//")) {
		return nil
	}
	if queryCredential(value) {
		if value = x.sealTicket(value); value == nil {
			return nil
		}
	}
	x.scratch = x.h.links.appendLocation(x.scratch[:0], value, x.origin)
	return x.scratch
}

// sealTicket puts a sealed text in the place of the token in an address; nil when there is anything else in it that the
// forge might take.
func (x *exchange) sealTicket(address []byte) []byte {
	rest, ticket := cutTicket(address)
	hash, err := token.Parse(x.cred.secret)
	if err != nil || x.sealed.kind != sealNone || len(ticket) == 0 || queryCredential(rest) || strings.Trim(string(ticket), jwtLetters) != "" {
		return nil
	}
	now := time.Now()
	until := now.Add(ticketLife)
	if e := expiryOf(string(ticket)); !e.IsZero() && e.Before(until) {
		until = e
	}
	out := append([]byte(nil), rest...)
	return append(appendSeparator(out), "token="+x.h.seals.seal(sealTicket, hash, until, string(ticket))...)
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
// false when it is none.
func (x *exchange) openTicket() (r *refusal, found bool) {
	rest, ticket := cutTicket(x.target)
	if sealKindOf(ticket) != sealTicket || x.surface != surfaceAPI {
		return nil, false
	}
	if x.cred.found > 0 || queryCredential(rest) {
		return refuseSeveralCredentials, true
	}
	hash, inner, ok := x.h.seals.open(sealTicket, ticket, time.Now())
	if !ok {
		return refuseSealed, true
	}
	x.sealed = sealedRequest{kind: sealTicket, hash: hash, ticket: inner}
	x.target, x.path = rest, rest[:len(x.path)]
	x.cred.caller, x.cred.place = callerPatgate, placeTicket
	return nil, true
}

// ticketed tells whether the row is one where the forge takes nothing but a token that it named itself.
func ticketed(r *routes.Route) bool {
	return r != nil && len(r.Auth) == 1 && r.Auth[0] == routes.PlaceTicket
}

// appendTicket writes the forge's token into the target that is sent, in the place of what the client came with.
func (x *exchange) appendTicket(target []byte) []byte {
	if x.sealed.kind != sealTicket {
		return target
	}
	return append(append(appendSeparator(target), "token="...), x.sealed.ticket...)
}

// terraformDiscovery is where Terraform asks a host which of its services it has (Terraform, "Remote Service Discovery").
const terraformDiscovery = "/.well-known/terraform.json"

// discovers tells whether Terraform asks for the services of the host. GitLab serves modules, and so does patgate, with
// the same answer for everybody.
func (x *exchange) discovers() bool {
	return string(x.path) == terraformDiscovery && (x.method == fasthttp.MethodGet || x.isHead) &&
		(x.cred.caller == callerPatgate || x.cred.caller == callerAnonymous) && x.table.Forge() == routes.ForgeGitLab
}

func (x *exchange) serveDiscovery() *refusal {
	if x.cred.caller == callerPatgate {
		if r := x.authenticate(); r != nil {
			return r
		}
	}
	if err := x.recordLocal(); err != nil {
		return refuseAudit
	}
	x.answerLocal(&LocalAnswer{Status: fasthttp.StatusOK, Body: []byte(`{"modules.v1":"` + x.table.Base() + `/packages/terraform/modules/v1/"}`),
		Header: map[string][]string{"Content-Type": {"application/json"}}})
	return nil
}
