package main

import "fmt"

// gridPick looks at four scales together: the largest of each are found by turning four vectors into one.
func (f *file) gridPick(wide bool) {
	set, r, n := "AVX2", y, 4
	if wide {
		set, r, n = "AVX512", z, 2
	}
	name := "gridPick" + set
	f.p("\n// func %s(found *uint32, lx, l2, sum, scale *float32, first *uint32, points, scales uintptr)", name)
	f.fn(name, 64)
	f.args("found", "DI", "lx", "R8", "l2", "R9", "sum", "SI", "scale", "R10", "first", "R11", "points", "DX", "scales", "CX")
	// Where the candidates of each scale begin.
	offset := []string{"AX", "BX", "R12", "R13"}
	if wide {
		f.i("VMOVUPS", "gridCut<>(SB)", "Z31")
		f.i("VMOVUPS", "gridIndex<>(SB)", "Z30")
		f.i("VMOVUPS", "gridIndex<>+64(SB)", "Z29")
	}
	f.i("VMOVDQU", "gridLow<>(SB)", "X14")
	f.loop(4, func() {
		for t, o := range offset {
			f.i("VBROADCASTSS", at(4*t, "R10"), r(t))
			f.i("MOVL", at(4*t, "R11"), o)
			f.i("SHLQ", "$2", o)
			f.i("ADDQ", "SI", o)
		}
		f.i("VMOVDQU", "(R11)", "X13")
		f.i("VXORPS", "X11", "X11", "X11")
		f.i("VXORPS", "X12", "X12", "X12")
		f.i("MOVQ", "SI", "R15")
		f.i("MOVQ", "points+48(FP)", "DX")
		again := f.label("again")
		f.at(again)
		for t, o := range offset {
			for v := range n {
				to := r(8)
				if v == 0 {
					to = r(4 + t)
				}
				size := 32
				if wide {
					size = 64
				}
				f.i("VMULPS", at(256+size*v, o), r(t), to)
				f.i("VMOVUPS", at(size*v, o), r(9))
				f.i("VSUBPS", to, r(9), to)
				if wide {
					f.i("VPTERNLOGD", "$0xea", z(30-v), "Z31", to)
				} else {
					f.i("VANDPS", "gridCut<>(SB)", to, to)
					f.i("VORPS", fmt.Sprintf("gridIndex<>+%d(SB)", 32*v), to, to)
				}
				if v > 0 {
					f.i("VMAXPS", to, r(4+t), r(4+t))
				}
			}
			f.i("ADDQ", "$512", o)
		}
		for _, a := range []int{4, 6} {
			f.i("VUNPCKLPS", r(a+1), r(a), r(8))
			f.i("VUNPCKHPS", r(a+1), r(a), r(9))
			f.i("VMAXPS", r(9), r(8), r(a))
		}
		f.i("VUNPCKLPD", r(6), r(4), r(8))
		f.i("VUNPCKHPD", r(6), r(4), r(9))
		f.i("VMAXPS", r(9), r(8), r(8))
		if wide {
			f.i("VEXTRACTF64X4", "$1", "Z8", "Y9")
			f.i("VMAXPS", "Y9", "Y8", "Y8")
		}
		f.i("VEXTRACTF128", "$1", "Y8", "X9")
		f.i("VMAXPS", "X9", "X8", "X8")
		f.i("VPAND", "X14", "X8", "X8")
		f.i("VPADDD", "X13", "X8", "X8")
		f.i("VMOVDQU", "X8", "(DI)")
		f.i("ADDQ", "$16", "DI")
		for k, acc := range []string{"X11", "X12"} {
			f.i("VPCMPEQD", "X10", "X10", "X10")
			f.i("VGATHERDPS", "X10", fmt.Sprintf("%d(R15)(X8*4)", 256*k), "X9")
			f.i("VADDPS", "X9", acc, acc)
		}
		f.i("ADDQ", "$512", "R15")
		f.i("DECQ", "DX")
		f.i("JNE", again)
		f.i("VMOVUPS", "X11", "(R8)")
		f.i("VMOVUPS", "X12", "(R9)")
		for _, p := range []string{"R8", "R9", "R10", "R11"} {
			f.i("ADDQ", "$16", p)
		}
	})
	f.p("\tVZEROUPPER\n\tRET")
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
