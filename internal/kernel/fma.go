package kernel

import "math"

// fma is x*y + z rounded once, as the hardware does it. The product of two float32 is exact in float64; the sum is rounded
// to odd there, so that rounding it again to float32 cannot go wrong (Boldo and Melquiond, "Emulation of FMA and correctly
// rounded sums", 2008).
func fma(x, y, z float32) float32 {
	p, c := float64(x)*float64(y), float64(z)
	s := p + c
	b := s - p
	e := (p - (s - b)) + (c - b) // what the sum lost, exactly (Knuth)
	if e != 0 && e == e {
		if bits := math.Float64bits(s); bits&1 == 0 {
			if (e > 0) == (s > 0) {
				bits++
			} else {
				bits--
			}
			s = math.Float64frombits(bits)
		}
	}
	return float32(s)
}
