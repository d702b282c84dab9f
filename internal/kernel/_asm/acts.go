package main

import "fmt"

// actsAMD64 writes the rounding of activations to int8: 32 at a time, n is a multiple of 32. The conversion instruction would
// saturate where the portable body keeps the low byte.
func actsAMD64(f *file) {
	for i, v := range []uint32{0, 4, 1, 5, 2, 6, 3, 7} {
		f.p("DATA i8Order<>+%d(SB)/4, $%d", 4*i, v)
	}
	f.p("GLOBL i8Order<>(SB), RODATA|NOPTR, $32")
	f.constant("i8Magic", 0x4b400000, 8) // 1.5·2^23
	f.constant("i8Low", 0xff, 8)
	f.p("\n// func roundI8AVX2(code *int8, x *float32, n uintptr, f float32)")
	f.fn("roundI8AVX2", 28)
	f.args("code", "DI", "x", "SI", "n", "CX")
	f.i("VBROADCASTSS", "f+24(FP)", "Y5")
	f.i("VMOVDQU", "i8Order<>(SB)", "Y6")
	f.i("VMOVUPS", "i8Magic<>(SB)", "Y7")
	f.i("VMOVDQU", "i8Low<>(SB)", "Y8")
	f.loop(32, func() {
		for q := range 4 {
			r := fmt.Sprintf("Y%d", q)
			f.i("VMULPS", fmt.Sprintf("%d(SI)", 32*q), "Y5", r)
			f.i("VADDPS", "Y7", r, r)
			f.i("VPAND", "Y8", r, r)
		}
		f.i("VPACKUSDW", "Y1", "Y0", "Y0")
		f.i("VPACKUSDW", "Y3", "Y2", "Y2")
		f.i("VPACKUSWB", "Y2", "Y0", "Y0")
		f.i("VPERMD", "Y0", "Y6", "Y0")
		f.i("VMOVDQU", "Y0", "(DI)")
		f.i("ADDQ", "$32", "DI")
		f.i("ADDQ", "$128", "SI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}
