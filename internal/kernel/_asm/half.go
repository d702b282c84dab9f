package main

import "fmt"

// halfAMD64 writes the conversions between float32 and 16-bit floats, n of them: a multiple of 8, or of 16 where they are rounded.
func halfAMD64(f *file) {
	f.constant("bfOne", 1, 8)
	f.constant("bfHalf", 0x7fff, 8)
	f.constant("bfQuiet", 0x40, 8)
	f.convert("f16ToF32AVX2", "dst *float32, src *byte, n uintptr", 32, 16, func() {
		f.i("VCVTPH2PS", "(SI)", "Y0")
		f.i("VMOVUPS", "Y0", "(DI)")
	})
	f.sixteens("f32ToF16AVX2", func() {
		f.i("VMOVUPS", "(SI)", "Y0")
		f.i("VMOVUPS", "32(SI)", "Y1")
		f.i("VCVTPS2PH", "$0", "Y0", "X0")
		f.i("VCVTPS2PH", "$0", "Y1", "X1")
		f.i("VINSERTF128", "$1", "X1", "Y0", "Y2")
	})
	f.convert("bf16ToF32AVX2", "dst *float32, src *byte, n uintptr", 32, 16, func() {
		f.i("VPMOVZXWD", "(SI)", "Y0")
		f.i("VPSLLD", "$16", "Y0", "Y0")
		f.i("VMOVUPS", "Y0", "(DI)")
	})
	f.toBF16()
}

// sixteens writes a loop over sixteen numbers at SI that body makes halves of in Y2; n is a multiple of 16.
func (f *file) sixteens(name string, body func()) {
	f.p("\n// func %s(dst *byte, src *float32, n uintptr)", name)
	f.fn(name, 24)
	f.args("dst", "DI", "src", "SI", "n", "CX")
	f.loop(16, func() {
		body()
		f.ahead("SI", 4096, 64)
		f.ahead("DI", 1024, 32)
		f.i("VMOVDQU", "Y2", "(DI)")
		f.i("ADDQ", "$32", "DI")
		f.i("ADDQ", "$64", "SI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// toBF16 rounds to nearest even. Numbers that are none are seldom: what has one takes another way.
func (f *file) toBF16() {
	rounded, nan := f.label("rounded"), f.label("nan")
	f.sixteens("f32ToBF16AVX2", func() {
		for r := range 2 {
			f.i("VMOVUPS", fmt.Sprintf("%d(SI)", 32*r), y(r))
			f.i("VPSRLD", "$16", y(r), y(2+r))
			f.i("VPAND", "bfOne<>(SB)", y(2+r), y(2+r))
			f.i("VPADDD", y(r), y(2+r), y(2+r))
			f.i("VPADDD", "bfHalf<>(SB)", y(2+r), y(2+r))
			f.i("VPSRLD", "$16", y(2+r), y(2+r))
		}
		f.i("VCMPPS", "$3", "Y0", "Y1", "Y4")
		f.i("VMOVMSKPS", "Y4", "AX")
		f.i("TESTL", "AX", "AX")
		f.i("JNE", nan)
		f.at(rounded)
		f.i("VPACKUSDW", "Y3", "Y2", "Y2")
		f.i("VPERMQ", "$0xd8", "Y2", "Y2")
	})
	f.at(nan)
	for r := range 2 {
		f.i("VPSRLD", "$16", y(r), "Y4")
		f.i("VPOR", "bfQuiet<>(SB)", "Y4", "Y4")
		f.i("VCMPPS", "$3", y(r), y(r), "Y5")
		f.i("VBLENDVPS", "Y5", "Y4", y(2+r), y(2+r))
	}
	f.i("JMP", rounded)
}

// convert writes a loop over eights: DI and SI advance by the given bytes.
func (f *file) convert(name, args string, dst, src int, body func()) {
	f.p("\n// func %s(%s)", name, args)
	f.fn(name, 24)
	f.args("dst", "DI", "src", "SI", "n", "CX")
	f.loop(8, func() {
		body()
		f.ahead("SI", 2048, src)
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
