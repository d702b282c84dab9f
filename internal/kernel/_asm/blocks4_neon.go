package main

import "fmt"

// blocks4NEON writes llama-quantize's blocks of Q4_0, one after the other; n is a multiple of 32 weights, not zero.
func (f *file) blocks4NEON() {
	const part, bias, last, one, abs, finite = 16, 17, 18, 20, 21, 22
	f.p("\n// func blocks4GgmlNEON(dst *byte, src *float32, n uintptr) uint32")
	f.fn("blocks4GgmlNEON", 28)
	f.i("MOVD", "dst+0(FP)", "R0")
	f.i("MOVD", "src+8(FP)", "R1")
	f.i("MOVD", "n+16(FP)", "R2")
	for _, c := range []struct {
		reg  int
		bits uint32
	}{{part, floatBits(-0.125)}, {bias, floatBits(8.5)}, {last, 0x0f0f0f0f}, {one, floatBits(1)}, {abs, 0x7fffffff}, {finite, 0x7f7fffff}} {
		f.i("MOVD", fmt.Sprintf("$0x%08x", c.bits), "R3")
		f.i("VDUP", "R3", v(c.reg, "S4"))
	}
	f.clear(31)
	again := f.label("again")
	f.at(again)
	f.i("MOVD", "R1", "R6")
	f.i("VLD1.P", "64(R1)", regs(0, 4, "S4"))
	f.i("VLD1.P", "64(R1)", regs(4, 4, "S4"))
	f.top4NEON()
	f.neonOp("VMULPS", 11, 8, part)
	f.narrow(9, 11, 0)
	f.neonOp("VDIVPS", 10, one, 11)
	f.i("VAND", v(abs, "B16"), v(8, "B16"), v(8, "B16"))
	f.clear(12)
	f.word(uint32(0x4ea03400|12<<16|8<<5|12), "CMGT V12.S4, V8.S4, V12.S4")
	f.i("VAND", v(12, "B16"), v(10, "B16"), v(10, "B16"))
	f.i("VAND", v(abs, "B16"), v(10, "B16"), v(13, "B16"))
	for _, i := range []int{8, 13} {
		f.word(uint32(0x4ea03400|finite<<16|i<<5|12), fmt.Sprintf("CMGT V12.S4, V%d.S4, V%d.S4", i, finite))
		f.i("VORR", v(12, "B16"), v(31, "B16"), v(31, "B16"))
	}
	f.i("VMOV", "V9.H[0]", "R3")
	f.i("MOVH", "R3", "(R0)")
	for i := range 8 {
		f.neonOp("VMULPS", i, i, 10)
		f.neonOp("VADDPS", i, i, bias)
		f.word(uint32(0x4ea1b800|i<<5|i), v(i, "S4")+" as integers")
	}
	f.bytes8NEON()
	for i := range 2 {
		f.word(uint32(0x4e206c00|last<<16|i<<5|i), fmt.Sprintf("SMIN V%d.B16, V%d.B16, V%d.B16", i, i, last))
	}
	f.i("VSHL", "$4", v(1, "B16"), v(1, "B16"))
	f.i("VORR", v(1, "B16"), v(0, "B16"), v(0, "B16"))
	f.i("ADD", "$2", "R0")
	f.i("VST1.P", regs(0, 1, "B16"), "16(R0)")
	f.i("SUBS", "$32", "R2")
	f.i("BNE", again)
	f.word(0x6eb0a800|31<<5|31, "UMAXV S31, V31.S4")
	f.i("FMOVS", "F31", "R3")
	f.i("MOVW", "R3", "ret+24(FP)")
	f.p("\tRET")
}

// top4NEON leaves the weight of the largest magnitude in all lanes of V8, of two the one that comes first from R6 on, and zero where there is none.
func (f *file) top4NEON() {
	for k, op := range []string{"VMAXPS", "VMINPS"} {
		f.neonOp(op, 8+k, 0, 1)
		for i := 2; i < 8; i++ {
			f.neonOp(op, 8+k, 8+k, i)
		}
		f.word([]uint32{0x6e30f800, 0x6eb0f800}[k]|uint32((8+k)<<5|8+k), fmt.Sprintf("%sV F%d, V%d.S4", op, 8+k, 8+k))
	}
	first, lowest, found := f.label("first"), f.label("lowest"), f.label("found")
	f.i("FNEGS", "F9", "F10")
	f.i("FMOVS", "F8", "R4")
	f.i("FCMPS", "F10", "F8")
	f.i("BGT", found)
	f.i("BMI", lowest)
	f.i("FMOVS", "F10", "R5")
	f.i("ORRW", "R5", "R4", "R5")
	f.i("ANDW", "$0x7fffffff", "R5", "R5")
	f.i("MOVW", "ZR", "R4")
	f.i("CBZW", "R5", found)
	f.i("FMOVS", "F8", "R5")
	f.at(first)
	f.i("MOVWU.P", "4(R6)", "R4")
	f.i("CMPW", "R4", "R5")
	f.i("BEQ", found)
	f.i("EORW", "$0x80000000", "R4", "R7")
	f.i("CMPW", "R7", "R5")
	f.i("BNE", first)
	f.i("JMP", found)
	f.at(lowest)
	f.i("FMOVS", "F9", "R4")
	f.at(found)
	f.i("VDUP", "R4", v(8, "S4"))
}
