package rest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"patgate/forge"
	"patgate/routes"
)

func TestReadLookup(t *testing.T) {
	runner := &routes.Lookup{Project: "projects[].id", Group: "groups[].id", Instance: "runner_type=instance_type", Send: "id"}
	vulnerability := &routes.Lookup{Project: "project.id", Send: "id"}
	snippet := &routes.Lookup{Project: "project_id", User: "project_id=null"}
	for name, c := range map[string]struct {
		lookup *routes.Lookup
		body   string
		want   forge.LookupResult
	}{
		"several projects":          {runner, `{"id":3,"runner_type":"project_type","projects":[{"id":5},{"id":6}]}`, forge.LookupResult{Projects: []int64{5, 6}, Send: "3"}},
		"a group":                   {runner, `{"id":3,"runner_type":"group_type","groups":[{"id":7}]}`, forge.LookupResult{Groups: []int64{7}, Send: "3"}},
		"the instance":              {runner, `{"id":3,"runner_type":"instance_type"}`, forge.LookupResult{Instance: true, Send: "3"}},
		"nothing named":             {runner, `{"id":3,"runner_type":"project_type","projects":[]}`, forge.LookupResult{Send: "3"}},
		"nested":                    {vulnerability, `{"id":3,"project":{"id":5}}`, forge.LookupResult{Projects: []int64{5}, Send: "3"}},
		"null where an object is":   {vulnerability, `{"id":3,"project":null}`, forge.LookupResult{Send: "3"}},
		"null is the owner's":       {snippet, `{"project_id":null}`, forge.LookupResult{User: true}},
		"absent is nobody's":        {snippet, `{}`, forge.LookupResult{}},
		"an id beyond a float":      {snippet, `{"project_id":9007199254740993}`, forge.LookupResult{Projects: []int64{9007199254740993}}},
		"the word null is no null":  {&routes.Lookup{User: "a=null"}, `{"a":"nil"}`, forge.LookupResult{}},
		"an object matches nothing": {&routes.Lookup{User: "a="}, `{"a":{}}`, forge.LookupResult{}},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.Found = true
			got, err := ReadLookup(c.lookup, []byte(c.body))
			if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", c.want) {
				t.Fatalf("%+v, %v; want %+v", got, err, c.want)
			}
		})
	}
	for name, c := range map[string]struct {
		lookup *routes.Lookup
		body   string
	}{
		"not an object":       {snippet, `[1]`},
		"garbage":             {snippet, `<html>`},
		"an id that is text":  {snippet, `{"project_id":"5"}`},
		"an id with a point":  {snippet, `{"project_id":5.5}`},
		"an id below one":     {snippet, `{"project_id":0}`},
		"nothing to send":     {vulnerability, `{"project":{"id":5}}`},
		"an object to send":   {vulnerability, `{"id":{},"project":{"id":5}}`},
		"one bad id of two":   {runner, `{"id":1,"projects":[{"id":5},{"id":"6"}]}`},
		"null among projects": {&routes.Lookup{Project: "ids[]", Send: "id"}, `{"ids":[null,true]}`},
	} {
		t.Run("unusable: "+name, func(t *testing.T) {
			if got, err := ReadLookup(c.lookup, []byte(c.body)); !errors.Is(err, forge.ErrUnavailable) || got.Found {
				t.Fatalf("%+v, %v", got, err)
			}
		})
	}
}

func TestFillIn(t *testing.T) {
	var captures []routes.Capture
	for name, value := range map[string]string{"id": "5", "name": "a/b c", "dots": "..", "dot": ".", "empty": ""} {
		captures = append(captures, routes.Capture{Name: name, Value: []byte(value)})
	}
	for name, value := range map[string]string{"project": "org/my.app", "climbs": "org/.."} {
		captures = append(captures, routes.Capture{Name: name, Value: []byte(value), Ref: routes.RefProject, Named: true})
	}
	for template, want := range map[string]string{
		"/things/{id}": "/things/5", "/{id}/x/{name}": "/5/x/a%2Fb%20c", "/version": "/version",
		"/repos/{project}/pulls/{id}": "/repos/org/my.app/pulls/5",
	} {
		t.Run("filled in: "+template, func(t *testing.T) {
			if got, err := FillIn(template, captures); err != nil || got != want {
				t.Fatalf("%q, %v; want %q", got, err, want)
			}
		})
	}
	for _, template := range []string{"/{absent}", "/{empty}", "/{dots}", "/{dot}", "/{id", "/repos/{climbs}"} {
		t.Run("refused: "+template, func(t *testing.T) {
			if got, err := FillIn(template, captures); err == nil || strings.Contains(got, "..") {
				t.Fatalf("%q, %v", got, err)
			}
		})
	}
}
