package git

import "fmt"

// AppendReport writes an answer to a push that refuses all of it in git's own form (gitprotocol-pack, "Report Status"), so
// that the client shows the text to its user and why for each ref. It is only for a push that asks for a report. why gives the
// text for the i-th ref.
func (p *Push) AppendReport(dst []byte, text string, why func(i int) string) []byte {
	report := appendPacket(nil, "unpack ok\n")
	for i := range p.Updates {
		report = appendPacket(report, fmt.Sprintf("ng %s %s\n", p.Updates[i].Name, oneLine(why(i))))
	}
	report = append(report, "0000"...)
	if !p.Capabilities.SideBand {
		return append(dst, report...)
	}
	const most = maxPacket - 5
	for band := []byte(text + "\n"); len(band) > 0; {
		n := min(len(band), most)
		dst = appendBand(dst, 2, band[:n])
		band = band[n:]
	}
	for len(report) > 0 {
		n := min(len(report), most)
		dst = appendBand(dst, 1, report[:n])
		report = report[n:]
	}
	return append(dst, "0000"...)
}

func appendPacket(dst []byte, text string) []byte {
	if len(text) > maxPacket-4 {
		text = text[:maxPacket-4]
	}
	return append(fmt.Appendf(dst, "%04x", len(text)+4), text...)
}

func appendBand(dst []byte, band byte, data []byte) []byte {
	return append(append(fmt.Appendf(dst, "%04x", len(data)+5), band), data...)
}

// oneLine cuts a text at its first control character.
func oneLine(text string) string {
	for i := range len(text) {
		if text[i] < ' ' || text[i] == 0x7f {
			return text[:i]
		}
	}
	return text
}
