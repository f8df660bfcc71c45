package config

// Nearest gives the known word that is nearest to one that is not known; empty when none is near.
func Nearest(word string, known []string) string {
	best, distance := "", len(word)/3+2
	for _, k := range known {
		if d := editDistance(word, k); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// didYouMean names the nearest known word, or gives the other advice when none is near.
func didYouMean(word string, known []string, otherwise string) string {
	if best := Nearest(word, known); best != "" {
		return "did you mean " + best + "?"
	}
	return otherwise
}

// editDistance counts the letters that must be inserted, removed or replaced to make b of a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
