package policy

import (
	"slices"

	"patgate/routes"
)

// accessWhole reaches all that the owner sees but the instance, which is the administrators'. No scope that is
// written down has it: see Grant.ReportMode.
const accessWhole = AccessInstance + 1

// ReportMode gives the grant by which a token in report mode is decided when its own denies: besides what that holds, the
// permissions of a set on whatever the owner sees but the instance, with no constraint. The forge narrows it to what
// the owner may do there. All that no scope could change is denied as ever: what the row alone decides, a row that is newer
// than the token, what a ceiling forbids, and what the owner does not see. A nil grant gives none.
func (g *Grant) ReportMode(set routes.PermissionSet) *Grant {
	if g == nil {
		return nil
	}
	scopes := append(slices.Clone(g.Scopes), Scope{Access: accessWhole, Permissions: set})
	return newGrant(g.Owner, g.TableVersion, scopes).Under(g.ceilings, g.bearer)
}
