// Package forgetest is a stand-in for GitLab: an HTTP handler with a small world of users, groups and projects in
// memory. Tests and the demo use it where a real forge cannot be had. It reads requests as GitLab 19.3 does wherever
// that matters to a gateway, credentials in all their places included, so that a smuggled credential works here as it
// would there; it answers in GitLab's shapes; it remembers every request it received; and it can be told to fail.
//
// It is a stand-in, not a GitLab: roles are reduced to reading, writing (Developer) and administering (Maintainer).
package forgetest
