package main

import (
	"fmt"
	"math"
)

// unitsAMD64 writes what searches know of groups before they begin (kernel.Tops and those beside it).
func unitsAMD64(f *file) {
	f.constant("unitsAbs", math.MaxInt32, 8)
	f.tops()
	f.units("unitsAVX2", false)
	f.units("unitsPlainAVX2", true)
	f.evenSigns()
	f.constant("unitsMost", floatBits(math.MaxFloat32), 1)
	f.signs()
	f.tame()
	f.weigh()
}

// again runs body as often as a register counts, in steps of so many.
func (f *file) again(counter string, step int, body func()) {
	label := f.label("again")
	f.at(label)
	body()
	f.i("SUBQ", dollar(step), counter)
	f.i("JNE", label)
}

// foldLanes brings all lanes of Y0 together in all of them; Y4 is lost.
func (f *file) foldLanes(op string) {
	f.i("VPERM2F128", "$1", "Y0", "Y0", "Y4")
	f.i(op, "Y4", "Y0", "Y0")
	for _, swap := range []string{"$0x4e", "$0xb1"} {
		f.i("VPERMILPS", swap, "Y0", "Y4")
		f.i(op, "Y4", "Y0", "Y0")
	}
}

// tops keeps magnitudes in Y0, weights in Y1, sums in Y2 and the largest parts of them in Y3.
func (f *file) tops() {
	f.p("\n// func topsAVX2(top, heavy *float32, sum, most *float64, x, w *float32, groups, n uintptr)")
	f.fn("topsAVX2", 64)
	f.args("top", "DI", "heavy", "R8", "sum", "R9", "most", "R10", "x", "SI", "w", "DX", "groups", "CX", "n", "R11")
	f.i("VMOVUPS", "unitsAbs<>(SB)", "Y15")
	f.loop(1, func() {
		for i := range 4 {
			f.i("VXORPS", y(i), y(i), y(i))
		}
		f.i("MOVQ", "SI", "R13")
		f.i("MOVQ", "R11", "R12")
		f.again("R12", 8, func() {
			f.i("VANDPS", "(SI)", "Y15", "Y4")
			f.i("VMAXPS", "Y4", "Y0", "Y0")
			f.i("VMOVUPS", "(DX)", "Y4")
			f.i("VMAXPS", "Y4", "Y1", "Y1")
			for k := range 2 {
				f.i("VCVTPS2PD", at(16*k, "SI"), "Y5")
				f.i("VCVTPS2PD", at(16*k, "DX"), "Y6")
				f.i("VMULPD", "Y5", "Y5", "Y5")
				f.i("VMULPD", "Y5", "Y6", "Y6")
				f.i("VADDPD", "Y6", "Y2", "Y2")
				f.i("VMAXPD", "Y6", "Y3", "Y3")
			}
			f.i("ADDQ", "$32", "SI")
			f.i("ADDQ", "$32", "DX")
		})
		f.firstTop()
		f.i("VMOVAPS", "Y1", "Y0")
		f.foldLanes("VMAXPS")
		f.i("VMOVSS", "X0", "(R8)")
		for k, op := range []string{"VADDPD", "VMAXPD"} {
			v := 2 + k
			f.i("VEXTRACTF128", "$1", y(v), "X4")
			f.i(op, "X4", x(v), x(v))
			f.i("VPERMILPD", "$1", x(v), "X4")
			f.i(op, "X4", x(v), x(v))
			f.i("VMOVSD", x(v), []string{"(R9)", "(R10)"}[k])
		}
		f.i("ADDQ", "$4", "DI")
		f.i("ADDQ", "$4", "R8")
		f.i("ADDQ", "$8", "R9")
		f.i("ADDQ", "$8", "R10")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// firstTop stores the first of the weights from R13 on whose magnitude is the largest in Y0, or zero.
func (f *file) firstTop() {
	f.foldLanes("VMAXPS")
	none, seek := f.label("none"), f.label("seek")
	f.i("VMOVD", "X0", "AX")
	f.i("TESTL", "AX", "AX")
	f.i("JEQ", none)
	f.at(seek)
	f.i("VANDPS", "(R13)", "Y15", "Y4")
	f.i("VCMPPS", "$0", "Y0", "Y4", "Y4")
	f.i("VMOVMSKPS", "Y4", "BX")
	f.i("ADDQ", "$32", "R13")
	f.i("BSFL", "BX", "BX")
	f.i("JEQ", seek)
	f.i("MOVL", "-32(R13)(BX*4)", "AX")
	f.at(none)
	f.i("MOVL", "AX", "(DI)")
}

func (f *file) units(name string, plain bool) {
	f.p("\n// func %s(unit, heft, x, w, factor, lighter *float32, groups, n uintptr)", name)
	f.fn(name, 64)
	f.args("unit", "DI", "heft", "R8", "x", "SI", "w", "DX", "factor", "R9", "lighter", "R10", "groups", "CX", "n", "R11")
	f.i("VMOVUPS", "unitsAbs<>(SB)", "Y15")
	f.loop(1, func() {
		f.i("VBROADCASTSS", "(R9)", "Y0")
		f.i("VBROADCASTSS", "(R10)", "Y1")
		f.i("MOVQ", "R11", "R12")
		f.again("R12", 8, func() {
			if plain {
				f.i("VANDPS", "(SI)", "Y15", "Y2")
				f.i("VMULPS", "Y2", "Y0", "Y2")
			} else {
				f.i("VMULPS", "(SI)", "Y0", "Y2")
			}
			f.i("VMULPS", "(DX)", "Y1", "Y3")
			f.i("VMOVUPS", "Y2", "(DI)")
			f.i("VMOVUPS", "Y3", "(R8)")
			for _, p := range []string{"SI", "DX", "DI", "R8"} {
				f.i("ADDQ", "$32", p)
			}
		})
		f.i("ADDQ", "$4", "R9")
		f.i("ADDQ", "$4", "R10")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

func (f *file) evenSigns() {
	f.p("\n// func evenSignsAVX2(sign *uint8, unit, x, w *float32, eights uintptr)")
	f.fn("evenSignsAVX2", 40)
	f.args("sign", "DI", "unit", "R8", "x", "SI", "w", "DX", "eights", "CX")
	f.i("VXORPS", "Y1", "Y1", "Y1")
	f.again("CX", 1, func() {
		f.i("VMOVUPS", "(SI)", "Y0")
		f.i("VCMPPS", "$0x11", "Y1", "Y0", "Y2") // below zero
		f.i("VMOVMSKPS", "Y2", "AX")
		f.i("VMOVUPS", "(R8)", "Y0")
		f.i("VMULPS", "(DX)", "Y0", "Y0")
		f.i("VMOVAPS", "Y0", "Y2")
		f.foldLanes("VMINPS")
		f.i("VCMPPS", "$0", "Y0", "Y2", "Y2")
		f.i("VMOVMSKPS", "Y2", "BX")
		f.i("BSFL", "BX", "BX")
		f.i("POPCNTL", "AX", "R9")
		f.i("ANDL", "$1", "R9")
		f.i("MOVL", "R9", "R10")
		f.i("SHLL", "$31", "R10")
		f.i("XORL", "R10", "(R8)(BX*4)")
		f.i("SHLXL", "BX", "R9", "R9")
		f.i("XORL", "R9", "AX")
		f.i("MOVB", "AX", "(DI)")
		f.i("ADDQ", "$1", "DI")
		for _, p := range []string{"SI", "DX", "R8"} {
			f.i("ADDQ", "$32", p)
		}
	})
	f.p("\tVZEROUPPER\n\tRET")
}

func (f *file) signs() {
	f.p("\n// func signsAVX2(sign *uint8, x *float32, eights uintptr)")
	f.fn("signsAVX2", 24)
	f.args("sign", "DI", "x", "SI", "eights", "CX")
	f.again("CX", 1, func() {
		f.i("VMOVUPS", "(SI)", "Y0")
		f.i("VMOVMSKPS", "Y0", "AX")
		f.i("MOVB", "AX", "(DI)")
		f.i("ADDQ", "$32", "SI")
		f.i("ADDQ", "$1", "DI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

func (f *file) tame() {
	f.p("\n// func tameAVX2(dst, src *float32, n uintptr, most float32)")
	f.fn("tameAVX2", 28)
	f.args("dst", "DI", "src", "SI", "n", "CX")
	f.i("VBROADCASTSS", "most+24(FP)", "Y1")
	f.i("VXORPS", "Y2", "Y2", "Y2")
	f.i("VSUBPS", "Y1", "Y2", "Y2")
	f.again("CX", 8, func() {
		f.i("VMOVUPS", "(SI)", "Y0")
		f.i("VCMPPS", "$7", "Y0", "Y0", "Y3") // a number
		f.i("VANDPS", "Y3", "Y0", "Y0")
		f.i("VMINPS", "Y1", "Y0", "Y0")
		f.i("VMAXPS", "Y2", "Y0", "Y0")
		f.i("VMOVUPS", "Y0", "(DI)")
		f.i("ADDQ", "$32", "SI")
		f.i("ADDQ", "$32", "DI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// weigh returns zero where importance says nothing, else the sum of what it wrote.
func (f *file) weigh() {
	f.p("\n// func weighAVX2(w, x, importance *float32, n uintptr, h *Heft, part float32) (sum float32)")
	f.fn("weighAVX2", 52)
	f.args("w", "DI", "x", "SI", "importance", "DX", "n", "CX", "h", "R8")
	from := func() {
		f.i("MOVQ", "SI", "R9")
		f.i("MOVQ", "DX", "R10")
		f.i("MOVQ", "CX", "R11")
	}
	for v := range 2 {
		f.i("VXORPS", y(v), y(v), y(v))
	}
	from()
	f.again("R11", 8, func() {
		f.i("VADDPS", "(R10)", "Y0", "Y0")
		f.i("VMOVUPS", "(R9)", "Y2")
		f.i("VMULPS", "Y2", "Y2", "Y2")
		f.i("VADDPS", "Y2", "Y1", "Y1")
		f.i("ADDQ", "$32", "R9")
		f.i("ADDQ", "$32", "R10")
	})
	f.eightSums(0)
	f.eightSums(1)
	nothing, done := f.label("nothing"), f.label("done")
	f.i("VXORPS", "X15", "X15", "X15")
	f.i("VUCOMISS", "X15", "X0")
	f.i("JLS", nothing) // not above
	f.i("VUCOMISS", "unitsMost<>(SB)", "X0")
	f.i("JHI", nothing)
	f.i("VMOVSS", "part+40(FP)", "X2")
	for v, off := range []int{0, 4} {
		f.i("VMULSS", at(off, "R8"), "X2", "X3")
		f.i("VMULSS", "X3", fmt.Sprintf("X%d", v), fmt.Sprintf("X%d", v))
		f.i("VBROADCASTSS", fmt.Sprintf("X%d", v), y(v))
	}
	f.i("MOVL", at(4, "R8"), "AX") // times, as bits: no σ² at zero
	f.i("ADDL", "AX", "AX")
	f.i("MOVL", at(8, "R8"), "BX")
	f.i("VXORPS", "Y4", "Y4", "Y4")
	from()
	f.again("R11", 8, func() {
		plain, whole, three := f.label("plain"), f.label("whole"), f.label("three")
		f.i("VADDPS", "(R10)", "Y0", "Y2")
		f.i("TESTL", "AX", "AX")
		f.i("JEQ", plain)
		f.i("VMOVUPS", "(R9)", "Y3")
		f.i("VMULPS", "Y3", "Y3", "Y3")
		f.i("VADDPS", "Y3", "Y1", "Y3")
		f.i("VSQRTPS", "Y3", "Y3")
		f.i("VMULPS", "Y3", "Y2", "Y2")
		f.at(plain)
		f.i("TESTL", "BX", "BX")
		f.i("JEQ", whole)
		f.i("VSQRTPS", "Y2", "Y2")
		f.i("VSQRTPS", "Y2", "Y3")
		f.i("VMULPS", "Y3", "Y2", "Y2")
		f.i("CMPL", "BX", "$1")
		f.i("JNE", three)
		f.i("VSQRTPS", "Y3", "Y3")
		f.i("VMULPS", "Y3", "Y2", "Y2")
		f.at(three)
		f.at(whole)
		f.i("VMOVUPS", "Y2", "(DI)")
		f.i("VADDPS", "Y2", "Y4", "Y4")
		for _, p := range []string{"R9", "R10", "DI"} {
			f.i("ADDQ", "$32", p)
		}
	})
	f.eightSums(4)
	f.i("VMOVSS", "X4", "sum+48(FP)")
	f.i("JMP", done)
	f.at(nothing)
	f.i("VMOVSS", "X15", "sum+48(FP)")
	f.at(done)
	f.p("\tVZEROUPPER\n\tRET")
}

// eightSums leaves the sum of a register's lanes in its first; Y5 is lost.
func (f *file) eightSums(v int) {
	x := fmt.Sprintf("X%d", v)
	f.i("VEXTRACTF128", "$1", y(v), "X5")
	f.i("VADDPS", "X5", x, x)
	for _, swap := range []string{"$0x4e", "$0xb1"} {
		f.i("VPERMILPS", swap, x, "X5")
		f.i("VADDPS", "X5", x, x)
	}
}
