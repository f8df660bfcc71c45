// Package settings makes keys of the configuration into flags of commands, and reads the configuration that flags, environment
// and file give.
package settings
