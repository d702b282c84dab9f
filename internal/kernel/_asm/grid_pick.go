package main

import "fmt"

func (f *file) gridAim() {
	f.p("\n// func gridAimAVX2(times *uint32, scale *float32, scales, window uintptr, top float32)")
	f.fn("gridAimAVX2", 36)
	f.args("times", "DI", "scale", "SI", "scales", "CX", "window", "AX")
	f.i("VBROADCASTSS", "top+32(FP)", "Y15")
	f.i("VMOVUPS", "gridOne<>(SB)", "Y14")
	f.i("VMOVD", "AX", "X13")
	f.i("VPBROADCASTD", "X13", "Y13")
	f.again("CX", 8, func() {
		f.i("VMOVUPS", "(SI)", "Y0")
		f.i("VMAXPS", "Y14", "Y0", "Y1")
		f.i("VDIVPS", "Y1", "Y15", "Y1")
		f.i("VMULPS", "Y1", "Y0", "Y0")
		f.i("VCVTPS2DQ", "Y1", "Y1")
		f.i("VCVTPS2DQ", "Y0", "Y0")
		f.i("VPMULLD", "Y13", "Y1", "Y1")
		f.i("VPMULLD", "Y13", "Y0", "Y0")
		f.i("VPXOR", "Y2", "Y2", "Y2")
		f.i("VPSUBD", "Y0", "Y2", "Y0")
		f.i("VPSLLD", "$16", "Y0", "Y0")
		f.i("VPBLENDW", "$0xaa", "Y0", "Y1", "Y0")
		f.i("VMOVDQU", "Y0", "(DI)")
		f.i("ADDQ", "$32", "SI")
		f.i("ADDQ", "$32", "DI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// gridPick looks at four scales together, so many vectors of candidates for each: the largest of each are found by turning four vectors into one.
// Then it goes once more over what was found, and adds it up.
func (f *file) gridPick(name string, n int) {
	low, wide := "gridLow<>(SB)", n == 8
	if wide {
		low = "gridLowWide<>(SB)"
	}
	f.p("\n// func %s(found *uint32, lx, l2, step *float32, times, first *uint32, points, groups, fours uintptr, pair *uint32)", name)
	f.fn(name, 80)
	f.args("found", "DI", "lx", "R8", "l2", "R9", "step", "R15", "times", "R10", "first", "R11")
	f.i("MOVQ", "pair+72(FP)", "SI")
	// Where the candidates of each scale begin, unless all are looked at.
	offset := []string{"AX", "BX", "R12", "R13"}
	f.i("VMOVDQU", low, "X14")
	f.gridFours([]string{"R10", "R11"}, func() {
		for t, o := range offset {
			f.i("VPBROADCASTD", at(64*t, "R10"), y(t))
			if !wide {
				f.i("MOVL", at(64*t, "R11"), o)
			}
		}
		if wide {
			return
		}
		f.i("VMOVD", "(R11)", "X13")
		for t := 1; t < 4; t++ {
			f.i("VPINSRD", dollar(t), at(64*t, "R11"), "X13", "X13")
		}
	}, func() {
		for t, o := range offset {
			for v := range n {
				to := y(8 + v%2)
				if v == 0 {
					to = y(4 + t)
				}
				if wide {
					f.i("VPMADDWD", at(32*v, "SI"), y(t), to)
				} else {
					f.i("VPMADDWD", fmt.Sprintf("%d(SI)(%s*4)", 32*v, o), y(t), to)
				}
				f.i("VPOR", fmt.Sprintf("gridIndex<>+%d(SB)", 32*v), to, to)
				if v > 0 {
					f.i("VPMAXSD", to, y(4+t), y(4+t))
				}
			}
		}
		for _, a := range []int{4, 6} {
			f.i("VUNPCKLPS", y(a+1), y(a), "Y8")
			f.i("VUNPCKHPS", y(a+1), y(a), "Y9")
			f.i("VPMAXSD", "Y9", "Y8", y(a))
		}
		f.i("VUNPCKLPD", "Y6", "Y4", "Y8")
		f.i("VUNPCKHPD", "Y6", "Y4", "Y9")
		f.i("VPMAXSD", "Y9", "Y8", "Y8")
		f.i("VEXTRACTI128", "$1", "Y8", "X9")
		f.i("VPMAXSD", "X9", "X8", "X8")
		f.i("VPAND", "X14", "X8", "X8")
		if !wide {
			f.i("VPADDD", "X13", "X8", "X8")
		}
		f.i("VMOVDQU", "X8", "(DI)")
	}, func() {})
	f.args("found", "DI")
	f.i("MOVQ", "step+24(FP)", "R15")
	f.i("MOVQ", "pair+72(FP)", "SI")
	f.gridFours([]string{"R8", "R9"}, func() {
		f.i("VXORPS", "X11", "X11", "X11")
		f.i("VXORPS", "X12", "X12", "X12")
	}, func() {
		for t := range 4 { // one by one, which is faster than gathering
			f.i("MOVL", at(4*t, "DI"), "AX")
			if t == 0 {
				f.i("VMOVD", "(SI)(AX*4)", "X9")
			} else {
				f.i("VPINSRD", dollar(t), "(SI)(AX*4)", "X9", "X9")
			}
		}
		f.i("VBROADCASTSS", "(R15)", "X8")
		f.i("VPSRAD", "$16", "X9", "X10")
		f.i("VPSLLD", "$16", "X9", "X9")
		f.i("VPSRAD", "$16", "X9", "X9")
		for k, r := range []string{"X9", "X10"} {
			f.i("VCVTDQ2PS", r, r)
			f.i("VMULPS", "X8", r, r)
			f.i("VADDPS", r, fmt.Sprintf("X%d", 11+k), fmt.Sprintf("X%d", 11+k))
		}
	}, func() {
		for k, to := range []string{"R8", "R9"} {
			f.i("VMOVSS", fmt.Sprintf("X%d", 11+k), at(0, to))
			for t := 1; t < 4; t++ {
				f.i("VEXTRACTPS", dollar(t), fmt.Sprintf("X%d", 11+k), at(64*t, to))
			}
		}
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// gridFours goes through groups, of each through its fours of scales, of each of these through the points: what is found at DI, sums at SI and steps at
// R15. The given pointers are at a group and a scale.
func (f *file) gridFours(pointer []string, before, point, after func()) {
	f.i("MOVQ", "groups+56(FP)", "CX")
	f.loop(1, func() {
		four, again, next := f.label("four"), f.label("again"), f.label("next")
		f.i("MOVQ", "fours+64(FP)", "R14")
		f.at(four)
		before()
		f.i("MOVQ", "points+48(FP)", "DX")
		f.at(again)
		point()
		f.i("ADDQ", "$16", "DI")
		f.i("ADDQ", "$256", "SI")
		f.i("ADDQ", "$4", "R15")
		f.i("DECQ", "DX")
		f.i("JNE", again)
		after()
		// Back to the first point of the group, unless this was the last of its fours.
		f.i("DECQ", "R14")
		f.i("JEQ", next)
		f.i("MOVQ", "points+48(FP)", "DX")
		f.i("SHLQ", "$2", "DX")
		f.i("SUBQ", "DX", "R15")
		f.i("SHLQ", "$6", "DX")
		f.i("SUBQ", "DX", "SI")
		for _, p := range pointer {
			f.i("ADDQ", "$256", p)
		}
		f.i("JMP", four)
		f.at(next)
		f.i("MOVQ", "fours+64(FP)", "DX")
		f.i("DECQ", "DX")
		f.i("SHLQ", "$8", "DX")
		for _, p := range pointer {
			f.i("SUBQ", "DX", p)
			f.i("ADDQ", "$4", p)
		}
	})
}

func (f *file) gridSumsBegin(set string) {
	f.p("\n// func gridSums%s(p, q *float32, member *uint16, n uintptr, tp, tq *float32)", set)
	f.fn("gridSums"+set, 48)
	f.args("p", "DI", "q", "R8", "member", "SI", "n", "CX", "tp", "R10", "tq", "R11")
}

func (f *file) gridSums512() {
	f.gridSumsBegin("AVX512")
	for k := range 4 {
		f.i("VMOVUPS", at(64*k, "R10"), z(4+k))
		f.i("VMOVUPS", at(64*k, "R11"), z(8+k))
	}
	f.loop(16, func() {
		f.i("VPMOVZXWD", "(SI)", "Z0")
		f.slotSums512("(DI)", "(R8)")
		f.i("ADDQ", "$32", "SI")
		f.i("ADDQ", "$64", "DI")
		f.i("ADDQ", "$64", "R8")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// gridSums256 looks into both halves of sixteen entries, and takes one by the nibble's highest bit.
func (f *file) gridSums256() {
	f.gridSumsBegin("AVX2")
	f.loop(8, func() {
		f.i("VPMOVZXWD", "(SI)", "Y0")
		for k := 1; k < 4; k++ {
			f.i("VPSRLD", dollar(4*k), "Y0", y(k))
		}
		for k := range 4 {
			f.i("VPSLLD", "$28", y(k), y(4+k))
		}
		for t, to := range []string{"(DI)", "(R8)"} {
			from := []string{"R10", "R11"}[t]
			for k := range 4 {
				f.i("VPERMPS", at(64*k, from), y(k), y(8+k))
				f.i("VPERMPS", at(64*k+32, from), y(k), "Y12")
				f.i("VBLENDVPS", y(4+k), "Y12", y(8+k), y(8+k))
			}
			f.i("VADDPS", "Y9", "Y8", "Y8")
			f.i("VADDPS", "Y11", "Y10", "Y10")
			f.i("VADDPS", "Y10", "Y8", "Y8")
			f.i("VMOVUPS", "Y8", to)
		}
		f.i("ADDQ", "$16", "SI")
		f.i("ADDQ", "$32", "DI")
		f.i("ADDQ", "$32", "R8")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// gridMost keeps each lane's first largest, and of the lanes' the first.
func (f *file) gridMost(wide bool) {
	set, r, n := "AVX2", y, 8
	if wide {
		set, r, n = "AVX512", z, 16
	}
	f.p("\n// func gridMost%s(p, q *float32, n uintptr, s float32) int", set)
	f.fn("gridMost"+set, 40)
	f.args("p", "SI", "q", "DI", "n", "CX")
	f.i("VBROADCASTSS", "s+24(FP)", r(0))
	f.i("VMOVUPS", "gridLeast<>(SB)", r(1))
	f.i("VXORPS", r(2), r(2), r(2))
	f.i("VMOVUPS", "gridIndex<>(SB)", r(3))
	f.loop(n, func() {
		f.i("VMULPS", "(DI)", r(0), r(4))
		f.i("VMOVUPS", "(SI)", r(5))
		f.i("VSUBPS", r(4), r(5), r(4))
		if wide {
			f.i("VCMPPS", "$0x1e", "Z1", "Z4", "K1")
			f.i("VMOVAPS", "Z4", "K1", "Z1")
			f.i("VMOVAPS", "Z3", "K1", "Z2")
			f.i("VPADDD", "gridSixteen<>(SB)", "Z3", "Z3")
		} else {
			f.i("VCMPPS", "$0x1e", "Y1", "Y4", "Y5")
			f.i("VBLENDVPS", "Y5", "Y4", "Y1", "Y1")
			f.i("VBLENDVPS", "Y5", "Y3", "Y2", "Y2")
			f.i("VPADDD", "gridEight<>(SB)", "Y3", "Y3")
		}
		f.i("ADDQ", dollar(4*n), "SI")
		f.i("ADDQ", dollar(4*n), "DI")
	})
	f.i("VMOVAPS", r(1), r(4))
	f.gridFold("VMAXPS", wide, 4)
	f.i("VBROADCASTSS", "X4", r(4))
	f.i("VMOVUPS", "gridNever<>(SB)", r(5))
	if wide {
		f.i("VCMPPS", "$0", "Z4", "Z1", "K1")
		f.i("VMOVAPS", "Z2", "K1", "Z5")
	} else {
		f.i("VCMPPS", "$0", "Y4", "Y1", "Y4")
		f.i("VBLENDVPS", "Y4", "Y2", "Y5", "Y5")
	}
	f.gridFold("VPMINSD", wide, 5)
	f.i("VMOVD", "X5", "AX")
	f.i("MOVQ", "AX", "ret+32(FP)")
	f.p("\tVZEROUPPER\n\tRET")
}

// gridFold brings all lanes of a register together in its first; the next register but one is lost.
func (f *file) gridFold(op string, wide bool, v int) {
	x := func(n int) string { return fmt.Sprintf("X%d", n) }
	if wide {
		f.i("VEXTRACTF64X4", "$1", z(v), y(v+2))
		f.i(op, y(v+2), y(v), y(v))
	}
	f.i("VEXTRACTF128", "$1", y(v), x(v+2))
	f.i(op, x(v+2), x(v), x(v))
	for _, swap := range []string{"$0x4e", "$0xb1"} {
		f.i("VPERMILPS", swap, x(v), x(v+2))
		f.i(op, x(v+2), x(v), x(v))
	}
}
