// Package commands finds in texts what a forge would carry out: GitLab's quick actions.
package commands
