package main

// halfARM64 writes the conversions between float32 and 16-bit floats, eight at a time; n > 0 is a multiple of 8.
func halfARM64(f *file) {
	const decode, encode = "dst *float32, src *byte, n uintptr", "dst *byte, src *float32, n uintptr"
	f.eights("f16ToF32NEON", decode, func() {
		f.i("VLD1.P", "16(R1)", regs(0, 1, "H8"))
		f.widen(1, 0, 0)
		f.widen(2, 0, 1)
		f.i("VST1.P", regs(1, 2, "S4"), "32(R0)")
	})
	f.eights("f32ToF16NEON", encode, func() {
		f.i("VLD1.P", "32(R1)", regs(1, 2, "S4"))
		f.narrow(0, 1, 0)
		f.narrow(0, 2, 1)
		f.i("VST1.P", regs(0, 1, "H8"), "16(R0)")
	})
	f.eights("bf16ToF32NEON", decode, func() {
		f.clear(3)
		f.i("VLD1.P", "16(R1)", regs(0, 1, "H8"))
		f.i("VZIP1", v(0, "H8"), v(3, "H8"), v(1, "H8"))
		f.i("VZIP2", v(0, "H8"), v(3, "H8"), v(2, "H8"))
		f.i("VST1.P", regs(1, 2, "S4"), "32(R0)")
	})
	f.eights("f32ToBF16NEON", encode, func() {
		for i, bits := range []string{"$1", "$0x7fff", "$0x400000"} {
			f.i("MOVD", bits, "R3")
			f.i("VDUP", "R3", v(16+i, "S4"))
		}
		f.i("VLD1.P", "32(R1)", regs(0, 2, "S4"))
		for x := range 2 { // V2 and V3 become the sums whose upper halves are the result
			f.i("VUSHR", "$16", v(x, "S4"), v(2+x, "S4"))
			f.i("VAND", v(16, "B16"), v(2+x, "B16"), v(2+x, "B16"))
			f.i("VADD", v(17, "S4"), v(2+x, "S4"), v(2+x, "S4"))
			f.i("VADD", v(x, "S4"), v(2+x, "S4"), v(2+x, "S4"))
			f.equal(4, x, x)
			f.i("VORR", v(18, "B16"), v(x, "B16"), v(5, "B16"))
			f.i("VBIF", v(4, "B16"), v(5, "B16"), v(2+x, "B16"))
		}
		f.i("VUZP2", v(3, "H8"), v(2, "H8"), v(0, "H8"))
		f.i("VST1.P", regs(0, 1, "H8"), "16(R0)")
	})
}

// eights writes a loop: R0 is dst, R1 src.
func (f *file) eights(name, args string, body func()) {
	f.p("\n// func %s(%s)", name, args)
	f.fn(name, 24)
	f.i("MOVD", "dst+0(FP)", "R0")
	f.i("MOVD", "src+8(FP)", "R1")
	f.i("MOVD", "n+16(FP)", "R2")
	again := f.label("again")
	f.at(again)
	body()
	f.i("SUBS", "$8", "R2")
	f.i("BNE", again)
	f.p("\tRET")
}
