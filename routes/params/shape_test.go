package params

import (
	"testing"

	"patgate/routes"
	"patgate/routes/params/refusal"
)

// A parameter that is refused inside an object which passes is refused in every shape that a forge might take for it.
func TestRefusedInsideAPassedObject(t *testing.T) {
	row := plainRow(map[string]routes.ParamRule{"features": routes.ParamPass, "features.hierarchy.parent_id": routes.ParamRefuse})
	for _, c := range []struct {
		name, form, json string
		want             refusal.Code
	}{
		{"the object as it is declared", "features[hierarchy][parent_id]=5", `{"features":{"hierarchy":{"parent_id":5}}}`,
			refusal.CodeDeclaredRefused},
		{"a list in its place", "features[hierarchy][parent_id][]=5", `{"features":{"hierarchy":{"parent_id":[5]}}}`,
			refusal.CodeDeclaredRefused},
		{"a list around it", "features[][hierarchy][parent_id]=5", `{"features":[{"hierarchy":{"parent_id":5}}]}`, refusal.CodeShape},
		{"a list within", "features[hierarchy][][parent_id]=5", `{"features":{"hierarchy":[{"parent_id":5}]}}`, refusal.CodeShape},
		{"an index", "features[0][hierarchy][parent_id]=5", `{"features":{"0":{"hierarchy":{"parent_id":5}}}}`, refusal.CodeShape},
		{"its neighbour", "features[milestone][title]=5", `{"features":{"milestone":{"title":5}}}`, refusal.CodeNone},
		{"its neighbour in a list", "features[][milestone][title]=5", `{"features":[{"milestone":{"title":5}}]}`, refusal.CodeNone},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantCode(t, newSet(row, projectPath("1")).Form([]byte(c.form)), c.want)
			wantCode(t, newSet(row, projectPath("1")).JSON(reader(c.json)), c.want)
		})
	}
}

// An object that passes says nothing of the identifiers inside it: they are declared, or refused. Lists of values pass with
// their name.
func TestIdentifiersInsideAPassedObject(t *testing.T) {
	row := plainRow(map[string]routes.ParamRule{
		"links": routes.ParamPass, "links[].url": routes.ParamPass, "assignee_ids": routes.ParamPass, "open.*": routes.ParamPass})
	for _, c := range []struct {
		name, form, json string
		want             refusal.Code
	}{
		{"one that is declared", "links[][url]=x", `{"links":[{"url":"x"}]}`, refusal.CodeNone},
		{"no identifier", "links[][name]=x", `{"links":[{"name":"x"}]}`, refusal.CodeNone},
		{"a list of values", "assignee_ids[]=5", `{"assignee_ids":[5]}`, refusal.CodeNone},
		{"an object that is open", "open[group_id]=5", `{"open":{"group_id":5}}`, refusal.CodeNone},
		{"one that is not", "links[][project_id]=5", `{"links":[{"project_id":5}]}`, refusal.CodeIdentifier},
		{"one with a list behind it", "links[][group_ids][]=5", `{"links":[{"group_ids":[5]}]}`, refusal.CodeIdentifier},
		{"one in an object in it", "links[][of][group_id]=5", `{"links":[{"of":{"group_id":5}}]}`, refusal.CodeIdentifier},
		{"one as the name of an object in it", "links[][project][x]=5", `{"links":[{"project":{"x":5}}]}`, refusal.CodeIdentifier},
		{"one that is declared, in another shape", "links[url]=x", `{"links":{"url":"x"}}`, refusal.CodeIdentifier},
		{"an object in the place of values", "assignee_ids[group_id]=5", `{"assignee_ids":{"group_id":5}}`, refusal.CodeIdentifier},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantCode(t, newSet(row, projectPath("1")).Form([]byte(c.form)), c.want)
			wantCode(t, newSet(row, projectPath("1")).JSON(reader(c.json)), c.want)
		})
	}
}

// In a closed object nothing passes but what the row declares, whatever it is called.
func TestClosedObject(t *testing.T) {
	row := plainRow(map[string]routes.ParamRule{
		"features": routes.ParamClosed, "features.labels.label_ids": routes.ParamPass,
		"features.description.description": routes.ParamPass})
	for _, c := range []struct {
		name, form, json string
		want             refusal.Code
	}{
		{"what is declared", "features[labels][label_ids][]=5", `{"features":{"labels":{"label_ids":[5]}}}`, refusal.CodeNone},
		{"a text that is declared", "features[description][description]=x", `{"features":{"description":{"description":"x"}}}`,
			refusal.CodeNone},
		{"what is not", "features[current_user_todos][action]=add", `{"features":{"current_user_todos":{"action":"add"}}}`,
			refusal.CodeDeclaredRefused},
		{"an identifier", "features[hierarchy][parent_id]=5", `{"features":{"hierarchy":{"parent_id":5}}}`, refusal.CodeDeclaredRefused},
		{"beside what is declared", "features[labels][more]=x", `{"features":{"labels":{"more":"x"}}}`, refusal.CodeDeclaredRefused},
		{"what is declared, in a list", "features[][labels][label_ids][]=5", `{"features":[{"labels":{"label_ids":[5]}}]}`,
			refusal.CodeDeclaredRefused},
		{"what is declared, under an index", "features[0][labels][label_ids][]=5", `{"features":{"0":{"labels":{"label_ids":[5]}}}}`,
			refusal.CodeDeclaredRefused},
		{"a value in its place", "features=x", `{"features":"x"}`, refusal.CodeShape},
		{"a list in its place", "features[]=x", `{"features":["x"]}`, refusal.CodeDeclaredRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantCode(t, newSet(row, projectPath("1")).Form([]byte(c.form)), c.want)
			wantCode(t, newSet(row, projectPath("1")).JSON(reader(c.json)), c.want)
		})
	}
	t.Run("nothing inside", func(t *testing.T) {
		wantCode(t, newSet(row, projectPath("1")).JSON(reader(`{"features":{}}`)), refusal.CodeNone)
	})
}
