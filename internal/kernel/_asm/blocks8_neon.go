package main

import "fmt"

// blocks8ARM64 writes blocks of Q8_0, one after the other; n is a multiple of 32 weights, not zero.
func blocks8ARM64(f *file) {
	f.blocks8NEON("blocks8NEON", f.fit8NEON, 0x4e21a800, "FCVTNS", func() { f.i("FMOVS", "F31", "R3") })
	f.blocks8NEON("blocks8GgmlNEON", f.ggml8NEON, 0x4e21c800, "FCVTAS", func() {
		f.word(0x6eb0a800|31<<5|31, "UMAXV S31, V31.S4")
		f.i("FMOVS", "F31", "R3")
	})
	f.blocks4NEON()
}

// Registers: V0…V7 are a block's weights, V16 and on numbers, V31 what scales gather.
const (
	neonMost, neonTiny, neonZero, neonHalf, neonOne, neonAbs, neonFinite, neonLeast = 16, 17, 18, 19, 20, 21, 22, 23
)

// blocks8NEON writes a function: scales leaves the half of a block in V9 and the inverse of its scale in V10 for the largest magnitude in all lanes
// of V8, result makes R3 of what it gathered.
func (f *file) blocks8NEON(name string, scales func(), toInt uint32, toIntName string, result func()) {
	f.p("\n// func %s(dst *byte, src *float32, n uintptr) uint32", name)
	f.fn(name, 28)
	f.i("MOVD", "dst+0(FP)", "R0")
	f.i("MOVD", "src+8(FP)", "R1")
	f.i("MOVD", "n+16(FP)", "R2")
	for _, c := range []struct {
		reg  int
		bits uint32
	}{{neonMost, floatBits(127)}, {neonTiny, floatBits(1e-15)}, {neonZero, floatBits(levelZero)}, {neonHalf, floatBits(65504)}, {neonOne, floatBits(1)},
		{neonAbs, 0x7fffffff}, {neonFinite, 0x7f7fffff}, {neonLeast, 0x81818181}} {
		f.i("MOVD", fmt.Sprintf("$0x%08x", c.bits), "R3")
		f.i("VDUP", "R3", v(c.reg, "S4"))
	}
	f.clear(31)
	again := f.label("again")
	f.at(again)
	f.i("VLD1.P", "64(R1)", regs(0, 4, "S4"))
	f.i("VLD1.P", "64(R1)", regs(4, 4, "S4"))
	f.i("VAND", v(neonAbs, "B16"), v(0, "B16"), v(8, "B16"))
	for i := 1; i < 8; i++ {
		f.i("VAND", v(neonAbs, "B16"), v(i, "B16"), v(9, "B16"))
		f.neonOp("VPMAXSD", 8, 8, 9)
	}
	f.word(0x6eb0a800|8<<5|8, "UMAXV S8, V8.S4")
	f.i("VDUP", "V8.S[0]", v(8, "S4"))
	scales()
	f.i("VMOV", "V9.H[0]", "R3")
	f.i("MOVH", "R3", "(R0)")
	for i := range 8 {
		f.neonOp("VMULPS", i, i, 10)
		f.word(toInt|uint32(i<<5|i), fmt.Sprintf("%s V%d.S4, V%d.S4", toIntName, i, i))
	}
	f.bytes8NEON()
	for i := range 2 {
		f.word(uint32(0x4e206400|neonLeast<<16|i<<5|i), fmt.Sprintf("SMAX V%d.B16, V%d.B16, V%d.B16", i, i, neonLeast))
	}
	f.i("ADD", "$2", "R0")
	f.i("VST1.P", regs(0, 2, "B16"), "32(R0)")
	f.i("SUBS", "$32", "R2")
	f.i("BNE", again)
	result()
	f.i("MOVW", "R3", "ret+24(FP)")
	f.p("\tRET")
}

// bytes8NEON brings the codes V0…V7 together as bytes of V0 and V1.
func (f *file) bytes8NEON() {
	for i := range 4 {
		f.word(uint32(0x0e614800|(2*i)<<5|i), fmt.Sprintf("SQXTN V%d.H4, V%d.S4", i, 2*i))
		f.word(uint32(0x4e614800|(2*i+1)<<5|i), fmt.Sprintf("SQXTN2 V%d.H8, V%d.S4", i, 2*i+1))
	}
	for i := range 2 {
		f.word(uint32(0x0e214800|(2*i)<<5|i), fmt.Sprintf("SQXTN V%d.B8, V%d.H8", i, 2*i))
		f.word(uint32(0x4e214800|(2*i+1)<<5|i), fmt.Sprintf("SQXTN2 V%d.B16, V%d.H8", i, 2*i+1))
	}
}

func (f *file) fit8NEON() {
	f.neonOp("VPMAXSD", 31, 31, 8)
	f.neonOp("VDIVPS", 10, neonMost, 8)
	f.neonOp("GE", 11, 8, neonTiny)
	f.i("VAND", v(11, "B16"), v(10, "B16"), v(10, "B16"))
	for i := 12; i < 16; i++ { // Σxq of the even and of the odd four, Σq² likewise
		f.clear(i)
	}
	for i := range 8 {
		f.i("VMOV", v(neonZero, "B16"), v(24, "B16"))
		f.neonOp("VFMADD231PS", 24, i, 10)
		f.neonOp("VSUBPS", 24, 24, neonZero)
		f.neonOp("VFMADD231PS", 12+i%2, 24, i)
		f.neonOp("VFMADD231PS", 14+i%2, 24, 24)
	}
	for _, i := range []int{12, 14} {
		f.neonOp("VADDPS", i, i, i+1)
		for range 2 {
			f.word(uint32(0x6e20d400|i<<16|i<<5|i), fmt.Sprintf("FADDP V%d.S4, V%d.S4, V%d.S4", i, i, i))
		}
	}
	f.neonOp("VDIVPS", 8, 12, 14)
	f.clear(11)
	f.neonOp("GT", 12, 8, 11)
	f.i("VAND", v(12, "B16"), v(8, "B16"), v(8, "B16"))
	f.neonOp("VMINPS", 8, 8, neonHalf)
	f.narrow(9, 8, 0)
	f.widen(8, 9, 0)
	f.neonOp("VDIVPS", 10, neonOne, 8)
	f.neonOp("GT", 12, 8, 11)
	f.i("VAND", v(12, "B16"), v(10, "B16"), v(10, "B16"))
}

func (f *file) ggml8NEON() {
	f.neonOp("VDIVPS", 11, 8, neonMost)
	f.narrow(9, 11, 0)
	f.neonOp("VDIVPS", 10, neonOne, 11)
	f.clear(11)
	f.word(uint32(0x4ea03400|11<<16|8<<5|12), "CMGT V12.S4, V8.S4, V11.S4")
	f.i("VAND", v(12, "B16"), v(10, "B16"), v(10, "B16"))
	for _, i := range []int{8, 10} {
		f.word(uint32(0x4ea03400|neonFinite<<16|i<<5|12), fmt.Sprintf("CMGT V12.S4, V%d.S4, V%d.S4", i, neonFinite))
		f.i("VORR", v(12, "B16"), v(31, "B16"), v(31, "B16"))
	}
}
