package trustpage

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"patgate/admin/manifest"
	"patgate/admin/trustwatch"
)

// Policies is what files of policy as code have in force beside trusts.
type Policies struct {
	Refused []string // by which the files, as they are now, are not in force
	Kinds   []Kind
}

// Kind is the documents of a kind.
type Kind struct {
	Title   string
	Objects []Object
}

// Object is a document of a file.
type Object struct {
	Name, Description, File string
	Lines                   []string
}

// PoliciesOf gives the page of the mounted objects, with the problems of the trusts; empty when m is nil.
func PoliciesOf(m *manifest.Mounted, s *trustwatch.Service) *Policies {
	p := &Policies{}
	for _, problem := range slices.Concat(m.Refused(), s.Problems()) {
		p.Refused = append(p.Refused, problem.Error())
	}
	set := m.Set()
	if set == nil {
		set = &manifest.Set{}
	}
	p.Kinds = []Kind{
		{"Limits", objects(manifest.Of[manifest.Ceiling](set))},
		{"Templates", objects(manifest.Of[manifest.Template](set))},
		{"Issuers", objects(manifest.Of[manifest.Issuer](set))},
	}
	return p
}

func objects(list []*manifest.Object) (all []Object) {
	for _, o := range list {
		source := filepath.Base(o.Source.File) + ":" + strconv.Itoa(o.Source.Line)
		all = append(all, Object{o.Name, o.Description, source, lines(o)})
	}
	return all
}

// lines says what a document has, a line each.
func lines(o *manifest.Object) (all []string) {
	add := func(what string, texts ...string) {
		if text := strings.Join(texts, ", "); text != "" {
			all = append(all, what+" "+text)
		}
	}
	switch m := o.Spec.(type) {
	case *manifest.Ceiling:
		add("below groups", m.Groups...)
		add("on projects", m.Projects...)
		if len(m.Groups)+len(m.Projects) == 0 {
			all = append(all, "everywhere")
		}
		add("forbids", m.Deny.Permissions...)
		add("forbids what lies below", m.Deny.Categories...)
		add("forbids what", m.Deny.Effects...)
		add("refuses tokens older than", m.MaxLifetime)
		add("asks for networks within", m.Networks...)
	case *manifest.Template:
		add("may", m.Permissions...)
		add("lives", m.Expires)
	case *manifest.Issuer:
		add("is", m.Type+" at "+m.URL)
		add("has its keys at", m.JWKSURL)
		add("signs by", m.Algorithms...)
		add("is vouched for by the authority in", m.CAFile)
	}
	return all
}
