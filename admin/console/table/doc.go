// Package table is the table of tokens: its cards, choices, headings and filters.
package table
