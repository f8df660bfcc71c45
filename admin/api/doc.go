// Package api answers the token API: GitLab's own paths for personal access tokens, in GitLab's shapes, and patgate's
// extras below /-/patgate/api/. It reads requests and writes answers; what may be done, and what is done, is decided in
// admin/tokens. The gateway brings the requests, with the caller's credential already taken out of them.
package api
