package questions

import (
	"fmt"

	"patgate/policy"
	"patgate/policy/proof"
	"patgate/routes"
)

// Where says what containers an answer is about.
type Where struct {
	// Boundary is project, group, user or instance.
	Boundary string `json:"boundary"`
	// ID and Path are those of one container; ID is 0 where many are meant.
	ID   int64  `json:"id,omitempty"`
	Path string `json:"path,omitempty"`
	// InGroup is the group in which everything else is meant: all that is not named, and all that is made later.
	InGroup int64 `json:"in_group,omitempty"`
	// Words say it for people.
	Words string `json:"words"`
}

func where(r *proof.Representative, facts proof.Facts) Where {
	w := Where{Boundary: r.Boundary.String()}
	unseen := ""
	if r.Unknown {
		unseen = ", which the owner cannot see now"
	}
	named := func(b routes.Boundary, id int64, c policy.Container) string {
		if c.Path == "" && facts != nil {
			c = facts(b, id)
		}
		if c.Path == "" {
			return fmt.Sprintf("%s %d", b, id)
		}
		return fmt.Sprintf("%s %s (%d)", b, c.Path, id)
	}
	switch {
	case r.Boundary == routes.BoundaryUser:
		w.Words = "the owner's account"
	case r.Boundary == routes.BoundaryInstance:
		w.Words = "the instance"
	case r.Stands == proof.StandsBelow:
		w.InGroup = r.Below
		w.Words = fmt.Sprintf("any other %s "+
			"in %s%s", r.Boundary, named(routes.BoundaryGroup, r.Below, policy.Container{}), unseen)
	case r.Stands == proof.StandsPersonal:
		w.Words = "any other project in the owner's own namespace"
	case r.Stands == proof.StandsMember:
		w.Words = fmt.Sprintf("any other %s that the owner is a member of", r.Boundary)
	default:
		w.ID, w.Path = r.ID, r.Path
		w.Words = named(r.Boundary, r.ID, r.Container) + unseen
	}
	return w
}

// rowName names a row as people write it.
func rowName(r *routes.Route) string {
	if r == nil {
		return ""
	}
	return r.Method + " " + r.Path
}
