package routes

import (
	"bytes"
	"sync"

	"patgate/routes/pattern"
)

var errSlashes = refuse(CodeNoRoute, "no route of the table matches this method and path, but one would if a slash in it were "+
	"encoded: inside a project's path, a branch, a tag or a file's name write %2F. If the client does, a proxy in front of "+
	"patgate "+
	"decodes it: in nginx write proxy_pass http://patgate; with nothing behind the address, not even a slash; in Apache, "+
	"AllowEncodedSlashes NoDecode and nocanon")

// mostJoined bounds the segments, and mostLooked the bytes, of a path that is searched for slashes that should have been encoded.
const (
	mostJoined = 16
	mostLooked = 1 << 10
)

// joining is the memory in which a path is tried with other slashes.
type joining struct {
	op   Operation
	m    pattern.Matcher
	path []byte
}

var joinings = sync.Pool{New: func() any { return new(joining) }}

// noRoute says why no row matches a path: the usual cause is a slash that was not encoded, or that a proxy decoded.
func (t *Table) noRoute(index int, path []byte) error {
	if len(path) > mostLooked || bytes.Count(path, []byte{'/'}) > mostJoined {
		return errNoRoute
	}
	j := joinings.Get().(*joining)
	defer joinings.Put(j)
	for from := 1; from < len(path); from++ {
		if path[from] != '/' {
			continue
		}
		for to := from; to < len(path); to++ {
			if path[to] == '/' && j.matches(t, index, path, from, to) {
				return errSlashes
			}
		}
	}
	return errNoRoute
}

// matches tells whether a row matches the path with the slashes between two places encoded.
func (j *joining) matches(t *Table, index int, path []byte, from, to int) bool {
	begin, end := bytes.LastIndexByte(path[:from], '/')+1, len(path)
	if i := bytes.IndexByte(path[to+1:], '/'); i >= 0 {
		end = to + 1 + i
	}
	if joined := path[begin:end]; bytes.Contains(joined, []byte("%2F")) || bytes.Contains(joined, []byte("%2f")) {
		return false // a client that encodes one slash of a name encodes the others
	}
	j.path = append(j.path[:0], path[:from]...)
	for _, c := range path[from : to+1] {
		if c == '/' {
			j.path = append(j.path, "%2F"...)
		} else {
			j.path = append(j.path, c)
		}
	}
	j.path = append(j.path, path[to+1:]...)
	j.m = pattern.Matcher{}
	j.op.forget()
	if _, err := j.m.Cut(j.path); err != nil {
		return false
	}
	return t.match(&j.op, index, &j.m) == nil
}
