package kernel

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

type (
	topsBody  func(top, heavy []float32, sum, most []float64, x, w []float32, n int)
	unitsBody func(unit, heft, x, w, factor, lighter []float32, n int, plain bool)
	signsBody func(sign []uint8, unit, x, w []float32)
)

var (
	tops      = portable(topsBody(topsPortable))
	units     = portable(unitsBody(unitsPortable))
	evenSigns = portable(signsBody(evenSignsPortable))
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
