// Package gitlab answers the questions of package forge from GitLab's REST API, version 4, as of GitLab 19.3.
package gitlab
