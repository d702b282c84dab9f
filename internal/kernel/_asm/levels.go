package main

import "fmt"

// levelsAMD64 writes the levels of groups of weights that lie one after the other, n (16 or 32) in each: (x + min) times or
// divided by the factor of the group, rounded, between two levels, as bytes that count from the lower one.
func levelsAMD64(f *file) {
	for _, op := range []string{"Mul", "Div"} {
		f.levels("levels"+op+"AVX2", "V"+op[:3], false)
		f.levels("levels"+op+"AVX512", "V"+op[:3], true)
	}
}

func (f *file) levels(name, op string, wide bool) {
	op = map[string]string{"VMul": "VMULPS", "VDiv": "VDIVPS"}[op]
	f.p("\n// func %s(dst *uint8, x, factor, min *float32, groups, n uintptr, lo, hi float32)", name)
	f.fn(name, 56)
	f.args("dst", "DI", "x", "SI", "factor", "R8", "min", "R9", "groups", "R10", "n", "DX")
	r, round := y, "VROUNDPS"
	if wide {
		r, round = z, "VRNDSCALEPS"
	}
	f.i("VBROADCASTSS", "lo+48(FP)", r(4))
	f.i("VBROADCASTSS", "hi+52(FP)", r(5))
	group := f.label("group")
	f.at(group)
	f.i("VBROADCASTSS", "(R8)", r(7))
	f.i("VBROADCASTSS", "(R9)", r(8))
	f.i("MOVQ", "DX", "CX")
	f.loop(16, func() {
		n := 2
		if wide {
			n = 1
		}
		for i := range n {
			f.i("VADDPS", fmt.Sprintf("%d(SI)", 32*i), r(8), r(i))
			f.i(op, r(7), r(i), r(i))
			f.i(round, "$8", r(i), r(i))
			f.i("VMAXPS", r(4), r(i), r(i))
			f.i("VMINPS", r(5), r(i), r(i))
			f.i("VSUBPS", r(4), r(i), r(i))
			f.i("VCVTTPS2DQ", r(i), r(i))
		}
		if wide {
			f.i("VPMOVDB", "Z0", "(DI)")
		} else {
			f.i("VPACKSSDW", "Y1", "Y0", "Y0")
			f.i("VPERMQ", "$0xd8", "Y0", "Y0")
			f.i("VEXTRACTI128", "$1", "Y0", "X1")
			f.i("VPACKUSWB", "X1", "X0", "X0")
			f.i("VMOVDQU", "X0", "(DI)")
		}
		f.i("ADDQ", "$64", "SI")
		f.i("ADDQ", "$16", "DI")
	})
	f.i("ADDQ", "$4", "R8")
	f.i("ADDQ", "$4", "R9")
	f.i("SUBQ", "$1", "R10")
	f.i("JNE", group)
	f.p("\tVZEROUPPER\n\tRET")
}

func levelsARM64(f *file) {
	for _, op := range []string{"Mul", "Div"} {
		f.levelsNEON("levels"+op+"NEON", map[string]string{"Mul": "VMULPS", "Div": "VDIVPS"}[op])
	}
}

func (f *file) levelsNEON(name, op string) {
	f.p("\n// func %s(dst *uint8, x, factor, min *float32, groups, n uintptr, lo, hi float32)", name)
	f.fn(name, 56)
	for i, arg := range []string{"dst", "x", "factor", "min", "groups", "n"} {
		f.i("MOVD", fmt.Sprintf("%s+%d(FP)", arg, 8*i), fmt.Sprintf("R%d", i))
	}
	for i, arg := range []string{"lo", "hi"} {
		f.i("MOVWU", fmt.Sprintf("%s+%d(FP)", arg, 48+4*i), "R7")
		f.i("VDUP", "R7", v(16+i, "S4"))
	}
	op4 := func(name string, d, a, b int) {
		f.word(neonOps[name]|uint32(b)<<16|uint32(a)<<5|uint32(d), fmt.Sprintf("%s V%d, V%d, V%d", name, d, a, b))
	}
	group := f.label("group")
	f.at(group)
	f.i("VLD1R.P", "4(R2)", "[V19.S4]")
	f.i("VLD1R.P", "4(R3)", "[V20.S4]")
	f.i("MOVD", "R5", "R6")
	again := f.label("again")
	f.at(again)
	f.i("VLD1.P", "64(R1)", regs(0, 4, "S4"))
	for i := range 4 {
		op4("VADDPS", i, i, 20)
		op4(op, i, i, 19)
		f.word(uint32(0x4e218800|i<<5|i), v(i, "S4")+" rounded")
		op4("VMAXPS", i, i, 16)
		op4("VMINPS", i, i, 17)
		op4("VSUBPS", i, i, 16)
		f.word(uint32(0x4ea1b800|i<<5|i), v(i, "S4")+" as integers")
	}
	f.i("VUZP1", v(1, "H8"), v(0, "H8"), v(0, "H8"))
	f.i("VUZP1", v(3, "H8"), v(2, "H8"), v(2, "H8"))
	f.i("VUZP1", v(2, "B16"), v(0, "B16"), v(0, "B16"))
	f.i("VST1.P", regs(0, 1, "B16"), "16(R0)")
	f.i("SUBS", "$16", "R6")
	f.i("BNE", again)
	f.i("SUBS", "$1", "R4")
	f.i("BNE", group)
	f.p("\tRET")
}
