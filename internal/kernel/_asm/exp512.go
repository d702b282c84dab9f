package main

import "fmt"

// z is a register of AVX-512.
func z(n int) string { return fmt.Sprintf("Z%d", n) }

// exp512AMD64 writes Exp and what is made of it for AVX-512: the formula of the AVX2 body, except that VSCALEFPS multiplies by
// 2^n at once. Its result rounds once, as the product of two factors does. Two vectors go side by side where there are two,
// since the chain of dependent instructions is long. n > 0 is a multiple of 16.
func exp512AMD64(f *file) {
	for _, c := range expConstants {
		f.p("DATA %s512<>+0(SB)/4, $0x%08x", c.name, floatBits(c.v))
		f.p("GLOBL %s512<>(SB), RODATA|NOPTR, $4", c.name)
	}
	f.expSum512()
	f.siluMul512()
	for _, c := range geluConstants {
		f.p("DATA %s512<>+0(SB)/4, $0x%08x", c.name, floatBits(c.v))
		f.p("GLOBL %s512<>(SB), RODATA|NOPTR, $4", c.name)
	}
	f.geluTanh512()
}

// exp512Load puts the constants into Z20 and up, in the order of the table.
func (f *file) exp512Load() {
	for i, c := range expConstants {
		f.i("VBROADCASTSS", c.name+"512<>(SB)", z(20+i))
	}
}

// exp512 sets Z0…Z(n-1) to their exponentials; each vector has four more registers. The bounds come first in VMAXPS and VMINPS
// so that a NaN comes out.
func (f *file) exp512(n int) {
	lo, hi, log2e, magic, ln2Hi, ln2Lo, c6, one := z(20), z(21), z(22), z(23), z(24), z(25), 26, z(31)
	each := func(do func(x, t, r, p string)) {
		for i := range n {
			do(z(i), z(4+3*i), z(5+3*i), z(6+3*i))
		}
	}
	each(func(x, t, r, p string) { f.i("VMAXPS", x, lo, x) })
	each(func(x, t, r, p string) { f.i("VMINPS", x, hi, x) })
	each(func(x, t, r, p string) { f.i("VMOVAPS", magic, t) })
	each(func(x, t, r, p string) { f.i("VFMADD231PS", log2e, x, t) })
	each(func(x, t, r, p string) { f.i("VSUBPS", magic, t, t) })
	each(func(x, t, r, p string) { f.i("VFMADD231PS", ln2Hi, t, x) })
	each(func(x, t, r, p string) { f.i("VFMADD231PS", ln2Lo, t, x) })
	each(func(x, t, r, p string) { f.i("VMOVAPS", z(c6), p) })
	each(func(x, t, r, p string) { f.i("VMULPS", x, x, r) })
	for c := 1; c < 5; c++ {
		each(func(x, t, r, p string) { f.i("VFMADD213PS", z(c6+c), x, p) })
	}
	each(func(x, t, r, p string) { f.i("VFMADD213PS", x, r, p) })
	each(func(x, t, r, p string) { f.i("VADDPS", one, p, p) })
	each(func(x, t, r, p string) { f.i("VSCALEFPS", t, p, x) })
}

func (f *file) expSum512() {
	f.p("\n// func expSumAVX512(dst, src *float32, max float32, n uintptr, sum *[16]float64)")
	f.fn("expSumAVX512", 40)
	f.args("dst", "DI", "src", "SI")
	f.i("VBROADCASTSS", "max+16(FP)", z(16))
	f.i("MOVQ", "n+24(FP)", "CX")
	f.i("MOVQ", "sum+32(FP)", "DX")
	f.i("VMOVUPD", "(DX)", z(17))
	f.i("VMOVUPD", "64(DX)", z(18))
	f.exp512Load()
	f.pairs(func(n int) {
		keep := f.label("keep")
		for i := range n {
			f.i("VMOVUPS", fmt.Sprintf("%d(SI)", 64*i), z(i))
			f.i("VSUBPS", z(16), z(i), z(i))
		}
		f.exp512(n)
		f.i("TESTQ", "DI", "DI")
		f.i("JEQ", keep)
		for i := range n {
			f.i("VMOVUPS", z(i), fmt.Sprintf("%d(DI)", 64*i))
		}
		f.i("ADDQ", dollar(64*n), "DI")
		f.at(keep)
		for i := range n {
			f.i("VCVTPS2PD", fmt.Sprintf("Y%d", i), z(4))
			f.i("VEXTRACTF64X4", "$1", z(i), "Y5")
			f.i("VCVTPS2PD", "Y5", z(5))
			f.i("VADDPD", z(4), z(17), z(17))
			f.i("VADDPD", z(5), z(18), z(18))
		}
		f.i("ADDQ", dollar(64*n), "SI")
	})
	f.i("VMOVUPD", z(17), "(DX)")
	f.i("VMOVUPD", z(18), "64(DX)")
	f.p("\tVZEROUPPER\n\tRET")
}

func (f *file) siluMul512() {
	f.p("\n// func siluMulAVX512(gate, up *float32, n uintptr)")
	f.fn("siluMulAVX512", 24)
	f.args("gate", "DI", "up", "SI", "n", "CX")
	f.exp512Load()
	f.i("VPTERNLOGD", "$0xff", z(16), z(16), z(16))
	f.i("VPSLLD", "$31", z(16), z(16)) // the sign bits
	f.pairs(func(n int) {
		for i := range n {
			f.i("VMOVUPS", fmt.Sprintf("%d(DI)", 64*i), z(17+i))
			f.i("VPXORD", z(16), z(17+i), z(i))
		}
		f.exp512(n)
		for i := range n {
			f.i("VADDPS", z(31), z(i), z(i))
			f.i("VDIVPS", z(i), z(17+i), z(i))
			f.i("VMULPS", fmt.Sprintf("%d(SI)", 64*i), z(i), z(i))
			f.i("VMOVUPS", z(i), fmt.Sprintf("%d(DI)", 64*i))
		}
		f.i("ADDQ", dollar(64*n), "DI")
		f.i("ADDQ", dollar(64*n), "SI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

func (f *file) geluTanh512() {
	f.p("\n// func geluTanhAVX512(x *float32, n uintptr)")
	f.fn("geluTanhAVX512", 16)
	f.args("x", "DI", "n", "CX")
	f.exp512Load()
	for i, c := range geluConstants {
		f.i("VBROADCASTSS", c.name+"512<>(SB)", z(13+i))
	}
	f.pairs(func(n int) {
		for i := range n {
			x, y := z(17+i), z(i)
			f.i("VMOVUPS", fmt.Sprintf("%d(DI)", 64*i), x)
			f.i("VMULPS", x, x, y)
			f.i("VMULPS", x, y, y)
			f.i("VMULPS", z(13), y, y)
			f.i("VADDPS", x, y, y)
			f.i("VMULPS", z(14), y, y)
			f.i("VMULPS", z(15), y, y)
		}
		f.exp512(n)
		for i := range n {
			f.i("VADDPS", z(31), z(i), z(i))
			f.i("VDIVPS", z(i), z(17+i), z(i))
			f.i("VMOVUPS", z(i), fmt.Sprintf("%d(DI)", 64*i))
		}
		f.i("ADDQ", dollar(64*n), "DI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// pairs runs a body for two vectors of 16 as often as it can, then for one if one is left of the CX elements.
func (f *file) pairs(body func(vectors int)) {
	two, one, end := f.label("two"), f.label("one"), f.label("end")
	f.i("SUBQ", "$32", "CX")
	f.i("JLT", one)
	f.at(two)
	body(2)
	f.i("SUBQ", "$32", "CX")
	f.i("JGE", two)
	f.at(one)
	f.i("ADDQ", "$32", "CX")
	f.i("JEQ", end)
	body(1)
	f.at(end)
}
