package listing

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"patgate/forge"
	"patgate/policy"
	"patgate/proxy/reply/filter"
	"patgate/routes"
	"patgate/token"
)

// Resolver tells what the forge says of a container. It is the part of forge.Resolver that is needed here.
type Resolver interface {
	Resolve(ctx context.Context, s *token.Session, ref routes.Reference, maxAge time.Duration) (policy.Container, error)
	Known(s *token.Session, ref routes.Reference, maxAge time.Duration, now time.Time) *policy.Container
	Listed(s *token.Session) error
	Below(ctx context.Context, s *token.Session, group *policy.Container, maxAge time.Duration) (projects []int64, complete bool,
		err error)
}

// mostPaths bounds how many groups of a grant are asked for their paths, by which entries are told apart that need not be asked
// about. With more groups all of them are.
const mostPaths = 64

// few is how many questions are asked about single entries, before all projects of the grant's groups are asked for instead.
// mostListed bounds how many groups may have to be asked for theirs.
const (
	few        = 10
	mostListed = 8
)

// Judge decides which entries of one answer a grant reaches. It is for one request.
//
// An entry was shown by the forge to the token's owner, so that its container exists and the owner sees it. That, its id and the
// id of the group that it lies in are taken from the entry. Everything else that decides is asked: the groups above that one, and
// what the owner is there. What lies by its path below no group of the grant's is not asked about. A path alone allows nothing.
type Judge struct {
	resolver Resolver
	session  *token.Session
	entries  *routes.Entries
	maxAge   time.Duration
	until    time.Time // of questions
	patience time.Duration

	reach    policy.Reachable
	free     *policy.Grant // without ceilings
	whole    bool          // the grant alone allows all of the answer: only ceilings are asked about
	paths    []string      // of the grant's groups, with a slash behind
	asked    bool          // for the paths
	single   int           // questions that were asked
	lists    []list        // of the grant's groups, when they were asked for
	complete bool          // lists name all projects that the grant reaches by a group
	known    map[container]bool
	beside   map[int64]policy.Container // by the group, something that lies in it
	question policy.Question
}

// container is what an entry says of one: the same says the same again.
type container struct {
	kind      routes.RefKind
	id, above int64
	below     bool // its path is that of something below one of the grant's groups, or it is not known
}

// NewJudge makes a judge. Facts may be maxAge old, and all questions together may take patience. Of an answer that the grant
// alone allows whole (policy.Decision.Whole) the groups above an entry are all that can make a difference.
func NewJudge(r Resolver, s *token.Session, e *routes.Entries, whole bool, maxAge, patience time.Duration) *Judge {
	j := &Judge{resolver: r, session: s, entries: e, maxAge: maxAge, patience: patience, known: map[container]bool{},
		beside: map[int64]policy.Container{}, reach: s.Grant.Reaches(e.Of[0].Row), free: s.Grant.Free(), whole: whole}
	j.reach.Facts = j.reach.Facts && !whole
	return j
}

// Keeps tells whether the grant reaches all containers that an entry names, which must be one at least. An entry that can be read
// in two ways, or whose container cannot, is not kept.
func (j *Judge) Keeps(entry jsontext.Value) (bool, error) {
	if !filter.Unambiguous(entry) {
		return false, nil
	}
	named := 0
	for i := range j.entries.Of {
		name := &j.entries.Of[i]
		value := filter.Member(entry, name.ID)
		if value == nil || name.Alone != "" && !filter.IsNull(entry, name.Alone) {
			continue
		}
		id, ok := filter.ID(value)
		if !ok {
			return false, nil
		}
		reached, err := j.reaches(name, id, entry)
		if err != nil || !reached {
			return false, err
		}
		named++
	}
	return named > 0, nil
}

// reaches decides on one container that an entry names.
func (j *Judge) reaches(name *routes.EntryName, id int64, entry jsontext.Value) (reached bool, err error) {
	c := container{kind: name.Ref, id: id}
	if name.Above != "" {
		c.above, _ = filter.ID(filter.Member(entry, name.Above)) // 0: it lies in none
	}
	if reached = j.allows(name, shown(name, &c)); reached || c.kind == routes.RefUser {
		return reached, nil
	}
	if !j.whole {
		if c.below, err = j.isBelow(name, entry); err != nil {
			return false, err
		}
	}
	if !j.whole && !j.reach.Facts && !c.below && !(j.reach.Capped && j.grants(j.free, name, shown(name, &c))) {
		return false, nil
	}
	if reached, known := j.known[c]; known {
		return reached, nil
	}
	if reached, err = j.ask(name, &c); err == nil {
		j.known[c] = reached
	}
	return reached, err
}

// shown gives what the entry itself says of its container.
func shown(name *routes.EntryName, c *container) *policy.Container {
	out := &policy.Container{Boundary: name.Row.Boundaries[0], ID: c.id, Access: policy.OwnerPublicRead,
		Partial: c.kind != routes.RefUser}
	if c.above != 0 {
		out.Ancestors = []int64{c.above}
	}
	return out
}

// ask decides on what the forge says of the container. When nothing but the groups above can make a difference, that says enough
// of what else lies in the same group. The group itself is not asked about: its id may be that of a user, or of a group that is
// hidden from the owner, and what is not there costs the token.
func (j *Judge) ask(name *routes.EntryName, c *container) (bool, error) {
	asks := !j.whole && !j.reach.Facts && !j.reach.Capped
	if asks && c.kind == routes.RefProject && j.single >= few && len(j.reach.Groups) <= mostListed {
		reached, known, err := j.isListed(name, c)
		if err != nil || known {
			return reached, err
		}
	}
	if beside, known := j.beside[c.above]; known {
		lies := shown(name, c)
		lies.Ancestors, lies.Partial = beside.Ancestors, beside.Partial
		return j.allows(name, lies), nil
	}
	found, err := j.resolve(c.kind, c.id)
	if err != nil || found.ID != c.id {
		return false, err
	}
	if !j.reach.Facts && len(found.Ancestors) > 0 && found.Ancestors[0] == c.above {
		j.beside[c.above] = found
	}
	return j.allows(name, &found), nil
}

// allows asks the policy as if a request named the container.
func (j *Judge) allows(name *routes.EntryName, c *policy.Container) bool {
	if j.whole {
		return j.session.Grant.Clears(name.Row, c)
	}
	return j.grants(j.session.Grant, name, c)
}

func (j *Judge) grants(g *policy.Grant, name *routes.EntryName, c *policy.Container) bool {
	q := &j.question
	q.Route = name.Row
	q.Acts = append(q.Acts[:0], policy.Act{Kind: policy.ActOwn, Boundary: c.Boundary, Container: c})
	d := policy.Decide(g, q)
	return d.Verdict == policy.Allow && d.Reason == policy.ReasonGranted
}

// isBelow tells whether an entry may lie below one of the grant's groups, as far as its path says.
func (j *Judge) isBelow(name *routes.EntryName, entry jsontext.Value) (bool, error) {
	groups := j.reach.Groups
	if len(groups) == 0 || name.Path == "" || len(groups) > mostPaths {
		return len(groups) > 0, nil
	}
	value := filter.Member(entry, name.Path)
	if value == nil || value.Kind() != '"' {
		return true, nil
	}
	if !j.asked {
		for _, id := range groups {
			group, err := j.resolve(routes.RefGroup, id)
			if err != nil {
				return false, err
			}
			if group.ID == id && group.Path != "" {
				j.paths = append(j.paths, strings.ToLower(group.Path)+"/")
			}
		}
		j.asked = true
	}
	path, err := jsontext.AppendUnquote(nil, []byte(value))
	if err != nil {
		return false, nil
	}
	path = bytes.ToLower(path)
	for _, group := range j.paths {
		if strings.HasPrefix(string(path), group) {
			return true, nil
		}
	}
	return false, nil
}

// resolve gives what is known, or asks the forge, while there is time and the token can pay for it.
func (j *Judge) resolve(kind routes.RefKind, id int64) (policy.Container, error) {
	now, ref := time.Now(), routes.Reference{Kind: kind, ID: id}
	if c := j.resolver.Known(j.session, ref, j.maxAge, now); c != nil {
		return *c, nil
	}
	if j.until.IsZero() {
		j.until = now.Add(j.patience)
	} else if now.After(j.until) {
		return policy.Container{}, forge.ErrTimeout
	}
	if err := j.resolver.Listed(j.session); err != nil {
		return policy.Container{}, err
	}
	j.single++
	return j.resolver.Resolve(context.Background(), j.session, ref, j.maxAge)
}
