// Package picker puts the catalogue of permissions into the form that people pick from: by category, resource and verb, in words.
package picker
