//go:build !purego

package kernel

import (
	"unsafe"

	"quern/internal/cpu"
)

//go:noescape
func mulI8FlatVNNI(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, groups, steps, m, more, bias, shift uintptr)

//go:noescape
func mulI8FlatAVX2(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, groups, steps, m, more, bias, shift uintptr)

//go:noescape
func mulI8x1FlatAVX2(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, groups, steps, m, more, bias, shift uintptr)

//go:noescape
func mulI8x2FlatAVX2(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, groups, steps, m, more, bias, shift uintptr)

//go:noescape
func mulI8x4FlatAVX2(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, groups, steps, m, more, bias, shift uintptr)

//go:noescape
func mulI8x8FlatAVX2(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, groups, steps, m, more, bias, shift uintptr)

//go:noescape
func mulI8SubVNNI(dst *float32, ldd uintptr, code *int8, scale *float32, pair *int16, panel *int8, sub *int16, start unsafe.Pointer, pscale, pmin *float32, blocks, groups, steps, m, more, shift uintptr)

//go:noescape
func mulI8SubAVX2(dst *float32, ldd uintptr, code *int8, scale *float32, pair *int16, panel *int8, sub *int16, start unsafe.Pointer, pscale, pmin *float32, blocks, groups, steps, m, more, shift uintptr)

//go:noescape
func mulI8x1SubAVX2(dst *float32, ldd uintptr, code *int8, scale *float32, pair *int16, panel *int8, sub *int16, start unsafe.Pointer, pscale, pmin *float32, blocks, groups, steps, m, more, shift uintptr)

//go:noescape
func mulI8x2SubAVX2(dst *float32, ldd uintptr, code *int8, scale *float32, pair *int16, panel *int8, sub *int16, start unsafe.Pointer, pscale, pmin *float32, blocks, groups, steps, m, more, shift uintptr)

//go:noescape
func mulI8x4SubAVX2(dst *float32, ldd uintptr, code *int8, scale *float32, pair *int16, panel *int8, sub *int16, start unsafe.Pointer, pscale, pmin *float32, blocks, groups, steps, m, more, shift uintptr)

//go:noescape
func mulI8x8SubAVX2(dst *float32, ldd uintptr, code *int8, scale *float32, pair *int16, panel *int8, sub *int16, start unsafe.Pointer, pscale, pmin *float32, blocks, groups, steps, m, more, shift uintptr)

//go:noescape
func negativeI8AVX2(sum *int32, code *int8, groups, steps uintptr)

//go:noescape
func raiseI8AVX2(dst, code *int8, n, bias uintptr)

//go:noescape
func rangeI8AVX2(code *int8, n uintptr, low, high *[16]int8)

func init() {
	matMulI8.add("avx2", cpu.Has("avx2"), matMulI8AVX2)
	matMulI8.add("vnni", cpu.Has("vnni"), matMulI8VNNI)
}

// An int8Form is an AVX2 function in both its forms.
type int8Form struct {
	flat mulI8
	sub  mulSubI8
	rows int
}

var (
	anyI8   = int8Form{mulI8FlatAVX2, mulI8SubAVX2, 4} // which begins with the panel's negatives
	smallI8 = []struct {
		top, group int // the largest biased code, and what the group is a multiple of
		int8Form
	}{
		{16, 32, int8Form{mulI8x8FlatAVX2, mulI8x8SubAVX2, 6}},
		{32, 16, int8Form{mulI8x4FlatAVX2, mulI8x4SubAVX2, 6}},
		{64, 16, int8Form{mulI8x2FlatAVX2, mulI8x2SubAVX2, 4}},
		{127, 16, int8Form{mulI8x1FlatAVX2, mulI8x1SubAVX2, 6}},
	}
)

// matMulI8AVX2 takes the function for small codes when the panel's codes are small, which most types' are. The limits on the biased
// code keep 127·2·steps·code within 16 bits; where activations are smaller, so many times larger codes do. No type has offsets beside codes that are negative: functions for integer scales do not know them.
func matMulI8AVX2(dst []float32, ldd int, a *ActsI8, from, m int, p *PanelI8, column, columns int) {
	p.rangeCodes()
	bias, shift := 0, uintptr(0)
	if p.low < 0 {
		for bias, shift = 1, 7; bias+p.low < 0; bias *= 2 {
			shift--
		}
	}
	w := walkI8{dst, ldd, a, from, m, p, column, columns}
	for _, s := range smallI8 {
		if (bias+p.high)*a.Most > s.top*127 || p.Group%s.group != 0 {
			continue
		}
		code := p.biasedCodes(bias)
		switch {
		case p.Block == p.Group:
			w.flat(s.flat, s.rows, uintptr(bias), shift, code, nil)
		case p.Min == nil && bias == 0:
			w.sub(s.sub, s.rows, 0, code, nil)
		case p.Min == nil:
			w.sub(s.sub, s.rows, 7-shift, code, w.pairsOf(p.Pair))
		case bias == 0:
			w.sub(s.sub, s.rows, 0, code, w.pairsOf(p.SubMin))
		default:
			matMulI8Portable(dst, ldd, a, from, m, p, column, columns)
		}
		return
	}
	switch {
	case p.Block == p.Group:
		w.flat(anyI8.flat, anyI8.rows, 0, 0, p.Code, p.negatives())
	case p.Min == nil:
		w.sub(anyI8.sub, anyI8.rows, 0, p.Code, unsafe.Pointer(&p.negatives()[column/p.Block*LanesI8]))
	default:
		matMulI8Portable(dst, ldd, a, from, m, p, column, columns)
	}
}

// matMulI8VNNI adds 128 to all codes, but where there are offsets beside integer scales.
func matMulI8VNNI(dst []float32, ldd int, a *ActsI8, from, m int, p *PanelI8, column, columns int) {
	w := walkI8{dst, ldd, a, from, m, p, column, columns}
	switch {
	case p.Block == p.Group:
		w.flat(mulI8FlatVNNI, RowTile, 0, 0, p.Code, nil)
	case p.Min == nil:
		w.sub(mulI8SubVNNI, RowTile, 0, p.Code, w.pairsOf(p.Pair))
	default:
		if p.rangeCodes(); p.low < 0 {
			matMulI8Portable(dst, ldd, a, from, m, p, column, columns)
			return
		}
		w.sub(mulI8SubVNNI, RowTile, 0, p.Code, w.pairsOf(p.SubMin))
	}
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

// negatives sums the magnitudes of the negative codes of each group and output, once for a panel; those of the groups of a block, times their integer scales.
func (p *PanelI8) negatives() []int32 {
	if !p.summed {
		groups := p.K / p.Group
		p.negative = grown(p.negative, groups*LanesI8)
		negativeI8AVX2(&p.negative[0], &p.Code[0], uintptr(groups), uintptr(p.Group/4))
		if per := p.Block / p.Group; per > 1 {
			p.joinNegatives(per)
		}
		p.summed = true
	}
	return p.negative
}

func (p *PanelI8) joinNegatives(per int) {
	for b := range p.K / p.Block {
		var sum [LanesI8]int32
		for g := b * per; g < (b+1)*per; g++ {
			for j, n := range p.negative[g*LanesI8:][:LanesI8] {
				sum[j] += int32(p.Sub[2*(g*LanesI8+j)]) * n
			}
		}
		copy(p.negative[b*LanesI8:], sum[:])
	}
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
