package kernel

import "math"

// log is the natural logarithm with an error below 2 units in the last place. math.Log differs between machines; this has one
// definition: x = 2^n·m with √½ ≤ m < √2, and ln m = 2·artanh(s) = 2s·(1 + s²/3 + s⁴/5 + …) for s = (m-1)/(m+1). With
// s² < 0.0295 the terms left out are below 2^-58 of the sum.
func log(x float64) float64 {
	const (
		ln2Hi = 6.93147180369123816490e-01 // 32 bits, so that n·ln2Hi is exact
		ln2Lo = 1.90821492927058770002e-10
	)
	switch {
	case x == 0:
		return math.Inf(-1)
	case x < 0:
		return math.NaN()
	case x != x || x > math.MaxFloat64:
		return x
	}
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	f, n := m-1, float64(e)
	s := f / (m + 1)
	z := float64(s * s)
	p := 0.0
	for k := 21; k >= 3; k -= 2 {
		p = float64(z * (p + 1/float64(k)))
	}
	return float64(n*ln2Hi) + (2*s + (float64(2*s*p) + float64(n*ln2Lo)))
}
