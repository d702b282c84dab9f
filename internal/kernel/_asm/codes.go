package main

import "fmt"

// A layout says where a type keeps its codes; kernel.Codes has the same with explanations.
type layout struct {
	name            string
	bytes           int
	zero, mask      int
	highMask, up    int
	bits            int
	runs, width     int
	low, lowShift   func(r int) int
	high, highRight func(r int) int
}

func always(n int) func(int) int { return func(int) int { return n } }

func nibbleRuns(at int) (low, shift func(int) int) {
	return func(r int) int { return at + r/2*32 }, func(r int) int { return r % 2 * 4 }
}

func quarterRuns(at int) (low, shift func(int) int) {
	return func(r int) int { return at + r/4*32 }, func(r int) int { return r % 4 * 2 }
}

func layouts() []layout {
	same := func(r int) int { return r }
	q2, q2s := quarterRuns(16)
	q3, q3s := quarterRuns(32)
	q4, q4s := nibbleRuns(16)
	q5, q5s := nibbleRuns(48)
	return []layout{
		{name: "Q80", bytes: 34, runs: 1, low: always(2), lowShift: always(0), mask: 255},
		{name: "Q40", bytes: 18, width: 16, zero: 8, low: always(2), mask: 15},
		{name: "Q41", bytes: 20, width: 16, low: always(4), mask: 15},
		{name: "Q50", bytes: 22, width: 16, zero: 16, bits: 2, low: always(6), mask: 15},
		{name: "Q51", bytes: 24, width: 16, bits: 4, low: always(8), mask: 15},
		{name: "Q2K", bytes: 84, runs: 8, mask: 3, low: q2, lowShift: q2s},
		{name: "Q3K", bytes: 110, runs: 8, zero: 4, mask: 3, low: q3, lowShift: q3s, highMask: 1, up: 2, high: always(0), highRight: same},
		{name: "Q4K", bytes: 144, runs: 8, mask: 15, low: q4, lowShift: q4s},
		{name: "Q5K", bytes: 176, runs: 8, mask: 15, low: q5, lowShift: q5s, highMask: 1, up: 4, high: always(16), highRight: same},
		{name: "Q6K", bytes: 210, runs: 8, zero: 32, mask: 15, highMask: 3, up: 4,
			low:      func(r int) int { return r/4*64 + r%2*32 },
			lowShift: func(r int) int { return r % 4 / 2 * 4 },
			high:     func(r int) int { return 128 + r/4*32 }, highRight: func(r int) int { return r % 4 * 2 }},
	}
}

// codesAMD64 writes the unpacking of codes, 32 at a time, and what makes numbers of them.
func codesAMD64(f *file) {
	for i := range 4 {
		f.p("DATA codeByte<>+%d(SB)/8, $0x%016x", 8*i, 0x0101010101010101*uint64(i))
	}
	f.p("GLOBL codeByte<>(SB), RODATA|NOPTR, $32")
	for i := range 4 {
		f.p("DATA codeBit<>+%d(SB)/8, $0x8040201008040201", 8*i)
	}
	f.p("GLOBL codeBit<>(SB), RODATA|NOPTR, $32")
	for _, l := range layouts() {
		f.codes(&l)
	}
	f.halvesEvery()
	f.expand()
}

// byteConstant fills a register with a byte.
func (f *file) byteConstant(reg, b int) {
	f.i("MOVL", dollar(b*0x01010101), "AX")
	f.i("VMOVD", "AX", x(reg))
	f.i("VPBROADCASTD", x(reg), y(reg))
}

func (f *file) codes(l *layout) {
	name := "codes" + l.name + "AVX2"
	f.p("\n// func %s(code *int8, src *byte, n uintptr)", name)
	f.fn(name, 24)
	f.args("code", "DI", "src", "SI", "n", "CX")
	f.byteConstant(8, l.mask)
	f.byteConstant(9, l.highMask<<l.up)
	f.byteConstant(10, l.zero)
	if l.bits > 0 {
		f.byteConstant(9, 16)
		f.i("VMOVDQU", "codeByte<>(SB)", "Y11")
		f.i("VMOVDQU", "codeBit<>(SB)", "Y12")
	}
	f.loop(1, func() {
		if l.width == 16 {
			f.pair(l)
			return
		}
		for r := range l.runs {
			f.run(l, r)
		}
		f.i("ADDQ", dollar(l.bytes), "SI")
		f.i("ADDQ", dollar(32*l.runs), "DI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// run unpacks 32 codes from as many bytes. Shifts are of words; the mask removes what comes from the neighbour.
func (f *file) run(l *layout, r int) {
	a, b := y(r%4), y(4+r%4)
	f.i("VMOVDQU", fmt.Sprintf("%d(SI)", l.low(r)), a)
	if s := l.lowShift(r); s > 0 {
		f.i("VPSRLW", dollar(s), a, a)
	}
	if l.mask != 255 {
		f.i("VPAND", "Y8", a, a)
	}
	if l.highMask > 0 {
		f.i("VMOVDQU", fmt.Sprintf("%d(SI)", l.high(r)), b)
		switch s := l.highRight(r) - l.up; {
		case s > 0:
			f.i("VPSRLW", dollar(s), b, b)
		case s < 0:
			f.i("VPSLLW", dollar(-s), b, b)
		}
		f.i("VPAND", "Y9", b, b)
		f.i("VPOR", b, a, a)
	}
	if l.zero > 0 {
		f.i("VPSUBB", "Y10", a, a)
	}
	f.i("VMOVDQU", a, fmt.Sprintf("%d(DI)", 32*r))
}

// pair unpacks 32 codes from 16 bytes: the first 16 are the low halves.
func (f *file) pair(l *layout) {
	f.i("VMOVDQU", fmt.Sprintf("%d(SI)", l.low(0)), "X0")
	f.i("VPSRLW", "$4", "X0", "X1")
	f.i("VINSERTI128", "$1", "X1", "Y0", "Y0")
	f.i("VPAND", "Y8", "Y0", "Y0")
	if l.bits > 0 {
		f.i("VPBROADCASTD", fmt.Sprintf("%d(SI)", l.bits), "Y1")
		f.i("VPSHUFB", "Y11", "Y1", "Y1")
		f.i("VPAND", "Y12", "Y1", "Y1")
		f.i("VPCMPEQB", "Y12", "Y1", "Y1")
		f.i("VPAND", "Y9", "Y1", "Y1")
		f.i("VPOR", "Y1", "Y0", "Y0")
	}
	if l.zero > 0 {
		f.i("VPSUBB", "Y10", "Y0", "Y0")
	}
	f.i("VMOVDQU", "Y0", "(DI)")
	f.i("ADDQ", dollar(l.bytes), "SI")
	f.i("ADDQ", "$32", "DI")
}

// halvesEvery gathers 8 halves at a time.
func (f *file) halvesEvery() {
	f.p("\n// func halvesEveryAVX2(dst *float32, src *byte, bytes, n uintptr)")
	f.fn("halvesEveryAVX2", 32)
	f.args("dst", "DI", "src", "SI", "bytes", "BX", "n", "CX")
	f.i("LEAQ", "(BX)(BX*2)", "DX")
	f.loop(8, func() {
		f.i("LEAQ", "(SI)(BX*4)", "R8")
		for i := range 8 {
			at := fmt.Sprintf("(%s)%s", []string{"SI", "R8"}[i/4], []string{"", "(BX*1)", "(BX*2)", "(DX*1)"}[i%4])
			if i == 0 {
				f.i("MOVWLZX", at, "AX")
				f.i("VMOVD", "AX", "X0")
				continue
			}
			f.i("VPINSRW", dollar(i), at, "X0", "X0")
		}
		f.i("VCVTPH2PS", "X0", "Y0")
		f.i("VMOVUPS", "Y0", "(DI)")
		f.i("ADDQ", "$32", "DI")
		f.i("LEAQ", "(SI)(BX*8)", "SI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// expand walks groups of so many eights.
func (f *file) expand() {
	f.p("\n// func expandAVX2(dst *float32, code *int8, scale, min *float32, eights, n uintptr)")
	f.fn("expandAVX2", 48)
	f.args("dst", "DI", "code", "SI", "scale", "DX", "min", "R8", "eights", "BX", "n", "CX")
	for _, offsets := range []bool{false, true} {
		with := f.label("with")
		if !offsets {
			f.i("TESTQ", "R8", "R8")
			f.i("JNE", with)
		}
		f.loop(1, func() {
			f.i("VBROADCASTSS", "(DX)", "Y1")
			f.i("ADDQ", "$4", "DX")
			if offsets {
				f.i("VBROADCASTSS", "(R8)", "Y2")
				f.i("ADDQ", "$4", "R8")
			}
			f.i("MOVQ", "BX", "AX")
			eight := f.label("eight")
			f.at(eight)
			f.i("VPMOVSXBD", "(SI)", "Y0")
			f.i("VCVTDQ2PS", "Y0", "Y0")
			f.i("VMULPS", "Y1", "Y0", "Y0")
			if offsets {
				f.i("VADDPS", "Y2", "Y0", "Y0")
			}
			f.i("VMOVUPS", "Y0", "(DI)")
			f.i("ADDQ", "$8", "SI")
			f.i("ADDQ", "$32", "DI")
			f.i("DECQ", "AX")
			f.i("JNE", eight)
		})
		f.p("\tVZEROUPPER\n\tRET")
		if !offsets {
			f.at(with)
		}
	}
}
