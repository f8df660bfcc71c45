package git

import (
	"bytes"

	"patgate/routes"
	"patgate/routes/percent"
)

// batchRow is the name of the LFS batch rows behind the repository, up to the operation.
const batchRow = "/info/lfs/objects/batch"

// suffix is what follows a repository's ".git", while it is read.
type suffix struct {
	path     []byte // with its leading slash
	query    []byte
	hasQuery bool

	row       string // behind the repository, as in the table
	canonical []byte
	captures  [2]routes.Capture
	n         int
}

func (s *suffix) read(r *Request) error {
	reads := r.method == "GET"
	posts := r.method == "POST"
	switch path := string(s.path); path {
	case "/info/refs":
		if !reads {
			return errMethod // HEAD too: the forge refuses it
		}
		return s.references()
	case "/git-upload-pack", "/git-receive-pack", "/info/lfs/locks/verify":
		return s.fixed(path, posts)
	case batchRow:
		r.Batch = true
		if err := s.fixed(path, posts); err != nil {
			return err
		}
		s.row = batchRow + "#download" // until the body is read
		return nil
	case "/info/lfs/locks":
		if reads {
			return s.locks()
		}
		return s.fixed(path, posts)
	}
	if rest, found := bytes.CutPrefix(s.path, []byte(r.layout.objects)); found {
		return s.object(r, r.layout.objects, rest)
	}
	if rest, found := bytes.CutPrefix(s.path, []byte("/info/lfs/locks/")); found {
		id, isUnlock := bytes.CutSuffix(rest, []byte("/unlock"))
		if isUnlock && isNumber(id) {
			s.capture("lock_id", id)
			return s.captured("/info/lfs/locks/{lock_id}/unlock", posts)
		}
	}
	return errNotGit
}

// references reads GET info/refs: the service must be said once and alone.
func (s *suffix) references() error {
	if !s.hasQuery {
		return errDumb
	}
	service, ok := serviceOf(s.query)
	if !ok {
		return errService
	}
	s.row = "/info/refs?service=" + service
	s.canonical = []byte(s.row)
	return nil
}

// serviceOf reads the query of info/refs.
func serviceOf(query []byte) (string, bool) {
	switch string(query) {
	case "service=git-upload-pack":
		return "git-upload-pack", true
	case "service=git-receive-pack":
		return "git-receive-pack", true
	}
	return "", false
}

// fixed reads a path without captures and without a query.
func (s *suffix) fixed(path string, method bool) error {
	return s.captured(path, method)
}

func (s *suffix) captured(row string, method bool) error {
	switch {
	case !method:
		return errMethod
	case s.hasQuery:
		return errQuery
	}
	s.row, s.canonical = row, s.path
	return nil
}

// object reads gitlab-lfs/objects/<oid> and gitlab-lfs/objects/<oid>/<size>, or what the forge has in their place.
func (s *suffix) object(r *Request, below string, rest []byte) error {
	oid, size, sized := bytes.Cut(rest, []byte{'/'})
	if !IsOID(oid) {
		return errNotGit
	}
	s.capture("oid", oid)
	if !sized {
		if r.method == "HEAD" {
			r.method = "GET"
		}
		return s.captured(below+"{oid}", r.method == "GET")
	}
	if string(size) != "0" && !isNumber(size) {
		return errNotGit
	}
	s.capture("size", size)
	return s.captured(below+"{oid}/{size}", r.method == "PUT")
}

func (s *suffix) capture(name string, value []byte) {
	s.captures[s.n] = routes.Capture{Name: name, Value: value}
	s.n++
}

// IsOID tells whether b is the id of an LFS object: 64 lower-case hexadecimal digits of a SHA-256.
func IsOID(b []byte) bool {
	if len(b) != 64 {
		return false
	}
	for _, c := range b {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}

// lockParameters are those of a listing of locks.
var lockParameters = [...]string{"path", "id", "cursor", "limit", "refspec"}

// locks reads the query of a listing of locks. Its parameters narrow the list; they name nothing outside the repository.
func (s *suffix) locks() error {
	s.row = "/info/lfs/locks"
	s.canonical = append(s.canonical, s.path...)
	seen := [len(lockParameters)]bool{}
	separator := byte('?')
	for rest := s.query; len(rest) > 0; {
		var pair []byte
		pair, rest, _ = bytes.Cut(rest, []byte{'&'})
		name, value, _ := bytes.Cut(pair, []byte{'='})
		known := false
		for i, p := range lockParameters {
			if string(name) == p && !seen[i] {
				known, seen[i] = true, true
			}
		}
		if !known || !queryValue(value) {
			return errLocks
		}
		s.canonical = append(append(s.canonical, separator), pair...)
		separator = '&'
	}
	return nil
}

var errLocks = refuse(routes.CodeAmbiguousPath, "A listing of locks takes path, id, cursor, limit and refspec, each once.")

// queryValue tells whether a value of a query is spelled with plain characters and well-formed escapes, so that it ends
// where it seems to.
func queryValue(value []byte) bool {
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', bytes.IndexByte([]byte("-._~!*'():@/+"), c) >= 0:
		case c == '%':
			if decoded, ok := percent.Decode(value[i:]); !ok || decoded < ' ' {
				return false
			}
			i += 2
		default:
			return false
		}
	}
	return true
}
