package main

// elementsAMD64 writes what happens to single elements, eight at a time; n > 0 is a multiple of 8, of angles of pairs a multiple of 4.
func elementsAMD64(f *file) {
	f.p("\n// func addAVX2(x, h *float32, n uintptr)")
	f.fn("addAVX2", 24)
	f.args("x", "DI", "h", "SI", "n", "CX")
	f.loop(8, func() {
		f.i("VMOVUPS", "(DI)", "Y0")
		f.i("VADDPS", "(SI)", "Y0", "Y0")
		f.i("VMOVUPS", "Y0", "(DI)")
		f.advance(32, "DI", "SI")
	})
	f.p("\tVZEROUPPER\n\tRET")

	f.p("\n// func scaleByAVX2(dst, x, by *float32, n uintptr, f float32)")
	f.fn("scaleByAVX2", 36)
	f.args("dst", "DI", "x", "SI", "by", "DX", "n", "CX")
	f.i("VBROADCASTSS", "f+32(FP)", "Y1")
	f.loop(8, func() {
		f.i("VMULPS", "(SI)", "Y1", "Y0")
		f.i("VMULPS", "(DX)", "Y0", "Y0")
		f.i("VMOVUPS", "Y0", "(DI)")
		f.advance(32, "DI", "SI", "DX")
	})
	f.p("\tVZEROUPPER\n\tRET")

	f.rotatePairs()
	f.rotateHalves()
}

func (f *file) advance(bytes int, regs ...string) {
	for _, r := range regs {
		f.i("ADDQ", dollar(bytes), r)
	}
}

// rotatePairs doubles cosines and sines; the difference goes to even lanes, the sum to odd ones.
func (f *file) rotatePairs() {
	f.p("\n// func rotatePairsAVX2(x, cos, sin *float32, n uintptr)")
	f.fn("rotatePairsAVX2", 32)
	f.args("x", "DI", "cos", "SI", "sin", "DX", "n", "CX")
	f.loop(4, func() {
		for r, at := range []string{"(SI)", "(DX)"} {
			f.i("VPMOVZXDQ", at, y(r))
			f.i("VMOVSLDUP", y(r), y(r))
		}
		f.i("VMOVUPS", "(DI)", "Y2")
		f.i("VPERMILPS", "$0xb1", "Y2", "Y3")
		f.i("VMULPS", "Y2", "Y0", "Y2")
		f.i("VMULPS", "Y3", "Y1", "Y3")
		f.i("VADDSUBPS", "Y3", "Y2", "Y2")
		f.i("VMOVUPS", "Y2", "(DI)")
		f.advance(32, "DI")
		f.advance(16, "SI", "DX")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

func (f *file) rotateHalves() {
	f.p("\n// func rotateHalvesAVX2(lo, hi, cos, sin *float32, n uintptr)")
	f.fn("rotateHalvesAVX2", 40)
	f.args("lo", "DI", "hi", "R8", "cos", "SI", "sin", "DX", "n", "CX")
	f.loop(8, func() {
		f.i("VMOVUPS", "(DI)", "Y0")
		f.i("VMOVUPS", "(R8)", "Y1")
		f.i("VMOVUPS", "(SI)", "Y2")
		f.i("VMOVUPS", "(DX)", "Y3")
		f.i("VMULPS", "Y2", "Y0", "Y4")
		f.i("VMULPS", "Y3", "Y1", "Y5")
		f.i("VSUBPS", "Y5", "Y4", "Y4")
		f.i("VMOVUPS", "Y4", "(DI)")
		f.i("VMULPS", "Y3", "Y0", "Y4")
		f.i("VMULPS", "Y2", "Y1", "Y5")
		f.i("VADDPS", "Y5", "Y4", "Y4")
		f.i("VMOVUPS", "Y4", "(R8)")
		f.advance(32, "DI", "R8", "SI", "DX")
	})
	f.p("\tVZEROUPPER\n\tRET")
}
