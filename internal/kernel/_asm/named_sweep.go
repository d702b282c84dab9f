package main

import "math"

// The AVX2 bodies of what sweeps with integers ask of kernel.Named.

const namedWideNext, namedWideBegin = namedLevel + 16, namedLevel + 32

// namedInts writes them.
func (f *file) namedInts() {
	f.constant("namedNibble", 0x0f0f0f0f, 8)
	f.constant("namedQuarter", 64<<16|64, 8)
	f.constant("namedAbs", math.MaxInt32, 8)
	f.constant("namedSixth", 0xffffffff&^63, 8)
	f.integers("namedNumber", 64, func(i int) uint32 { return uint32(i) })
	f.constant("namedTiny", floatBits(1e-30), 8)
	f.constant("namedFull", floatBits(32767), 8)
	f.constant("namedHeft", floatBits(16383), 8)
	f.constant("namedOne", floatBits(1), 8)
	f.constant("namedNever", floatBits(math.Inf(1)), 8)
	f.namedTake()
	f.namedSweep()
	f.namedMost()
}

func (f *file) namedTake() {
	f.p("\n// func namedTakeAVX2(word *int16, part, x, w *float32, groups uintptr)")
	f.fn("namedTakeAVX2", 40)
	f.args("word", "DI", "part", "R8", "x", "SI", "w", "DX", "groups", "CX")
	f.i("VMOVUPS", "namedFull<>(SB)", "Y15")
	f.i("VMOVUPS", "namedAbs<>(SB)", "Y14")
	f.i("VMOVUPS", "namedHeft<>(SB)", "Y13")
	f.loop(1, func() {
		f.i("VMOVUPS", "namedTiny<>(SB)", "Y0")
		for i := range 4 {
			f.i("VMOVUPS", at(32*i, "SI"), y(5+i))
			f.i("VMULPS", at(32*i, "DX"), y(5+i), y(9+i))
			f.i("VANDPS", "Y14", y(9+i), "Y4")
			f.i("VMAXPS", "Y4", "Y0", "Y0")
		}
		f.foldLanes("VMAXPS")
		f.i("VDIVSS", "X15", "X0", "X4")
		f.i("VMOVSS", "X4", "(R8)")
		f.i("VDIVPS", "Y0", "Y15", "Y0")
		words := func(from, to int, factor string) { // sixteen after the other
			for i := range 4 {
				f.i("VMULPS", factor, y(from+i), y(from+i))
				f.i("VCVTPS2DQ", y(from+i), y(from+i))
			}
			for i := range 2 {
				f.i("VPACKSSDW", y(from+2*i+1), y(from+2*i), y(from+2*i))
				f.i("VPERMQ", "$0xd8", y(from+2*i), y(from+2*i))
				f.i("VMOVDQU", y(from+2*i), at(to+32*i, "DI"))
			}
		}
		words(5, 0, "Y15")
		words(9, 64, "Y0")
		for i := range 4 {
			f.i("VMOVUPS", at(32*i, "DX"), y(5+i))
		}
		words(5, 128, "Y13")
		f.i("ADDQ", "$192", "DI")
		f.i("ADDQ", "$4", "R8")
		f.i("ADDQ", "$128", "SI")
		f.i("ADDQ", "$128", "DX")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// namedSweep has a group's weights in Y7 and Y8.
func (f *file) namedSweep() {
	f.p("\n// func namedSweepAVX2(lx, l2 *float32, word, inverse *int16, groups, per, stride uintptr, n *Named)")
	f.fn("namedSweepAVX2", 64)
	f.args("lx", "DI", "l2", "R8", "word", "SI", "inverse", "R10", "groups", "CX", "per", "R11", "stride", "R12", "n", "DX")
	f.i("VMOVDQU", "namedNibble<>(SB)", "Y12")
	f.i("VMOVDQU", "namedQuarter<>(SB)", "Y11")
	for i, off := range []int{namedWideNext, namedWideBegin, namedLevel} {
		f.i("VBROADCASTI128", at(off, "DX"), y(13+i))
	}
	f.loop(1, func() {
		f.i("VMOVDQU", "(SI)", "Y7")
		f.i("VMOVDQU", "32(SI)", "Y8")
		f.i("MOVQ", "R11", "AX")
		f.i("MOVQ", "R10", "BX")
		again := f.label("again")
		f.at(again)
		for t := range 4 {
			f.namedSweepScale(t)
		}
		f.i("ADDQ", "$8", "BX")
		f.i("ADDQ", "$16", "DI")
		f.i("ADDQ", "$16", "R8")
		f.i("SUBQ", "$4", "AX")
		f.i("JNE", again)
		f.i("ADDQ", "$192", "SI")
		f.i("ADDQ", "R12", "R10")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

func (f *file) namedSweepScale(t int) {
	f.i("VPBROADCASTW", at(2*t, "BX"), "Y0")
	for i := range 2 {
		f.i("VPMULHRSW", y(7+i), "Y0", y(1+i))
		f.i("VPADDSW", y(1+i), y(1+i), y(1+i))
		f.i("VPADDSW", "Y11", y(1+i), y(1+i))
		f.i("VPSRAW", "$8", y(1+i), y(1+i))
	}
	f.i("VPACKSSWB", "Y2", "Y1", "Y1")
	f.i("VPSRLW", "$4", "Y1", "Y2")
	f.i("VPAND", "Y12", "Y2", "Y2")
	f.i("VPAND", "Y12", "Y1", "Y1")
	f.i("VPSHUFB", "Y2", "Y14", "Y3")
	f.i("VPSHUFB", "Y2", "Y13", "Y2")
	f.i("VPCMPGTB", "Y1", "Y3", "Y3")
	f.i("VPADDB", "Y3", "Y2", "Y2")
	f.i("VPSHUFB", "Y2", "Y15", "Y2")
	for i, op := range []string{"VPUNPCKLBW", "VPUNPCKHBW"} {
		f.i(op, "Y2", "Y2", y(3+i))
		f.i("VPSRAW", "$8", y(3+i), y(3+i))
	}
	for i := range 2 {
		f.i("VPMADDWD", at(64+32*i, "SI"), y(3+i), y(1+i))
		f.i("VPMULLW", y(3+i), y(3+i), y(3+i))
		f.i("VPMADDWD", at(128+32*i, "SI"), y(3+i), y(3+i))
	}
	for k, d := range []int{5, 6} {
		f.i("VPADDD", y(2+2*k), y(1+2*k), y(d))
		f.i("VCVTDQ2PS", y(d), y(d))
	}
	f.namedTail(t)
}

// namedMost keeps in Y0 the least that is left.
func (f *file) namedMost() {
	f.p("\n// func namedMostAVX2(found *uint32, lx, l2, all *float32, groups, first, rest uintptr)")
	f.fn("namedMostAVX2", 56)
	f.args("found", "DI", "lx", "SI", "l2", "DX", "all", "BX", "groups", "CX", "first", "R8", "rest", "R9")
	f.i("VMOVUPS", "namedOne<>(SB)", "Y15")
	f.i("VMOVUPS", "namedSixth<>(SB)", "Y14")
	f.i("VXORPS", "Y13", "Y13", "Y13")
	f.loop(1, func() {
		f.i("LEAQ", "namedNumber<>(SB)", "R10")
		f.i("VBROADCASTSS", "(BX)", "Y12")
		for k, n := range []string{"R8", "R9"} {
			f.i("VMOVUPS", "namedNever<>(SB)", "Y0")
			f.i("MOVQ", n, "R11")
			f.again("R11", 8, func() {
				f.i("VMOVUPS", "(SI)", "Y1")
				f.i("VMULPS", "Y1", "Y1", "Y1")
				f.i("VMAXPS", "(DX)", "Y15", "Y2")
				f.i("VDIVPS", "Y2", "Y1", "Y1")
				f.i("VSUBPS", "Y1", "Y12", "Y1")
				f.i("VMAXPS", "Y13", "Y1", "Y1")
				f.i("VANDPS", "Y14", "Y1", "Y1")
				f.i("VORPS", "(R10)", "Y1", "Y1")
				f.i("VMINPS", "Y1", "Y0", "Y0")
				for _, p := range []string{"SI", "DX", "R10"} {
					f.i("ADDQ", "$32", p)
				}
			})
			f.foldLanes("VMINPS")
			f.i("VMOVD", "X0", "AX")
			f.i("ANDL", "$63", "AX")
			f.i("MOVL", "AX", at(4*k, "DI"))
		}
		f.i("ADDQ", "$8", "DI")
		f.i("ADDQ", "$4", "BX")
	})
	f.p("\tVZEROUPPER\n\tRET")
}
