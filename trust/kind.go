package trust

import (
	"errors"
	"slices"
	"strings"
)

// Kind is what an issuer is: it says what its claims are called, and which of them name a container for good. The zero value is
// no kind.
type Kind uint8

// Kinds of issuers.
const (
	NoKind Kind = iota
	GitLab
	GitHub
	Forgejo
	Gitea
	Kubernetes
	Generic
)

var kindNames = [...]string{"", "gitlab", "github", "forgejo", "gitea", "kubernetes", "generic"}

// String gives the kind as the configuration writes it.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return ""
}

// ParseKind reads a kind.
func ParseKind(text string) (Kind, error) {
	if i := slices.Index(kindNames[:], text); i > 0 {
		return Kind(i), nil
	}
	return NoKind, errors.New("is not a kind of issuer: write " + strings.Join(kindNames[1:], ", "))
}

// ids gives the claims by id: a policy must name one of them by equality. They name a container, or a workload, by an id that
// stays its own when a name is used again.
func (k Kind) ids() []string {
	switch k {
	case GitLab:
		return []string{"project_id", "namespace_id", "job_project_id", "job_namespace_id"}
	case GitHub, Forgejo, Gitea:
		return []string{"repository_id", "repository_owner_id"}
	case Kubernetes:
		return []string{"kubernetes.io/serviceaccount/uid", "kubernetes.io/pod/uid"}
	}
	return []string{"sub"}
}

// numeric tells whether these ids are numbers.
func (k Kind) numeric() bool { return k == GitLab || k == GitHub || k == Forgejo || k == Gitea }

// foreign gives the claim that says what a pipeline runs for, and tells of its values whether they let it run what somebody
// without any right proposes. Such tokens match only where the policy lists the value.
func (k Kind) foreign() (claim string, is func(value string) bool) {
	switch k {
	case GitLab:
		return "pipeline_source", func(v string) bool {
			// A child pipeline of one for a merge request calls itself parent_pipeline.
			return v == "parent_pipeline" || strings.Contains(v, "merge_request") || strings.Contains(v, "pull_request")
		}
	case GitHub, Forgejo, Gitea:
		return "event_name", func(v string) bool {
			return v == "issue_comment" || v == "workflow_run" || strings.HasPrefix(v, "pull_request")
		}
	}
	return "", nil
}
