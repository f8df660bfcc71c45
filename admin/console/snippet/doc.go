// Package snippet writes texts as words of a shell and of HCL, for what a page lets one copy, and lengths of time for people.
package snippet
