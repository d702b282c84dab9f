package main

import (
	"fmt"
	"math"
)

func dollar(n int) string { return fmt.Sprintf("$%d", n) }

// The constants of kernel.Exp, in the order of its formula.
var expConstants = []struct {
	name string
	v    float64
}{
	{"expLo", -104}, {"expHi", 88.8}, {"expLog2e", 1.44269504088896341}, {"expMagic", 12582912}, {"expLn2Hi", -0.693359375}, {"expLn2Lo", 2.12194440e-4},
	{"expC6", 1.3933652e-3}, {"expC5", 8.363182e-3}, {"expC4", 4.1666467e-2}, {"expC3", 1.6666576e-1}, {"expC2", 0.5}, {"expOne", 1},
}

// Those of kernel.GeluTanh.
var geluConstants = []struct {
	name string
	v    float64
}{{"geluCube", 0.044715}, {"geluRoot", 0.7978845608028654}, {"geluTwice", -2}}

func floatBits(v float64) uint32 { return math.Float32bits(float32(v)) }

// expAMD64 writes Exp and what is made of it, eight lanes at a time; sums are float64 in sixteen lanes. n is a multiple of 16.
func expAMD64(f *file) {
	for _, c := range expConstants {
		f.constant(c.name, floatBits(c.v), 8)
	}
	f.constant("expMask", 0x7fffff, 8)
	f.constant("expZero", 0x400000, 8)
	f.constant("expBias", 127, 8)
	f.constant("signBit", 0x80000000, 8)
	for _, c := range geluConstants {
		f.constant(c.name, floatBits(c.v), 8)
	}
	f.expSum()
	f.sumSquares()
	f.extremes()
	f.siluMul()
	f.geluTanh()
	f.scale()
}

// exp sets Y0 to Exp(Y0), using Y1…Y7.
func (f *file) exp() {
	mem := func(name string) string { return name + "<>(SB)" }
	f.i("VMOVAPS", "Y0", "Y7")
	f.i("VMAXPS", mem("expLo"), "Y0", "Y0")
	f.i("VMINPS", mem("expHi"), "Y0", "Y0")
	f.i("VMOVUPS", mem("expMagic"), "Y1")
	f.i("VFMADD231PS", mem("expLog2e"), "Y0", "Y1")
	f.i("VSUBPS", mem("expMagic"), "Y1", "Y2")
	f.i("VFMADD231PS", mem("expLn2Hi"), "Y2", "Y0")
	f.i("VFMADD231PS", mem("expLn2Lo"), "Y2", "Y0")
	f.i("VMOVUPS", mem("expC6"), "Y3")
	for _, c := range []string{"expC5", "expC4", "expC3", "expC2"} {
		f.i("VFMADD213PS", mem(c), "Y0", "Y3")
	}
	f.i("VMULPS", "Y0", "Y0", "Y4")
	f.i("VFMADD213PS", "Y0", "Y4", "Y3")
	f.i("VADDPS", mem("expOne"), "Y3", "Y3")
	f.i("VPAND", mem("expMask"), "Y1", "Y1")
	f.i("VPSUBD", mem("expZero"), "Y1", "Y1")
	f.i("VPSRAD", "$1", "Y1", "Y2")
	f.i("VPSUBD", "Y2", "Y1", "Y1")
	for _, r := range []string{"Y2", "Y1"} {
		f.i("VPADDD", mem("expBias"), r, r)
		f.i("VPSLLD", "$23", r, r)
		f.i("VMULPS", r, "Y3", "Y3")
	}
	f.i("VCMPPS", "$3", "Y7", "Y7", "Y5")
	f.i("VBLENDVPS", "Y5", "Y7", "Y3", "Y0")
}

func (f *file) sums(do func(r string, i int)) {
	for i, r := range []string{"Y8", "Y9", "Y10", "Y11"} {
		do(r, i)
	}
}

func (f *file) expSum() {
	f.p("\n// func expSumAVX2(dst, src *float32, max float32, n uintptr, sum *[16]float64)")
	f.fn("expSumAVX2", 40)
	f.args("dst", "DI", "src", "SI")
	f.i("VBROADCASTSS", "max+16(FP)", "Y12")
	f.i("MOVQ", "n+24(FP)", "CX")
	f.i("MOVQ", "sum+32(FP)", "DX")
	f.sums(func(r string, i int) { f.i("VMOVUPD", fmt.Sprintf("%d(DX)", 32*i), r) })
	f.loop(16, func() {
		for h := range 2 {
			keep := f.label("keep")
			f.i("VMOVUPS", fmt.Sprintf("%d(SI)", 32*h), "Y0")
			f.i("VSUBPS", "Y12", "Y0", "Y0")
			f.exp()
			f.i("TESTQ", "DI", "DI")
			f.i("JEQ", keep)
			f.i("VMOVUPS", "Y0", "(DI)")
			f.i("ADDQ", "$32", "DI")
			f.at(keep)
			f.i("VCVTPS2PD", "X0", "Y1")
			f.i("VEXTRACTF128", "$1", "Y0", "X2")
			f.i("VCVTPS2PD", "X2", "Y2")
			f.i("VADDPD", "Y1", fmt.Sprintf("Y%d", 8+2*h), fmt.Sprintf("Y%d", 8+2*h))
			f.i("VADDPD", "Y2", fmt.Sprintf("Y%d", 9+2*h), fmt.Sprintf("Y%d", 9+2*h))
		}
		f.i("ADDQ", "$64", "SI")
	})
	f.sums(func(r string, i int) { f.i("VMOVUPD", r, fmt.Sprintf("%d(DX)", 32*i)) })
	f.p("\tVZEROUPPER\n\tRET")
}

func (f *file) sumSquares() {
	f.p("\n// func sumSquaresAVX2(x *float32, n uintptr, sum *[16]float64)")
	f.fn("sumSquaresAVX2", 24)
	f.args("x", "SI", "n", "CX", "sum", "DX")
	f.sums(func(r string, i int) { f.i("VMOVUPD", fmt.Sprintf("%d(DX)", 32*i), r) })
	f.loop(16, func() {
		f.sums(func(r string, i int) {
			f.i("VCVTPS2PD", fmt.Sprintf("%d(SI)", 16*i), fmt.Sprintf("Y%d", i))
			f.i("VFMADD231PD", fmt.Sprintf("Y%d", i), fmt.Sprintf("Y%d", i), r) // the square is exact
		})
		f.i("ADDQ", "$64", "SI")
	})
	f.sums(func(r string, i int) { f.i("VMOVUPD", r, fmt.Sprintf("%d(DX)", 32*i)) })
	f.p("\tVZEROUPPER\n\tRET")
}

// extremes writes the largest and the smallest of n > 0 numbers. The instructions forget a NaN, so Y4 and Y5 remember where one
// was seen: all bits set, which is a NaN again.
func (f *file) extremes() {
	f.p("\n// func extremesAVX2(x *float32, n uintptr) (hi, lo float32)")
	f.fn("extremesAVX2", 24)
	f.args("x", "SI", "n", "CX")
	f.i("VMOVUPS", "(SI)", "Y0")
	for _, r := range []string{"Y1", "Y2", "Y3"} {
		f.i("VMOVAPS", "Y0", r)
	}
	for _, r := range []string{"Y4", "Y5"} {
		f.i("VXORPS", r, r, r)
	}
	f.loop(16, func() {
		for h := range 2 {
			hi, lo, nan, v := fmt.Sprintf("Y%d", h), fmt.Sprintf("Y%d", 2+h), fmt.Sprintf("Y%d", 4+h), fmt.Sprintf("Y%d", 6+h)
			f.i("VMOVUPS", fmt.Sprintf("%d(SI)", 32*h), v)
			f.i("VMAXPS", v, hi, hi)
			f.i("VMINPS", v, lo, lo)
			f.i("VCMPPS", "$3", v, v, v)
			f.i("VORPS", v, nan, nan)
		}
		f.i("ADDQ", "$64", "SI")
	})
	f.fold("VMAXPS", "Y0", "Y1")
	f.fold("VMINPS", "Y2", "Y3")
	f.fold("VORPS", "Y4", "Y5")
	f.i("VXORPS", "X1", "X1", "X1")
	for i, r := range []string{"X0", "X2"} {
		f.i("VORPS", "X4", r, r)
		f.i("VADDSS", "X1", r, r)
		f.i("VMOVSS", r, fmt.Sprintf("%s+%d(FP)", []string{"hi", "lo"}[i], 16+4*i))
	}
	f.p("\tVZEROUPPER\n\tRET")
}

// fold reduces the lanes of two registers to the lowest of the first.
func (f *file) fold(op, a, b string) {
	x, y := "X"+a[1:], "X"+b[1:]
	f.i(op, b, a, a)
	f.i("VEXTRACTF128", "$1", a, y)
	f.i(op, y, x, x)
	f.i("VPERMILPS", "$0x4e", x, y)
	f.i(op, y, x, x)
	f.i("VPERMILPS", "$0xb1", x, y)
	f.i(op, y, x, x)
}

func (f *file) siluMul() {
	f.p("\n// func siluMulAVX2(gate, up *float32, n uintptr)")
	f.fn("siluMulAVX2", 24)
	f.args("gate", "DI", "up", "SI", "n", "CX")
	f.loop(8, func() {
		f.i("VMOVUPS", "(DI)", "Y8")
		f.i("VXORPS", "signBit<>(SB)", "Y8", "Y0")
		f.exp()
		f.i("VADDPS", "expOne<>(SB)", "Y0", "Y0")
		f.i("VDIVPS", "Y0", "Y8", "Y8")
		f.i("VMULPS", "(SI)", "Y8", "Y8")
		f.i("VMOVUPS", "Y8", "(DI)")
		f.i("ADDQ", "$32", "DI")
		f.i("ADDQ", "$32", "SI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

func (f *file) geluTanh() {
	f.p("\n// func geluTanhAVX2(x *float32, n uintptr)")
	f.fn("geluTanhAVX2", 16)
	f.args("x", "DI", "n", "CX")
	f.loop(8, func() {
		f.i("VMOVUPS", "(DI)", "Y8")
		f.i("VMULPS", "Y8", "Y8", "Y0")
		f.i("VMULPS", "Y8", "Y0", "Y0")
		f.i("VMULPS", "geluCube<>(SB)", "Y0", "Y0")
		f.i("VADDPS", "Y8", "Y0", "Y0")
		f.i("VMULPS", "geluRoot<>(SB)", "Y0", "Y0")
		f.i("VMULPS", "geluTwice<>(SB)", "Y0", "Y0")
		f.exp()
		f.i("VADDPS", "expOne<>(SB)", "Y0", "Y0")
		f.i("VDIVPS", "Y0", "Y8", "Y8")
		f.i("VMOVUPS", "Y8", "(DI)")
		f.i("ADDQ", "$32", "DI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

func (f *file) scale() {
	f.p("\n// func scaleAVX2(x *float32, n uintptr, f float32)")
	f.fn("scaleAVX2", 20)
	f.args("x", "DI", "n", "CX")
	f.i("VBROADCASTSS", "f+16(FP)", "Y1")
	f.loop(8, func() {
		f.i("VMULPS", "(DI)", "Y1", "Y0")
		f.i("VMOVUPS", "Y0", "(DI)")
		f.i("ADDQ", "$32", "DI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}
