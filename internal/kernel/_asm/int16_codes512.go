package main

import "fmt"

// codeI16AVX512 codes pairs of groups of 64 numbers, as codeI16 does one: what ends in a single number, a maximum and a sum of squares, ends for both
// at once, one in the lower half of a vector and one in the upper. Thirty-two numbers stand in two vectors, those of their eights that squares add up
// first side by side: the first and the third in one, the second and the fourth in the other.
func (f *file) codeI16AVX512() {
	f.words("i16Spread", 32, func(at int) uint16 { // the words of two eights, each below 16 bits of zero, which a mask makes
		return uint16(at/2%8 + at/16*16)
	})
	f.words("i16Join", 32, func(at int) uint16 { // the lower halves of 32-bit integers in two vectors, in the order of the numbers
		return uint16(at/8%2*32 + at/16*16 + at%8*2)
	})
	f.codeI16Pairs("codeI16AVX512", "float32", 128, func(at func(off int) string, a, b string) {
		f.i("VMOVUPS", at(0), z(16))
		f.i("VMOVUPS", at(64), z(17))
		f.i("VSHUFF64X2", "$0x44", z(17), z(16), a)
		f.i("VSHUFF64X2", "$0xee", z(17), z(16), b)
	})
	f.codeI16Pairs("codeF16AVX512", "byte", 64, func(at func(off int) string, a, b string) {
		f.i("VMOVDQU64", at(0), z(16))
		f.i("VSHUFI64X2", "$0xd8", z(16), z(16), z(16))
		f.i("VEXTRACTI64X4", "$1", z(16), "Y17")
		f.i("VCVTPH2PS", "Y16", a)
		f.i("VCVTPH2PS", "Y17", b)
	})
	f.codeI16Pairs("codeBF16AVX512", "byte", 64, func(at func(off int) string, a, b string) {
		f.i("VMOVDQU64", at(0), z(16))
		f.i("VPERMW.Z", z(16), z(30), "K2", a)
		f.i("VPERMW.Z", z(16), z(31), "K2", b)
	})
}

// codeI16Pairs writes a function for n pairs of groups; 32 numbers are size bytes.
func (f *file) codeI16Pairs(name, of string, size int, load func(at func(off int) string, a, b string)) {
	f.p("\n// func %s(code *uint32, scale *float32, x *%s, n uintptr)", name, of)
	f.fn(name, 32)
	f.args("code", "DI", "scale", "DX", "x", "SI", "n", "CX")
	for i, c := range []string{"i16Abs", "i16Half", "i16Least", "i16Inverse", "i16Margin", "i16Free", "i16One"} {
		f.i("VPBROADCASTD", c+"<>(SB)", z(20+i))
	}
	f.i("VMOVDQU64", "i16Join<>(SB)", z(29))
	f.i("VMOVDQU64", "i16Spread<>(SB)", z(30))
	f.i("MOVL", "$0x80008", "AX")
	f.i("VPBROADCASTD", "AX", z(31))
	f.i("VPADDW", z(30), z(31), z(31))
	f.i("MOVL", "$0xaaaaaaaa", "AX")
	f.i("KMOVD", "AX", "K2")
	f.loop(1, func() {
		for h := range 4 {
			load(func(off int) string { return fmt.Sprintf("%d(SI)", h*size+off) }, z(2*h), z(2*h+1))
		}
		for g := range 2 {
			for q := range 4 {
				f.i("VPANDD", z(4*g+q), z(20), z(8+4*g+q))
			}
			f.i("VPMAXSD", z(9+4*g), z(8+4*g), z(8+4*g))
			f.i("VPMAXSD", z(11+4*g), z(10+4*g), z(10+4*g))
			f.i("VPMAXSD", z(10+4*g), z(8+4*g), z(8+4*g))
		}
		f.foldPair("VPMAXSD", 8, 12)
		f.i("VPADDD", z(21), z(8), z(8))
		f.i("VPSRLD", "$23", z(8), z(8))
		f.i("VPMAXSD", z(22), z(8), z(8)) // the exponents
		f.i("VPSUBD", z(8), z(23), z(9))
		f.timesPair(9)
		for g := range 2 {
			for q := range 4 {
				f.i("VMULPS", z(4*g+q), z(4*g+q), z(9+4*g+q))
			}
			f.i("VADDPS", z(10+4*g), z(9+4*g), z(9+4*g))
			f.i("VADDPS", z(12+4*g), z(11+4*g), z(11+4*g))
			f.halves("VADDPS", 9+4*g, 11+4*g)
		}
		f.foldPair("VADDPS", 9, 13)
		f.i("VPADDD", z(24), z(9), z(9))
		f.i("VPSRLD", "$23", z(9), z(9))
		f.i("VPSUBD", z(25), z(9), z(9))
		f.i("VPSRAD", "$1", z(9), z(9))
		f.i("VPXORD", z(10), z(10), z(10))
		f.i("VPMAXSD", z(10), z(9), z(9))                    // the shifts
		f.i("VPCMPD.BCST", "$1", "i16Top<>(SB)", z(8), "K1") // whether all are finite
		f.i("VPADDD", z(9), z(8), z(8))
		f.i("VPSUBD.BCST", "i16Bits<>(SB)", z(8), z(8))
		f.i("VPSLLD", "$23", z(8), z(8))
		f.i("VPBROADCASTD", "i16NaN<>(SB)", z(10))
		f.i("VPBLENDMD", z(8), z(10), "K1", z(8))
		f.i("VEXTRACTF32X4", "$2", z(8), "X10")
		f.i("VMOVSS", "X8", "(DX)")
		f.i("VMOVSS", "X10", "4(DX)")
		f.i("VPSUBD.Z", z(9), z(26), "K1", z(9))
		f.timesPair(9)
		for h := range 4 {
			f.i("VCVTPS2DQ", z(2*h), z(2*h))
			f.i("VCVTPS2DQ", z(2*h+1), z(2*h+1))
			f.i("VPERMT2W", z(2*h+1), z(29), z(2*h))
			f.i("VMOVDQU64", z(2*h), fmt.Sprintf("%d(DI)", 64*h))
		}
		f.advance(8, "DX")
		f.advance(2*4*stepsI16, "DI")
		f.advance(4*size, "SI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// halves puts what op makes of the two halves of vector a into its lower half, and of b into its upper.
func (f *file) halves(op string, a, b int) {
	f.i("VSHUFF64X2", "$0xee", z(b), z(a), z(18))
	f.i("VSHUFF64X2", "$0x44", z(b), z(a), z(a))
	f.i(op, z(18), z(a), z(a))
}

// foldPair leaves what op makes of all of vector a in its lower half, and of b in its upper.
func (f *file) foldPair(op string, a, b int) {
	f.halves(op, a, b)
	f.i("VSHUFF64X2", "$0xb1", z(a), z(a), z(18))
	f.i(op, z(18), z(a), z(a))
	for _, swap := range []string{"$0x4e", "$0xb1"} {
		f.i("VPERMILPS", swap, z(a), z(18))
		f.i(op, z(18), z(a), z(a))
	}
}

// timesPair multiplies the numbers of both groups by the powers of two whose exponents stand in the halves of a vector.
func (f *file) timesPair(by int) {
	f.i("VPSLLD", "$23", z(by), z(by))
	f.i("VSHUFF64X2", "$0x44", z(by), z(by), z(18))
	f.i("VSHUFF64X2", "$0xee", z(by), z(by), z(19))
	for q := range 8 {
		f.i("VMULPS", z(q), z(18+q/4), z(q))
	}
}
