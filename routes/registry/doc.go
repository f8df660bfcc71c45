// Package registry reads requests for the container registry: those to GitLab's token service (GitLab 19.3,
// app/controllers/jwt_controller.rb) and those to the registry itself (OCI distribution specification 1.1). It only reads:
// what is allowed is decided on the rows of the route table that it names.
package registry
