// Package places finds the projects and groups that scopes name.
package places
