package git

import (
	"bytes"
	"unicode/utf8"

	"patgate/routes"
	"patgate/routes/percent"
)

// fileFolders are where Gitea has single files, archives and what is attached to releases,
// for clients that do not use its API (Gitea 1.26, routers/web/web.go). It takes tokens there (services/auth/auth.go).
var fileFolders = [...]string{"/raw/", "/archive/", "/releases/download/", issueAttachments, releaseAttachments}

// Where patgate has the files that Gitea names by their UUID alone (routes.AttachmentFolders). It serves them below attachments/.
const (
	issueAttachments   = "/issues/attachments/"
	releaseAttachments = "/releases/attachments/"
	attachments        = "/attachments/"
)

// Attachment is a file that the forge names by its UUID alone.
type Attachment struct {
	Folder string // of routes.AttachmentFolders; empty: it is none
	UUID   []byte
	Ticket []byte // empty: the request has none
}

var errTicket = refuse(routes.CodeAmbiguousPath, "The address of an attachment takes no other parameter than the ticket that "+
	"it came with.")

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
		rest, found := bytes.CutPrefix(path[end:], []byte(folder))
		if found && len(rest) > 0 && (!holdsAttachments(folder) || IsUUID(rest)) { // Gitea's pages post to others
			return path[1:end], rest, folder, true
		}
	}
	return nil, nil, "", false
}

// holdsAttachments tells whether files in the folder are named by their UUID.
func holdsAttachments(folder string) bool {
	return folder == issueAttachments || folder == releaseAttachments
}

// readFile reads the target of a file. It takes no query but a ticket: Gitea would read a credential or another form of the
// file there. A query is nil where there is none.
func (r *Request) readFile(t *routes.Table, op *routes.Operation, project, rest []byte, folder string, query []byte) error {
	name, err := r.layout.name(project)
	switch {
	case err != nil:
		return err
	case name.Kind != RepositoryProject:
		return errNamed
	case r.method != "GET" && r.method != "HEAD":
		return errMethod
	case !oneMeaning(rest):
		return errFile
	case holdsAttachments(folder):
		return r.readAttachment(t, op, name, rest, folder, query)
	case query != nil:
		return errQuery
	}
	r.method = "GET"
	r.Name = Name{Kind: RepositoryFile, Container: name.Container}
	r.Suffix = append([]byte(folder), rest...)
	return r.find(t, op, folder+"{*filepath}", []routes.Capture{{Name: "filepath", Value: rest}})
}

// readAttachment reads the target of a file that is named by its UUID, whose ticket alone says that it is the project's.
func (r *Request) readAttachment(t *routes.Table, op *routes.Operation, name Name, uuid []byte, folder string,
	query []byte) error {
	ticket, isTicket := bytes.CutPrefix(query, []byte("ticket="))
	if query != nil && (!isTicket || bytes.ContainsAny(ticket, "&;%+")) {
		return errTicket
	}
	r.method = "GET"
	r.Name = Name{Kind: RepositoryFile, Container: name.Container}
	r.Suffix = append([]byte(attachments), uuid...)
	r.Attachment = Attachment{Folder: folder[1 : len(folder)-len(attachments)], UUID: uuid, Ticket: ticket}
	return r.find(t, op, folder+"{uuid}", []routes.Capture{{Name: "uuid", Value: uuid}})
}

// IsUUID tells whether a text is a UUID as Gitea writes it.
func IsUUID(text []byte) bool {
	if len(text) != 36 {
		return false
	}
	for i, c := range text {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		digit := c >= '0' && c <= '9' || c >= 'a' && c <= 'f'
		if dash != (c == '-') || !dash && !digit {
			return false
		}
	}
	return true
}

// oneMeaning tells whether all readers that decode a raw path once read it in one way.
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
			case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			case bytes.IndexByte([]byte("-._~!$&'()*+,=:@"), c) >= 0:
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
