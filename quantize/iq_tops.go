package quantize

import "quern/internal/kernel"

// A groupTops is what searches know of the groups of a super-block before they begin, and the factors that take each to its own units.
type groupTops struct {
	top, heavy      [groups16]float32 // the first weight of the largest magnitude, the most that an error counts for
	sum, most       [groups16]float64 // of Σ w·x²: all, and the largest part
	factor, lighter [groups16]float32
}

// take looks at groups of n weights.
func (t *groupTops) take(x, w []float32, n int) (e blockEnergy) {
	kernel.Tops(t.top[:], t.heavy[:], t.sum[:], t.most[:], x, w, n)
	for g := range len(x) / n {
		e.sum += t.sum[g]
		e.top = max(e.top, t.most[g])
	}
	return e
}

func (t *groupTops) units(unit, heft, x, w []float32, n int, plain bool) {
	kernel.Units(unit, heft, x, w, t.factor[:], t.lighter[:], n, plain)
}
