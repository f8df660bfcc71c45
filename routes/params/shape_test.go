package params

import (
	"testing"

	"patgate/routes"
)

// A parameter that is refused inside an object which passes is refused in every shape that a forge might take for it.
func TestRefusedInsideAPassedObject(t *testing.T) {
	row := plainRow(map[string]routes.ParamRule{"features": routes.ParamPass, "features.hierarchy.parent_id": routes.ParamRefuse})
	for _, c := range []struct {
		name, form, json string
		want             Code
	}{
		{"the object as it is declared", "features[hierarchy][parent_id]=5", `{"features":{"hierarchy":{"parent_id":5}}}`, CodeDeclaredRefused},
		{"a list in its place", "features[hierarchy][parent_id][]=5", `{"features":{"hierarchy":{"parent_id":[5]}}}`, CodeDeclaredRefused},
		{"a list around it", "features[][hierarchy][parent_id]=5", `{"features":[{"hierarchy":{"parent_id":5}}]}`, CodeShape},
		{"a list within", "features[hierarchy][][parent_id]=5", `{"features":{"hierarchy":[{"parent_id":5}]}}`, CodeShape},
		{"an index", "features[0][hierarchy][parent_id]=5", `{"features":{"0":{"hierarchy":{"parent_id":5}}}}`, CodeShape},
		{"its neighbour", "features[milestone][milestone_id]=5", `{"features":{"milestone":{"milestone_id":5}}}`, CodeNone},
		{"its neighbour in a list", "features[][milestone][milestone_id]=5", `{"features":[{"milestone":{"milestone_id":5}}]}`, CodeNone},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantCode(t, newSet(row, projectPath("1")).Form([]byte(c.form)), c.want)
			wantCode(t, newSet(row, projectPath("1")).JSON(reader(c.json)), c.want)
		})
	}
}
