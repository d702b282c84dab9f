package model

import (
	"slices"
	"testing"
)

// Of a row that comes to an expert several times one task adds all that the expert makes of it: two would write the same sums.
func TestSameRow(t *testing.T) {
	var routes []route
	for _, row := range []int{0, 0, 1, 3, 3, 3} {
		routes = append(routes, route{row: row})
	}
	var got []int
	for at := range routes {
		got = append(got, sameRow(routes, at))
	}
	if want := []int{2, 0, 1, 3, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
