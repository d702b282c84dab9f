package main

import "fmt"

// smallI8 writes the AVX2 product for panels of small codes. The weights get a bias added that makes them unsigned, so that no
// sign has to be carried over, and so many steps are summed in 16 bits that biased code · 127 · 2 · steps stays below 2^15. Each
// sum starts at -bias times the sum of the activations, which is start >> shift.
//
// Y0…Y5 sums of 3 rows, Y6…Y11 their 16-bit parts, Y12 and Y13 weights, Y14 activations.
func (f *file) smallI8(steps int, flat bool) {
	name := blocksName(fmt.Sprintf("mulI8x%d", steps), flat)
	f.int8Begin(name, 3, 192)
	for rows := 3; rows > 0; rows-- {
		f.at(fmt.Sprintf("rows%d%s", rows, name))
		f.avx2Blocks(rows, flat, func() { f.smallGroup(rows, steps) })
	}
}

func (f *file) smallGroup(rows, steps int) {
	part := func(r, h int) string { return y(6 + 2*r + h) }
	step := f.label("step")
	f.i("VMOVQ", "shift+120(FP)", "X15")
	for r := range rows {
		f.i("VPBROADCASTD", actRow("R11", r), isumAVX2(r, 0))
		f.i("VPSRAD", "X15", isumAVX2(r, 0), isumAVX2(r, 0))
		f.i("VMOVDQA", isumAVX2(r, 0), isumAVX2(r, 1))
	}
	f.i("MOVQ", "R12", "AX")
	f.at(step)
	for s := range steps {
		for h := range 2 {
			f.i("VPBROADCASTD", "bias+112(FP)", y(12+h))
			f.i("VPADDB", fmt.Sprintf("%d(DX)", 64*s+32*h), y(12+h), y(12+h))
		}
		for r := range rows {
			f.i("VPBROADCASTD", actRow("R8", rowTile*s+r), "Y14")
			for h := range 2 {
				if s == 0 {
					f.i("VPMADDUBSW", "Y14", y(12+h), part(r, h))
					continue
				}
				f.i("VPMADDUBSW", "Y14", y(12+h), "Y15")
				f.i("VPADDW", "Y15", part(r, h), part(r, h))
			}
		}
	}
	for r := range rows {
		for h := range 2 {
			f.i("VPMADDWD", "pairs<>(SB)", part(r, h), part(r, h))
			f.i("VPADDD", part(r, h), isumAVX2(r, h), isumAVX2(r, h))
		}
	}
	f.i("ADDQ", dollar(64*steps), "DX")
	f.i("ADDQ", dollar(4*rowTile*steps), "R8")
	f.i("SUBQ", dollar(steps), "AX")
	f.i("JNE", step)
}

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
