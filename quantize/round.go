package quantize

import "math"

// wholeFloat is 1.5·2²³: added to a float32 below 2²² it leaves no bits behind the point; taken away again, what remains is the nearest integer.
const wholeFloat = 3 << 22

// nearestInt rounds half to even for |x| < 2^22, as ggml does it: adding 1.5·2^23 leaves no room for a fraction, and the
// integer stands in the low bits. Beyond that range the result is meaningless but defined, so a byte of a file never
// depends on the CPU: a Go conversion out of range would.
func nearestInt(x float32) int32 {
	b := math.Float32bits(x + wholeFloat)
	return int32(b&0x7fffff) - 0x400000
}
