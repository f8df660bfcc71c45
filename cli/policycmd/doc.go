// Package policycmd has the commands for policy as code: apply, diff, lint and export.
package policycmd
