//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func mulI8AVX2(dst *float32, ldd uintptr, code *int8, k uintptr, scale, sum *float32, start *int32, groups uintptr, panel *int8, pscale, pmin *float32, steps, m, bias, shift uintptr)

//go:noescape
func mulI8VNNI(dst *float32, ldd uintptr, code *int8, k uintptr, scale, sum *float32, start *int32, groups uintptr, panel *int8, pscale, pmin *float32, steps, m, bias, shift uintptr)

//go:noescape
func mulI8x1AVX2(dst *float32, ldd uintptr, code *int8, k uintptr, scale, sum *float32, start *int32, groups uintptr, panel *int8, pscale, pmin *float32, steps, m, bias, shift uintptr)

//go:noescape
func mulI8x2AVX2(dst *float32, ldd uintptr, code *int8, k uintptr, scale, sum *float32, start *int32, groups uintptr, panel *int8, pscale, pmin *float32, steps, m, bias, shift uintptr)

//go:noescape
func mulI8x4AVX2(dst *float32, ldd uintptr, code *int8, k uintptr, scale, sum *float32, start *int32, groups uintptr, panel *int8, pscale, pmin *float32, steps, m, bias, shift uintptr)

//go:noescape
func mulI8x8AVX2(dst *float32, ldd uintptr, code *int8, k uintptr, scale, sum *float32, start *int32, groups uintptr, panel *int8, pscale, pmin *float32, steps, m, bias, shift uintptr)

//go:noescape
func rangeI8AVX2(code *int8, n uintptr, low, high *[16]int8)

func init() {
	matMulI8.add("avx2", cpu.Has("avx2"), matMulI8AVX2)
	matMulI8.add("vnni", cpu.Has("vnni"), rowsOfI8(mulI8VNNI, 12))
}

// matMulI8AVX2 takes the function for small codes when the panel's codes are small, which most types' are, and the rows are many
// enough to pay for looking. The limits on the biased code keep 127·2·steps·code within 16 bits.
func matMulI8AVX2(dst []float32, ldd int, a *ActsI8, from, m int, p *PanelI8) {
	bias, shift, top := 1, uintptr(7), 128
	if m >= 4 {
		low, high := rangeI8(p.Code)
		for bias+low < 0 {
			bias, shift = 2*bias, shift-1
		}
		top = bias + high
	}
	mul, rows := mulI8(mulI8x1AVX2), 3
	switch {
	case top > 127:
		mul, rows = mulI8AVX2, 4
	case top <= 16 && p.Group%32 == 0:
		mul = mulI8x8AVX2
	case top <= 32:
		mul = mulI8x4AVX2
	case top <= 64:
		mul = mulI8x2AVX2
	}
	walkI8(mul, rows, uintptr(bias)*0x01010101, shift, dst, ldd, a, from, m, p)
}

// rangeI8 is the least and the greatest code.
func rangeI8(code []int8) (low, high int) {
	var l, h [16]int8
	rangeI8AVX2(&code[0], uintptr(len(code)), &l, &h)
	low, high = int(l[0]), int(h[0])
	for i := range l {
		low, high = min(low, int(l[i])), max(high, int(h[i]))
	}
	return low, high
}
