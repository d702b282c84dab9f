package main

import (
	"strings"

	"quern/convert"
	"quern/formats"
)

// nearest is the word of a list that was probably meant, or "" when none is near: case and the marks between letters do not
// count, and one letter or a third of the letters may be wrong.
func nearest(word string, list []string) string {
	best, least := "", 0
	for _, l := range list {
		a, b := plainWord(word), plainWord(l)
		d := distance(a, b)
		if d > max(1, len(a)/3) || len(a) < 2 || len(a) > 64 {
			continue
		}
		if best == "" || d < least {
			best, least = l, d
		}
	}
	return best
}

var plainWord = func() func(string) string {
	r := strings.NewReplacer("_", "", "-", "", ".", "", " ", "")
	return func(s string) string { return r.Replace(strings.ToLower(s)) }
}()

// distance counts the letters that have to be changed, added, taken away or exchanged with their neighbour (Damerau and
// Levenshtein) to make b of a.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			d := last[j]
			if a[i] != b[j] {
				d++
			}
			row[j+1] = min(d, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// recipeOf finds a recipe by the name that was typed.
func recipeOf(name string) (*convert.Recipe, error) {
	r, err := convert.RecipeByName(name)
	if err != nil {
		return nil, &formats.Error{Err: usagef("%v", err), Hint: meant(name, convert.RecipeNames(), "known are "+strings.Join(convert.RecipeNames(), " "))}
	}
	return r, nil
}

// meant is the end of a hint: the word that was probably meant, or where to look.
func meant(word string, list []string, look string) string {
	if n := nearest(word, list); n != "" {
		return "did you mean " + n + "?"
	}
	return look
}
