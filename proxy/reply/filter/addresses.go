package filter

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Addresses puts another origin in the place of a forge's own where a member of a JSON object is an address that programs
// follow. It is immutable and may be shared.
type Addresses struct {
	fields  []addressField
	parents []string // that the fields name, each once
	roots   []root   // of the forge
	to      string
	files   *attachments // nil: files keep their addresses
}

// root is an address of the forge behind its scheme.
type root struct{ host, path string }

// rootOf reads an address without its scheme.
func rootOf(text string) root {
	host, _, _ := strings.Cut(text, "/")
	return root{host, text[len(host):]}
}

// length gives that of the text.
func (r root) length() int { return len(r.host) + len(r.path) }

// addressField is a member by its name and that of the member in which its object stands.
type addressField struct {
	parent uint8  // in Addresses.parents, from 1; 0 is any
	name   string // empty: every member
}

// NewAddresses makes Addresses for members by their names: "clone_url" wherever it stands, "repo.url" in the object that is the
// value of "repo" or stands in a list that is, ".url" in the answer itself or the list that it is, and "_links.*" for all of an
// object's. roots are the addresses of the forge as they stand behind http:// or https://, with the path that it lies under if
// it does; to takes their place. A field names at most one parent, and all of them together at most 255.
func NewAddresses(fields, roots []string, to string) *Addresses {
	a := &Addresses{to: to}
	for _, text := range roots {
		a.roots = append(a.roots, rootOf(text))
	}
	for _, text := range fields {
		f := addressField{name: text}
		if parent, name, found := strings.Cut(text, "."); found {
			f = addressField{parent: a.parentOf(parent), name: strings.TrimPrefix(name, "*")}
		}
		a.fields = append(a.fields, f)
	}
	return a
}

// parentOf gives the number of a parent's name, and takes it into the list.
func (a *Addresses) parentOf(name string) uint8 {
	if p := a.parent([]byte(name)); p > 0 {
		return p
	}
	a.parents = append(a.parents, name)
	return uint8(len(a.parents))
}

// parent gives the number of a name among those that fields name as parents; 0: it is not among them.
func (a *Addresses) parent(name []byte) uint8 {
	for i, p := range a.parents {
		if string(name) == p {
			return uint8(i + 1)
		}
	}
	return 0
}

// has tells whether a member of an object that stands in the parent is an address that programs follow.
func (a *Addresses) has(parent uint8, name []byte) bool {
	for i := range a.fields {
		f := &a.fields[i]
		if (f.parent == 0 || f.parent == parent) && (f.name == "" || string(name) == f.name) {
			return true
		}
	}
	return false
}

// appendTo appends an address with its beginning replaced; false: it is not the forge's.
func (a *Addresses) appendTo(dst, address []byte) ([]byte, bool) {
	n := a.origin(address)
	if n == 0 {
		return dst, false
	}
	return append(append(dst, a.to...), address[n:]...), true
}

// origin gives how much of an address is the forge's own: the scheme, the whole authority, and the path that it lies under.
func (a *Addresses) origin(address []byte) int {
	at := bytes.IndexByte(address, ':') + len("://")
	if start, found := schemeBefore(address[:max(at-len("://"), 0)]); !found || start > 0 || len(address) < at ||
		string(address[at-2:at]) != "//" {
		return 0
	}
	end := len(address)
	if i := bytes.IndexAny(address[at:], "/?#"); i >= 0 {
		end = at + i
	}
	for _, r := range a.roots {
		if len(r.host) != end-at || !bytes.EqualFold(address[at:end], []byte(r.host)) {
			continue
		}
		rest, below := bytes.CutPrefix(address[end:], []byte(r.path))
		if below && (r.path == "" || len(rest) == 0 || bytes.IndexByte([]byte("/?#"), rest[0]) >= 0) {
			return end + len(r.path)
		}
	}
	return 0
}

// position is where a copier is in an answer, as far as Addresses need to know.
type position struct {
	within []uint8 // for each open object or list, its parent's number
	member uint8   // the number of the member whose value comes next, as a parent
	hit    bool    // it is an address
	file   file    // only with attachments
}

// bracket notes the beginning or the end of an object or a list; parent is what it stands in. Lists are transparent: what stands
// in one has its parent.
func (p *position) bracket(a *Addresses, kind, parent jsontext.Kind) {
	top := len(p.within) - 1
	p.file = file{uuid: p.file.uuid[:0]}
	switch {
	case kind == '}' || kind == ']':
		p.within = p.within[:top]
	case parent == '{':
		p.within = append(p.within, p.member)
	case parent == '[':
		p.within = append(p.within, p.within[top])
	default:
		p.within = append(p.within, a.parent(nil))
	}
}

// name notes the name of the member whose value comes next.
func (p *position) name(a *Addresses, name []byte) {
	p.member = a.parent(name)
	p.hit = a.has(p.within[len(p.within)-1], name)
	p.file.name(name)
}

// member rewrites the value of a member, still quoted, as its name wants it.
func (c *copier) member(raw jsontext.Value) jsontext.Value {
	if c.addresses.files != nil {
		if rewritten, is := c.attachment(raw); is {
			return rewritten
		}
	}
	if c.position.hit {
		return c.address(raw)
	}
	return raw
}

// address rewrites the value of a member, still quoted, if it is an address of the forge. Anything else keeps its spelling.
func (c *copier) address(raw jsontext.Value) jsontext.Value {
	c.scratch, _ = jsontext.AppendUnquote(c.scratch[:0], []byte(raw))
	linked, rewritten := c.addresses.appendTo(c.linked[:0], c.scratch)
	if c.linked = linked; !rewritten {
		return raw
	}
	c.scratch, _ = jsontext.AppendQuote(c.scratch[:0], linked)
	return jsontext.Value(c.scratch)
}
