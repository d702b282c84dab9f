package kernel

// Levels writes the levels of groups of n weights, 16 or 32, that lie one after the other: (x + min)·factor, or divided by it,
// rounded to even, between lo and hi, counted from lo.
func Levels(dst []uint8, x, factor, min []float32, n, lo, hi int, divide bool) {
	groups := len(x) / n
	if groups == 0 {
		return
	}
	body := levelsMul.best
	if divide {
		body = levelsDiv.best
	}
	body(dst[:groups*n], x[:groups*n], factor[:groups], min[:groups], n, float32(lo), float32(hi))
}

type levelsBody func(dst []uint8, x, factor, min []float32, n int, lo, hi float32)

var (
	levelsMul = portable(levelsBody(func(dst []uint8, x, factor, min []float32, n int, lo, hi float32) {
		for i, v := range x {
			dst[i] = uint8(int32(level(float32((v+min[i/n])*factor[i/n]), lo, hi) - lo))
		}
	}))
	levelsDiv = portable(levelsBody(func(dst []uint8, x, factor, min []float32, n int, lo, hi float32) {
		for i, v := range x {
			dst[i] = uint8(int32(level((v+min[i/n])/factor[i/n], lo, hi) - lo))
		}
	}))
)

// levelsOf makes a body of an assembly function.
func levelsOf(f func(dst *uint8, x, factor, min *float32, groups, n uintptr, lo, hi float32)) levelsBody {
	return func(dst []uint8, x, factor, min []float32, n int, lo, hi float32) {
		f(&dst[0], &x[0], &factor[0], &min[0], uintptr(len(factor)), uintptr(n), lo, hi)
	}
}
