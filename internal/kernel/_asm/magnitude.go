package main

import "fmt"

// magnitudeAMD64 writes the largest magnitude of numbers, as integers in four accumulators; n > 0 is a multiple of 32.
func magnitudeAMD64(f *file) {
	f.constant("magnitudeAbs", 0x7fffffff, 8)
	f.p("\n// func magnitudeAVX2(x *float32, n uintptr) uint32")
	f.fn("magnitudeAVX2", 20)
	f.args("x", "SI", "n", "CX")
	f.i("VMOVDQU", "magnitudeAbs<>(SB)", "Y8")
	for i := range 4 {
		f.i("VPXOR", y(i), y(i), y(i))
	}
	f.loop(32, func() {
		for i := range 4 {
			f.i("VPAND", fmt.Sprintf("%d(SI)", 32*i), "Y8", y(4+i))
			f.i("VPMAXSD", y(4+i), y(i), y(i))
		}
		f.i("ADDQ", "$128", "SI")
	})
	f.i("VPMAXSD", "Y2", "Y0", "Y0")
	f.i("VPMAXSD", "Y3", "Y1", "Y1")
	f.fold("VPMAXSD", "Y0", "Y1")
	f.i("VMOVD", "X0", "AX")
	f.i("MOVL", "AX", "ret+16(FP)")
	f.p("\tVZEROUPPER\n\tRET")
}

func magnitudeARM64(f *file) {
	f.p("\n// func magnitudeNEON(x *float32, n uintptr) uint32")
	f.fn("magnitudeNEON", 20)
	f.i("MOVD", "x+0(FP)", "R0")
	f.i("MOVD", "n+8(FP)", "R1")
	f.i("MOVD", "$0x7fffffff", "R2")
	f.i("VDUP", "R2", v(16, "S4"))
	for i := range 4 {
		f.clear(8 + i)
	}
	again := f.label("again")
	f.at(again)
	f.i("VLD1.P", "64(R0)", regs(0, 4, "S4"))
	f.i("VLD1.P", "64(R0)", regs(4, 4, "S4"))
	for i := range 8 {
		f.i("VAND", v(16, "B16"), v(i, "B16"), v(i, "B16"))
		f.neonOp("VPMAXSD", 8+i%4, 8+i%4, i)
	}
	f.i("SUBS", "$32", "R1")
	f.i("BNE", again)
	for i := 1; i < 4; i++ {
		f.neonOp("VPMAXSD", 8, 8, 8+i)
	}
	f.word(0x6eb0a800|8<<5|8, "UMAXV S8, V8.S4")
	f.i("FMOVS", "F8", "R2")
	f.i("MOVW", "R2", "ret+16(FP)")
	f.p("\tRET")
}
