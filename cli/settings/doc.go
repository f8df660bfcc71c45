// Package settings makes keys of the configuration into flags of commands, and reads the configuration from flags, environment
// and file.
package settings
