package quantize

// The tables of the searches of package kernel.

// sweepMin lists numerators of inverse scales around the highest level.
func sweepMin(from, step float32, steps, top int) (table []float32) {
	for k := range steps + 1 {
		table = append(table, from+float32(step*float32(k))+float32(top))
	}
	return table
}

// sweepSym lists those of ggml's search over symmetric levels: first the one that takes the largest magnitude to -zero.
func sweepSym(zero int, step float32) []float32 {
	table := []float32{-float32(zero)}
	for k := -9; k <= 9; k++ {
		if k != 0 {
			table = append(table, -(float32(zero) + float32(step*float32(k))))
		}
	}
	return table
}

// bothSigns lists some around the scales that take the largest magnitude to zero or -zero: levels reach further below zero than
// above.
func bothSigns(zero int, from, to, step float32) (table []float32) {
	for k := 0; from+float32(step*float32(k)) <= to; k++ {
		n := float32(zero) + (from + float32(step*float32(k)))
		table = append(table, -n, n)
	}
	return table
}

// scanFrom lists some around the scale that takes the whole range of a group to the highest level: first that one, narrower ranges twice as far
// as wider ones.
func scanFrom(top int) (table []float32) {
	for _, d := range [...]float32{0, -0.3, 0.3, -0.6, -0.9, 0.6, -1.2, 0.9, -1.5} {
		table = append(table, float32(top)+d)
	}
	return table
}

// scanHalves lists some around the scale that takes the largest of a super-block's to the highest integer: first that one, then from so far below it
// to so far above.
func scanHalves(most int, below, above, step float32) (table []float32) {
	table = append(table, float32(most))
	for d := -below; d <= above; d += step {
		if d != 0 {
			table = append(table, float32(most)+d)
		}
	}
	return table
}

// stepsTo lists the steps of a scale from -far to far.
func stepsTo(far, step int) (table []float32) {
	for s := -far; s <= far; s += step {
		if s != 0 {
			table = append(table, float32(s))
		}
	}
	return table
}

// bothSignsOf lists scales of either sign.
func bothSignsOf(scales ...float32) (table []float32) {
	for _, n := range scales {
		table = append(table, -n, n)
	}
	return table
}

// stepsMin lists steps to other scales with, for each, minima that leave about the same weight where it is: one level 0, one the
// middle of the levels, one the highest.
func stepsMin(top int, scales ...int) (table []float32) {
	for _, ds := range scales {
		for _, share := range [...]float32{0, 0.5, 1} {
			table = append(table, float32(ds), 0, float32(share*float32(ds*top)))
		}
	}
	return table
}

// stay and around are the steps to where a group stands and to its neighbours.
var (
	stay   = []float32{0, 0, 0}
	around = []float32{1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, 1, 1, 0, -1, -1, 0}
)
