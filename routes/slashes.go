package routes

import "bytes"

var errSlashes = refuse(CodeNoRoute, "no route of the table matches this method and path, but one would if a "+
	"slash in it were encoded: "+
	"inside a project's path, a branch, a tag or a file's name write %2F. If the client does, a proxy in front of "+
	"patgate decodes it: in "+
	"nginx write proxy_pass http://patgate; with nothing behind the address, not even a slash; in Apache, "+
	"AllowEncodedSlashes NoDecode "+
	"and nocanon")

// mostJoined bounds the segments of a path in which slashes are looked for that should have been encoded.
const mostJoined = 16

// noRoute says why no row matches a path: the usual cause is a slash that was not encoded, or that a proxy decoded.
func (t *Table) noRoute(index int, path []byte) error {
	if bytes.Count(path, []byte{'/'}) > mostJoined {
		return errNoRoute
	}
	var room []byte
	for from := 1; from < len(path); from++ {
		if path[from] != '/' {
			continue
		}
		for to := from; to < len(path); to++ {
			if path[to] != '/' {
				continue
			}
			room = append(append(room[:0], path[:from]...), bytes.ReplaceAll(path[from:to+1], []byte{'/'}, []byte("%2F"))...)
			room = append(room, path[to+1:]...)
			if t.has(index, room) {
				return errSlashes
			}
		}
	}
	return errNoRoute
}

// has tells whether a row matches a path.
func (t *Table) has(index int, path []byte) bool {
	var op Operation
	var m matcher
	if _, err := m.cut(path); err != nil {
		return false
	}
	m.path = path
	return t.match(&op, index, &m) == nil
}
