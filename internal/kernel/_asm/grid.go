package main

import (
	"fmt"
	"math"
)

// gridAMD64 writes the search of codebook types. The layout of the table is kernel.Grid's.
func gridAMD64(f *file) {
	f.integers("gridIndex", 64, func(i int) uint32 { return uint32(i) })
	f.constant("gridAbs", math.MaxInt32, 8)
	f.constant("gridTiny", floatBits(1e-30), 4)
	f.constant("gridWord", floatBits(gridWord), 1)
	f.integers("gridPlace", 8, func(i int) uint32 { return 1 << (3 * (i % 4)) })
	f.integers("gridThrees", 256, func(i int) (v uint32) {
		for b, place := 0, uint32(1); b < 8; b, place = b+1, 3*place {
			v += uint32(i>>b&1) * place
		}
		return v
	})
	for k := 1; k < 8; k++ { // what brings two bits of a word down into the upper half of a product
		f.constant(fmt.Sprintf("gridDown%d", k), 1<<(16-2*k), 8)
	}
	f.constant("gridOne", floatBits(1), 8)
	f.constant("gridLow", 31, 4)
	f.constant("gridLowWide", 63, 4)
	f.constant("gridSixteen", 16, 16)
	f.constant("gridEight", 8, 8)
	f.constant("gridNever", math.MaxInt32, 16)
	f.constant("gridLeast", floatBits(math.Inf(-1)), 16)
	f.gridFill(4)
	f.gridFill(8)
	f.gridAim()
	f.gridPick("gridPickAVX2", 4)
	f.gridPick("gridPickWideAVX2", 8)
	f.gridSums512()
	f.gridSums256()
	f.gridMost(true)
	f.gridMost(false)
	f.gridFree(4)
	f.gridFree(8)
}

// integers defines words.
func (f *file) integers(name string, n int, at func(i int) uint32) {
	for i := range n {
		f.p("DATA %s<>+%d(SB)/4, $0x%08x", name, 4*i, at(i))
	}
	f.p("GLOBL %s<>(SB), RODATA|NOPTR, $%d", name, 4*n)
}

// Offsets of the parts of a Grid's table, and its size.
const (
	gridValue   = 4 * 0
	gridSquare  = 4 * 32
	gridTop     = 4 * 64
	gridBetween = 4 * 72
	gridTable   = 4 * (72 + 4*7*8)

	gridWord = 32760
)

func at(off int, reg string) string { return fmt.Sprintf("%d(%s)", off, reg) }

// slotSums512 adds up what the nibbles of the sixteen words in Z0 stand for.
func (f *file) slotSums512(p, q string) {
	for k := 1; k < 4; k++ {
		f.i("VPSRLD", dollar(4*k), "Z0", z(k))
	}
	for t, to := range []string{p, q} {
		for k := range 4 {
			f.i("VPERMPS", z(4+4*t+k), z(k), z(12+k))
		}
		f.i("VADDPS", "Z13", "Z12", "Z12")
		f.i("VADDPS", "Z15", "Z14", "Z14")
		f.i("VADDPS", "Z14", "Z12", "Z12")
		f.i("VMOVUPS", "Z12", to)
	}
}

// gridFill goes twice over points, so that the second time nothing waits for what comes from far: first it finds the numbers and what takes
// points to words, then the members' sums.
func (f *file) gridFill(dims int) {
	name := fmt.Sprintf("gridFill%dAVX2", dims)
	f.p("\n// func %s(pair *uint32, step *float32, number *uint32, x, w *float32, points uintptr, near *uint16, table *float32, sets, rounds, skip uintptr)", name)
	f.p("TEXT ·%s(SB), NOSPLIT, $136-88", name)
	f.args("pair", "DI", "step", "DX", "number", "SI", "x", "R8", "w", "R9", "points", "CX", "near", "R10", "table", "R11")
	f.i("LEAQ", "gridThrees<>(SB)", "R15")
	f.loop(1, func() {
		f.gridUnit(dims)
		f.gridSets(func() {
			if dims == 4 {
				f.gridRound4()
			} else {
				f.gridRound8()
			}
		})
		f.i("ADDQ", dollar(4*dims), "R8")
		f.i("ADDQ", dollar(4*dims), "R9")
		f.i("ADDQ", "$4", "DX")
		f.i("MOVQ", "skip+80(FP)", "AX") // the rounds that there is room for
		f.i("LEAQ", "(SI)(AX*4)", "SI")
	})
	f.args("pair", "DI", "step", "DX", "number", "SI", "x", "R8", "w", "R9", "points", "CX")
	f.loop(1, func() {
		f.gridScaled(dims)
		f.gridSets(func() {
			if dims == 4 {
				f.gridWords4()
				f.gridMembers4()
			} else {
				f.gridWords8()
				f.gridMembers8()
			}
		})
		f.i("ADDQ", dollar(4*dims), "R8")
		f.i("ADDQ", dollar(4*dims), "R9")
		f.i("ADDQ", "$4", "DX")
		f.i("MOVQ", "skip+80(FP)", "AX")
		f.i("LEAQ", "(SI)(AX*4)", "SI")
		f.i("SHLQ", "$5", "AX")
		f.i("ADDQ", "AX", "DI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// gridSets goes through the tables of sets, R12.
func (f *file) gridSets(body func()) {
	set := f.label("set")
	f.i("MOVQ", "R11", "R12")
	f.i("MOVQ", "sets+64(FP)", "AX")
	f.i("MOVQ", "AX", "128(SP)")
	f.at(set)
	body()
	f.i("ADDQ", dollar(gridTable), "R12")
	f.i("DECQ", "128(SP)")
	f.i("JNE", set)
}

// gridLoad takes a point's weights to Y0, what their errors count for to Y1, and their product, twice, to Y2.
func (f *file) gridLoad(dims int) {
	op := map[int]string{4: "VBROADCASTF128", 8: "VMOVUPS"}[dims]
	f.i(op, "(R8)", "Y0")
	f.i(op, "(R9)", "Y1")
	f.i("VMULPS", "Y1", "Y0", "Y2")
	f.i("VADDPS", "Y2", "Y2", "Y2")
}

// gridUnit finds what takes a point to words, and leaves its weights in Y0.
func (f *file) gridUnit(dims int) {
	f.gridLoad(dims)
	f.i("VANDPS", "gridAbs<>(SB)", "Y2", "Y2")
	if dims == 8 {
		for r := 1; r < 3; r++ {
			f.i("VEXTRACTF128", "$1", y(r), "X5")
			f.i("VADDPS", "X5", fmt.Sprintf("X%d", r), fmt.Sprintf("X%d", r))
		}
	}
	f.i("VUNPCKLPD", "X1", "X2", "X5")
	f.i("VUNPCKHPD", "X1", "X2", "X6")
	f.i("VADDPS", "X6", "X5", "X5")
	f.i("VPERMILPS", "$0xb1", "X5", "X6")
	f.i("VADDPS", "X6", "X5", "X5")
	f.i("VMULPS", at(gridTop, "R11"), "X5", "X5")
	f.i("VPERMILPS", "$0x4e", "X5", "X6")
	f.i("VMAXPS", "X6", "X5", "X5")
	f.i("VMAXPS", "gridTiny<>(SB)", "X5", "X5")
	f.i("VMOVSS", "gridWord<>(SB)", "X6")
	f.i("VDIVSS", "X5", "X6", "X6")
	f.i("VMOVSS", "X6", "(DX)")
}

// gridScaled has what words are multiplied by in Y14 and Y13, for either sum.
func (f *file) gridScaled(dims int) {
	f.gridLoad(dims)
	f.i("VBROADCASTSS", "(DX)", "Y3")
	f.i("VMULPS", "Y3", "Y2", "Y14")
	f.i("VMULPS", "Y3", "Y1", "Y13")
	f.i("VMOVSS", "gridOne<>(SB)", "X4")
	f.i("VDIVSS", "X3", "X4", "X4")
	f.i("VMOVSS", "X4", "(DX)")
}

// gridPair makes a pair of words of floats, the upper one from the second.
func (f *file) gridPair(p, q string) {
	f.i("VCVTPS2DQ", p, p)
	f.i("VCVTPS2DQ", q, q)
	f.i("VPSLLD", "$16", q, q)
	f.i("VPBLENDW", "$0xaa", q, p, p)
}

// gridWords4 puts into Y4… what each dimension's weight makes of values.
func (f *file) gridWords4() {
	f.i("VMOVUPS", "X14", "(SP)")
	f.i("VMOVUPS", "X13", "16(SP)")
	for i := range 4 {
		f.i("VBROADCASTSS", at(4*i, "SP"), y(4+i))
		f.i("VBROADCASTSS", at(16+4*i, "SP"), "Y8")
		f.i("VMULPS", at(gridValue, "R12"), y(4+i), y(4+i))
		f.i("VMULPS", at(gridSquare, "R12"), "Y8", "Y8")
		f.gridPair(y(4+i), "Y8")
	}
}

// gridWords8 puts into Y4… what each dimension's weight makes of three values, twice: first for all dimensions of each value.
func (f *file) gridWords8() {
	for l := range 3 {
		f.i("VBROADCASTSS", at(gridValue+4*l, "R12"), y(4+l))
		f.i("VBROADCASTSS", at(gridSquare+4*l, "R12"), "Y7")
		f.i("VMULPS", y(4+l), "Y14", y(4+l))
		f.i("VMULPS", "Y7", "Y13", "Y7")
		f.gridPair(y(4+l), "Y7")
	}
	f.i("VPUNPCKLDQ", "Y5", "Y4", "Y7")
	f.i("VPUNPCKHDQ", "Y5", "Y4", "Y8")
	f.i("VPUNPCKLDQ", "Y6", "Y6", "Y9")
	f.i("VPUNPCKHDQ", "Y6", "Y6", "Y10")
	for i := range 4 { // dimensions i and i+4
		op := []string{"VPUNPCKLQDQ", "VPUNPCKHQDQ"}[i%2]
		f.i(op, y(9+i/2), y(7+i/2), "Y4")
		f.i("VMOVDQU", "Y4", at(32*i, "SP"))
	}
	for i := range 8 {
		f.i("VBROADCASTI128", at(32*(i%4)+16*(i/4), "SP"), y(4+i))
	}
}

// gridRound8 makes numbers of what is above either threshold, and calls for the members around them.
func (f *file) gridRound8() {
	f.i("LEAQ", at(gridBetween, "R12"), "R13")
	f.i("MOVQ", "rounds+72(FP)", "R14")
	f.again("R14", 1, func() {
		f.i("VCMPPS", "$0x1e", "(R13)", "Y0", "Y1")
		f.i("VCMPPS", "$0x1e", "32(R13)", "Y0", "Y2")
		f.i("VMOVMSKPS", "Y1", "AX")
		f.i("VMOVMSKPS", "Y2", "BX")
		f.i("MOVL", "(R15)(AX*4)", "AX")
		f.i("ADDL", "(R15)(BX*4)", "AX")
		f.i("MOVL", "AX", "(SI)")
		f.i("SHLQ", "$4", "AX")
		f.i("PREFETCHT0", "(R10)(AX*1)")
		f.i("ADDQ", "$64", "R13")
		f.i("ADDQ", "$4", "SI")
	})
}

// gridMembers8 gives each of eight members around a number what its levels stand for.
func (f *file) gridMembers8() {
	f.i("MOVQ", "rounds+72(FP)", "R14")
	f.again("R14", 1, func() {
		f.i("MOVL", "(SI)", "AX")
		f.i("SHLQ", "$4", "AX")
		f.i("VPMOVZXWD", "(R10)(AX*1)", "Y1")
		f.i("VPERMILPS", "Y1", "Y4", "Y2")
		for i := 1; i < 8; i++ {
			f.i("VPMULHUW", fmt.Sprintf("gridDown%d<>(SB)", i), "Y1", "Y3")
			f.i("VPERMILPS", "Y3", y(4+i), "Y3")
			f.i("VPADDW", "Y3", "Y2", "Y2")
		}
		f.i("VMOVDQU", "Y2", "(DI)")
		f.i("ADDQ", "$4", "SI")
		f.i("ADDQ", "$32", "DI")
	})
}

// gridRound4 writes the numbers of two rounds at a time, and calls for the members around them.
func (f *file) gridRound4() {
	f.i("LEAQ", at(gridBetween, "R12"), "R13")
	f.i("MOVQ", "rounds+72(FP)", "R14")
	f.again("R14", 2, func() {
		f.i("VPXOR", "Y2", "Y2", "Y2")
		for m := range 7 {
			f.i("VCMPPS", "$0x1e", at(32*m, "R13"), "Y0", "Y3")
			f.i("VPSUBD", "Y3", "Y2", "Y2")
		}
		f.i("VPMULLD", "gridPlace<>(SB)", "Y2", "Y2")
		for _, swap := range []string{"$0xb1", "$0x4e"} {
			f.i("VPSHUFD", swap, "Y2", "Y3")
			f.i("VPADDD", "Y3", "Y2", "Y2")
		}
		f.i("VEXTRACTI128", "$1", "Y2", "X3")
		for i, from := range []string{"X2", "X3"} {
			f.i("VMOVD", from, "AX")
			f.i("MOVL", "AX", at(4*i, "SI"))
			f.i("SHLQ", "$4", "AX")
			f.i("PREFETCHT0", "(R10)(AX*1)")
		}
		f.i("ADDQ", dollar(4*8*7), "R13")
		f.i("ADDQ", "$8", "SI")
	})
}

func (f *file) gridMembers4() {
	f.i("MOVQ", "rounds+72(FP)", "R14")
	f.again("R14", 1, func() {
		f.i("MOVL", "(SI)", "AX")
		f.i("SHLQ", "$4", "AX")
		f.i("VPMOVZXWD", "(R10)(AX*1)", "Y1")
		f.i("VPERMD", "Y4", "Y1", "Y2")
		for i := 1; i < 4; i++ {
			f.i("VPSRLD", dollar(4*i), "Y1", "Y3")
			f.i("VPERMD", y(4+i), "Y3", "Y3")
			f.i("VPADDW", "Y3", "Y2", "Y2")
		}
		f.i("VMOVDQU", "Y2", "(DI)")
		f.i("ADDQ", "$4", "SI")
		f.i("ADDQ", "$32", "DI")
	})
}
