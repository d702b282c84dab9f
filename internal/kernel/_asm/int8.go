package main

import "fmt"

// int8AMD64 writes the integer products. Both walk the groups of K; inside a group the sums are exact integers, at its end they
// are scaled into the float accumulators.
func int8AMD64(f *file) {
	f.constant("flip", 0x80808080, 1)
	f.constant("ones", 0x00010001, 1)
	f.mulI8VNNI(12)
	f.mulI8AVX2(4)
	f.constant("pairs", 0x00010001, 8)
	for _, steps := range []int{1, 2, 4, 8} {
		f.smallI8(steps)
	}
	f.rangeI8()
}

// Registers of both functions:
//
//	DI dst, SI ldd, R8…R11 activations (rows in threes), BX their stride, DX codes of the panel, CX groups left, R12 steps of 4
//	weights in a group, R13 scales of the panel, R14 its offsets or 0, and pointers to the scales of the activations (AX), their
//	sums (stack would be slower: kept in R15) and starts of the accumulators.
const int8Args = "dst *float32, ldd uintptr, code *int8, k uintptr, scale, sum *float32, start *int32, groups uintptr, panel *int8, pscale, pmin *float32, steps, m, bias, shift uintptr"

var groupBases = []string{"R8", "R9", "R10", "R11"}

// int8Begin loads what both functions share. Rows of scales, sums and starts are groups*4 bytes apart.
func (f *file) int8Begin(name string, most int) {
	f.p("\n// func %s(%s)", name, int8Args)
	f.fn(name, 120)
	f.args("dst", "DI", "ldd", "SI", "code", "R8", "k", "BX", "scale", "AX", "sum", "AX", "start", "AX", "groups", "CX", "panel", "DX", "pscale", "R13", "pmin", "R14", "steps", "R12", "m", "AX")
	f.i("LEAQ", "(BX)(BX*2)", "R15")
	for i := range 3 {
		f.i("LEAQ", fmt.Sprintf("(%s)(R15*1)", groupBases[i]), groupBases[i+1])
	}
	for rows := most; rows > 0; rows-- {
		f.i("CMPQ", "AX", fmt.Sprintf("$%d", rows))
		f.i("JEQ", fmt.Sprintf("rows%d%s", rows, name))
	}
	f.p("\tRET")
}

// actAt is the address of the next 4 codes of a row of activations.
func actAt(r int) string {
	return fmt.Sprintf("(%s)%s", groupBases[r/3], []string{"", "(BX*1)", "(BX*2)"}[r%3])
}

// mulI8VNNI multiplies with VPDPBUSD, whose one factor is unsigned: the weights get 128 added by flipping their top bit, and
// each sum starts at -128 times the sum of the activations, which takes it off again.
func (f *file) mulI8VNNI(most int) {
	const name = "mulI8VNNI"
	f.int8Begin(name, most)
	for rows := most; rows > 0; rows-- {
		f.vnniRows(name, rows)
	}
}

func (f *file) vnniRows(name string, rows int) {
	isum := func(r int) string { return fmt.Sprintf("Z%d", r) }
	fsum := func(r int) string { return fmt.Sprintf("Z%d", 12+r) }
	group, step, next := f.label("group"), f.label("step"), f.label("next")
	f.at(fmt.Sprintf("rows%d%s", rows, name))
	f.i("VPBROADCASTD", "flip<>(SB)", "Z31")
	for r := range rows {
		f.i("VPXORQ", fsum(r), fsum(r), fsum(r))
	}
	f.at(group)
	f.perRow(rows, "start", func(r int, at string) { f.i("VPBROADCASTD", at, isum(r)) })
	f.i("MOVQ", "R12", "AX")
	f.at(step)
	f.i("VPXORD", "(DX)", "Z31", "Z30")
	for r := range rows {
		f.i("VPDPBUSD.BCST", actAt(r), "Z30", isum(r))
	}
	f.i("ADDQ", "$64", "DX")
	for i := range (rows + 2) / 3 {
		f.i("ADDQ", "$4", groupBases[i])
	}
	f.i("DECQ", "AX")
	f.i("JNE", step)
	f.i("VMOVUPS", "(R13)", "Z29")
	f.perRow(rows, "scale", func(r int, at string) {
		f.i("VMULPS.BCST", at, "Z29", "Z28")
		f.i("VCVTDQ2PS", isum(r), isum(r))
		f.i("VFMADD231PS", "Z28", isum(r), fsum(r))
	})
	f.i("TESTQ", "R14", "R14")
	f.i("JEQ", next)
	f.i("VMOVUPS", "(R14)", "Z29")
	f.perRow(rows, "sum", func(r int, at string) { f.i("VFMADD231PS.BCST", at, "Z29", fsum(r)) })
	f.i("ADDQ", "$64", "R14")
	f.at(next)
	f.nextGroup(group)
	f.rowsOf(rows, func(r int) { f.i("VMOVUPS", fsum(r), "(R15)") })
	f.p("\tVZEROUPPER\n\tRET")
}

// nextGroup moves on to the next group, or falls through after the last.
func (f *file) nextGroup(label string) {
	f.i("ADDQ", "$64", "R13")
	f.i("ADDQ", "$4", "scale+32(FP)")
	f.i("ADDQ", "$4", "sum+40(FP)")
	f.i("ADDQ", "$4", "start+48(FP)")
	f.i("DECQ", "CX")
	f.i("JNE", label)
}

// perRow walks the rows of a table of the activations with R15.
func (f *file) perRow(rows int, arg string, do func(r int, at string)) {
	f.i("MOVQ", fmt.Sprintf("%s+%d(FP)", arg, map[string]int{"scale": 32, "sum": 40, "start": 48}[arg]), "R15")
	if rows > 1 {
		f.i("MOVQ", "groups+56(FP)", "AX")
	}
	for r := range rows {
		do(r, "(R15)")
		if r+1 < rows {
			f.i("LEAQ", "(R15)(AX*4)", "R15")
		}
	}
}

// mulI8AVX2 multiplies |w| by the activation with w's sign: neither factor exceeds 128·127, so that a pair's sum stays in 16 bits
// without saturation, for every code. The float accumulators live in dst.
func (f *file) mulI8AVX2(most int) {
	const name = "mulI8AVX2"
	f.int8Begin(name, most)
	for rows := most; rows > 0; rows-- {
		f.avx2Rows(name, rows)
	}
}

func (f *file) avx2Rows(name string, rows int) {
	isum := func(r, h int) string { return fmt.Sprintf("Y%d", 2*r+h) }
	group, step, next := f.label("group"), f.label("step"), f.label("next")
	f.at(fmt.Sprintf("rows%d%s", rows, name))
	f.i("VPBROADCASTD", "ones<>(SB)", "Y15")
	f.i("VXORPS", "Y0", "Y0", "Y0")
	f.rowsOf(rows, func(r int) {
		f.i("VMOVUPS", "Y0", "(R15)")
		f.i("VMOVUPS", "Y0", "32(R15)")
	})
	f.at(group)
	for r := range rows {
		for h := range 2 {
			f.i("VPXOR", isum(r, h), isum(r, h), isum(r, h))
		}
	}
	f.i("MOVQ", "R12", "AX")
	f.at(step)
	for h := range 2 {
		f.i("VMOVDQU", fmt.Sprintf("%d(DX)", 32*h), fmt.Sprintf("Y%d", 8+h))
		f.i("VPABSB", fmt.Sprintf("Y%d", 8+h), fmt.Sprintf("Y%d", 10+h))
	}
	for r := range rows {
		f.i("VPBROADCASTD", actAt(r), "Y12")
		for h := range 2 {
			t := fmt.Sprintf("Y%d", 13+h)
			f.i("VPSIGNB", fmt.Sprintf("Y%d", 8+h), "Y12", t)
			f.i("VPMADDUBSW", t, fmt.Sprintf("Y%d", 10+h), t)
			f.i("VPMADDWD", "Y15", t, t)
			f.i("VPADDD", t, isum(r, h), isum(r, h))
		}
	}
	f.i("ADDQ", "$64", "DX")
	for i := range (rows + 2) / 3 {
		f.i("ADDQ", "$4", groupBases[i])
	}
	f.i("DECQ", "AX")
	f.i("JNE", step)
	f.avx2Scale(rows, isum, next)
	f.at(next)
	f.nextGroup(group)
	f.p("\tVZEROUPPER\n\tRET")
}

// avx2Scale adds a group's sums, and its offsets where there are any, to dst. With at most four rows R10 is free to walk dst.
func (f *file) avx2Scale(rows int, isum func(r, h int) string, next string) {
	add := func(r int, a, b func(h int) string) {
		for h := range 2 {
			at := fmt.Sprintf("%d(R10)", 32*h)
			f.i("VMOVUPS", at, "Y10")
			f.i("VFMADD231PS", a(h), b(h), "Y10")
			f.i("VMOVUPS", "Y10", at)
		}
		f.i("ADDQ", "SI", "R10")
	}
	panel := func(h int) string { return fmt.Sprintf("Y%d", 8+h) }
	f.i("VMOVUPS", "(R13)", panel(0))
	f.i("VMOVUPS", "32(R13)", panel(1))
	f.i("MOVQ", "DI", "R10")
	f.perRow(rows, "scale", func(r int, at string) {
		f.i("VBROADCASTSS", at, "Y12")
		for h := range 2 {
			f.i("VMULPS", "Y12", panel(h), fmt.Sprintf("Y%d", 13+h))
			f.i("VCVTDQ2PS", isum(r, h), isum(r, h))
		}
		add(r, func(h int) string { return fmt.Sprintf("Y%d", 13+h) }, func(h int) string { return isum(r, h) })
	})
	f.i("TESTQ", "R14", "R14")
	f.i("JEQ", next)
	f.i("VMOVUPS", "(R14)", panel(0))
	f.i("VMOVUPS", "32(R14)", panel(1))
	f.i("MOVQ", "DI", "R10")
	f.perRow(rows, "sum", func(r int, at string) {
		f.i("VBROADCASTSS", at, "Y12")
		add(r, func(int) string { return "Y12" }, panel)
	})
	f.i("ADDQ", "$64", "R14")
}
