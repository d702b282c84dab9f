package main

import "fmt"

// int16ARM64 writes the product of pairs of codes with SMLAL: up to 2 rows against 16 outputs. A lane of a sum holds the first or the second code
// of each word; ADDP joins them at the end of a group. The results lie in dst.
//
// R0 dst, R1 ldd, R2 codes of the activations and R3 their scales, R4 codes of the panel and R5 its scales, R7 groups left; V0…V15 sums, V16…V19
// weights, V20 and V21 a word of each row, repeated.
func int16ARM64(f *file) {
	f.p("\n// func mulI16NEON(%s)", int16Args)
	f.fn("mulI16NEON", 72)
	for i, a := range []string{"dst", "ldd", "x", "xscale", "panel", "pscale", "m", "groups", "more"} {
		f.i("MOVD", fmt.Sprintf("%s+%d(FP)", a, 8*i), fmt.Sprintf("R%d", i))
	}
	f.i("CMP", "$2", "R6")
	f.i("BEQ", "rows2")
	for rows := 1; rows <= 2; rows++ {
		f.at(fmt.Sprintf("rows%d", rows))
		f.neonI16(rows)
	}
}

func (f *file) neonI16(rows int) {
	group, step := f.label("group"), f.label("step")
	f.i("CBNZ", "R8", group)
	for q := range 4 {
		f.clear(24 + q)
	}
	f.neonWalk(rows, func(int) { f.i("VST1", regs(24, 4, "S4"), "(R13)") })
	f.at(group)
	for i := range 8 * rows {
		f.clear(i)
	}
	f.i("MOVD", dollar(stepsI16), "R14")
	f.at(step)
	f.i("VLD1", "(R4)", regs(16, 4, "B16"))
	f.i("ADD", dollar(panelBytes), "R4")
	f.i("MOVD", "R2", "R15")
	for r := range rows {
		f.i("VLD1R.P", "4(R15)", regs(20+r, 1, "S4"))
	}
	f.i("ADD", dollar(4*rowTile), "R2")
	for r := range rows {
		for q := range 4 {
			for upper := range 2 {
				f.addProducts(8*r+2*q+upper, 16+q, 20+r, upper)
			}
		}
	}
	f.i("SUBS", "$1", "R14")
	f.i("BNE", step)
	f.i("VLD1", "(R5)", regs(16, 4, "S4"))
	f.i("ADD", dollar(panelBytes), "R5")
	f.i("MOVD", "R3", "R15")
	f.neonWalk(rows, func(r int) {
		f.i("VLD1R.P", "4(R15)", regs(28, 1, "S4"))
		f.i("VLD1", "(R13)", regs(20, 4, "S4"))
		for q := range 4 {
			f.joinPairs(8*r+2*q, 8*r+2*q, 8*r+2*q+1)
			f.toFloat(8*r+2*q, 8*r+2*q)
			f.clear(24 + q)
			f.i("VFMLA", v(16+q, "S4"), v(8*r+2*q, "S4"), v(24+q, "S4"))
			f.i("VFMLA", v(28, "S4"), v(24+q, "S4"), v(20+q, "S4"))
		}
		f.i("VST1", regs(20, 4, "S4"), "(R13)")
	})
	f.i("ADD", dollar(4*rowTile), "R3")
	f.i("SUBS", "$1", "R7")
	f.i("BNE", group)
	f.p("\tRET")
}
