package main

import "math"

// fitsAMD64 writes what codebook searches ask of lines: eight groups to a vector, two vectors of them.
func fitsAMD64(f *file) {
	f.constant("fitsHalf", floatBits(0.5), 8)
	f.gridSettle()
	f.gridLosses("gridLossesAVX2", 2)
	f.gridLosses("gridLossesHalfAVX2", 1)
	f.constant("fitsOne", 1, 8)
	f.constant("fitsNever", floatBits(math.Inf(1)), 8)
	f.gridLeast()
}

// gridLeast keeps for both vectors the least loss in Y0 and Y1, where it is in Y2 and Y3, and what was chosen there in Y4…Y7.
func (f *file) gridLeast() {
	f.p("\n// func gridLeastAVX2(number *uint32, lx, l2, fromX, from2, scale *float32, scales uintptr)")
	f.fn("gridLeastAVX2", 56)
	f.args("number", "DI", "lx", "R8", "l2", "R9", "fromX", "R10", "from2", "R11", "scale", "SI", "scales", "CX")
	for v := range 2 {
		f.i("VMOVUPS", "fitsNever<>(SB)", y(v))
	}
	f.i("VPXOR", "Y15", "Y15", "Y15")
	f.loop(1, func() {
		for v := range 2 {
			f.i("VMOVUPS", at(32*v, "SI"), "Y8")
			f.i("VMOVUPS", at(32*v, "R10"), "Y9")
			f.i("VMOVUPS", at(32*v, "R11"), "Y10")
			f.i("VMULPS", "Y10", "Y8", "Y11")
			f.i("VSUBPS", "Y9", "Y11", "Y11")
			f.i("VMULPS", "Y8", "Y11", "Y11")
			f.i("VCMPPS", "$0x11", y(v), "Y11", "Y12")
			for from, to := range []int{11, 15, 9, 10} {
				f.i("VBLENDVPS", "Y12", y(to), y(2*from+v), y(2*from+v))
			}
		}
		f.i("VPADDD", "fitsOne<>(SB)", "Y15", "Y15")
		for _, p := range []string{"SI", "R10", "R11"} {
			f.i("ADDQ", "$64", p)
		}
	})
	for v := range 2 {
		for k, to := range []string{"DI", "R8", "R9"} {
			f.i("VMOVUPS", y(2+2*k+v), at(32*v, to))
		}
	}
	f.p("\tVZEROUPPER\n\tRET")
}

// gridSettle keeps what explains most in Y0 and Y1, its scale in Y2 and Y3.
func (f *file) gridSettle() {
	f.p("\n// func gridSettleAVX2(ideal, most, lx, l2 *float32, lines uintptr)")
	f.fn("gridSettleAVX2", 40)
	f.args("ideal", "DI", "most", "SI", "lx", "R8", "l2", "R9", "lines", "CX")
	for v := range 4 {
		f.i("VXORPS", y(v), y(v), y(v))
	}
	f.i("VXORPS", "Y8", "Y8", "Y8")
	f.loop(1, func() {
		for v := range 2 {
			f.i("VMOVUPS", at(32*v, "R8"), "Y4")
			f.i("VDIVPS", at(32*v, "R9"), "Y4", "Y5")
			f.i("VMULPS", "Y4", "Y5", "Y6")
			f.i("VCMPPS", "$0x1e", "Y8", "Y5", "Y7")
			f.i("VCMPPS", "$0x1e", y(v), "Y6", "Y4")
			f.i("VANDPS", "Y7", "Y4", "Y4")
			f.i("VBLENDVPS", "Y4", "Y6", y(v), y(v))
			f.i("VBLENDVPS", "Y4", "Y5", y(2+v), y(2+v))
		}
		f.i("ADDQ", "$64", "R8")
		f.i("ADDQ", "$64", "R9")
	})
	for v := range 2 {
		f.i("VMOVUPS", y(v), at(32*v, "SI"))
		f.i("VMULPS", "fitsHalf<>(SB)", y(2+v), y(2+v))
		f.i("VMOVUPS", y(2+v), at(32*v, "DI"))
	}
	f.p("\tVZEROUPPER\n\tRET")
}

// gridLosses has in Y0…Y3 the lower and the higher scale of both vectors, or of one, in Y4…Y7 the least of their lines.
func (f *file) gridLosses(name string, vectors int) {
	f.p("\n// func %s(loss, times, lx, l2 *float32, lines, tries uintptr, ideal, step, weight *float32, number *uint32, most float32)", name)
	f.fn(name, 84)
	f.args("loss", "DI", "times", "SI", "lx", "R8", "l2", "R9", "lines", "DX", "tries", "CX", "ideal", "R10", "step", "R11", "weight", "R12", "number", "R13")
	f.i("VBROADCASTSS", "most+80(FP)", "Y15")
	f.i("VMOVUPS", "fitsHalf<>(SB)", "Y14")
	f.i("VXORPS", "Y13", "Y13", "Y13")
	f.loop(1, func() {
		f.i("VBROADCASTSS", "(SI)", "Y12")
		for v := range vectors {
			first := y(8 + v)
			f.i("VMULPS", at(32*v, "R11"), "Y12", "Y4")
			f.i("VADDPS", "Y4", "Y4", "Y5")
			f.i("VMOVUPS", at(32*v, "R10"), "Y6")
			f.i("VDIVPS", "Y5", "Y6", "Y6")
			f.i("VSUBPS", "Y14", "Y6", "Y6")
			f.i("VMAXPS", "Y13", "Y6", "Y6")
			f.i("VMINPS", "Y15", "Y6", "Y6")
			f.i("VCVTTPS2DQ", "Y6", first)
			f.i("VCVTDQ2PS", first, "Y6")
			f.i("VADDPS", "Y6", "Y6", "Y6")
			f.i("VMULPS", "Y4", "Y6", "Y6")
			f.i("VADDPS", "Y4", "Y6", y(v))
			f.i("VADDPS", "Y5", y(v), y(2+v))
		}
		line := func(to func(v int) string, fold bool) {
			for v := range 4 {
				if v%2 >= vectors {
					continue
				}
				f.i("VMULPS", at(32*(v%2), "BX"), y(v), to(v))
				f.i("VSUBPS", at(32*(v%2), "AX"), to(v), to(v))
				if fold {
					f.i("VMINPS", y(4+v), to(v), y(4+v))
				}
			}
		}
		f.i("MOVQ", "R8", "AX")
		f.i("MOVQ", "R9", "BX")
		line(func(v int) string { return y(4 + v) }, false)
		f.i("MOVQ", "DX", "R15")
		again, end := f.label("line"), f.label("lines")
		f.at(again)
		f.i("DECQ", "R15")
		f.i("JEQ", end)
		f.i("ADDQ", "$64", "AX")
		f.i("ADDQ", "$64", "BX")
		line(func(v int) string { return y(10 + v%2) }, true)
		f.i("JMP", again)
		f.at(end)
		for v := range vectors {
			f.i("VMULPS", y(v), y(4+v), y(4+v))
			f.i("VMULPS", y(2+v), y(6+v), y(6+v))
			f.i("VCMPPS", "$0x11", y(4+v), y(6+v), "Y10")
			f.i("VPSUBD", "Y10", y(8+v), y(8+v))
			f.i("VMOVDQU", y(8+v), at(32*v, "R13"))
			f.i("VMINPS", y(6+v), y(4+v), y(4+v))
			f.i("VMULPS", at(32*v, "R12"), y(4+v), y(4+v))
		}
		if vectors == 2 {
			f.i("VADDPS", "Y5", "Y4", "Y4")
		}
		f.i("VEXTRACTF128", "$1", "Y4", "X5")
		f.i("VADDPS", "X5", "X4", "X4")
		for _, swap := range []string{"$0x4e", "$0xb1"} {
			f.i("VPERMILPS", swap, "X4", "X5")
			f.i("VADDPS", "X5", "X4", "X4")
		}
		f.i("VMOVSS", "X4", "(DI)")
		f.i("ADDQ", "$4", "DI")
		f.i("ADDQ", "$4", "SI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}
