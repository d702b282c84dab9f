package kernel

import "math"

// Exp is e^x with an error below 2 units in the last place; the definition is quern's own, the same in every body and on every
// machine. x = n·ln 2 + r with |r| ≤ ln 2 / 2, ln 2 in two parts; e^r is a polynomial of degree 6 (Chebyshev fit
// of (e^r-1-r)/r² on that interval, relative error 1.1e-8); 2^n comes in two factors, so that subnormal results round once.
func Exp(x float32) float32 {
	const (
		lo, hi = -104, 88.8 // beyond these the result is 0, or infinite
		log2e  = 1.44269504088896341
		ln2Hi  = 0.693359375
		ln2Lo  = -2.12194440e-4
		magic  = 12582912 // 1.5·2^23: adding it rounds to an integer
	)
	if x != x {
		return x
	}
	x = min(max(x, lo), hi)
	t := fma(x, log2e, magic)
	n := t - magic
	r := fma(n, -ln2Hi, x)
	r = fma(n, -ln2Lo, r)
	p := float32(1.3933652e-3)
	p = fma(p, r, 8.363182e-3)
	p = fma(p, r, 4.1666467e-2)
	p = fma(p, r, 1.6666576e-1)
	p = fma(p, r, 0.5)
	p = fma(p, r*r, r)
	p = p + 1
	k := int32(math.Float32bits(t)&0x7fffff) - 0x400000
	half := k >> 1
	return p * pow2(half) * pow2(k-half)
}

// pow2 is 2^n for n that a float32 exponent holds.
func pow2(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }

// sumLanes is the number of float64 sums that run side by side in a reduction; element i goes to lane i mod sumLanes, and the
// lanes are added in pairs. Every body adds in this order.
const sumLanes = 16

func fold(s *[sumLanes]float64) float64 {
	for n := sumLanes / 2; n > 0; n /= 2 {
		for i := range n {
			s[i] += s[i+n]
		}
	}
	return s[0]
}

var expSum = portable(expSumPortable)

// ExpSum sets dst[i] = Exp(src[i]-max), where dst may be src or nil, and returns the float64 sum in a fixed order.
func ExpSum(dst, src []float32, max float32) float64 {
	if dst != nil {
		dst = dst[:len(src)]
	}
	return expSum.best(dst, src, max)
}

func expSumPortable(dst, src []float32, max float32) float64 {
	var s [sumLanes]float64
	expSumTail(dst, src, max, &s)
	return fold(&s)
}

// expSumTail adds to sums whose lane 0 is due.
func expSumTail(dst, src []float32, max float32, s *[sumLanes]float64) {
	for i, v := range src {
		e := Exp(v - max)
		if dst != nil {
			dst[i] = e
		}
		s[i%sumLanes] += float64(e)
	}
}

var extremes = portable(extremesPortable)

// Max is the largest element, NaN if there is one; x is not empty.
func Max(x []float32) float32 {
	hi, _ := extremes.best(x)
	return hi
}

// Extremes are the largest and the smallest element, both NaN if there is one; x is not empty.
func Extremes(x []float32) (hi, lo float32) { return extremes.best(x) }

// extremesPortable is the largest and the smallest element, both NaN if there is one; zeros come out positive, since lanes do not
// know which zero stood first.
func extremesPortable(x []float32) (hi, lo float32) {
	hi, lo = x[0], x[0]
	for _, v := range x[1:] {
		hi, lo = larger(hi, v), smaller(lo, v)
	}
	return hi + 0, lo + 0
}

// larger keeps a NaN of either side.
func larger(a, b float32) float32 {
	if b > a || b != b {
		return b
	}
	return a
}

func smaller(a, b float32) float32 {
	if b < a || b != b {
		return b
	}
	return a
}

// Softmax turns scores into probabilities.
func Softmax(x []float32) {
	inv := float32(1 / ExpSum(x, x, Max(x)))
	scale.best(x, inv)
}

var scale = portable(scalePortable)

func scalePortable(x []float32, f float32) {
	for i := range x {
		x[i] *= f
	}
}

// LogSumExp is ln Σ e^x without overflow.
func LogSumExp(x []float32) float64 {
	m := Max(x)
	return float64(m) + log(ExpSum(nil, x, m))
}

var sumSquares = portable(sumSquaresPortable)

// SumSquares is the float64 sum of squares in a fixed order.
func SumSquares(x []float32) float64 { return sumSquares.best(x) }

func sumSquaresPortable(x []float32) float64 {
	var s [sumLanes]float64
	sumSquaresTail(x, &s)
	return fold(&s)
}

func sumSquaresTail(x []float32, s *[sumLanes]float64) {
	for i, v := range x {
		s[i%sumLanes] += float64(v) * float64(v)
	}
}

// Sum is the float64 sum in a fixed order.
func Sum(x []float32) float64 {
	var s [sumLanes]float64
	for i, v := range x {
		s[i%sumLanes] += float64(v)
	}
	return fold(&s)
}

var siluMul = portable(siluMulPortable)

// SiluMul sets gate = gate/(1+e^-gate)·up.
func SiluMul(gate, up []float32) { siluMul.best(gate, up[:len(gate)]) }

func siluMulPortable(gate, up []float32) {
	for i, g := range gate {
		gate[i] = g / (1 + float32(Exp(-g))) * up[i]
	}
}

var geluTanh = portable(geluTanhPortable)

// GeluTanh replaces numbers by the approximation of GELU by a hyperbolic tangent, x/2·(1+tanh u), written as x/(1+e^(-2u)).
// u = √(2/π)·(x + 0.044715·x³): Hendrycks and Gimpel, arXiv:1606.08415.
func GeluTanh(x []float32) { geluTanh.best(x) }

// The constants of GeluTanh.
const (
	geluRoot = 0.7978845608028654
	geluCube = 0.044715
)

func geluTanhPortable(x []float32) {
	for i, v := range x {
		u := geluRoot * (v + float32(geluCube*float32(v*float32(v*v))))
		x[i] = v / (1 + Exp(-2*u))
	}
}

// gelus is a body of GeluTanh from an assembly function for multiples of 16.
func gelus(f func(x *float32, n uintptr)) func(x []float32) {
	return func(x []float32) {
		n := len(x) &^ 15
		if n > 0 {
			f(&x[0], uintptr(n))
		}
		geluTanhPortable(x[n:])
	}
}
