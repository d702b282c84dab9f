package main

// fp4AMD64 writes kernel.FP4Losses and kernel.FP4Codes.
func fp4AMD64(f *file) {
	f.constant("fp4Most", floatBits(12), 16)
	f.constant("fp4Two", floatBits(2), 16)
	f.constant("fp4Power", 0x7f800000, 16)
	f.constant("fp4Shift", floatBits(1<<22), 16)
	f.constant("fp4Abs", 0x7fffffff, 16)
	f.constant("fp4Below", 8, 16)
	for i, m := range []float64{0.5, 1.5, 2.5, 3.5, 5, 7, 10} {
		f.constant(fp4Middle(i), floatBits(m), 16)
	}
	for _, wide := range []bool{true, false} {
		f.fp4Losses(wide)
		f.fp4Codes(wide)
	}
}

func fp4Middle(i int) string { return "fp4Middle" + string(rune('0'+i)) }

func fp4Vectors(wide bool) (set string, r func(int) string, n int) {
	if wide {
		return "AVX512", z, 1
	}
	return "AVX2", y, 2
}

// fp4Losses keeps the sums of four scales in registers 4…7.
func (f *file) fp4Losses(wide bool) {
	set, r, n := fp4Vectors(wide)
	f.p("\n// func fp4Losses%s(loss, x, w, scale, inverse *float32, groups, per uintptr)", set)
	f.fn("fp4Losses"+set, 56)
	f.args("loss", "DI", "x", "SI", "w", "R9", "scale", "R8", "inverse", "R10", "groups", "CX", "per", "R11")
	for i, name := range []string{"fp4Most", "fp4Two", "fp4Power"} {
		f.i("VMOVUPS", name+"<>(SB)", r(13+i))
	}
	f.loop(1, func() {
		f.i("MOVQ", "R11", "AX")
		for i := range n {
			f.i("VMOVUPS", at(32*i, "SI"), r(9+2*i))
			if wide {
				f.i("VPANDD", "fp4Abs<>(SB)", r(9+2*i), r(9+2*i))
			} else {
				f.i("VANDPS", "fp4Abs<>(SB)", r(9+2*i), r(9+2*i))
			}
			f.i("VMOVUPS", at(32*i, "R9"), r(10+2*i))
		}
		again := f.label("again")
		f.at(again)
		for t := range 4 {
			f.i("VBROADCASTSS", at(4*t, "R10"), r(2))
			f.i("VBROADCASTSS", at(4*t, "R8"), r(3))
			for i := range n {
				sum := 4 + t
				if i > 0 {
					sum = 8
				}
				a, w := r(9+2*i), r(10+2*i)
				f.i("VMULPS", r(2), a, r(0))
				f.i("VMINPS", r(13), r(0), r(0))
				f.i("VMAXPS", r(14), r(0), r(1))
				if wide {
					f.i("VPANDD", r(15), r(1), r(1))
				} else {
					f.i("VANDPS", r(15), r(1), r(1))
				}
				f.i("VMULPS", "fp4Shift<>(SB)", r(1), r(1))
				f.i("VADDPS", r(1), r(0), r(0))
				f.i("VSUBPS", r(1), r(0), r(0))
				f.i("VMULPS", r(3), r(0), r(0))
				f.i("VSUBPS", r(0), a, r(0))
				f.i("VMULPS", r(0), w, r(1))
				f.i("VMULPS", r(0), r(1), r(sum))
			}
			if wide {
				f.i("VEXTRACTF64X4", "$1", z(4+t), "Y8")
			}
			f.i("VADDPS", "Y8", y(4+t), y(4+t))
		}
		f.tree(4, 0, "(DI)")
		for _, p := range []string{"R10", "R8", "DI"} {
			f.i("ADDQ", "$16", p)
		}
		f.i("SUBQ", "$4", "AX")
		f.i("JNE", again)
		f.i("ADDQ", "$64", "SI")
		f.i("ADDQ", "$64", "R9")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

func (f *file) fp4Codes(wide bool) {
	set, r, n := fp4Vectors(wide)
	f.p("\n// func fp4Codes%s(code *uint8, x, scale *float32, groups uintptr)", set)
	f.fn("fp4Codes"+set, 32)
	f.args("code", "DI", "x", "SI", "scale", "R8", "groups", "CX")
	f.i("VMOVUPS", "fp4Abs<>(SB)", r(15))
	f.i("VMOVUPS", "fp4Below<>(SB)", r(14))
	if wide {
		f.i("VPTERNLOGD", "$0xff", "Z13", "Z13", "Z13")
	}
	f.loop(1, func() {
		f.i("VBROADCASTSS", "(R8)", r(12))
		for i := range n {
			x, a, c := r(0), r(1), r(2+i)
			f.i("VMOVUPS", at(32*i, "SI"), x)
			if wide {
				f.i("VPANDD", r(15), x, a)
				f.i("VPXORD", c, c, c)
			} else {
				f.i("VANDPS", r(15), x, a)
				f.i("VPXOR", c, c, c)
			}
			for m := range 7 {
				f.i("VMULPS", fp4Middle(m)+"<>(SB)", r(12), r(4))
				if wide {
					f.i("VCMPPS", "$0x0e", "Z4", a, "K1") // above
					f.i("VPSUBD", "Z13", c, "K1", c)
					continue
				}
				f.i("VCMPPS", "$0x0e", "Y4", a, "Y4")
				f.i("VPSUBD", "Y4", c, c)
			}
			if wide {
				f.i("VPMOVD2M", x, "K1")
				f.i("VPTESTMD", c, c, "K1", "K1")
				f.i("VPADDD", "Z14", c, "K1", c)
				continue
			}
			f.i("VPXOR", "Y4", "Y4", "Y4")
			f.i("VPCMPGTD", "Y4", c, "Y4")
			f.i("VPSRAD", "$31", x, x)
			f.i("VPAND", x, "Y4", "Y4")
			f.i("VPAND", r(14), "Y4", "Y4")
			f.i("VPADDD", "Y4", c, c)
		}
		if wide {
			f.i("VPMOVDB", "Z2", "(DI)")
		} else {
			f.i("VPACKSSDW", "Y3", "Y2", "Y2")
			f.i("VPERMQ", "$0xd8", "Y2", "Y2")
			f.i("VEXTRACTI128", "$1", "Y2", "X3")
			f.i("VPACKSSWB", "X3", "X2", "X2")
			f.i("VMOVDQU", "X2", "(DI)")
		}
		f.i("ADDQ", "$4", "R8")
		f.i("ADDQ", "$64", "SI")
		f.i("ADDQ", "$16", "DI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}
