package main

import "fmt"

// The AVX2 bodies of kernel.Named: the 32 weights of a group as bytes of one register, by cells of sixteen half units.

// named256Tables loads what cells have into Y11…Y14 (the code behind its one middle, and where that lies), and the levels into Y15.
func (f *file) named256Tables() {
	for i, off := range []int{namedNext, namedNext + 16, namedBegin, namedBegin + 16, namedLevel} {
		f.i("VBROADCASTI128", at(off, "DX"), y(11+i))
	}
}

// named256Constants are words and bytes; a spread moves one byte of each half's four fours to the top of four words.
func (f *file) named256Constants() {
	f.constant("namedWords", 511<<16|511, 8)
	f.constant("namedLow", 0x000f000f, 8)
	f.integers("namedSpread", 32, func(i int) uint32 { return uint32(i/8*4+i%4)<<24 | 0x808080 })
}

// named256Codes makes codes of half units, less 256, of which Y1…Y4 are integers: bytes of Y4, fours of Y1…Y4 in each half.
func (f *file) named256Codes() {
	for _, a := range []int{1, 3} {
		f.i("VPACKUSDW", y(a+1), y(a), y(a))
		f.i("VPMINUW", "namedWords<>(SB)", y(a), y(a))
		f.i("VPSRLW", "$4", y(a), y(a+1))
		f.i("VPAND", "namedLow<>(SB)", y(a), y(a))
	}
	f.i("VPACKUSWB", "Y4", "Y2", "Y2") // cells
	f.i("VPACKUSWB", "Y3", "Y1", "Y1") // places in them
	f.i("VPSLLW", "$3", "Y2", "Y3")    // the upper half of the cells have the highest bit
	for k, d := range []string{"Y4", "Y7"} {
		f.i("VPSHUFB", "Y2", y(11+2*k), d)
		f.i("VPSHUFB", "Y2", y(12+2*k), "Y8")
		f.i("VPBLENDVB", "Y3", "Y8", d, d)
	}
	f.i("VPCMPGTB", "Y1", "Y7", "Y7")
	f.i("VPADDB", "Y7", "Y4", "Y4")
}

// named256 writes the fit. Products of weights stay in memory; Y5 and Y6 are both sums of a scale, Y9 and Y10 those of the scales before it.
func (f *file) named256() {
	f.named256Constants()
	f.p("\n// func namedFitAVX2(lx, l2, x, w, inverse *float32, groups, per uintptr, n *Named)")
	f.p("TEXT ·namedFitAVX2(SB), NOSPLIT, $128-64")
	f.args("lx", "DI", "l2", "R8", "x", "SI", "w", "R9", "inverse", "R10", "groups", "CX", "per", "R11", "n", "DX")
	f.named256Tables()
	f.loop(1, func() {
		f.i("MOVQ", "R11", "AX")
		for i := range 4 {
			f.i("VMOVUPS", at(32*i, "SI"), "Y0")
			f.i("VMULPS", at(32*i, "R9"), "Y0", "Y0")
			f.i("VMOVUPS", "Y0", at(32*i, "SP"))
		}
		again := f.label("again")
		f.at(again)
		for t := range 4 {
			f.named256Scale(t)
		}
		for _, p := range []string{"R10", "DI", "R8"} {
			f.i("ADDQ", "$16", p)
		}
		f.i("SUBQ", "$4", "AX")
		f.i("JNE", again)
		f.i("ADDQ", "$128", "SI")
		f.i("ADDQ", "$128", "R9")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// named256Scale sums up for scale t of four.
func (f *file) named256Scale(t int) {
	f.i("VBROADCASTSS", at(4*t, "R10"), "Y0")
	f.i("VADDPS", "Y0", "Y0", "Y0")
	for i := range 4 {
		f.i("VMULPS", at(32*i, "SI"), "Y0", y(1+i))
		f.i("VADDPS", "namedMiddle<>(SB)", y(1+i), y(1+i))
		f.i("VMINPS", "namedLast<>(SB)", y(1+i), y(1+i))
		f.i("VCVTTPS2DQ", y(1+i), y(1+i))
	}
	f.named256Codes()
	f.i("VPSHUFB", "Y4", "Y15", "Y4")
	for n, i := range []int{0, 2, 1, 3} {
		p, q := "Y5", "Y6"
		if i == 1 {
			p, q = "Y1", "Y2"
		}
		f.i("VPSHUFB", fmt.Sprintf("namedSpread<>+%d(SB)", 32*i), "Y4", "Y0")
		f.i("VPSRAD", "$24", "Y0", "Y0")
		f.i("VCVTDQ2PS", "Y0", "Y0")
		f.i("VMULPS", at(32*i, "R9"), "Y0", "Y3")
		if n%2 == 0 {
			f.i("VMULPS", at(32*i, "SP"), "Y0", p)
			f.i("VMULPS", "Y0", "Y3", q)
			continue
		}
		if i == 3 {
			p, q = "Y1", "Y2"
		}
		f.i("VMULPS", at(32*i, "SP"), "Y0", "Y7")
		f.i("VMULPS", "Y0", "Y3", "Y3")
		f.i("VADDPS", "Y7", p, p)
		f.i("VADDPS", "Y3", q, q)
	}
	f.i("VADDPS", "Y1", "Y5", "Y5")
	f.i("VADDPS", "Y2", "Y6", "Y6")
	f.namedTail(t)
}

// namedTail brings both sums of scale t of four together, Y5 and Y6, and stores those of all four.
func (f *file) namedTail(t int) {
	// numbers four, two and one apart: both sums together, then two scales
	f.i("VUNPCKLPS", "Y6", "Y5", "Y0")
	f.i("VUNPCKHPS", "Y6", "Y5", "Y1")
	if t%2 == 0 {
		f.i("VADDPS", "Y1", "Y0", "Y9")
		return
	}
	f.i("VADDPS", "Y1", "Y0", "Y0")
	f.i("VUNPCKLPD", "Y0", "Y9", "Y1")
	f.i("VUNPCKHPD", "Y0", "Y9", "Y2")
	f.i("VADDPS", "Y2", "Y1", "Y1")
	f.i("VEXTRACTF128", "$1", "Y1", "X2")
	if t == 1 {
		f.i("VADDPS", "X2", "X1", "X10")
		return
	}
	f.i("VADDPS", "X2", "X1", "X1")
	f.i("VSHUFPS", "$0x88", "X1", "X10", "X0")
	f.i("VSHUFPS", "$0xdd", "X1", "X10", "X2")
	f.i("VMOVUPS", "X0", "(DI)")
	f.i("VMOVUPS", "X2", "(R8)")
}

// named256Names writes codes in the order of the weights.
func (f *file) named256Names() {
	f.integers("namedOrder", 8, func(i int) uint32 { return uint32(i/2 + i%2*4) })
	f.constant("namedLeast", floatBits(-256), 8)
	f.constant("namedGreatest", floatBits(255), 8)
	f.p("\n// func namedCodesAVX2(dst *uint8, x *float32, inverse *float64, groups uintptr, n *Named)")
	f.fn("namedCodesAVX2", 40)
	f.args("dst", "DI", "x", "SI", "inverse", "R10", "groups", "CX", "n", "DX")
	f.named256Tables()
	f.loop(1, func() {
		f.i("VBROADCASTSD", "(R10)", "Y0")
		for i := range 4 {
			for k := range 2 {
				f.i("VCVTPS2PD", at(32*i+16*k, "SI"), y(5+k))
				f.i("VMULPD", y(5+k), "Y0", y(5+k))
				f.i("VCVTPD2PSY", y(5+k), x(5+k))
			}
			f.i("VINSERTF128", "$1", "X6", "Y5", "Y5")
			f.i("VADDPS", "Y5", "Y5", "Y5")
			f.i("VROUNDPS", "$9", "Y5", "Y5") // down
			f.i("VMAXPS", "namedLeast<>(SB)", "Y5", "Y5")
			f.i("VMINPS", "namedGreatest<>(SB)", "Y5", "Y5")
			f.i("VADDPS", "namedMiddle<>(SB)", "Y5", "Y5")
			f.i("VCVTTPS2DQ", "Y5", y(1+i))
		}
		f.named256Codes()
		f.i("VMOVDQU", "namedOrder<>(SB)", "Y0")
		f.i("VPERMD", "Y4", "Y0", "Y4")
		f.i("VMOVDQU", "Y4", "(DI)")
		f.i("ADDQ", "$32", "DI")
		f.i("ADDQ", "$128", "SI")
		f.i("ADDQ", "$8", "R10")
	})
	f.p("\tVZEROUPPER\n\tRET")
}
