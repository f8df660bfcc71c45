// Package pages has the templates of pages and the files that browsers load with them.
package pages
