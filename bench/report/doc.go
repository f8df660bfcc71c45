// Package report holds what a run of the comparison measured, and shows it: as a page, as a plot, and beside what patgate is
// meant to hold.
package report
