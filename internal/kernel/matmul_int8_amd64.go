//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func mulI8FlatVNNI(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, blocks, per, steps, m, more, bias, shift uintptr)

//go:noescape
func mulI8BlocksVNNI(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, blocks, per, steps, m, more, bias, shift uintptr)

//go:noescape
func mulI8FlatAVX2(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, blocks, per, steps, m, more, bias, shift uintptr)

//go:noescape
func mulI8x1FlatAVX2(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, blocks, per, steps, m, more, bias, shift uintptr)

//go:noescape
func mulI8x2FlatAVX2(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, blocks, per, steps, m, more, bias, shift uintptr)

//go:noescape
func mulI8x4FlatAVX2(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, blocks, per, steps, m, more, bias, shift uintptr)

//go:noescape
func mulI8x8FlatAVX2(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, blocks, per, steps, m, more, bias, shift uintptr)

//go:noescape
func mulI8BlocksAVX2(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, blocks, per, steps, m, more, bias, shift uintptr)

//go:noescape
func mulI8x1BlocksAVX2(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, blocks, per, steps, m, more, bias, shift uintptr)

//go:noescape
func mulI8x2BlocksAVX2(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, blocks, per, steps, m, more, bias, shift uintptr)

//go:noescape
func mulI8x4BlocksAVX2(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, blocks, per, steps, m, more, bias, shift uintptr)

//go:noescape
func mulI8x8BlocksAVX2(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, blocks, per, steps, m, more, bias, shift uintptr)

//go:noescape
func negativeI8AVX2(sum *int32, code *int8, groups, steps uintptr)

//go:noescape
func raiseI8AVX2(dst, code *int8, n, bias uintptr)

//go:noescape
func rangeI8AVX2(code *int8, n uintptr, low, high *[16]int8)

func init() {
	matMulI8.add("avx2", cpu.Has("avx2"), matMulI8AVX2)
	matMulI8.add("vnni", cpu.Has("vnni"), rowsOfI8(mulI8FlatVNNI, mulI8BlocksVNNI, RowTile))
}

// An int8Form is an AVX2 function in both its forms.
type int8Form struct {
	flat, blocks mulI8
	rows         int
	negatives    bool // it begins with those of the panel
}

var (
	anyI8   = int8Form{mulI8FlatAVX2, mulI8BlocksAVX2, 4, true}
	smallI8 = []struct {
		top, group int // the largest biased code, and what the group is a multiple of
		int8Form
	}{
		{16, 32, int8Form{mulI8x8FlatAVX2, mulI8x8BlocksAVX2, 6, false}},
		{32, 16, int8Form{mulI8x4FlatAVX2, mulI8x4BlocksAVX2, 6, false}},
		{64, 16, int8Form{mulI8x2FlatAVX2, mulI8x2BlocksAVX2, 4, false}},
		{127, 16, int8Form{mulI8x1FlatAVX2, mulI8x1BlocksAVX2, 6, false}},
	}
)

// matMulI8AVX2 takes the function for small codes when the panel's codes are small, which most types' are. The limits on the biased
// code keep 127·2·steps·code within 16 bits.
func matMulI8AVX2(dst []float32, ldd int, a *ActsI8, from, m int, p *PanelI8, column, columns int) {
	p.rangeCodes()
	bias, shift := 0, uintptr(0)
	if p.low < 0 {
		for bias, shift = 1, 7; bias+p.low < 0; bias *= 2 {
			shift--
		}
	}
	use, start, code := anyI8, []int32(nil), p.Code
	for _, s := range smallI8 {
		if bias+p.high <= s.top && p.Group%s.group == 0 {
			use, code = s.int8Form, p.biasedCodes(bias)
			break
		}
	}
	mul := use.blocks
	if a.Block == a.Group {
		mul = use.flat
	}
	if use.negatives {
		start = p.negatives()
	}
	walkI8(mul, use.rows, uintptr(bias), shift, code, start, dst, ldd, a, from, m, p, column, columns)
}

// biasedCodes are the codes with the bias added, once for a panel.
func (p *PanelI8) biasedCodes(bias int) []int8 {
	if bias == 0 {
		return p.Code
	}
	if !p.raised {
		p.biased = grown(p.biased, len(p.Code))
		raiseI8AVX2(&p.biased[0], &p.Code[0], uintptr(len(p.Code)), uintptr(bias))
		p.raised = true
	}
	return p.biased
}

// negatives sums the magnitudes of the negative codes of each group and output, once for a panel.
func (p *PanelI8) negatives() []int32 {
	if !p.summed {
		p.negative = grown(p.negative, p.K/p.Group*LanesI8)
		negativeI8AVX2(&p.negative[0], &p.Code[0], uintptr(p.K/p.Group), uintptr(p.Group/4))
		p.summed = true
	}
	return p.negative
}

// rangeCodes finds the least and the greatest code, once for a panel.
func (p *PanelI8) rangeCodes() {
	if p.ranged {
		return
	}
	var l, h [16]int8
	rangeI8AVX2(&p.Code[0], uintptr(len(p.Code)), &l, &h)
	p.low, p.high = int(l[0]), int(h[0])
	for i := range l {
		p.low, p.high = min(p.low, int(l[i])), max(p.high, int(h[i]))
	}
	p.ranged = true
}
