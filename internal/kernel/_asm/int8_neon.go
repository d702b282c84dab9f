package main

import "fmt"

// int8ARM64 writes the integer product with SDOT: up to 4 rows, whose sums fill V0…V15. Four steps of 4 weights share a load of
// each row's activations (V20…V23). The float accumulators live in dst.
//
// R0 dst, R1 ldd, R2…R5 rows of activations, R6 panel, R7 and R8 its scales and offsets or 0, R9 groups left, R10 steps in a
// group, R11 and R12 scales and sums of the activations, R13 bytes between rows of these.
func int8ARM64(f *file) {
	f.p("\n// func mulI8DotProd(%s)", int8Args)
	f.fn("mulI8DotProd", 120)
	for _, a := range []struct {
		name string
		off  int
		reg  string
	}{{"dst", 0, "R0"}, {"ldd", 8, "R1"}, {"code", 16, "R2"}, {"k", 24, "R14"}, {"scale", 32, "R11"}, {"sum", 40, "R12"}, {"groups", 56, "R9"},
		{"panel", 64, "R6"}, {"pscale", 72, "R7"}, {"pmin", 80, "R8"}, {"steps", 88, "R10"}, {"m", 96, "R15"}} {
		f.i("MOVD", fmt.Sprintf("%s+%d(FP)", a.name, a.off), a.reg)
	}
	f.i("LSL", "$2", "R9", "R13")
	for r := 1; r < 4; r++ {
		f.i("ADD", "R14", fmt.Sprintf("R%d", 1+r), fmt.Sprintf("R%d", 2+r))
	}
	for rows := 4; rows > 0; rows-- {
		f.i("CMP", dollar(rows), "R15")
		f.i("BEQ", fmt.Sprintf("rows%d", rows))
	}
	f.p("\tRET")
	for rows := 4; rows > 0; rows-- {
		f.dotRows(rows)
	}
}

func (f *file) dotRows(rows int) {
	group, step, next := f.label("group"), f.label("step"), f.label("next")
	f.at(fmt.Sprintf("rows%d", rows))
	for q := range 4 {
		f.clear(q)
	}
	f.neonRowsOf(rows, "", func(int) { f.i("VST1", regs(0, 4, "S4"), "(R16)") })
	f.at(group)
	for r := range 4 * rows {
		f.clear(r)
	}
	f.i("MOVD", "R10", "R14")
	f.at(step)
	for r := range rows {
		f.i("VLD1.P", fmt.Sprintf("16(R%d)", 2+r), regs(20+r, 1, "B16"))
	}
	for s := range 4 {
		f.i("VLD1.P", "64(R6)", regs(16, 4, "B16"))
		for r := range rows {
			for q := range 4 {
				f.sdot(4*r+q, 16+q, 20+r, s)
			}
		}
	}
	f.i("SUBS", "$4", "R14")
	f.i("BNE", step)
	f.dotScale(rows, next)
	f.at(next)
	f.i("ADD", "$4", "R11")
	f.i("ADD", "$4", "R12")
	f.i("SUBS", "$1", "R9")
	f.i("BNE", group)
	f.p("\tRET")
}

// dotScale adds a group's sums, and its offsets where there are any, to dst.
func (f *file) dotScale(rows int, next string) {
	f.i("VLD1.P", "64(R7)", regs(24, 4, "S4"))
	f.neonRowsOf(rows, "R11", func(r int) {
		f.i("VLD1", "(R16)", regs(20, 4, "S4"))
		for q := range 4 {
			f.float4(fmul, 29, 24+q, 28)
			f.toFloat(4*r+q, 4*r+q)
			f.i("VFMLA", v(29, "S4"), v(4*r+q, "S4"), v(20+q, "S4"))
		}
		f.i("VST1", regs(20, 4, "S4"), "(R16)")
	})
	f.i("CBZ", "R8", next)
	f.i("VLD1.P", "64(R8)", regs(24, 4, "S4"))
	f.neonRowsOf(rows, "R12", func(r int) {
		f.i("VLD1", "(R16)", regs(20, 4, "S4"))
		for q := range 4 {
			f.i("VFMLA", v(28, "S4"), v(24+q, "S4"), v(20+q, "S4"))
		}
		f.i("VST1", regs(20, 4, "S4"), "(R16)")
	})
}

// neonRowsOf walks the rows of dst with R16, and V28 holds a row's number of the table, if one is named, in all lanes.
func (f *file) neonRowsOf(rows int, table string, do func(r int)) {
	f.i("MOVD", "R0", "R16")
	if table != "" {
		f.i("MOVD", table, "R15")
	}
	for r := range rows {
		if table != "" {
			f.i("VLD1R", "(R15)", regs(28, 1, "S4"))
			f.i("ADD", "R13", "R15")
		}
		do(r)
		f.i("ADD", "R1", "R16")
	}
}
