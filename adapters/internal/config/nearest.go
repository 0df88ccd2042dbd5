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

// distance is the number of letters to insert, delete or replace to make b of a (Levenshtein).
// Words of unreasonable length are far from everything.
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
