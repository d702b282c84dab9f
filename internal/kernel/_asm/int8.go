package main

import "fmt"

// int8AMD64 writes the integer products. All walk the blocks of K that share a scale of the activations, and in them the groups
// that share scales of the panel: inside a group the sums are exact integers.
func int8AMD64(f *file) {
	f.constant("flip", 0x80808080, 1)
	f.constant("ones", 0x00010001, 1)
	f.constant("pairs", 0x00010001, 8)
	for _, flat := range []bool{true, false} {
		f.mulI8VNNI(rowTile, flat)
		f.int8AVX2(0, 4, flat)
		f.int8AVX2(1, 6, flat)
		f.int8AVX2(2, 4, flat)
		f.int8AVX2(4, 6, flat)
		f.int8AVX2(8, 6, flat)
	}
	f.rangeI8()
	f.negativeI8()
	f.raiseI8()
}

// Registers of all functions:
//
//	DI dst, SI ldd, R8 codes of the activations, R9 their scales, R10 sums and R11 starts, DX codes of the panel, R13 its scales,
//	R14 its offsets or 0, CX blocks left, BX groups left in the block, AX steps of 4 weights left in the group.
//
// Tables of the activations hold rowTile rows side by side, 4 bytes for each.
const int8Args = "dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, blocks, per, steps, m, more, bias, shift uintptr"

const rowTile = 12

// mostNosplit is a stack that the runtime always leaves room for.
const mostNosplit = 512

// int8Begin loads what the functions share and branches by the number of rows.
func (f *file) int8Begin(name string, most, frame int) {
	f.p("\n// func %s(%s)", name, int8Args)
	if frame > mostNosplit {
		f.p("TEXT ·%s(SB), 0, $%d-128", name, frame)
		f.p("\tNO_LOCAL_POINTERS")
	} else {
		f.p("TEXT ·%s(SB), NOSPLIT, $%d-128", name, frame)
	}
	f.args("dst", "DI", "ldd", "SI", "code", "R8", "scale", "R9", "sum", "R10", "start", "R11", "panel", "DX", "pscale", "R13", "pmin", "R14", "blocks", "CX", "per", "BX", "steps", "R12", "m", "AX")
	for rows := most; rows > 0; rows-- {
		f.i("CMPQ", "AX", fmt.Sprintf("$%d", rows))
		f.i("JEQ", fmt.Sprintf("rows%d%s", rows, name))
	}
	f.p("\tRET")
}

// actRow is the place of a row in a table of the activations.
func actRow(base string, r int) string { return fmt.Sprintf("%d(%s)", 4*r, base) }

// nextGroup moves on to the next group of the block, nextBlock to the next block; both fall through after the last.
func (f *file) nextGroup(label string) {
	f.i("ADDQ", "$64", "R13")
	f.i("ADDQ", dollar(4*rowTile), "R10")
	f.i("ADDQ", dollar(4*rowTile), "R11")
	if label != "" {
		f.i("DECQ", "BX")
		f.i("JNE", label)
	}
}

func (f *file) nextBlock(label string) {
	f.i("ADDQ", dollar(4*rowTile), "R9")
	f.i("DECQ", "CX")
	f.i("JNE", label)
}

// mulI8VNNI multiplies with VPDPBUSD, whose one factor is unsigned: the weights get 128 added by flipping their top bit, and
// each sum starts at -128 times the sum of the activations, which takes it off again. Where a block is one group (flat), the
// results stay in registers; else the registers hold the sums of a block, and the results stand in dst.
func (f *file) mulI8VNNI(most int, flat bool) {
	name := "mulI8BlocksVNNI"
	if flat {
		name = "mulI8FlatVNNI"
	}
	f.int8Begin(name, most, 0)
	for rows := most; rows > 0; rows-- {
		f.vnniRows(name, rows, flat)
	}
}

func (f *file) vnniRows(name string, rows int, flat bool) {
	isum, fsum := z, func(r int) string { return z(12 + r) }
	block, group, step, next := f.label("block"), f.label("group"), f.label("step"), f.label("next")
	clear := func() {
		for r := range rows {
			f.i("VPXORD", fsum(r), fsum(r), fsum(r))
		}
	}
	f.at(fmt.Sprintf("rows%d%s", rows, name))
	f.i("VPBROADCASTD", "flip<>(SB)", "Z31")
	clear()
	f.i("CMPQ", "more+104(FP)", "$0")
	if flat {
		f.i("JEQ", group)
		f.rowsOf(rows, func(r int) { f.i("VMOVUPS", "(R15)", fsum(r)) })
	} else {
		f.i("JNE", block)
		f.rowsOf(rows, func(r int) { f.i("VMOVUPS", fsum(r), "(R15)") })
	}
	f.at(block)
	if !flat {
		f.i("MOVQ", "per+80(FP)", "BX")
		clear()
	}
	f.at(group)
	for r := range rows {
		f.i("VPBROADCASTD", actRow("R11", r), isum(r))
	}
	f.i("MOVQ", "R12", "AX")
	f.at(step)
	for s := range 4 {
		f.i("VPXORD", fmt.Sprintf("%d(DX)", 64*s), "Z31", z(29+s%2))
		for r := range rows {
			f.i("VPDPBUSD.BCST", actRow("R8", rowTile*s+r), z(29+s%2), isum(r))
		}
	}
	f.i("ADDQ", "$256", "DX")
	f.i("ADDQ", dollar(16*rowTile), "R8")
	f.i("SUBQ", "$4", "AX")
	f.i("JNE", step)
	f.i("VMOVUPS", "(R13)", "Z29")
	sum := isum
	for r := range rows {
		f.i("VCVTDQ2PS", isum(r), isum(r))
		if flat {
			f.i("VMULPS", "Z29", isum(r), isum(r))
		} else {
			sum = fsum
			f.i("VFMADD231PS", "Z29", isum(r), fsum(r))
		}
	}
	f.i("TESTQ", "R14", "R14")
	f.i("JEQ", next)
	f.i("VMOVUPS", "(R14)", "Z28")
	for r := range rows {
		f.i("VFMADD231PS.BCST", actRow("R10", r), "Z28", sum(r))
	}
	f.i("ADDQ", "$64", "R14")
	f.at(next)
	if flat {
		for r := range rows {
			f.i("VFMADD231PS.BCST", actRow("R9", r), isum(r), fsum(r))
		}
		f.nextGroup("")
		f.nextBlock(group)
		f.rowsOf(rows, func(r int) { f.i("VMOVUPS", fsum(r), "(R15)") })
	} else {
		f.nextGroup(group)
		f.rowsOf(rows, func(r int) {
			f.i("VMOVUPS", "(R15)", isum(r))
			f.i("VFMADD231PS.BCST", actRow("R9", r), fsum(r), isum(r))
			f.i("VMOVUPS", isum(r), "(R15)")
		})
		f.nextBlock(block)
	}
	f.p("\tVZEROUPPER\n\tRET")
}
