package main

import (
	"testing"

	"quern/convert"
)

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{"q4km": "Q4_K_M", "Q4-K-M": "Q4_K_M", "Q8": "Q8_0", "fp16": "F16", "bf_16": "BF16", "iq2xxs": "IQ2_XXS", "wonderful": ""} {
		if got := nearest(word, convert.RecipeNames()); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"inspcet", "inspect", 1}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d steps, want %d", c.a, c.b, got, c.want)
		}
	}
}
