package config

import "strings"

// nearest returns the candidate that somebody who wrote word most likely meant, or "" if none is
// near: other case and separators do not count, and one letter in three may be wrong, and one more.
func nearest(word string, candidates []string) string {
	best, found := "", len(word)/3+2
	for _, c := range candidates {
		if d := distance(plainWord(word), plainWord(c)); d < found {
			best, found = c, d
		}
	}
	return best
}

func plainWord(s string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(s))
}

// distance is the number of letters to insert, delete, replace or swap with their neighbours to
// make b of a (optimal string alignment). Words of unreasonable length are far from everything.
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			replaced := row[j]
			if a[i] != b[j] {
				replaced++
			}
			next[j+1] = min(replaced, next[j]+1, row[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
