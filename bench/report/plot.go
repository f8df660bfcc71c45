//go:build linux

package report

import (
	"fmt"
	"html"
	"strings"
)

// plot draws CPU per request of every peer as an SVG: a bar to the median, a line from the least to the greatest round.
func (r *Result) plot() string {
	const left, top, row, width, full = 170, 64, 36, 760, 500
	var b strings.Builder
	height := top + row*len(r.Throughput) + 40
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" `+
		`font-family="sans-serif" font-size="13">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	b.WriteString(`<text x="16" y="26" font-size="16" font-weight="bold">CPU per request, microseconds (less is better)</text>` +
		"\n")
	fmt.Fprintf(&b, `<text x="16" y="46" fill="#555">1 KiB answers, keep-alive, 32 connections; median of %d rounds, `+
		`line from least to greatest; commit %s</text>`+"\n",
		r.Rounds, html.EscapeString(r.Commit))
	most := 1.0
	for _, s := range r.Throughput {
		most = max(most, SpreadOf(s.cpu()).max)
	}
	x := func(v float64) float64 { return left + v/most*full }
	for i, s := range r.Throughput {
		y := top + i*row
		v := SpreadOf(s.cpu())
		colour := "#9aa5b1"
		if s.Name == Patgate {
			colour = "#2563eb"
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left-10, y+19, html.EscapeString(s.Name))
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="20" fill="%s"/>`+"\n", left, y+5, x(v.Median)-left, colour)
		fmt.Fprintf(&b, `<path d="M%.1f %dV%dM%.1f %dH%.1fM%.1f %dV%d" stroke="#111" fill="none"/>`+"\n",
			x(v.min), y+10, y+20, x(v.min), y+15, x(v.max), x(v.max), y+10, y+20)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d">%.1f</text>`+"\n", x(v.max)+8, y+19, v.Median)
	}
	fmt.Fprintf(&b, `<text x="16" y="%d" fill="#555">nginx proxy_pass, haproxy and caddy check nothing; `+
		`auth_request asks a small authorizer; patgate checks everything.</text>`+"\n", height-14)
	b.WriteString("</svg>\n")
	return b.String()
}
