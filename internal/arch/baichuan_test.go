package arch

import (
	"math"
	"testing"
)

// Rows of the output head count with length one; those that have it stay as they are, and so do other models' heads.
func TestNormRows(t *testing.T) {
	in := numbers("x", 5, 7)
	p := Params{NormHead: true}
	once := NormRows.Forward(in, &p)
	again := floatsOf(t, NormRows.Forward(once, &p))
	for i, x := range floatsOf(t, once) {
		sum, row := 0.0, floatsOf(t, in)[i/7*7:][:7]
		for _, v := range row {
			sum += float64(v) * float64(v)
		}
		if want := float64(row[i%7]) / math.Sqrt(sum); math.Abs(float64(x)-want) > 1e-7 || math.Abs(float64(again[i])-want) > 2e-7 {
			t.Fatalf("number %d is %v, and then %v, want %v", i, x, again[i], want)
		}
	}
	if NormRows.Forward(in, &Params{}) != in {
		t.Error("another model's head is changed")
	}
}
