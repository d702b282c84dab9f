package main

import "fmt"

// negativeI8 writes the sums of the magnitudes of negative codes, for each output and group of a panel; ones are 8 bits and 16.
func (f *file) negativeI8() {
	f.p("\n// func negativeI8AVX2(sum *int32, code *int8, groups, steps uintptr)")
	f.fn("negativeI8AVX2", 32)
	f.args("sum", "DI", "code", "SI", "groups", "CX", "steps", "DX")
	f.i("VPBROADCASTD", "ones<>(SB)", "Y15")
	f.i("VPABSB", "Y15", "Y14")
	f.i("VPSLLW", "$8", "Y15", "Y13")
	f.i("VPOR", "Y13", "Y14", "Y14")
	f.i("VPXOR", "Y13", "Y13", "Y13")
	group, step := f.label("group"), f.label("step")
	f.at(group)
	f.i("VPXOR", "Y0", "Y0", "Y0")
	f.i("VPXOR", "Y1", "Y1", "Y1")
	f.i("MOVQ", "DX", "AX")
	f.at(step)
	for h := range 2 {
		at := fmt.Sprintf("%d(SI)", 32*h)
		f.i("VPABSB", at, y(2+h))
		f.i("VPCMPGTB", at, "Y13", y(4+h))
		f.i("VPAND", y(4+h), y(2+h), y(2+h))
		f.i("VPMADDUBSW", "Y14", y(2+h), y(2+h))
		f.i("VPMADDWD", "Y15", y(2+h), y(2+h))
		f.i("VPADDD", y(2+h), y(h), y(h))
	}
	f.i("ADDQ", "$64", "SI")
	f.i("DECQ", "AX")
	f.i("JNE", step)
	f.i("VMOVDQU", "Y0", "(DI)")
	f.i("VMOVDQU", "Y1", "32(DI)")
	f.i("ADDQ", "$64", "DI")
	f.i("DECQ", "CX")
	f.i("JNE", group)
	f.p("\tVZEROUPPER\n\tRET")
}

// raiseI8 writes the sum of n codes and a bias, n a multiple of 64.
func (f *file) raiseI8() {
	f.p("\n// func raiseI8AVX2(dst, code *int8, n, bias uintptr)")
	f.fn("raiseI8AVX2", 32)
	f.args("dst", "DI", "code", "SI", "n", "CX", "bias", "AX")
	f.i("VMOVQ", "AX", "X2")
	f.i("VPBROADCASTB", "X2", "Y2")
	f.loop(64, func() {
		for h := range 2 {
			f.i("VPADDB", fmt.Sprintf("%d(SI)", 32*h), "Y2", y(h))
			f.i("VMOVDQU", y(h), fmt.Sprintf("%d(DI)", 32*h))
		}
		f.advance(64, "SI")
		f.advance(64, "DI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// rangeI8 writes the least and the greatest of n > 0 codes, n a multiple of 64: two words of 16 lanes for the caller to reduce.
func (f *file) rangeI8() {
	f.p("\n// func rangeI8AVX2(code *int8, n uintptr, low, high *[16]int8)")
	f.fn("rangeI8AVX2", 32)
	f.args("code", "SI", "n", "CX", "low", "DI", "high", "DX")
	for i := range 4 {
		f.i("VMOVDQU", "(SI)", y(i))
	}
	f.loop(64, func() {
		for h := range 2 {
			f.i("VMOVDQU", fmt.Sprintf("%d(SI)", 32*h), "Y4")
			f.i("VPMINSB", "Y4", y(h), y(h))
			f.i("VPMAXSB", "Y4", y(2+h), y(2+h))
		}
		f.i("ADDQ", "$64", "SI")
	})
	for i, op := range []string{"VPMINSB", "VPMAXSB"} {
		f.i(op, y(2*i+1), y(2*i), y(2*i))
		f.i("VEXTRACTI128", "$1", y(2*i), "X4")
		f.i(op, "X4", fmt.Sprintf("X%d", 2*i), "X4")
		f.i("VMOVDQU", "X4", []string{"(DI)", "(DX)"}[i])
	}
	f.p("\tVZEROUPPER\n\tRET")
}
