package git

import (
	"bytes"
	"unicode/utf8"

	"patgate/routes"
	"patgate/routes/percent"
)

// fileFolders are where Gitea has single files, archives and what is attached to releases,
// for clients that do not use its API (Gitea 1.26, routers/web/web.go). It takes tokens there (services/auth/auth.go).
var fileFolders = [...]string{"/raw/", "/archive/", "/releases/download/"}

var errFile = refuse(routes.CodeAmbiguousPath, "The path of a file must be percent-encoded once, and hold no empty or dot "+
	"segment, slash, backslash or control character.")

// fileIn splits /owner/name/raw/... after the name; ok is false for any other path.
func fileIn(path []byte) (project, rest []byte, folder string, ok bool) {
	if len(path) == 0 || path[0] != '/' {
		return nil, nil, "", false
	}
	owner := bytes.IndexByte(path[1:], '/') + 1
	if owner <= 1 {
		return nil, nil, "", false
	}
	name := bytes.IndexByte(path[owner+1:], '/')
	if name <= 0 {
		return nil, nil, "", false
	}
	end := owner + 1 + name
	for _, folder := range fileFolders {
		if rest, found := bytes.CutPrefix(path[end:], []byte(folder)); found && len(rest) > 0 {
			return path[1:end], rest, folder, true
		}
	}
	return nil, nil, "", false
}

// readFile reads the target of a file. It takes no query: Gitea would read a credential or another form of the file there.
func (r *Request) readFile(t *routes.Table, op *routes.Operation, project, rest []byte, folder string, hasQuery bool) error {
	name, err := r.layout.name(project)
	switch {
	case err != nil:
		return err
	case name.Kind != RepositoryProject:
		return errNamed
	case r.method != "GET" && r.method != "HEAD":
		return errMethod
	case hasQuery:
		return errQuery
	case !oneMeaning(rest):
		return errFile
	}
	r.method = "GET"
	r.Name = Name{Kind: RepositoryFile, Container: name.Container}
	r.Suffix = append([]byte(folder), rest...)
	return r.find(t, op, folder+"{*filepath}", []routes.Capture{{Name: "filepath", Value: rest}})
}

// oneMeaning tells whether a raw path is read in one way by whoever decodes it once.
func oneMeaning(path []byte) bool {
	for segment := range bytes.SplitSeq(path, []byte{'/'}) {
		var room [256]byte
		decoded := room[:0]
		for i := 0; i < len(segment); i++ {
			c := segment[i]
			switch {
			case c == '%':
				var ok bool
				c, ok = percent.Decode(segment[i:])
				if !ok || c < ' ' || c == 0x7f || c == '/' || c == '\\' {
					return false
				}
				i += 2
			case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', bytes.IndexByte([]byte("-._~!$&'()*+,=:@"), c) >= 0:
			default:
				return false
			}
			decoded = append(decoded, c)
		}
		if s := string(decoded); s == "" || s == "." || s == ".." || !utf8.Valid(decoded) || !routes.IsDecoded(decoded) {
			return false
		}
	}
	return true
}
