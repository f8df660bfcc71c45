package routes

import "bytes"

// RefKind is what a reference names. The zero value names nothing.
type RefKind uint8

const (
	RefNone      RefKind = iota
	RefProject           // numeric id or full path of a project
	RefGroup             // numeric id or full path of a group
	RefNamespace         // numeric id or full path of a group, project or user namespace
	RefUser              // numeric id or username
)

var refNames = [...]string{"none", "project", "group", "namespace", "user"}

// String gives the class name that the route table uses.
func (k RefKind) String() string {
	if int(k) < len(refNames) {
		return refNames[k]
	}
	return "reference"
}

// ParseContainer reads the name of a kind of container; RefNone for anything else.
func ParseContainer(name string) RefKind {
	for _, k := range []RefKind{RefProject, RefGroup, RefNamespace} {
		if name == k.String() {
			return k
		}
	}
	return RefNone
}

// IsContainer tells whether a reference names something that has a boundary of its own. A user has none.
func (k RefKind) IsContainer() bool { return k == RefProject || k == RefGroup || k == RefNamespace }

// Boundaries gives the boundaries that a container of that kind can be.
func (k RefKind) Boundaries() []Boundary {
	switch k {
	case RefProject:
		return []Boundary{BoundaryProject}
	case RefGroup:
		return []Boundary{BoundaryGroup}
	case RefNamespace:
		return []Boundary{BoundaryProject, BoundaryGroup}
	}
	return nil
}

// Boundary gives the boundary that a reference is to, as far as its kind tells.
func (k RefKind) Boundary() Boundary {
	switch k {
	case RefProject:
		return BoundaryProject
	case RefGroup:
		return BoundaryGroup
	case RefUser:
		return BoundaryUser
	}
	return BoundaryNone
}

// Reference is a container or user that a request names: by ID when that is not zero, else by Path. Path may point
// into the request's own bytes: copy it before the request is over.
type Reference struct {
	Kind RefKind
	ID   int64
	Path []byte
}

// referenceByte says what a byte of a full path is. The zero value may not stand in one.
type referenceByte uint8

const (
	referenceDigit referenceByte = 1 << iota
	referenceOther
	referenceSlash
)

var referenceBytes = func() (kinds [256]referenceByte) {
	for c := range kinds {
		switch {
		case c >= '0' && c <= '9':
			kinds[c] = referenceDigit
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == '-', c == '.':
			kinds[c] = referenceOther
		case c == '/':
			kinds[c] = referenceSlash
		}
	}
	return kinds
}()

// ParseReference reads an id (^[1-9][0-9]{0,18}$, within int64) or a full path of [A-Za-z0-9_.-] segments: projects
// need at least two segments, groups and namespaces one, users exactly one. ok is false for anything else, because the forge may
// read it in its own way (a newline, a leading zero, a sign).
func ParseReference(kind RefKind, value []byte) (ref Reference, ok bool) {
	if kind == RefNone || len(value) == 0 || len(value) > maxReference {
		return Reference{}, false
	}
	if id, isID := parseID(value); isID {
		return Reference{Kind: kind, ID: id}, true
	}
	segments, start, seen := 1, 0, referenceByte(0)
	for i, c := range value {
		kind := referenceBytes[c]
		seen |= kind
		switch kind {
		case referenceSlash:
			if !pathSegment(value[start:i]) {
				return Reference{}, false
			}
			segments++
			start = i + 1
		case 0:
			return Reference{}, false
		}
	}
	if seen == referenceDigit || !pathSegment(value[start:]) {
		return Reference{}, false
	}
	switch kind {
	case RefProject:
		ok = segments >= 2
	case RefUser:
		ok = segments == 1
	default:
		ok = true
	}
	if !ok {
		return Reference{}, false
	}
	return Reference{Kind: kind, Path: value}, true
}

// ParseName reads a reference on a forge that names containers by names and never by ids, as Gitea does: "owner/name" for a
// project, one segment for a group, namespace or user. A name of digits is a name.
func ParseName(kind RefKind, value []byte) (ref Reference, ok bool) {
	if kind == RefNone || len(value) > 2*256 {
		return Reference{}, false
	}
	owner := value
	if kind == RefProject {
		i := bytes.IndexByte(value, '/')
		if i < 0 || !nameSegment(value[i+1:]) {
			return Reference{}, false
		}
		owner = value[:i]
	}
	if !nameSegment(owner) || owner[0] == '-' {
		return Reference{}, false
	}
	return Reference{Kind: kind, Path: value}, true
}

// nameSegment tells whether s can be the name of an owner or of a repository: [A-Za-z0-9_.-]+, no dot segment, no lone dash.
func nameSegment(s []byte) bool {
	if len(s) == 0 || len(s) > 255 || len(s) == 1 && s[0] == '-' {
		return false
	}
	for _, c := range s {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.') {
			return false
		}
	}
	return string(s) != "." && string(s) != ".."
}

// maxReference bounds a full path: GitLab allows 20 levels of 255 bytes.
const maxReference = 20 * 256

// pathSegment tells whether s can be a segment of a full path. GitLab allows a leading dot or underscore only in
// old paths; ".", ".." and a leading dash never.
func pathSegment(s []byte) bool {
	if len(s) == 0 || len(s) > 255 || s[0] == '-' {
		return false
	}
	return string(s) != "." && string(s) != ".."
}

// parseID reads ^[1-9][0-9]{0,18}$ within int64.
func parseID(value []byte) (int64, bool) {
	if len(value) == 0 || len(value) > 19 || value[0] < '1' || value[0] > '9' {
		return 0, false
	}
	var n int64
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, false
		}
		d := int64(c - '0')
		if n > (1<<63-1-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}
