package main

import "fmt"

// int8ARM64 writes the integer products with SDOT: up to 4 rows, whose sums fill V0…V15. One load of activations (V20) holds the
// same four columns of all rows; the results lie in dst. Where groups have integer scales (sub), the sums of a block lie on the stack, and what
// offsets are multiplied with behind them.
//
// R0 dst, R1 ldd, R2 codes, R3 scales and R4 sums of the activations, R5 where the sums of offsets begin or the integer scales, R6 panel, R7 and R8 its
// scales and offsets or 0, R9 blocks left, R10 steps in a group, R11 groups in a block, R12 groups left in it, R17 the stack.
func int8ARM64(f *file) {
	for _, form := range []*int8Form{&flatForm, &subForm} {
		name, frame := "mulI8"+form.name+"DotProd", 0
		if form.sub {
			frame = 256
		}
		f.p("\n// func %s(%s)", name, form.args)
		f.p("TEXT ·%s(SB), NOSPLIT, $%d-%d", name, frame, form.size)
		regs := map[string]string{"dst": "R0", "ldd": "R1", "code": "R2", "scale": "R3", "sum": "R4", "pair": "R4", "panel": "R6", "pscale": "R7", "pmin": "R8", "steps": "R10", "m": "R15"}
		if form.sub {
			regs["sub"], regs["start"], regs["blocks"], regs["groups"] = "R5", "R19", "R9", "R11"
		} else {
			regs["groups"] = "R9"
		}
		for n := 0; n < len(form.load); n += 2 {
			if to := regs[form.load[n]]; to != "" {
				f.i("MOVD", fmt.Sprintf("%s+%d(FP)", form.load[n], 4*n), to)
			}
		}
		f.i("MOVD", form.more, "R14")
		if form.sub {
			f.i("MOVD", "$parts-256(SP)", "R17")
		}
		for rows := 4; rows > 0; rows-- {
			f.i("CMP", dollar(rows), "R15")
			f.i("BEQ", fmt.Sprintf("rows%d%s", rows, name))
		}
		f.p("\tRET")
		for rows := 4; rows > 0; rows-- {
			f.at(fmt.Sprintf("rows%d%s", rows, name))
			f.dotRows(form, rows)
		}
	}
}

func (f *file) dotRows(form *int8Form, rows int) {
	block, next := f.label("block"), f.label("next")
	f.i("CBNZ", "R14", block)
	f.clears(24)
	f.neonWalk(rows, func(int) { f.i("VST1", regs(24, 4, "S4"), "(R13)") })
	f.at(block)
	if form.sub {
		f.dotGroups(rows)
		f.parts(rows, func(r int) { f.i("VLD1.P", "64(R16)", regs(4*r, 4, "S4")) })
	} else {
		f.dotGroup(rows)
	}
	f.i("VLD1.P", "64(R7)", regs(24, 4, "S4"))
	for r := range rows {
		for q := range 4 {
			f.toFloat(4*r+q, 4*r+q)
			f.float4(fmul, 4*r+q, 4*r+q, 24+q)
		}
	}
	f.i("CBZ", "R8", next)
	if form.sub {
		f.dotOffsets(rows)
	} else {
		f.i("VLD1.P", "64(R8)", regs(24, 4, "S4"))
		f.i("MOVD", "R4", "R15")
		for r := range rows {
			f.i("VLD1R.P", "4(R15)", regs(28, 1, "S4"))
			for q := range 4 {
				f.i("VFMLA", v(28, "S4"), v(24+q, "S4"), v(4*r+q, "S4"))
			}
		}
	}
	f.at(next)
	f.i("MOVD", "R3", "R15")
	f.neonWalk(rows, func(r int) {
		f.i("VLD1R.P", "4(R15)", regs(28, 1, "S4"))
		f.i("VLD1", "(R13)", regs(24, 4, "S4"))
		for q := range 4 {
			f.i("VFMLA", v(28, "S4"), v(4*r+q, "S4"), v(24+q, "S4"))
		}
		f.i("VST1", regs(24, 4, "S4"), "(R13)")
	})
	if !form.sub {
		f.i("ADD", dollar(4*rowTile), "R4")
	}
	f.i("ADD", dollar(4*rowTile), "R3")
	f.i("SUBS", "$1", "R9")
	f.i("BNE", block)
	f.p("\tRET")
}

// clears makes four registers zero.
func (f *file) clears(first int) {
	for q := range 4 {
		f.clear(first + q)
	}
}

// dotGroup leaves the sums of a group in V0…
func (f *file) dotGroup(rows int) {
	step := f.label("step")
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
}

// dotGroups leaves the sums of a block, of each group times its integer scale, on the stack.
func (f *file) dotGroups(rows int) {
	group := f.label("group")
	f.clears(24)
	f.parts(rows, func(int) { f.i("VST1.P", regs(24, 4, "S4"), "64(R16)") })
	f.i("MOVD", "R11", "R12")
	f.at(group)
	f.dotGroup(rows)
	f.i("VLD1.P", "64(R5)", regs(24, 4, "S4"))
	for q := range 4 {
		f.upperHalves(24+q, 24+q)
	}
	f.parts(rows, func(r int) {
		f.i("VLD1", "(R16)", regs(20, 4, "S4"))
		for q := range 4 {
			f.times(20+q, 4*r+q, 24+q)
		}
		f.i("VST1.P", regs(20, 4, "S4"), "64(R16)")
	})
	f.i("SUBS", "$1", "R12")
	f.i("BNE", group)
}

// parts walks the sums of the block with R16.
func (f *file) parts(rows int, do func(r int)) {
	f.i("MOVD", "R17", "R16")
	for r := range rows {
		do(r)
	}
}

// dotOffsets multiplies the sums of the activations' groups, two at a time, with the panel's integers, and adds them, times the offsets, to V0…
func (f *file) dotOffsets(rows int) {
	for r := range rows {
		pair := f.label("pair")
		f.clears(20)
		f.i("MOVD", "R19", "R13")
		f.i("ADD", dollar(4*r), "R4", "R15")
		f.i("MOVD", "R11", "R12")
		f.at(pair)
		for h := range 2 {
			f.i("VLD2.P", "32(R13)", regs(24+2*h, 2, "H8"))
		}
		for part := range 2 {
			f.i("ADD", dollar(2*part), "R15", "R14")
			f.i("VLD1R", "(R14)", regs(28+part, 1, "H8"))
		}
		f.i("ADD", dollar(4*rowTile), "R15")
		for h := range 2 {
			for part := range 2 {
				for upper := range 2 {
					f.addProducts(20+2*h+upper, 24+2*h+part, 28+part, upper)
				}
			}
		}
		f.i("SUBS", "$2", "R12")
		f.i("BNE", pair)
		f.i("VLD1", "(R8)", regs(24, 4, "S4"))
		for q := range 4 {
			f.toFloat(20+q, 20+q)
			f.i("VFMLA", v(20+q, "S4"), v(24+q, "S4"), v(4*r+q, "S4"))
		}
	}
	f.i("ADD", "$64", "R8")
	f.i("MOVD", "R13", "R19")
	f.i("SUB", dollar(4*(rows-1)), "R15", "R4")
}
