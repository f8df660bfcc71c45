package params

import (
	"errors"
	"testing"

	"patgate/routes"
	"patgate/routes/params/refusal"
)

// move is a row with a required target, as GitLab's issue move.
func moveRow() *routes.Route {
	return &routes.Route{
		Method: "POST", Path: "/projects/{project}/issues/{issue_iid}/move",
		Targets: []routes.Target{{Param: "to_project_id", Ref: routes.RefProject, Required: true}},
		Params:  map[string]routes.ParamRule{"to_project_id": routes.ParamTarget},
	}
}

func plainRow(params map[string]routes.ParamRule) *routes.Route {
	return &routes.Route{Method: "POST", Path: "/projects/{project}/issues", Params: params}
}

func projectPath(value string) []routes.Capture {
	return []routes.Capture{
		{Name: "project", Value: []byte(value), Ref: routes.RefProject},
		{Name: "issue_iid", Value: []byte("5")},
	}
}

func newSet(r *routes.Route, captures []routes.Capture) *Set {
	s := new(Set)
	s.Reset(r, captures)
	return s
}

// wantCode fails unless err is a Refusal with the code; CodeNone wants no error.
func wantCode(t *testing.T, err error, want refusal.Code) *refusal.Refusal {
	t.Helper()
	if want == refusal.CodeNone {
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		return nil
	}
	var r *refusal.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("error is %v, want a refusal %s", err, want)
	}
	if r.Code != want {
		t.Fatalf("refused as %v, want %s", r, want)
	}
	return r
}

func texts(values ...string) [][]byte {
	var out [][]byte
	for _, v := range values {
		out = append(out, []byte(v))
	}
	return out
}

func TestCompleteWantsEveryRequiredTarget(t *testing.T) {
	t.Run("absent", func(t *testing.T) {
		s := newSet(moveRow(), projectPath("1"))
		wantCode(t, s.Query([]byte("page=1")), refusal.CodeNone)
		if r := wantCode(t, s.Complete(), refusal.CodeMissing); r.Param != `"to_project_id"` {
			t.Errorf("Param is %s", r.Param)
		}
	})
	t.Run("in the query", func(t *testing.T) {
		s := newSet(moveRow(), projectPath("1"))
		wantCode(t, s.Query([]byte("to_project_id=7")), refusal.CodeNone)
		wantCode(t, s.Complete(), refusal.CodeNone)
	})
	t.Run("in the body", func(t *testing.T) {
		s := newSet(moveRow(), projectPath("1"))
		wantCode(t, s.Form([]byte("to_project_id=g%2Fp")), refusal.CodeNone)
		wantCode(t, s.Complete(), refusal.CodeNone)
		if got := string(s.Targets[0].Ref.Path); got != "g/p" {
			t.Errorf("reference is %q", got)
		}
	})
}

func TestResolveRefusesWhatWasNotChecked(t *testing.T) {
	read := func(t *testing.T, query string) *Set {
		s := newSet(moveRow(), projectPath("g/p"))
		wantCode(t, s.Query([]byte(query)), refusal.CodeNone)
		return s
	}
	t.Run("too few replacements", func(t *testing.T) {
		if err := read(t, "to_project_id=7").Resolve(1, nil); !errors.Is(err, ErrUnresolved) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a path where an id is sent", func(t *testing.T) {
		if err := read(t, "to_project_id=7").Resolve(1, texts("g/p")); !errors.Is(err, ErrUnresolved) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("text that is no reference", func(t *testing.T) {
		if err := read(t, "to_project_id=7").Resolve(1, texts("7&sudo=1")); !errors.Is(err, ErrUnresolved) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an id beside a path that is sent as it came", func(t *testing.T) {
		wantCode(t, read(t, "id=7").Resolve(0, nil), refusal.CodePathDiffers)
	})
	t.Run("a path that is sent as it came, repeated", func(t *testing.T) {
		s := read(t, "id=g%2Fp")
		wantCode(t, s.Resolve(0, nil), refusal.CodeNone)
		if got, err := s.AppendQuery(nil); err != nil || string(got) != "id=g%2Fp" {
			t.Errorf("got %s, %v", got, err)
		}
	})
	t.Run("another id than the path's", func(t *testing.T) {
		wantCode(t, read(t, "id=7").Resolve(8, nil), refusal.CodePathDiffers)
	})
	t.Run("writing before Resolve", func(t *testing.T) {
		s := read(t, "to_project_id=7")
		if _, err := s.AppendQuery(nil); !errors.Is(err, ErrUnresolved) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("positive control", func(t *testing.T) {
		s := read(t, "to_project_id=a/b&id=7&project_id=g%2Fp")
		wantCode(t, s.Resolve(7, texts("42")), refusal.CodeNone)
		got, err := s.AppendQuery([]byte("?"))
		if err != nil || string(got) != "?to_project_id=42&id=7&project_id=7" {
			t.Errorf("got %s, %v", got, err)
		}
	})
}

func TestSendPathReplacesByTheFullPath(t *testing.T) {
	row := plainRow(nil)
	row.Targets = []routes.Target{{Param: "namespace_path", Ref: routes.RefNamespace, SendPath: true}}
	s := newSet(row, nil)
	wantCode(t, s.Form([]byte("namespace_path=9&name=x")), refusal.CodeNone)
	if err := s.Resolve(0, texts("9")); !errors.Is(err, ErrUnresolved) {
		t.Fatalf("an id passed where a path is sent: %v", err)
	}
	wantCode(t, s.Resolve(0, texts("top/sub")), refusal.CodeNone)
	got, err := s.AppendForm(nil)
	if err != nil || string(got) != "namespace_path=top%2Fsub&name=x" {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestFindIsATarget(t *testing.T) {
	row := &routes.Route{Method: "GET", Path: "/analytics/code_review",
		Find: routes.Find{From: routes.FindInParam, Name: "project_id", Ref: routes.RefProject}}
	s := newSet(row, nil)
	wantCode(t, s.Query([]byte("project_id=12")), refusal.CodeNone)
	if len(s.Targets) != 1 || !s.Targets[0].Find || s.Targets[0].Target != nil || s.Targets[0].Ref.ID != 12 {
		t.Fatalf("targets are %+v", s.Targets)
	}
	s.Reset(row, nil)
	wantCode(t, s.Query([]byte("project_id=1,2")), refusal.CodeReference)
}

func TestARequiredTargetStandsInEveryElement(t *testing.T) {
	row := plainRow(map[string]routes.ParamRule{"entities[].source_full_path": routes.ParamPass})
	row.Targets = []routes.Target{{Param: "entities[].destination_namespace", Ref: routes.RefGroup, Required: true}}
	for _, c := range []struct {
		name, body string
		want       refusal.Code
	}{
		{"in all", `{"entities":[{"destination_namespace":"a"},{"destination_namespace":"b"}]}`, refusal.CodeNone},
		{"in one of two", `{"entities":[{"destination_namespace":"a"},{"source_full_path":"b"}]}`, refusal.CodeMissing},
		{"in no element", `{"entities":[]}`, refusal.CodeMissing},
		{"an element that is no object", `{"entities":[{"destination_namespace":"a"},5]}`, refusal.CodeMissing},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSet(row, nil)
			wantCode(t, s.JSON(reader(c.body)), refusal.CodeNone)
			wantCode(t, s.Complete(), c.want)
		})
	}
	t.Run("a form cannot show its elements", func(t *testing.T) {
		s := newSet(row, nil)
		wantCode(t, s.Form([]byte("entities[][destination_namespace]=a")), refusal.CodeNone)
		wantCode(t, s.Complete(), refusal.CodeMissing)
	})
}

func TestATargetListedTwiceIsRefused(t *testing.T) {
	row := plainRow(nil)
	row.Targets = []routes.Target{{Param: "group_id", Ref: routes.RefGroup}, {Param: "group_id", Ref: routes.RefProject}}
	wantCode(t, newSet(row, nil).Query([]byte("group_id=1")), refusal.CodeTable)
}
