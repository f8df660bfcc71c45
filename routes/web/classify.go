package web

import (
	"bytes"
	"slices"
	"strings"

	"patgate/routes"
)

// Request is what a request asks for, beside its operation.
type Request struct {
	// Group tells that the container is a group; else it is a project.
	Group bool
	// Suffix is what stands behind the container in the target that is sent, in its one spelling and with its query:
	// "/-/archive/main/app-main.zip".
	Suffix string
	// Stranger tells that GitLab looks for no token there, so that only what is public comes back.
	Stranger bool
}

var (
	errPage = refuse("Web pages are not supported with fine-grained tokens: use the REST API. Of web paths, archives, " +
		"downloads of releases and feeds of projects and groups are passed on: see docs/git.md.")
	errRaw = refuse("GitLab takes no personal access token for /-/raw/: use GET /projects/:id/repository/files/:file_path/raw " +
		"of the REST API.")
	errActivity = refuse("The activity of a group is not passed on: it tells of projects that others share with the group, " +
		"too. A project's own is GET /<project>.atom.")
	errAccount = refuse("Feeds of users, dashboards and access tokens are not passed on: they reach over everything that the " +
		"token's owner sees.")
	errDesigns = refuse("Designs are not passed on for fine-grained tokens.")
	errFormat  = refuse("The name of an archive ends in .zip, .tar, .tar.gz, .tgz, .gz, .tar.bz2, .tbz, .tbz2, .tb2 or .bz2.")
	errPath    = &routes.Refusal{
		Code:    routes.CodeReference,
		Message: "The path must begin with the full path of a project or group, as the forge shows it.",
	}
	errSpelling = &routes.Refusal{
		Code: routes.CodeAmbiguousPath,
		Message: "The path or the query has an empty or dot segment, an escape that it does not need, or a character that " +
			"readers differ on.",
	}
	errQuery = &routes.Refusal{
		Code:    routes.CodeAmbiguousPath,
		Message: "The query has a parameter that this path does not take, or one of them twice.",
	}
)

func refuse(message string) *routes.Refusal {
	return &routes.Refusal{Code: routes.CodeNoRoute, Message: message}
}

// formats are those of archives (GitLab 19.3, archive_formats_regex in lib/gitlab/path_regex.rb).
var formats = []string{".zip", ".tar", ".tar.gz", ".tgz", ".gz", ".tar.bz2", ".tbz", ".tbz2", ".tb2", ".bz2"}

// archiveQuery and feedQuery are the parameters that stay inside the container. Others of a feed would name a container of
// their own to some of GitLab's finders.
var (
	archiveQuery = []string{"path", "ref_type", "append_sha"}
	feedQuery    = []string{"state", "sort", "search", "author_username", "assignee_username", "milestone_title"}
	noQuery      = []string{}
)

// Classify reads a method and a raw request target into op and r. The error is a *routes.Refusal.
func Classify(t *routes.Table, op *routes.Operation, r *Request, method string, target []byte) error {
	op.Set(nil, method == "HEAD")
	*r = Request{}
	if err := routes.CheckTarget(target); err != nil {
		return err
	}
	if method != "GET" && method != "HEAD" {
		return errPage
	}
	raw, query, hasQuery := bytes.Cut(target[1:], []byte{'?'})
	container, rest, found := bytes.Cut(raw, []byte("/-/"))
	if !found {
		return r.overview(t, op, raw, query, hasQuery)
	}
	kind := "/{project}"
	if path, isGroup := bytes.CutPrefix(container, []byte("groups/")); isGroup {
		container, r.Group, kind = path, true, "/groups/{group}"
	}
	row, sent, known, err := r.read(string(rest), string(query))
	if err != nil {
		return err
	}
	if row == "" {
		return errPage
	}
	if known != nil {
		q, err := passed(string(query), known)
		if err != nil {
			return err
		}
		sent += q
	}
	r.Suffix = "/-/" + sent
	return r.find(t, op, kind+"/-/"+row, container)
}

// read reads what stands behind the container's "/-/": the row's name, what is sent, and the parameters that it takes; nil
// when the query is part of the row's name. An empty row is a page.
func (r *Request) read(rest, query string) (row, sent string, known []string, err error) {
	head, tail, hasTail := strings.Cut(rest, "/")
	switch {
	case slices.Contains([]string{"issues.atom", "issues.ics", "work_items.atom", "work_items.ics", "merge_requests.atom"}, rest):
		return rest, rest, feedQuery, nil
	case r.Group:
		return "", "", nil, nil
	case rest == "releases.atom":
		return rest, rest, noQuery, nil
	case rest == "tags" && query == "format=atom":
		return "tags?format=atom", "tags?format=atom", nil, nil
	case head == "commits" && hasTail && query == "format=atom":
		ref, err := canonical(tail)
		return "commits/{ref}?format=atom", "commits/" + ref + "?format=atom", nil, err
	case head == "archive" && hasTail:
		if !slices.ContainsFunc(formats, func(f string) bool { return strings.HasSuffix(tail, f) }) {
			return "", "", nil, errFormat
		}
		name, err := canonical(tail)
		return "archive/{archive}", "archive/" + name, archiveQuery, err
	case head == "releases" && hasTail:
		return r.release(tail)
	case head == "raw":
		return "", "", nil, errRaw
	case head == "design_management":
		return "", "", nil, errDesigns
	}
	return "", "", nil, nil
}

// release reads what stands behind releases/. Whatever begins with permalink/latest is that to GitLab's router.
func (r *Request) release(tail string) (row, sent string, known []string, err error) {
	if rest, isLatest := strings.CutPrefix(tail, "permalink/latest"); isLatest {
		file, isDownload := strings.CutPrefix(rest, "/downloads/")
		if !isDownload {
			return "", "", nil, nil
		}
		file, err = canonical(file)
		r.Stranger = true
		return "releases/permalink/latest/downloads/{file}", "releases/permalink/latest/downloads/" + file, noQuery, err
	}
	tag, file, isDownload := strings.Cut(tail, "/downloads/")
	if !isDownload {
		return "", "", nil, nil
	}
	if tag, err = canonical(tag); err == nil {
		file, err = canonical(file)
	}
	if err == nil && strings.HasPrefix(tag, "permalink/latest") {
		err = errSpelling // it was escaped
	}
	return "releases/{tag}/downloads/{file}", "releases/" + tag + "/downloads/" + file, noQuery, err
}

// overview reads paths without "/-/": the activity of a project.
func (r *Request) overview(t *routes.Table, op *routes.Operation, raw, query []byte, hasQuery bool) error {
	path, isFeed := bytes.CutSuffix(raw, []byte(".atom"))
	switch first, _, nested := bytes.Cut(path, []byte{'/'}); {
	case !isFeed && !bytes.HasSuffix(raw, []byte(".ics")):
		return errPage
	case string(first) == "dashboard", string(first) == "users", string(first) == "-", !isFeed:
		return errAccount
	case string(first) == "groups":
		return errActivity
	case !nested:
		return refuse("The feed of a group or user is not passed on: it reaches over projects that are not below it.")
	case hasQuery:
		return errQuery
	}
	r.Suffix = ".atom"
	return r.find(t, op, "/{project}.atom", path)
}

// find looks the row up by its name.
func (r *Request) find(t *routes.Table, op *routes.Operation, row string, container []byte) error {
	capture := routes.Capture{Name: "project", Value: container, Ref: routes.RefProject}
	if r.Group {
		capture.Name, capture.Ref = "group", routes.RefGroup
	}
	ref, ok := routes.ParseReference(capture.Ref, container)
	if !ok || ref.ID != 0 || bytes.IndexByte(container, '%') >= 0 || bytes.HasPrefix(container, []byte("o/")) {
		return errPath
	}
	route := t.SurfaceRow([]byte("GET " + row))
	if route == nil {
		return errPage
	}
	op.Set(route, op.Head, capture)
	return nil
}

// AppendTarget writes the target that is sent. container is the full path of the checked container, as the forge writes it now.
func (r *Request) AppendTarget(dst []byte, container string) []byte {
	if r.Group {
		dst = append(dst, "/groups"...)
	}
	return append(append(append(dst, '/'), container...), r.Suffix...)
}
