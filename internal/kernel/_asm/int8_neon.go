package main

import "fmt"

// int8ARM64 writes the integer product with SDOT: up to 4 rows, whose sums fill V0…V15. One load of activations (V20) holds the
// same four columns of all rows. The float sums of a block lie in V0…V15 too once a group ends, and go to the stack where it is
// not the last of its block; the results lie in dst.
//
// R0 dst, R1 ldd, R2 codes, R3 scales and R4 sums of the activations, R6 panel, R7 and R8 its scales and offsets or 0, R9 blocks
// left, R10 steps in a group, R11 groups in a block, R12 groups left in it, R17 the stack.
func int8ARM64(f *file) {
	f.p("\n// func mulI8DotProd(%s)", int8Args)
	f.p("TEXT ·mulI8DotProd(SB), NOSPLIT, $256-128")
	for _, a := range []struct {
		name string
		off  int
		reg  string
	}{{"dst", 0, "R0"}, {"ldd", 8, "R1"}, {"code", 16, "R2"}, {"scale", 24, "R3"}, {"sum", 32, "R4"}, {"panel", 48, "R6"}, {"pscale", 56, "R7"},
		{"pmin", 64, "R8"}, {"blocks", 72, "R9"}, {"per", 80, "R11"}, {"steps", 88, "R10"}, {"m", 96, "R15"}, {"more", 104, "R14"}} {
		f.i("MOVD", fmt.Sprintf("%s+%d(FP)", a.name, a.off), a.reg)
	}
	f.i("MOVD", "$parts-256(SP)", "R17")
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
	block, group, step, next := f.label("block"), f.label("group"), f.label("step"), f.label("next")
	f.at(fmt.Sprintf("rows%d", rows))
	f.i("CBNZ", "R14", block)
	for q := range 4 {
		f.clear(24 + q)
	}
	f.neonWalk(rows, func(int) { f.i("VST1", regs(24, 4, "S4"), "(R13)") })
	f.at(block)
	for q := range 4 {
		f.clear(24 + q)
	}
	f.parts(rows, func(int) { f.i("VST1.P", regs(24, 4, "S4"), "64(R16)") })
	f.i("MOVD", "R11", "R12")
	f.at(group)
	for r := range 4 * rows {
		f.clear(r)
	}
	f.i("MOVD", "R10", "R14")
	f.at(step)
	f.i("VLD1", "(R2)", regs(20, 1, "B16"))
	f.i("ADD", dollar(4*rowTile), "R2")
	f.i("VLD1.P", "64(R6)", regs(16, 4, "B16"))
	for r := range rows {
		for q := range 4 {
			f.sdot(4*r+q, 16+q, 20, r)
		}
	}
	f.i("SUBS", "$1", "R14")
	f.i("BNE", step)
	f.dotScale(rows, next)
	f.i("ADD", dollar(4*rowTile), "R4")
	f.i("SUBS", "$1", "R12")
	f.i("BNE", group)
	f.dotBlock(rows)
	f.i("ADD", dollar(4*rowTile), "R3")
	f.i("SUBS", "$1", "R9")
	f.i("BNE", block)
	f.p("\tRET")
}

// parts walks the sums of the block with R16.
func (f *file) parts(rows int, do func(r int)) {
	f.i("MOVD", "R17", "R16")
	for r := range rows {
		do(r)
	}
}

// dotScale adds a group's sums, and its offsets where there are any, to those of the block.
func (f *file) dotScale(rows int, next string) {
	f.i("VLD1.P", "64(R7)", regs(24, 4, "S4"))
	f.parts(rows, func(r int) {
		f.i("VLD1", "(R16)", regs(20, 4, "S4"))
		for q := range 4 {
			f.toFloat(4*r+q, 4*r+q)
			f.i("VFMLA", v(24+q, "S4"), v(4*r+q, "S4"), v(20+q, "S4"))
		}
		f.i("VST1.P", regs(20, 4, "S4"), "64(R16)")
	})
	f.i("CBZ", "R8", next)
	f.i("VLD1.P", "64(R8)", regs(24, 4, "S4"))
	f.i("MOVD", "R4", "R15")
	f.parts(rows, func(r int) {
		f.i("VLD1R.P", "4(R15)", regs(28, 1, "S4"))
		f.i("VLD1", "(R16)", regs(20, 4, "S4"))
		for q := range 4 {
			f.i("VFMLA", v(28, "S4"), v(24+q, "S4"), v(20+q, "S4"))
		}
		f.i("VST1.P", regs(20, 4, "S4"), "64(R16)")
	})
	f.at(next)
}

// dotBlock adds the sums of a block, times the scale of the activations, to dst.
func (f *file) dotBlock(rows int) {
	f.i("MOVD", "R3", "R15")
	f.i("MOVD", "R17", "R16")
	f.neonWalk(rows, func(int) {
		f.i("VLD1R.P", "4(R15)", regs(28, 1, "S4"))
		f.i("VLD1.P", "64(R16)", regs(20, 4, "S4"))
		f.i("VLD1", "(R13)", regs(24, 4, "S4"))
		for q := range 4 {
			f.i("VFMLA", v(28, "S4"), v(20+q, "S4"), v(24+q, "S4"))
		}
		f.i("VST1", regs(24, 4, "S4"), "(R13)")
	})
}
