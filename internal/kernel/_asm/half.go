package main

// halfAMD64 writes the conversions between float32 and 16-bit floats, eight at a time; n is a multiple of 8.
func halfAMD64(f *file) {
	f.constant("bfOne", 1, 8)
	f.constant("bfHalf", 0x7fff, 8)
	f.constant("bfQuiet", 0x40, 8)
	f.convert("f16ToF32AVX2", "dst *float32, src *byte, n uintptr", 32, 16, func() {
		f.i("VCVTPH2PS", "(SI)", "Y0")
		f.i("VMOVUPS", "Y0", "(DI)")
	})
	f.convert("f32ToF16AVX2", "dst *byte, src *float32, n uintptr", 16, 32, func() {
		f.i("VMOVUPS", "(SI)", "Y0")
		f.i("VCVTPS2PH", "$0", "Y0", "(DI)")
	})
	f.convert("bf16ToF32AVX2", "dst *float32, src *byte, n uintptr", 32, 16, func() {
		f.i("VPMOVZXWD", "(SI)", "Y0")
		f.i("VPSLLD", "$16", "Y0", "Y0")
		f.i("VMOVUPS", "Y0", "(DI)")
	})
	f.convert("f32ToBF16AVX2", "dst *byte, src *float32, n uintptr", 16, 32, func() {
		f.i("VMOVUPS", "(SI)", "Y0")
		f.i("VPSRLD", "$16", "Y0", "Y1")
		f.i("VPAND", "bfOne<>(SB)", "Y1", "Y2")
		f.i("VPADDD", "bfHalf<>(SB)", "Y2", "Y2")
		f.i("VPADDD", "Y0", "Y2", "Y2")
		f.i("VPSRLD", "$16", "Y2", "Y2")
		f.i("VPOR", "bfQuiet<>(SB)", "Y1", "Y1")
		f.i("VCMPPS", "$3", "Y0", "Y0", "Y3")
		f.i("VBLENDVPS", "Y3", "Y1", "Y2", "Y2")
		f.i("VPACKUSDW", "Y2", "Y2", "Y2")
		f.i("VPERMQ", "$0xd8", "Y2", "Y2")
		f.i("VMOVDQU", "X2", "(DI)")
	})
}

// convert writes a loop over eights: DI and SI advance by the given bytes.
func (f *file) convert(name, args string, dst, src int, body func()) {
	f.p("\n// func %s(%s)", name, args)
	f.fn(name, 24)
	f.args("dst", "DI", "src", "SI", "n", "CX")
	f.loop(8, func() {
		body()
		f.i("ADDQ", dollar(dst), "DI")
		f.i("ADDQ", dollar(src), "SI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// loop runs body CX/step times; CX is a multiple of step, perhaps 0.
func (f *file) loop(step int, body func()) {
	again, end := f.label("again"), f.label("end")
	f.i("TESTQ", "CX", "CX")
	f.i("JEQ", end)
	f.at(again)
	body()
	f.i("SUBQ", dollar(step), "CX")
	f.i("JNE", again)
	f.at(end)
}
