// Package table is the table of tokens: its cards, choices, headings, and what it is narrowed by.
package table
