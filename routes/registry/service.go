package registry

import (
	"strings"

	"patgate/routes"
)

// Service is how a forge serves a container registry. It is data that is asked; nothing else in this package knows a forge by
// its name.
type Service struct {
	// Tokens is the path of the token service.
	Tokens string
	// Container is what an image belongs to: the project, or in a registry that the forge serves itself, the owner that its
	// name begins with.
	Container routes.RefKind
}

// services are those of the forges that there are tables for.
var services = map[string]*Service{
	routes.ForgeGitLab: {Tokens: "/jwt/auth", Container: routes.RefProject},
	routes.ForgeGitea:  {Tokens: "/v2/token", Container: routes.RefNamespace},
}

// ServiceOf gives the service of a forge; nil: there is none.
func ServiceOf(forge string) *Service { return services[forge] }

// Containers gives the paths that may be the container of an image's name, longest first.
func (s *Service) Containers(name string) []string {
	if s.Container == routes.RefProject {
		return Projects(name)
	}
	owner, _, _ := strings.Cut(name, "/")
	return []string{owner}
}
