// Package proposal turns what admin/learning proposes for a subject into what a page shows. It decides and counts nothing.
package proposal
