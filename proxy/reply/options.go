package reply

import (
	"bytes"
	"slices"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
)

// ConnectionOptions gives the options of the answer's Connection headers, as one list.
func ConnectionOptions(h *fasthttp.ResponseHeader) (all []byte) {
	for name, value := range h.All() {
		switch {
		case !header.EqualFold(name, "connection"):
		case all == nil:
			all = value
		default:
			all = slices.Concat(all, []byte{','}, value)
		}
	}
	return all
}

// Listed tells whether a name is one of a list of options.
func Listed(list, name []byte) bool {
	for len(list) > 0 {
		var option []byte
		option, list = header.CutList(list)
		if bytes.EqualFold(option, name) {
			return true
		}
	}
	return false
}
