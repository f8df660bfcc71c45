// Package manifest reads policy as code: YAML files in which tokens, templates, trusts, issuers and limits are described. Each
// document has a kind and a name; each kind is one file of this package and one line in kinds. Reading is strict, and finds all
// problems at once, each with file, line and fix.
//
// Places may be named by path. A lock file says which id a path means, as go.sum does with checksums: a project that was renamed,
// or made anew under the same name, is never taken for the original.
package manifest
