// Package proposal puts what admin/learning proposes for a subject into what a page shows of it. It decides and counts nothing.
package proposal
