package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"

	"patgate/admin/tokens"
	"patgate/policy"
)

// grantScope is a scope in a file for --grant: GitLab's granular_scopes, with projects and groups also by path.
type grantScope struct {
	Access      string                `yaml:"access"`
	Permissions []string              `yaml:"permissions"`
	Projects    []string              `yaml:"projects"`
	Groups      []string              `yaml:"groups"`
	ProjectIDs  []int64               `yaml:"project_ids"`
	GroupIDs    []int64               `yaml:"group_ids"`
	Constraints policy.ConstraintSpec `yaml:"constraints"`
}

// parseGrant reads a file for --grant: a list of scopes, or a map with the key scopes or granular_scopes that holds one.
func parseGrant(data []byte) ([]wantedScope, error) {
	var file struct {
		Scopes         []grantScope `yaml:"scopes"`
		GranularScopes []grantScope `yaml:"granular_scopes"`
	}
	var list []grantScope
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, err
	}
	if len(root.Content) == 0 {
		return nil, errors.New("the file is empty: write a list of scopes, each with access and permissions")
	}
	var into any = &file
	if root.Content[0].Kind == yaml.SequenceNode {
		into = &list
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		return nil, err
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("the file has more than one document")
	}
	list = append(append(list, file.Scopes...), file.GranularScopes...)
	if len(list) == 0 {
		return nil, errors.New("the file has no scope")
	}
	wanted := make([]wantedScope, len(list))
	for i, g := range list {
		access, err := policy.ParseAccess(g.Access)
		if err != nil {
			return nil, fmt.Errorf("scope %d: %w", i+1, err)
		}
		wanted[i] = wantedScope{access: access, projects: g.Projects, groups: g.Groups, permissions: g.Permissions, constraints: g.Constraints}
		for _, id := range g.ProjectIDs {
			wanted[i].projects = append(wanted[i].projects, fmt.Sprint(id))
		}
		for _, id := range g.GroupIDs {
			wanted[i].groups = append(wanted[i].groups, fmt.Sprint(id))
		}
	}
	return wanted, nil
}

// scopes gives scopes in the form that the token service takes.
func scopes(wanted []wantedScope) []tokens.Scope {
	out := make([]tokens.Scope, len(wanted))
	for i := range wanted {
		w := &wanted[i]
		out[i] = tokens.Scope{Access: w.access.String(), Permissions: w.permissions, Projects: w.projects, Groups: w.groups, Constraints: w.constraints}
	}
	return out
}
