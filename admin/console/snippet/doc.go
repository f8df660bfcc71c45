// Package snippet writes texts as words of a shell and of HCL, for what a page lets one copy.
package snippet
