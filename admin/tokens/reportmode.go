package tokens

import (
	"patgate/store"
	"patgate/token"
)

// AllowsReportMode tells whether owners may put their tokens into report mode here.
func (s *Service) AllowsReportMode() bool { return s.o.AllowReportMode }

// ReportsNow tells whether a token is in report mode now.
func (s *Service) ReportsNow(l *store.Listed) bool { return s.o.AllowReportMode && l.Reports(s.now()) }

// mayReport tells, by an ErrForbidden, why the caller may not put a token into report mode, or leave it there for longer.
func (s *Service) mayReport(c Caller, r *token.Record) error {
	owner, is := c.(*Owner)
	switch {
	case !s.o.AllowReportMode:
		return refuse(ErrForbidden, "report mode is not allowed here (tokens.report_mode)")
	case r.ParentID != 0:
		return refuse(ErrForbidden, "a token that another one made is never in report mode")
	case !is:
		return refuse(ErrForbidden, "in report mode a token may do what its owner may: "+
			"the owner's forge credential is needed for that")
	case owner.identity.Admin, owner.identity.HasScope("sudo"), owner.identity.HasScope("admin_mode"):
		return refuse(ErrForbidden, "%s is an administrator of the forge, or the credential has the scope sudo or admin_mode: "+
			"in report mode a token would reach everything there", owner.identity.Username)
	case owner.remembered:
		return ErrAgain
	case !r.OwnersWord:
		return refuse(ErrForbidden, "the token was not made with its owner's forge credential: make a new one")
	}
	return nil
}
