package config

import "patgate/routes/nearest"

// didYouMean names the nearest known word, or gives the other advice when none is near.
func didYouMean(word string, known []string, otherwise string) string {
	if near := nearest.Names(word, known, 1); len(near) > 0 {
		return "did you mean " + near[0] + "?"
	}
	return otherwise
}
