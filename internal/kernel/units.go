package kernel

import "math"

// What the searches of types with few bits know of groups before they begin. Weights are finite, and what their squared errors count for
// is not negative.

// Tops writes for each group of n weights, a multiple of eight, the first of the largest magnitude, the most that an error counts for, and in
// double precision the sum of what weights add to the error if they become zeros, and the largest of these.
func Tops(top, heavy []float32, sum, most []float64, x, w []float32, n int) {
	if groups := len(x) / n; groups > 0 {
		tops.best(top[:groups], heavy[:groups], sum[:groups], most[:groups], x, w[:len(x)], n)
	}
}

// Units multiplies the weights of each group of n, a multiple of eight, and what their errors count for, by a factor for either. With
// plain the weights' signs are taken off.
func Units(unit, heft, x, w, factor, lighter []float32, n int, plain bool) {
	if groups := len(x) / n; groups > 0 {
		units.best(unit[:len(x)], heft[:len(x)], x, w[:len(x)], factor[:groups], lighter[:groups], n, plain)
	}
}

// EvenSigns writes the signs of eight weights each, a bit for each that is negative. Where their number is odd, the magnitude that costs least
// when it changes sides does so: it becomes negative, its sign another.
func EvenSigns(sign []uint8, unit, x, w []float32) {
	if len(x) > 0 {
		evenSigns.best(sign[:len(x)/8], unit[:len(x)], x, w[:len(x)])
	}
}

// Tame copies weights: what is not a number is zero, and nothing is further from it than most. Their number is a multiple of eight.
func Tame(dst, src []float32, most float32) {
	if len(src) > 0 {
		tame.best(dst[:len(src)], src, most)
	}
}

// A Heft says what the squared errors of weights count for.
type Heft struct {
	Ridge float32 // so many times the mean importance is added to each
	Times float32 // not 0: times sqrt(σ² + x²), σ² being so many mean squares
	Power int32   // of all that: Whole, SevenEighths or ThreeQuarters
}

const (
	Whole = iota
	SevenEighths
	ThreeQuarters
)

// Weigh writes what squared errors of weights x, a multiple of eight, count for, and says whether that is anything: whether importance and the result
// add up to a finite number above zero.
func (h *Heft) Weigh(w, x, importance []float32) bool {
	return weigh.best(w[:len(x)], x, importance[:len(x)], h)
}

// Signs writes a bit for each of eight weights that is negative, or a zero that says so.
func Signs(sign []uint8, x []float32) {
	if len(x) > 0 {
		signs.best(sign[:len(x)/8], x)
	}
}

type (
	topsBody  func(top, heavy []float32, sum, most []float64, x, w []float32, n int)
	unitsBody func(unit, heft, x, w, factor, lighter []float32, n int, plain bool)
	signsBody func(sign []uint8, unit, x, w []float32)
	tameBody  func(dst, src []float32, most float32)
	weighBody func(w, x, importance []float32, h *Heft) bool
)

var (
	tops      = portable(topsBody(topsPortable))
	units     = portable(unitsBody(unitsPortable))
	evenSigns = portable(signsBody(evenSignsPortable))
	signs     = portable(func(sign []uint8, x []float32) {
		clear(sign)
		for i, v := range x {
			sign[i/8] |= uint8(math.Float32bits(v)>>31) << (i % 8)
		}
	})
	weigh = portable(weighBody(weighPortable))
	tame  = portable(tameBody(func(dst, src []float32, most float32) {
		for i, v := range src {
			if v != v {
				v = 0
			}
			dst[i] = max(min(v, most), -most)
		}
	}))
)

// Sums are added as vectors add them: every fourth weight, then two and one apart.
func topsPortable(top, heavy []float32, sum, most []float64, x, w []float32, n int) {
	for g := range top {
		var first, largest, weight float32
		var e [4]float64
		best := 0.0
		for i, v := range x[g*n:][:n] {
			if a := max(v, -v); a > largest {
				first, largest = v, a
			}
			u := w[g*n+i]
			weight = max(weight, u)
			lost := float64(u) * float64(float64(v)*float64(v))
			e[i%4] += lost
			best = max(best, lost)
		}
		top[g], heavy[g], sum[g], most[g] = first, weight, (e[0]+e[2])+(e[1]+e[3]), best
	}
}

func unitsPortable(unit, heft, x, w, factor, lighter []float32, n int, plain bool) {
	for i, v := range x {
		if plain {
			v = max(v, -v)
		}
		unit[i], heft[i] = v*factor[i/n], w[i]*lighter[i/n]
	}
}

func evenSignsPortable(sign []uint8, unit, x, w []float32) {
	for p := range sign {
		x, w, unit := x[8*p:][:8], w[8*p:][:8], unit[8*p:][:8]
		odd, cheap := false, 0
		sign[p] = 0
		for i, v := range x {
			if v < 0 {
				sign[p] |= 1 << i
				odd = !odd
			}
			if float32(w[i]*unit[i]) < float32(w[cheap]*unit[cheap]) {
				cheap = i
			}
		}
		if odd {
			unit[cheap] = -unit[cheap]
			sign[p] ^= 1 << cheap
		}
	}
}

func weighPortable(w, x, importance []float32, h *Heft) bool {
	sum := eightSums(importance, func(v float32) float32 { return v })
	if !(sum > 0 && sum <= math.MaxFloat32) {
		return false
	}
	part := 1 / float32(len(x))
	least := sum * (h.Ridge * part)
	sigma2 := eightSums(x, func(v float32) float32 { return v * v }) * (h.Times * part)
	for i, v := range importance {
		v += least
		if h.Times != 0 {
			v *= root(sigma2 + float32(x[i]*x[i]))
		}
		if h.Power != Whole {
			half := root(v)
			quarter := root(half)
			v = half * quarter
			if h.Power == SevenEighths {
				v *= root(quarter)
			}
		}
		w[i] = v
	}
	sum = eightSums(w, func(v float32) float32 { return v })
	return sum > 0 && sum <= math.MaxFloat32
}

// eightSums adds as vectors add: every eighth number, then four, two and one apart.
func eightSums(x []float32, of func(float32) float32) float32 {
	var s [8]float32
	for i, v := range x {
		s[i%8] += of(v)
	}
	for i := range 4 {
		s[i] += s[i+4]
	}
	return (s[0] + s[2]) + (s[1] + s[3])
}
