package meter

import (
	"net/netip"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/proxy/reply"
	"patgate/token/limits"
)

// ErrUsedUp refuses a token that has been used as often as it may be.
var ErrUsedUp = &reply.Refusal{Status: fasthttp.StatusForbidden, Reason: "limit_max_uses",
	Message: "Access denied: The token has been used as often as it may be (limit of the token: max_uses)."}

// ErrDone answers for a request that the forge has carried out, with an answer that is longer than what is left of the day.
var ErrDone = &reply.Refusal{Status: fasthttp.StatusBadGateway, Reason: "limit_bytes_per_day",
	Message: "The request was carried out, and its answer is not passed on: it is longer than what the token may still move " +
		"today (limit of the token: bytes_per_day)."}

// refuseNetwork answers for a request that comes from somewhere else.
func refuseNetwork(a netip.Addr) *reply.Refusal {
	from := "an unknown address: the proxy in front of patgate named no client"
	if a.IsValid() {
		from = a.Unmap().String()
	}
	return &reply.Refusal{Status: fasthttp.StatusForbidden, Reason: "limit_networks",
		Message: "Access denied: The token is not for requests from " + from + " (limit of the token: networks)."}
}

// refuseWindow answers for a request that comes at another time.
func refuseWindow(now, next time.Time) *reply.Refusal {
	r := &reply.Refusal{Status: fasthttp.StatusForbidden, Reason: "limit_windows",
		Message: "Access denied: The token does not work at this time (limit of the token: windows)."}
	if !next.IsZero() {
		r.Retry = max(next.Sub(now), time.Second)
		r.Message = "Access denied: The token does not work before " + next.UTC().Format(time.RFC3339) +
			" (limit of the token: windows)."
	}
	return r
}

// refuseCount answers for a request beyond a count.
func refuseCount(n limits.Name, wait time.Duration) *reply.Refusal {
	switch n {
	case limits.RequestsPerMinute:
		return &reply.Refusal{Status: fasthttp.StatusTooManyRequests, Reason: "limit_requests_per_minute", Retry: wait,
			Message: "The token, or one that it comes from, has sent as many requests within a minute as it may (limit of the " +
				"token: requests_per_minute)."}
	case limits.RequestsAtOnce:
		return &reply.Refusal{Status: fasthttp.StatusTooManyRequests, Reason: "limit_requests_at_once", Retry: wait,
			Message: "The token, or one that it comes from, has as many requests under way as it may (limit of the token: " +
				"requests_at_once)."}
	case limits.UpstreamConnections:
		return &reply.Refusal{Status: fasthttp.StatusTooManyRequests, Reason: "limit_upstream_connections", Retry: wait,
			Message: "The token, or one that it comes from, has as many requests at the forge as it may (limit of the token: " +
				"upstream_connections)."}
	}
	return &reply.Refusal{Status: fasthttp.StatusTooManyRequests, Reason: "limit_bytes_per_day", Retry: wait,
		Message: "The token, or one that it comes from, has moved as many bytes today as it may, or would with this (limit of " +
			"the token: bytes_per_day)."}
}
