package main

import "fmt"

// cutsAMD64 writes what llama-quantize's plain encoders do with blocks of 32 weights: the extremes of each, and codes by truncation.
func cutsAMD64(f *file) {
	for _, wide := range []bool{false, true} {
		f.cuts(wide)
	}
	f.blockExtremes()
}

// cuts goes over blocks: SI is x, DI the codes, R8 and R9 a factor and an offset for each.
func (f *file) cuts(wide bool) {
	r, set, n := y, "AVX2", 2
	if wide {
		r, set, n = z, "AVX512", 1
	}
	f.p("\n// func cuts%s(dst *uint8, x, factor, min *float32, blocks uintptr, bias, hi float32)", set)
	f.fn("cuts"+set, 48)
	f.args("dst", "DI", "x", "SI", "factor", "R8", "min", "R9", "blocks", "CX")
	f.i("VBROADCASTSS", "bias+40(FP)", r(8))
	f.i("VBROADCASTSS", "hi+44(FP)", r(9))
	f.i("VXORPS", r(10), r(10), r(10))
	f.loop(1, func() {
		f.i("VBROADCASTSS", "(R8)", r(11))
		f.i("VBROADCASTSS", "(R9)", r(12))
		for half := range 2 {
			for i := range n {
				f.i("VADDPS", fmt.Sprintf("%d(SI)", 64*half+32*i), r(12), r(i))
				f.i("VMULPS", r(11), r(i), r(i))
				f.i("VADDPS", r(8), r(i), r(i))
				f.i("VMAXPS", r(10), r(i), r(i))
				f.i("VMINPS", r(9), r(i), r(i))
				f.i("VCVTTPS2DQ", r(i), r(i))
			}
			if wide {
				f.i("VPMOVDB", "Z0", fmt.Sprintf("%d(DI)", 16*half))
			} else {
				f.i("VPACKSSDW", "Y1", "Y0", "Y0")
				f.i("VPERMQ", "$0xd8", "Y0", "Y0")
				f.i("VEXTRACTI128", "$1", "Y0", "X1")
				f.i("VPACKUSWB", "X1", "X0", "X0")
				f.i("VMOVDQU", "X0", fmt.Sprintf("%d(DI)", 16*half))
			}
		}
		f.i("ADDQ", "$128", "SI")
		f.i("ADDQ", "$32", "DI")
		f.i("ADDQ", "$4", "R8")
		f.i("ADDQ", "$4", "R9")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

func (f *file) blockExtremes() {
	f.p("\n// func blockExtremesAVX2(hi, lo, x *float32, blocks uintptr)")
	f.fn("blockExtremesAVX2", 32)
	f.args("hi", "DI", "lo", "R8", "x", "SI", "blocks", "CX")
	f.loop(1, func() {
		for i := range 4 {
			f.i("VMOVUPS", fmt.Sprintf("%d(SI)", 32*i), y(i))
		}
		for k, op := range []string{"VMAXPS", "VMINPS"} {
			a, b := 4+2*k, 5+2*k
			f.i(op, y(1), y(0), y(a))
			f.i(op, y(3), y(2), y(b))
			f.fold(op, y(a), y(b))
			f.i("VMOVSS", x(a), []string{"(DI)", "(R8)"}[k])
		}
		f.i("ADDQ", "$128", "SI")
		f.i("ADDQ", "$4", "DI")
		f.i("ADDQ", "$4", "R8")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

func cutsARM64(f *file) {
	f.cutsNEON()
	f.p("\n// func blockExtremesNEON(hi, lo, x *float32, blocks uintptr)")
	f.fn("blockExtremesNEON", 32)
	for i, arg := range []string{"hi", "lo", "x", "blocks"} {
		f.i("MOVD", fmt.Sprintf("%s+%d(FP)", arg, 8*i), fmt.Sprintf("R%d", i))
	}
	again := f.label("again")
	f.at(again)
	f.i("VLD1.P", "64(R2)", regs(0, 4, "S4"))
	f.i("VLD1.P", "64(R2)", regs(4, 4, "S4"))
	for k, op := range []string{"VMAXPS", "VMINPS"} {
		d := 8 + k
		f.neonOp(op, d, 0, 1)
		for i := 2; i < 8; i++ {
			f.neonOp(op, d, d, i)
		}
		f.word([]uint32{0x6e30f800, 0x6eb0f800}[k]|uint32(d<<5|d), fmt.Sprintf("%sV F%d, V%d.S4", op, d, d))
		f.i("FMOVS.P", fmt.Sprintf("F%d", d), fmt.Sprintf("4(R%d)", k))
	}
	f.i("SUBS", "$1", "R3")
	f.i("BNE", again)
	f.p("\tRET")
}

func (f *file) neonOp(name string, d, a, b int) {
	f.word(neonOps[name]|uint32(b)<<16|uint32(a)<<5|uint32(d), fmt.Sprintf("%s V%d, V%d, V%d", name, d, a, b))
}

func (f *file) cutsNEON() {
	f.p("\n// func cutsNEON(dst *uint8, x, factor, min *float32, blocks uintptr, bias, hi float32)")
	f.fn("cutsNEON", 48)
	for i, arg := range []string{"dst", "x", "factor", "min", "blocks"} {
		f.i("MOVD", fmt.Sprintf("%s+%d(FP)", arg, 8*i), fmt.Sprintf("R%d", i))
	}
	for i, arg := range []string{"bias", "hi"} {
		f.i("MOVWU", fmt.Sprintf("%s+%d(FP)", arg, 40+4*i), "R7")
		f.i("VDUP", "R7", v(16+i, "S4"))
	}
	f.clear(18)
	again := f.label("again")
	f.at(again)
	f.i("VLD1R.P", "4(R2)", "[V22.S4]")
	f.i("VLD1R.P", "4(R3)", "[V23.S4]")
	for range 2 {
		f.i("VLD1.P", "64(R1)", regs(0, 4, "S4"))
		for i := range 4 {
			f.neonOp("VADDPS", i, i, 23)
			f.neonOp("VMULPS", i, i, 22)
			f.neonOp("VADDPS", i, i, 16)
			f.neonOp("VMAXPS", i, i, 18)
			f.neonOp("VMINPS", i, i, 17)
			f.word(uint32(0x4ea1b800|i<<5|i), v(i, "S4")+" as integers")
		}
		f.i("VUZP1", v(1, "H8"), v(0, "H8"), v(0, "H8"))
		f.i("VUZP1", v(3, "H8"), v(2, "H8"), v(2, "H8"))
		f.i("VUZP1", v(2, "B16"), v(0, "B16"), v(0, "B16"))
		f.i("VST1.P", regs(0, 1, "B16"), "16(R0)")
	}
	f.i("SUBS", "$1", "R4")
	f.i("BNE", again)
	f.p("\tRET")
}
