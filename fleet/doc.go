// Package fleet tells how many nodes there are that share what a forge bears: its limits are those of all nodes together.
package fleet
