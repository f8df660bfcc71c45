// Package web reads requests for those of GitLab's web paths that take a personal access token (GitLab 19.3,
// app/controllers/concerns/sessionless_authentication.rb): archives, downloads of releases, and feeds. It only reads: what is
// allowed is decided on the rows of the route table that it names.
//
// GitLab looks for parts of a path ("/-/archive/", "/downloads/", an ".atom" at the end) to know whether it takes a token, and
// routes by another reading. Here a path is read from its beginning, once: the container up to the first "/-/", then one of a
// closed list.
package web
