package kernel

import "math"

// Magnitude is the largest |x|, or something that is not finite when any x is not: as integers, NaN is above infinity. Of nothing it is zero.
func Magnitude(x []float32) float32 { return math.Float32frombits(magnitude.best(x)) }

var magnitude = portable(magnitudePortable)

func magnitudePortable(x []float32) (most uint32) {
	for _, v := range x {
		most = max(most, math.Float32bits(v)&0x7fffffff)
	}
	return most
}

// magnitudeOf makes a body of one for multiples of 32.
func magnitudeOf(f func(x *float32, n uintptr) uint32) func(x []float32) uint32 {
	return func(x []float32) (most uint32) {
		n := len(x) &^ 31
		if n > 0 {
			most = f(&x[0], uintptr(n))
		}
		return max(most, magnitudePortable(x[n:]))
	}
}
