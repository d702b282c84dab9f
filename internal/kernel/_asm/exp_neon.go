package main

import "fmt"

// expARM64 writes Exp and what is made of it for NEON, four lanes at a time. n > 0 is a multiple of 16.
//
// V16…V27 hold the constants in the order of the table, V28 the bias of exponents.
func expARM64(f *file) {
	f.expSumNEON()
	f.siluMulNEON()
	f.geluTanhNEON()
}

// Operations on four float32 that the assembler lacks; d = a op b.
const (
	fadd = 0x4e20d400
	fsub = 0x4ea0d400
	fmul = 0x6e20dc00
	fdiv = 0x6e20fc00
	fmax = 0x4e20f400
	fmin = 0x4ea0f400
)

var mnemonics = map[uint32]string{fadd: "FADD", fsub: "FSUB", fmul: "FMUL", fdiv: "FDIV", fmax: "FMAX", fmin: "FMIN"}

func (f *file) float4(op uint32, d, a, b int) {
	f.word(op|uint32(b<<16|a<<5|d), fmt.Sprintf("%s V%d.S4, V%d.S4, V%d.S4", mnemonics[op], d, a, b))
}

// double converts the lower or upper two of a.
func (f *file) double(d, a, upper int) {
	f.word(uint32(0x0e617800|upper<<30|a<<5|d), fmt.Sprintf("FCVTL%s V%d.D2, V%d", []string{"", "2"}[upper], d, a))
}

// add2 adds two float64 to d.
func (f *file) add2(d, a int) {
	f.word(uint32(0x4e60d400|a<<16|d<<5|d), fmt.Sprintf("FADD V%d.D2, V%d.D2, V%d.D2", d, d, a))
}

func (f *file) move(d, a int) { f.i("VORR", v(a, "B16"), v(a, "B16"), v(d, "B16")) }

func (f *file) fma(d, a, b int) { f.i("VFMLA", v(a, "S4"), v(b, "S4"), v(d, "S4")) }

func (f *file) expNEONLoad() {
	for i, c := range expConstants {
		f.i("MOVD", fmt.Sprintf("$0x%08x", floatBits(c.v)), "R5")
		f.i("VDUP", "R5", v(16+i, "S4"))
	}
	f.i("MOVD", "$127", "R5")
	f.i("VDUP", "R5", v(28, "S4"))
}

// expNEON sets V0 to its exponential, using V1…V6. Of t = n + 1.5·2^23 only the low nine bits matter to an exponent, so the
// constant need not be taken off before t is halved; FMAX and FMIN return NaN for NaN.
func (f *file) expNEON() {
	const lo, hi, log2e, magic, ln2Hi, ln2Lo, c6, one, bias = 16, 17, 18, 19, 20, 21, 22, 27, 28
	f.float4(fmax, 0, 0, lo)
	f.float4(fmin, 0, 0, hi)
	f.move(1, magic)
	f.fma(1, 0, log2e)
	f.float4(fsub, 2, 1, magic)
	f.fma(0, 2, ln2Hi)
	f.fma(0, 2, ln2Lo)
	p, next := 3, 4
	f.move(p, c6)
	for c := c6 + 1; c < one; c++ {
		f.move(next, c)
		f.fma(next, p, 0)
		p, next = next, p
	}
	f.float4(fmul, 2, 0, 0)
	f.fma(0, p, 2)
	f.float4(fadd, 0, 0, one)
	f.i("VUSHR", "$1", v(1, "S4"), v(5, "S4"))
	f.i("VSUB", v(5, "S4"), v(1, "S4"), v(6, "S4"))
	for _, r := range []int{5, 6} {
		f.i("VADD", v(bias, "S4"), v(r, "S4"), v(r, "S4"))
		f.i("VSHL", "$23", v(r, "S4"), v(r, "S4"))
		f.float4(fmul, 0, 0, r)
	}
}

func (f *file) expSumNEON() {
	f.p("\n// func expSumNEON(dst, src *float32, max float32, n uintptr, sum *[16]float64)")
	f.fn("expSumNEON", 40)
	f.i("MOVD", "dst+0(FP)", "R0")
	f.i("MOVD", "src+8(FP)", "R1")
	f.i("MOVWU", "max+16(FP)", "R5")
	f.i("VDUP", "R5", v(31, "S4"))
	f.i("MOVD", "n+24(FP)", "R2")
	f.i("MOVD", "sum+32(FP)", "R3")
	f.expNEONLoad()
	f.i("VLD1.P", "64(R3)", regs(8, 4, "D2"))
	f.i("VLD1", "(R3)", regs(12, 4, "D2"))
	again := f.label("again")
	f.at(again)
	for q := range 4 {
		keep := f.label("keep")
		f.i("VLD1.P", "16(R1)", regs(0, 1, "S4"))
		f.float4(fsub, 0, 0, 31)
		f.expNEON()
		f.i("CBZ", "R0", keep)
		f.i("VST1.P", regs(0, 1, "S4"), "16(R0)")
		f.at(keep)
		for h := range 2 {
			f.double(1+h, 0, h)
			f.add2(8+2*q+h, 1+h)
		}
	}
	f.i("SUBS", "$16", "R2")
	f.i("BNE", again)
	f.i("VST1", regs(12, 4, "D2"), "(R3)")
	f.i("SUB", "$64", "R3")
	f.i("VST1", regs(8, 4, "D2"), "(R3)")
	f.p("\tRET")
}

func (f *file) siluMulNEON() {
	f.p("\n// func siluMulNEON(gate, up *float32, n uintptr)")
	f.fn("siluMulNEON", 24)
	f.i("MOVD", "gate+0(FP)", "R0")
	f.i("MOVD", "up+8(FP)", "R1")
	f.i("MOVD", "n+16(FP)", "R2")
	f.expNEONLoad()
	f.i("MOVD", "$0x80000000", "R5")
	f.i("VDUP", "R5", v(31, "S4"))
	again := f.label("again")
	f.at(again)
	f.i("VLD1", "(R0)", regs(7, 1, "S4"))
	f.i("VEOR", v(31, "B16"), v(7, "B16"), v(0, "B16"))
	f.expNEON()
	f.float4(fadd, 0, 0, 27)
	f.float4(fdiv, 0, 7, 0)
	f.i("VLD1.P", "16(R1)", regs(1, 1, "S4"))
	f.float4(fmul, 0, 0, 1)
	f.i("VST1.P", regs(0, 1, "S4"), "16(R0)")
	f.i("SUBS", "$4", "R2")
	f.i("BNE", again)
	f.p("\tRET")
}

func (f *file) geluTanhNEON() {
	f.p("\n// func geluTanhNEON(x *float32, n uintptr)")
	f.fn("geluTanhNEON", 16)
	f.i("MOVD", "x+0(FP)", "R0")
	f.i("MOVD", "n+8(FP)", "R2")
	f.expNEONLoad()
	for i, c := range geluConstants {
		f.i("MOVD", fmt.Sprintf("$0x%08x", floatBits(c.v)), "R5")
		f.i("VDUP", "R5", v(29+i, "S4"))
	}
	again := f.label("again")
	f.at(again)
	f.i("VLD1", "(R0)", regs(7, 1, "S4"))
	f.float4(fmul, 0, 7, 7)
	f.float4(fmul, 0, 0, 7)
	f.float4(fmul, 0, 0, 29)
	f.float4(fadd, 0, 0, 7)
	f.float4(fmul, 0, 0, 30)
	f.float4(fmul, 0, 0, 31)
	f.expNEON()
	f.float4(fadd, 0, 0, 27)
	f.float4(fdiv, 0, 7, 0)
	f.i("VST1.P", regs(0, 1, "S4"), "16(R0)")
	f.i("SUBS", "$4", "R2")
	f.i("BNE", again)
	f.p("\tRET")
}
