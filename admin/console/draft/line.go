package draft

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"patgate/admin/console/words"
	"patgate/routes"
)

// An existing place stands in a form by its id with its path behind it ("501 shop/api"). The id is what is granted. The path
// is for people: the service tells it, and a page never repeats one that came with an id.

// PlaceOf reads a line of an id with a path behind it. Any other line is a path or an id as it was typed.
func PlaceOf(line string) (id int64, path string, ok bool) {
	head, path, ok := strings.Cut(line, " ")
	if !ok || strings.Trim(head, "0123456789") != "" {
		return 0, "", false
	}
	id, err := strconv.ParseInt(head, 10, 64)
	return id, path, err == nil && id > 0
}

// placePath gives the path in a line.
func placePath(line string) string {
	if _, path, ok := PlaceOf(line); ok {
		return path
	}
	return line
}

// Placed gives the ids of the lines that have one, and the other lines.
func Placed(text string) (ids []int64, typed []string) {
	for _, line := range words.Listed(text) {
		id, _, ok := PlaceOf(line)
		switch {
		case !ok:
			typed = append(typed, line)
		case !slices.Contains(ids, id):
			ids = append(ids, id)
		}
	}
	return ids, typed
}

// linked reads the places that a link names, by id or by path. Anybody may have made the link, so it never says an id's name.
func (d *Draft) linked(kind routes.RefKind, values []string) string {
	lines := words.Listed(strings.Join(values, "\n"))
	lines = slices.DeleteFunc(lines, func(line string) bool {
		_, reference := routes.ParseReference(kind, []byte(line))
		_, name := routes.ParseName(kind, []byte(line))
		if reference || name {
			return false
		}
		d.General = append(d.General,
			fmt.Sprintf("The link names the %s “%s”, which is neither an id nor a full path. It is "+
				"left out.", kind, words.Short(line)))
		return true
	})
	return strings.Join(lines, "\n")
}

// Places gives the texts of a scope that name places.
func (s *Scope) Places() map[routes.RefKind]*string {
	return map[routes.RefKind]*string{routes.RefProject: &s.Projects, routes.RefGroup: &s.Groups}
}

// ByID tells whether a number that is typed is an id. On a forge that names groups by names alone it is such a name.
func ByID(kind routes.RefKind, t *routes.Table) bool {
	return kind == routes.RefProject || !t.Named()
}

// Outside gives the places of a text as links, the API and the command line name them.
func Outside(kind routes.RefKind, text string, t *routes.Table) []string {
	return words.Each(words.Listed(text), func(line string) string {
		id, path, ok := PlaceOf(line)
		switch {
		case !ok:
			return line
		case ByID(kind, t):
			return strconv.FormatInt(id, 10)
		}
		path, _, _ = strings.Cut(path, " (") // without the mark, such as "(gone)"
		return path
	})
}

// Unlinked gives the path of the project or group in a pasted address: of a page of the forge's, or of a clone. named means that
// the forge's projects have just an owner and a name. A line that is not an address, or leads somewhere else than the addresses
// in bases, is given as it came.
func Unlinked(line string, kind routes.RefKind, named bool, bases ...string) string {
	address := line
	// A clone's address by SSH: git@gitlab.example.com:group/project.git
	if user, rest, is := strings.Cut(line, "@"); is && !strings.ContainsAny(user, ":/") {
		address = "ssh://" + strings.Replace(rest, ":", "/", 1)
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || !slices.Contains([]string{"https", "http", "ssh"}, u.Scheme) {
		return line
	}
	for _, text := range bases {
		base, err := url.Parse(text)
		if err != nil || base.Host == "" || !strings.EqualFold(base.Hostname(), u.Hostname()) {
			continue
		}
		path, _, _ := strings.Cut(u.Path, "/-/")
		root, _, _ := strings.Cut(strings.TrimSuffix(base.Path, "/"), "/-/")
		if u.Scheme != "ssh" && strings.HasPrefix(path, root+"/") {
			path = strings.TrimPrefix(path, root)
		}
		parts := strings.Split(strings.Trim(path, "/"), "/")
		switch {
		case named && kind == routes.RefProject:
			parts = parts[:min(len(parts), 2)]
		case named:
			parts = parts[:1]
		case kind == routes.RefGroup && parts[0] == "groups": // a page of a group's own
			parts = parts[1:]
		}
		return cmp.Or(strings.TrimSuffix(strings.Join(parts, "/"), ".git"), line)
	}
	return line
}
