//go:build !purego

package kernel

import (
	"unsafe"

	"quern/internal/cpu"
)

//go:noescape
func expSumNEON(dst, src *float32, max float32, n uintptr, sum *[16]float64)

//go:noescape
func siluMulNEON(gate, up *float32, n uintptr)

//go:noescape
func geluTanhNEON(x *float32, n uintptr)

func init() {
	expSum.add("neon", cpu.Has("neon"), expSumByNEON)
	siluMul.add("neon", cpu.Has("neon"), siluMulByNEON)
	geluTanh.add("neon", cpu.Has("neon"), gelus(geluTanhNEON))
}

// expSumByNEON takes what is left over through an array of 16, whose sums count as far as there are elements.
func expSumByNEON(dst, src []float32, max float32) float64 {
	var s, last [sumLanes]float64
	var rest [16]float32
	n := len(src) &^ 15
	if n > 0 {
		expSumNEON(unsafe.SliceData(dst), &src[0], max, uintptr(n), &s)
	}
	left := copy(rest[:], src[n:])
	if left > 0 {
		expSumNEON(&rest[0], &rest[0], max, 16, &last)
		if dst != nil {
			copy(dst[n:], rest[:left])
		}
	}
	for i, e := range last[:left] {
		s[i] += e
	}
	return fold(&s)
}

func siluMulByNEON(gate, up []float32) {
	n := len(gate) &^ 15
	if n > 0 {
		siluMulNEON(&gate[0], &up[0], uintptr(n))
	}
	var g, u [16]float32
	if left := copy(g[:], gate[n:]); left > 0 {
		copy(u[:], up[n:])
		siluMulNEON(&g[0], &u[0], 16)
		copy(gate[n:], g[:left])
	}
}
