// Package manifest reads policy as code: YAML files in which tokens, templates, trusts, issuers and limits are described. Each
// document has a kind and a name; each kind is one file of this package and one line in kinds. Reading is strict, and finds all
// problems at once, each with file, line and fix.
//
// Places may be named by path. Which id a path means is written down in a lock file, as checksums are in go.sum: a project that
// was renamed, or made anew under the same name, is never taken for the one that was meant.
package manifest
