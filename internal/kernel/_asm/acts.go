package main

import "fmt"

// actsAMD64 writes the rounding of activations to int8: 32 at a time, n is a multiple of 32.
func actsAMD64(f *file) {
	for i, v := range []uint32{0, 4, 1, 5, 2, 6, 3, 7} {
		f.p("DATA i8Order<>+%d(SB)/4, $%d", 4*i, v)
	}
	f.p("GLOBL i8Order<>(SB), RODATA|NOPTR, $32")
	f.p("\n// func roundI8AVX2(code *int8, x *float32, n uintptr, f float32)")
	f.fn("roundI8AVX2", 28)
	f.args("code", "DI", "x", "SI", "n", "CX")
	f.i("VBROADCASTSS", "f+24(FP)", "Y5")
	f.i("VMOVDQU", "i8Order<>(SB)", "Y6")
	f.loop(32, func() {
		for q := range 4 {
			r := fmt.Sprintf("Y%d", q)
			f.i("VMULPS", fmt.Sprintf("%d(SI)", 32*q), "Y5", r)
			f.i("VCVTPS2DQ", r, r)
		}
		f.i("VPACKSSDW", "Y1", "Y0", "Y0")
		f.i("VPACKSSDW", "Y3", "Y2", "Y2")
		f.i("VPACKSSWB", "Y2", "Y0", "Y0")
		f.i("VPERMD", "Y0", "Y6", "Y0")
		f.i("VMOVDQU", "Y0", "(DI)")
		f.i("ADDQ", "$32", "DI")
		f.i("ADDQ", "$128", "SI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}
