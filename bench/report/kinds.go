//go:build linux

package report

// Kind is a kind of request that nginx and patgate are compared by, besides the ordinary one.
type Kind struct {
	name   string
	Method string
	Secure bool    // https on both sides
	Rate   float64 // in a second; 0 is as fast as it goes
	limit  float64 // of patgate's CPU time for a request, ratio to nginx
}

// Kinds lists them. wrk waits for the body of an answer to HEAD, so that comes at a fixed rate from the driver of latencies.
func Kinds() []Kind {
	return []Kind{
		{name: "GET, https on both sides", Method: "GET", Secure: true, limit: 1.05},
		{name: "POST of 1 KiB JSON", Method: "POST", limit: 1.3},
		{name: "HEAD, 4,000 a second", Method: "HEAD", Rate: 4000, limit: 1.3},
	}
}

// Of gives the name of the row of a peer.
func (k Kind) Of(peer string) string { return k.name + ": " + peer }

// kindTable shows the other kinds of requests.
func (r *Result) kindTable(line func(string, ...any)) {
	if len(r.Kinds) == 0 {
		return
	}
	line("")
	line("## Other kinds of requests, 32 connections")
	line("")
	line("| | requests/s | CPU us per request | CPU, ratio to %s |", NginxPlain)
	line("| --- | ---: | ---: | ---: |")
	for _, s := range r.Kinds {
		line("| %s | %s | %s "+
			"| %s |", s.Name, SpreadOf(Each(s.Samples, func(x Sample) float64 { return x.PerSecond })).text("%.0f"),
			SpreadOf(s.cpu()).text("%.1f"), r.relative(r.Kinds, s))
	}
}

// relative gives the ratio of a series' CPU time to that of the one that it names.
func (r *Result) relative(all []*Series, s *Series) string {
	of := find(all, s.Of)
	if of == nil {
		return "-"
	}
	return SpreadOf(pairs(s.cpu(), of.cpu(), ratio)).text("%.2f")
}
