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
	f.constant("i8Most", 0x42fe0000, 1) // 127
	f.constant("i8Abs", 0x7fffffff, 8)
	f.constant("i8Flip", 0x80808080, 8)
	f.constant("i8Sixteen", 16*128, 4)
	f.p("\n// func roundI8AVX2(code *int8, x *float32, n uintptr, f float32)")
	f.fn("roundI8AVX2", 28)
	f.args("code", "DI", "x", "SI", "n", "CX")
	f.i("VBROADCASTSS", "f+24(FP)", "Y5")
	f.roundLoad()
	f.loop(32, func() {
		f.round32(func(q int) string { return fmt.Sprintf("%d(SI)", 32*q) })
		f.i("ADDQ", "$32", "DI")
		f.i("ADDQ", "$128", "SI")
	})
	f.p("\tVZEROUPPER\n\tRET")
	f.roundBlocks()
	f.sum16()
}

// roundLoad puts the constants of round32 into Y6…Y8; round32 rounds 32 numbers times Y5 to (DI), using Y0…Y3.
func (f *file) roundLoad() {
	f.i("VMOVDQU", "i8Order<>(SB)", "Y6")
	f.i("VMOVUPS", "i8Magic<>(SB)", "Y7")
	f.i("VMOVDQU", "i8Low<>(SB)", "Y8")
}

func (f *file) round32(x func(q int) string) {
	for q := range 4 {
		f.i("VMULPS", x(q), "Y5", y(q))
		f.i("VADDPS", "Y7", y(q), y(q))
		f.i("VPAND", "Y8", y(q), y(q))
	}
	f.i("VPACKUSDW", "Y1", "Y0", "Y0")
	f.i("VPACKUSDW", "Y3", "Y2", "Y2")
	f.i("VPACKUSWB", "Y2", "Y0", "Y0")
	f.i("VPERMD", "Y0", "Y6", "Y0")
	f.i("VMOVDQU", "Y0", "(DI)")
}

// roundBlocks finds the largest magnitude of 32 numbers as integers, among which a NaN is the greatest, and rounds them by it.
func (f *file) roundBlocks() {
	f.p("\n// func roundBlocksAVX2(code *int8, scale, x *float32, n uintptr)")
	f.fn("roundBlocksAVX2", 32)
	f.args("code", "DI", "scale", "DX", "x", "SI", "n", "CX")
	f.roundLoad()
	f.i("VMOVDQU", "i8Abs<>(SB)", "Y9")
	f.i("VMOVSS", "i8Most<>(SB)", "X10")
	f.i("VXORPS", "X11", "X11", "X11")
	f.loop(32, func() {
		for q := range 4 {
			f.i("VPAND", fmt.Sprintf("%d(SI)", 32*q), "Y9", y(q))
		}
		f.i("VPMAXSD", "Y1", "Y0", "Y0")
		f.i("VPMAXSD", "Y3", "Y2", "Y2")
		f.fold("VPMAXSD", "Y0", "Y2")
		f.i("VDIVSS", "X10", "X0", "X1") // amax / 127
		f.i("VCVTPS2PH", "$0", "X1", "X1")
		f.i("VCVTPH2PS", "X1", "X1")
		f.i("VMOVSS", "X1", "(DX)")
		f.i("VDIVSS", "X0", "X10", "X1") // 127 / amax, zero unless amax > 0
		f.i("VCMPSS", "$0x1e", "X11", "X0", "X2")
		f.i("VPAND", "X2", "X1", "X1")
		f.i("VBROADCASTSS", "X1", "Y5")
		f.round32(func(q int) string { return fmt.Sprintf("%d(SI)", 32*q) })
		f.i("ADDQ", "$4", "DX")
		f.i("ADDQ", "$32", "DI")
		f.i("ADDQ", "$128", "SI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// sum16 adds sixteen codes each, with 128 added that is taken off again.
func (f *file) sum16() {
	f.p("\n// func sum16AVX2(sum *int32, code *int8, n uintptr)")
	f.fn("sum16AVX2", 24)
	f.args("sum", "DI", "code", "SI", "n", "CX")
	f.i("VMOVDQU", "i8Flip<>(SB)", "Y2")
	f.i("VMOVDQU", "i8Sixteen<>(SB)", "X3")
	f.i("VPXOR", "X4", "X4", "X4")
	f.loop(32, func() {
		f.i("VPXOR", "(SI)", "Y2", "Y0")
		f.i("VPSADBW", "Y4", "Y0", "Y0")
		f.i("VPSHUFD", "$0x4e", "Y0", "Y1")
		f.i("VPADDD", "Y1", "Y0", "Y0")
		f.i("VEXTRACTI128", "$1", "Y0", "X1")
		f.i("VPUNPCKLDQ", "X1", "X0", "X0")
		f.i("VPSUBD", "X3", "X0", "X0")
		f.i("VMOVQ", "X0", "(DI)")
		f.i("ADDQ", "$8", "DI")
		f.i("ADDQ", "$32", "SI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}
