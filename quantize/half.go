package quantize

import "quern/internal/kernel"

// half rounds to IEEE half precision, nearest even, overflow to infinity; halfValue is exact.
func half(x float32) uint16      { return kernel.F16(x) }
func halfValue(h uint16) float32 { return kernel.F16Value(h) }
