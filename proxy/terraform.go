package proxy

// moduleAddress gives the address where a Terraform client finds a module, from the forge's X-Terraform-Get; nil when it is
// not handed on: on a row without links, when it leads elsewhere, and when a credential stands in it.
func (x *exchange) moduleAddress(value []byte) []byte {
	if x.op.Route == nil || !x.op.Route.Response.Links || queryCredential(value) {
		return nil
	}
	if x.h.links.origin(value) == 0 && (!hasPrefix(value, "/") || hasPrefix(value, "//")) {
		return nil
	}
	x.scratch = x.h.links.appendLocation(x.scratch[:0], value, x.origin)
	return x.scratch
}
