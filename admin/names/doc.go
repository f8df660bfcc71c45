// Package names says what the projects and groups that tokens name are called: as a credential of the token's owner saw them
// last. Names are for people to read and to search by, and decide nothing: ids do.
package names
