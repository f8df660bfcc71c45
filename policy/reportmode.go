package policy

import (
	"slices"

	"patgate/routes"
)

// accessWhole reaches all that the owner sees but the instance, which is the administrators'. No scope that is
// written down has it: see Grant.ReportMode.
const accessWhole = AccessInstance + 1

// ReportMode gives the grant that decides in report mode when the token's own grant denies. Besides the own rights it holds the
// permissions of set on everything that the owner sees but the instance, without constraints. The forge narrows that to what
// the owner may do there. Whatever no scope could change is denied all the same: what the row alone decides, a row that is
// newer than the token, what a ceiling forbids, and what the owner does not see. A nil grant stays nil.
func (g *Grant) ReportMode(set routes.PermissionSet) *Grant {
	if g == nil {
		return nil
	}
	scopes := append(slices.Clone(g.Scopes), Scope{Access: accessWhole, Permissions: set})
	return newGrant(g.Owner, g.TableVersion, scopes).Under(g.ceilings, g.bearer)
}
