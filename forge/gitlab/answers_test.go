package gitlab

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
)

func TestMovedTo(t *testing.T) {
	for location, want := range map[string]int64{
		"https://gitlab.example/api/v4/projects/501":            501,
		"https://gitlab.example/api/v4/projects/501.name":       501,
		"https://gitlab.example/api/v4/projects/501.name?x=y/z": 501,
		"https://gitlab.example/api/v4/projects/501?a=b":        501,
		"https://gitlab.example/root/api/v4/projects/501":       501,
		"/api/v4/projects/501":                                  501,
	} {
		t.Run("an id: "+location, func(t *testing.T) {
			if id, ok := movedTo(location); !ok || id != want {
				t.Fatalf("movedTo = %d, %v", id, ok)
			}
		})
	}
	for _, location := range []string{
		"", "https://gitlab.example/", "https://gitlab.example/api/v4/projects/", "https://gitlab.example/api/v4/projects/0",
		"https://gitlab.example/api/v4/projects/-1", "https://gitlab.example/api/v4/projects/05", "https://gitlab.example/api/v4/projects/5/issues",
		"https://gitlab.example/api/v4/projects/5.x/issues", "https://gitlab.example/api/v4/projects/a%2Fb", "https://gitlab.example/api/v4/users/5",
		"https://gitlab.example/api/v4/projects/99999999999999999999", "https://gitlab.example/api/v3/projects/5",
	} {
		t.Run("none: "+location, func(t *testing.T) {
			if id, ok := movedTo(location); ok {
				t.Fatalf("movedTo = %d", id)
			}
		})
	}
}

// project is a project answer with changes.
func project(changes ...string) string {
	body := `{"id":5,"path_with_namespace":"g/p","visibility":"private","namespace":{"id":7,"kind":"group","full_path":"g","parent_id":null},` +
		`"permissions":{"project_access":{"access_level":30},"group_access":null}}`
	return strings.NewReplacer(changes...).Replace(body)
}

func TestProjectAnswers(t *testing.T) {
	read := func(t *testing.T, body string, ref routes.Reference) (policy.Container, error) {
		t.Helper()
		r, s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.RequestURI, "/members/all/") {
				w.WriteHeader(404)
				return
			}
			_, _ = w.Write([]byte(body))
		})
		return r.Resolve(context.Background(), s, ref, 0)
	}
	id := routes.Reference{Kind: routes.RefProject, ID: 5}
	t.Run("complete", func(t *testing.T) {
		c, err := read(t, project(), id)
		if err != nil || c.ID != 5 || c.Path != "g/p" || c.Access != policy.OwnerMember || !slices.Equal(c.Ancestors, []int64{7}) {
			t.Fatalf("%+v, %v", c, err)
		}
	})
	t.Run("a fork", func(t *testing.T) {
		for forked, want := range map[string]bool{`"id":5`: false, `"forked_from_project":null,"id":5`: false, `"forked_from_project":{"id":9,"name":"x"},"id":5`: true} {
			if c, err := read(t, project(`"id":5`, forked), id); err != nil || c.Fork != want {
				t.Errorf("%s: %+v, %v", forked, c, err)
			}
		}
	})
	t.Run("membership through a group above", func(t *testing.T) {
		c, err := read(t, project(`{"access_level":30}`, "null", `"group_access":null`, `"group_access":{"access_level":10}`), id)
		if err != nil || c.Access != policy.OwnerMember {
			t.Fatalf("%+v, %v", c, err)
		}
	})
	t.Run("Minimal Access is no membership", func(t *testing.T) {
		c, err := read(t, project(`{"access_level":30}`, `{"access_level":5}`), id)
		if err != nil || c.Access != policy.OwnerPublicRead {
			t.Fatalf("%+v, %v", c, err)
		}
	})
	t.Run("private and visible alone is no membership: an administrator sees everything", func(t *testing.T) {
		c, err := read(t, project(`{"access_level":30}`, "null"), id)
		if err != nil || c.Access != policy.OwnerPublicRead || c.Visibility != policy.VisibilityPrivate {
			t.Fatalf("%+v, %v", c, err)
		}
	})
	t.Run("an unknown visibility is not public", func(t *testing.T) {
		c, err := read(t, project(`"private"`, `"secret"`), id)
		if err != nil || c.Visibility != policy.VisibilityUnknown {
			t.Fatalf("%+v, %v", c, err)
		}
	})
	personal := []string{`"kind":"group"`, `"kind":"user"`, `"full_path":"g"`, `"full_path":"ADA"`}
	t.Run("a personal project names its owner", func(t *testing.T) {
		c, err := read(t, project(append(personal, `"visibility"`, `"owner":{"id":12,"username":"x"},"visibility"`)...), id)
		if err != nil || c.PersonalOf != 12 || len(c.Ancestors) != 0 {
			t.Fatalf("%+v, %v", c, err)
		}
	})
	t.Run("or its namespace does", func(t *testing.T) {
		c, err := read(t, project(personal...), id)
		if err != nil || c.PersonalOf != 11 || c.Access != policy.OwnerMember {
			t.Fatalf("%+v, %v", c, err)
		}
	})
	t.Run("a namespace of someone who is not named stays unknown", func(t *testing.T) {
		c, err := read(t, project(`"kind":"group"`, `"kind":"user"`), id)
		if err != nil || c.PersonalOf != 0 {
			t.Fatalf("%+v, %v", c, err)
		}
	})
	for name, body := range map[string]string{
		"another id":              project(`"id":5`, `"id":6`),
		"no id":                   project(`"id":5,`, ""),
		"no path":                 project(`"path_with_namespace":"g/p",`, ""),
		"no namespace":            project(`"namespace":`, `"other":`),
		"an id that is text":      project(`"id":5`, `"id":"5"`),
		"an id twice":             project(`"id":5`, `"id":5,"id":6`),
		"an id beyond 64 bits":    project(`"id":5`, `"id":99999999999999999999`),
		"keys in another case":    project(`"id":5`, `"ID":5`),
		"a list":                  "[" + project() + "]",
		"nothing":                 "",
		"something behind it":     project() + "{}",
		"an error with a 200":     `{"message":"404 Project Not Found"}`,
		"text that is not UTF-8":  project(`"g/p"`, "\"g/\xff\""),
		"a chain that never ends": project(`"parent_id":null`, `"parent_id":5`),
	} {
		t.Run("unusable: "+name, func(t *testing.T) {
			c, err := read(t, body, id)
			if !errors.Is(err, forge.ErrUnavailable) || c.ID != 0 {
				t.Fatalf("%+v, %v", c, err)
			}
		})
	}
	t.Run("unusable: another path than the one that was asked for", func(t *testing.T) {
		c, err := read(t, project(), routes.Reference{Kind: routes.RefProject, Path: []byte("g/other")})
		if !errors.Is(err, forge.ErrUnavailable) || c.ID != 0 {
			t.Fatalf("%+v, %v", c, err)
		}
	})
	t.Run("usable: the path in another case", func(t *testing.T) {
		c, err := read(t, project(), routes.Reference{Kind: routes.RefProject, Path: []byte("G/P")})
		if err != nil || c.ID != 5 {
			t.Fatalf("%+v, %v", c, err)
		}
	})
}
