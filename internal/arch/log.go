package arch

import "math"

// Natural is the logarithm of a positive number, the same on every machine: math.Log is not, where the compiler fuses multiplications
// with additions. x = f·2^e with f near 1, and log f = 2·artanh((f-1)/(f+1)) by its series.
func Natural(x float64) float64 {
	f, e := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f, e = 2*f, e-1
	}
	s := (f - 1) / (f + 1) // |s| < 0.172: the 21st term is below 1e-32
	z, sum := float64(s*s), 0.0
	for k := 41; k >= 1; k -= 2 {
		sum = float64(sum*z) + 1/float64(k)
	}
	return float64(2*float64(s*sum)) + float64(float64(e)*math.Ln2)
}

// Exponential is e^x, the same on every machine likewise: x = n·ln 2 + r, and the series of e^r, whose 20th term is below 1e-27.
func Exponential(x float64) float64 {
	switch {
	case x != x || x > 710:
		return x * math.Inf(1)
	case x < -750:
		return 0
	}
	const hi, lo = 6.93147180369123816490e-01, 1.90821492927058770002e-10 // ln 2 in two parts; n times the first is exact
	n := math.Floor(float64(x*math.Log2E) + 0.5)
	r := x - float64(n*hi)
	r -= float64(n * lo)
	sum := 1.0
	for k := 19; k >= 1; k-- {
		sum = 1 + float64(float64(sum*r)/float64(k))
	}
	return math.Ldexp(sum, int(n))
}
