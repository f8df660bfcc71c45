package web

import (
	"github.com/valyala/fasthttp"

	"patgate/proxy/surface"
)

// terraformPath is where Terraform asks a host which of its services it has (Terraform, "Remote Service Discovery").
const terraformPath = "/.well-known/terraform.json"

// ForAll tells Terraform of the host's services. Where the forge serves modules, patgate does.
func (s *Surface) ForAll(q *surface.Request) *surface.Answer {
	asked := string(q.Path) == terraformPath && (q.Method == fasthttp.MethodGet || q.IsHead) &&
		(q.IsPatgate() || q.Credential.Kind == surface.KindAnonymous)
	if !asked || !q.Dialect.Modules {
		return nil
	}
	return &surface.Answer{Status: fasthttp.StatusOK, Header: [][2]string{{"Content-Type", "application/json"}},
		Body: []byte(`{"modules.v1":"` + s.Links.PublicPath(q.Origin) + q.Table.Base() + `/packages/terraform/modules/v1/"}`)}
}
