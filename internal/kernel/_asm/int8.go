package main

import "fmt"

// int8AMD64 writes the integer products, each for panels whose blocks are groups (flat), and for those whose groups have integer
// scales in a block of several (sub): sums are exact integers inside a block.
func int8AMD64(f *file) {
	f.constant("flip", 0x80808080, 1)
	f.constant("ones", 0x00010001, 1)
	f.constant("pairs", 0x00010001, 8)
	for _, form := range []*int8Form{&flatForm, &subForm} {
		f.mulI8VNNI(form)
		f.int8AVX2(form, 0, 4)
		f.int8AVX2(form, 1, 6)
		f.int8AVX2(form, 2, 4)
		f.int8AVX2(form, 4, 6)
		f.int8AVX2(form, 8, 6)
	}
	f.rangeI8()
	f.negativeI8()
	f.raiseI8()
}

// An int8Form is what the functions of a form take.
type int8Form struct {
	name, args  string
	sub         bool
	size        int    // of the arguments
	more, shift string // their places
	load        []string
}

// Registers of all functions:
//
//	DI dst, SI ldd, R8 codes of the activations, R9 their scales, R10 their sums, DX codes of the panel, CX blocks left, AX steps of 4 weights left in the
//	group, R12 in all; flat: R11 starts, R13 scales and R14 offsets of the panel, or 0; sub: R11 where sums start, R13 integer scales, R14 how far the
//	panel's scales and offsets are behind, BX groups left in the block.
//
// Tables of the activations hold rowTile rows side by side, 4 bytes for each.
var (
	flatForm = int8Form{name: "Flat", size: 120, more: "more+96(FP)", shift: "shift+112(FP)",
		args: "dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, groups, steps, m, more, bias, shift uintptr",
		load: []string{"dst", "DI", "ldd", "SI", "code", "R8", "scale", "R9", "sum", "R10", "start", "R11", "panel", "DX", "pscale", "R13", "pmin", "R14", "groups", "CX",
			"steps", "R12", "m", "AX"}}
	subForm = int8Form{name: "Sub", sub: true, size: 128, more: "more+112(FP)", shift: "shift+120(FP)",
		args: "dst *float32, ldd uintptr, code *int8, scale *float32, pair *int16, panel *int8, sub *int16, start unsafe.Pointer, pscale, pmin *float32, blocks, groups, steps, m, more, shift uintptr",
		load: []string{"dst", "DI", "ldd", "SI", "code", "R8", "scale", "R9", "pair", "R10", "panel", "DX", "sub", "R13", "start", "R11", "pscale", "", "pmin", "",
			"blocks", "CX", "groups", "", "steps", "R12", "m", "AX"}}
)

const rowTile = 12

// mostNosplit is a stack that the runtime always leaves room for.
const mostNosplit = 512

// int8Begin loads what the functions share and branches by the number of rows.
func (f *file) int8Begin(form *int8Form, name string, most, frame int) {
	f.p("\n// func %s(%s)", name, form.args)
	if frame > mostNosplit {
		f.p("TEXT ·%s(SB), 0, $%d-%d", name, frame, form.size)
		f.p("\tNO_LOCAL_POINTERS")
	} else {
		f.p("TEXT ·%s(SB), NOSPLIT, $%d-%d", name, frame, form.size)
	}
	f.args(form.load...)
	if form.sub {
		f.i("XORL", "R14", "R14")
	}
	for rows := most; rows > 0; rows-- {
		f.i("CMPQ", "AX", fmt.Sprintf("$%d", rows))
		f.i("JEQ", fmt.Sprintf("rows%d%s", rows, name))
	}
	f.p("\tRET")
}

// actRow is the place of a row in a table of the activations.
func actRow(base string, r int) string { return fmt.Sprintf("%d(%s)", 4*r, base) }

// nextBlock moves on to the next block and falls through after the last.
func (f *file) nextBlock(form *int8Form, label string) {
	f.i("ADDQ", dollar(4*rowTile), "R9")
	if form.sub {
		f.i("ADDQ", "$64", "R14")
	} else {
		f.i("ADDQ", "$64", "R13")
		f.i("ADDQ", dollar(4*rowTile), "R10")
		f.i("ADDQ", dollar(4*rowTile), "R11")
	}
	f.i("DECQ", "CX")
	f.i("JNE", label)
}

// nextGroup moves on to the next group of the block and falls through after the last.
func (f *file) nextGroup(label string) {
	f.i("ADDQ", "$64", "R13")
	f.i("DECQ", "BX")
	f.i("JNE", label)
}

// pairsOfGroups walks the pairs of groups of a block.
func (f *file) pairsOfGroups(do func()) {
	pair := f.label("pair")
	f.i("MOVQ", "groups+88(FP)", "BX")
	f.at(pair)
	do()
	f.i("ADDQ", "$64", "R11")
	f.i("ADDQ", dollar(4*rowTile), "R10")
	f.i("SUBQ", "$2", "BX")
	f.i("JNE", pair)
}

// mulI8VNNI multiplies with VPDPBUSD, whose one factor is unsigned: the weights get 128 added by flipping their top bit, and
// each sum starts at -128 times the sum of the activations, which takes it off again.
func (f *file) mulI8VNNI(form *int8Form) {
	name := "mulI8" + form.name + "VNNI"
	f.int8Begin(form, name, rowTile, 0)
	for rows := rowTile; rows > 0; rows-- {
		f.at(fmt.Sprintf("rows%d%s", rows, name))
		if form.sub {
			f.vnniSub(rows)
		} else {
			f.vnniFlat(rows)
		}
	}
}

// vnniSteps adds the products of a group to Z0…
func (f *file) vnniSteps(rows int) {
	step := f.label("step")
	f.i("MOVQ", "R12", "AX")
	f.at(step)
	for s := range 4 {
		f.i("VPXORD", fmt.Sprintf("%d(DX)", 64*s), "Z31", z(29+s%2))
		for r := range rows {
			f.i("VPDPBUSD.BCST", actRow("R8", rowTile*s+r), z(29+s%2), z(r))
		}
	}
	f.i("ADDQ", "$256", "DX")
	f.i("ADDQ", dollar(16*rowTile), "R8")
	f.i("SUBQ", "$4", "AX")
	f.i("JNE", step)
}

// vnniFlat keeps the results in Z12… up to the end.
func (f *file) vnniFlat(rows int) {
	group, next := f.label("group"), f.label("next")
	f.i("VPBROADCASTD", "flip<>(SB)", "Z31")
	for r := range rows {
		f.i("VPXORD", z(12+r), z(12+r), z(12+r))
	}
	f.i("CMPQ", flatForm.more, "$0")
	f.i("JEQ", group)
	f.rowsOf(rows, func(r int) { f.i("VMOVUPS", "(R15)", z(12+r)) })
	f.at(group)
	for r := range rows {
		f.i("VPBROADCASTD", actRow("R11", r), z(r))
	}
	f.vnniSteps(rows)
	f.i("VMOVUPS", "(R13)", "Z29")
	for r := range rows {
		f.i("VCVTDQ2PS", z(r), z(r))
		f.i("VMULPS", "Z29", z(r), z(r))
	}
	f.i("TESTQ", "R14", "R14")
	f.i("JEQ", next)
	f.i("VMOVUPS", "(R14)", "Z28")
	for r := range rows {
		f.i("VFMADD231PS.BCST", actRow("R10", r), "Z28", z(r))
	}
	f.i("ADDQ", "$64", "R14")
	f.at(next)
	for r := range rows {
		f.i("VFMADD231PS.BCST", actRow("R9", r), z(r), z(12+r))
	}
	f.nextBlock(&flatForm, group)
	f.rowsOf(rows, func(r int) { f.i("VMOVUPS", z(12+r), "(R15)") })
	f.p("\tVZEROUPPER\n\tRET")
}

// vnniSub sums a group in Z0… and the block in Z12…; the results lie in dst. Where there are offsets codes are not negative, and nothing is added to them.
func (f *file) vnniSub(rows int) {
	block, group, next, whole := f.label("block"), f.label("group"), f.label("next"), f.label("whole")
	clear := func(first int) {
		for r := range rows {
			f.i("VPXORD", z(first+r), z(first+r), z(first+r))
		}
	}
	pairs := func(first int) {
		f.pairsOfGroups(func() {
			f.i("VMOVDQU32", "(R11)", "Z29")
			for r := range rows {
				f.i("VPDPWSSD.BCST", actRow("R10", r), "Z29", z(first+r))
			}
		})
	}
	f.i("CMPQ", subForm.more, "$0")
	f.i("JNE", block)
	f.i("VPXORD", "Z0", "Z0", "Z0")
	f.rowsOf(rows, func(r int) { f.i("VMOVUPS", "Z0", "(R15)") })
	f.at(block)
	clear(12)
	f.i("VPXORD", "Z31", "Z31", "Z31")
	f.i("CMPQ", "pmin+72(FP)", "$0")
	f.i("JNE", whole)
	pairs(12)
	for r := range rows {
		f.i("VPSLLD", "$7", z(12+r), z(12+r))
		f.i("VPSUBD", z(12+r), "Z31", z(12+r))
	}
	f.i("VPBROADCASTD", "flip<>(SB)", "Z31")
	f.at(whole)
	f.i("MOVQ", "groups+88(FP)", "BX")
	f.at(group)
	clear(0)
	f.vnniSteps(rows)
	f.i("VPSRAD", "$16", "(R13)", "Z28")
	for r := range rows {
		f.i("VPMULLD", "Z28", z(r), z(r))
		f.i("VPADDD", z(r), z(12+r), z(12+r))
	}
	f.nextGroup(group)
	f.i("MOVQ", "pscale+64(FP)", "R15")
	f.i("VMOVUPS", "(R15)(R14*1)", "Z29")
	for r := range rows {
		f.i("VCVTDQ2PS", z(12+r), z(12+r))
		f.i("VMULPS", "Z29", z(12+r), z(12+r))
	}
	f.i("CMPQ", "pmin+72(FP)", "$0")
	f.i("JEQ", next)
	clear(0)
	pairs(0)
	f.i("MOVQ", "pmin+72(FP)", "R15")
	f.i("VMOVUPS", "(R15)(R14*1)", "Z28")
	for r := range rows {
		f.i("VCVTDQ2PS", z(r), z(r))
		f.i("VFMADD231PS", z(r), "Z28", z(12+r))
	}
	f.at(next)
	f.rowsOf(rows, func(r int) {
		f.i("VMOVUPS", "(R15)", z(r))
		f.i("VFMADD231PS.BCST", actRow("R9", r), z(12+r), z(r))
		f.i("VMOVUPS", z(r), "(R15)")
	})
	f.nextBlock(&subForm, block)
	f.p("\tVZEROUPPER\n\tRET")
}
