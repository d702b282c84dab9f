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
	f.constant("gridInverse", floatBits(1./gridWord), 1)
	f.integers("gridPlace", 8, func(i int) uint32 { return gridNear << (3 * (i % 4)) })
	f.integers("gridThrees", 256, func(i int) (v uint32) {
		for b, place := 0, uint32(1); b < 8; b, place = b+1, 3*place {
			v += uint32(i>>b&1) * place * gridNear
		}
		return v
	})
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
	gridAims    = 4 * 72
	gridBetween = 4 * 80
	gridLevel   = 4 * (80 + 8*7*4)
	gridTable   = 4 * (80 + 8*7*4 + 8*6)

	gridWord = 32760
	gridNear = 8
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

// gridFill goes twice over points, so that the second time nothing waits for what comes from far: first it finds the places of
// members and what takes points to words, then the members' sums.
func (f *file) gridFill(dims int) {
	name := fmt.Sprintf("gridFill%dAVX2", dims)
	f.p("\n// func %s(pair *uint32, step, unit *float32, place *uint32, x, w *float32, points uintptr, near *uint16, table *float32, sets, rounds, skip uintptr)", name)
	f.p("TEXT ·%s(SB), NOSPLIT, $136-96", name)
	f.args("pair", "DI", "step", "DI", "unit", "DX", "place", "SI", "x", "R8", "w", "R9", "points", "CX", "near", "R10", "table", "R11")
	f.i("LEAQ", "gridThrees<>(SB)", "R15")
	f.loop(1, func() {
		f.gridUnit(dims)
		f.gridSets(dims, func() {
			if dims == 4 {
				f.gridRound4()
			} else {
				f.gridRound8()
			}
		})
		f.i("ADDQ", dollar(4*dims), "R8")
		f.i("ADDQ", dollar(4*dims), "R9")
		f.i("ADDQ", "$4", "DX")
		f.i("MOVQ", "skip+88(FP)", "AX") // the rounds that there is room for
		f.i("LEAQ", "(SI)(AX*4)", "SI")
	})
	f.args("pair", "DI", "step", "DX", "unit", "DX", "place", "SI", "x", "R8", "w", "R9", "points", "CX")
	f.loop(1, func() {
		f.gridScaled(dims)
		f.gridSets(dims, func() {
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
		f.i("MOVQ", "skip+88(FP)", "AX")
		f.i("LEAQ", "(SI)(AX*4)", "SI")
		f.i("SHLQ", "$5", "AX")
		f.i("ADDQ", "AX", "DI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// gridSets goes through the tables of sets, R12. BX is what four times the number of rounds lacks; what is at places, SI, at pairs, DI, and at what is
// between levels, R13, comes before these.
func (f *file) gridSets(dims int, body func()) {
	set := f.label("set")
	f.i("MOVQ", "R11", "R12")
	f.i("MOVQ", "sets+72(FP)", "AX")
	f.i("MOVQ", "AX", "128(SP)")
	f.at(set)
	f.i("MOVQ", "rounds+80(FP)", "BX")
	f.i("SHLQ", "$2", "BX")
	f.i("ADDQ", "BX", "SI")
	f.i("LEAQ", "(DI)(BX*8)", "DI")
	f.i("LEAQ", at(gridBetween, "R12"), "R13")
	f.i("LEAQ", fmt.Sprintf("(R13)(BX*%d)", dims), "R13")
	f.i("NEGQ", "BX")
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
	f.gridFoldBoth(dims, 2, 1)
	f.i("VMULPS", at(gridTop, "R11"), "X5", "X5")
	f.i("VPERMILPS", "$0x4e", "X5", "X6")
	f.i("VMAXPS", "X6", "X5", "X5")
	f.i("VMAXPS", "gridTiny<>(SB)", "X5", "X5")
	f.i("MOVQ", "step+8(FP)", "AX")
	f.i("SUBQ", "unit+16(FP)", "AX")
	f.i("VMULSS", "gridInverse<>(SB)", "X5", "X6")
	f.i("VMOVSS", "X6", "(DX)(AX*1)")
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
}

// gridFoldBoth adds up the lanes of two registers, as many as there are dimensions, and leaves the first sum in the lower half of X5, the second in the
// upper one; X6 is lost.
func (f *file) gridFoldBoth(dims, first, second int) {
	x := func(n int) string { return fmt.Sprintf("X%d", n) }
	if dims == 8 {
		for _, r := range []int{first, second} {
			f.i("VEXTRACTF128", "$1", y(r), "X5")
			f.i("VADDPS", "X5", x(r), x(r))
		}
	}
	f.i("VUNPCKLPD", x(second), x(first), "X5")
	f.i("VUNPCKHPD", x(second), x(first), "X6")
	f.i("VADDPS", "X6", "X5", "X5")
	f.i("VPERMILPS", "$0xb1", "X5", "X6")
	f.i("VADDPS", "X6", "X5", "X5")
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
		f.i("VMULPS", at(gridLevel+32*l, "R12"), "Y14", y(4+l))
		f.i("VMULPS", at(gridLevel+32*(3+l), "R12"), "Y13", "Y7")
		f.gridPair(y(4+l), "Y7")
	}
	f.i("VPUNPCKLDQ", "Y5", "Y4", "Y7")
	f.i("VPUNPCKHDQ", "Y5", "Y4", "Y8")
	f.i("VPUNPCKLDQ", "Y6", "Y6", "Y9")
	f.i("VPUNPCKHDQ", "Y6", "Y6", "Y10")
	for i := range 4 { // dimensions i and i+4
		op := []string{"VPUNPCKLQDQ", "VPUNPCKHQDQ"}[i%2]
		f.i(op, y(9+i/2), y(7+i/2), y([]int{1, 2, 3, 12}[i]))
	}
	for i := range 8 {
		from := y([]int{1, 2, 3, 12}[i%4])
		f.i("VPERM2I128", []string{"$0", "$0x11"}[i/4], from, from, y(4+i))
	}
}

// gridRounds goes through rounds, so many at a time.
func (f *file) gridRounds(step int, body func()) {
	again := f.label("round")
	f.at(again)
	body()
	f.i("ADDQ", dollar(4*step), "BX")
	f.i("JNE", again)
}

// gridRound8 finds places by what is above either threshold.
func (f *file) gridRound8() {
	f.gridRounds(1, func() {
		f.i("VCMPPS", "$0x1e", "(R13)(BX*8)", "Y0", "Y1")
		f.i("VCMPPS", "$0x1e", "256(R13)(BX*8)", "Y0", "Y2")
		f.i("VMOVMSKPS", "Y1", "AX")
		f.i("VMOVMSKPS", "Y2", "R14")
		f.i("MOVL", "(R15)(AX*4)", "AX")
		f.i("ADDL", "(R15)(R14*4)", "AX")
		f.i("MOVL", "AX", "(SI)(BX*1)")
	})
}

// gridMembers8 gives each of eight members around a number what its levels stand for.
func (f *file) gridMembers8() {
	f.gridRounds(1, func() {
		f.i("MOVL", "(SI)(BX*1)", "AX")
		f.i("VPMOVZXWD", "(R10)(AX*2)", "Y1")
		f.i("VPERMILPS", "Y1", "Y4", "Y2")
		for i := 1; i < 8; i++ {
			f.i("VPSRLD", dollar(2*i), "Y1", "Y3")
			f.i("VPERMILPS", "Y3", y(4+i), "Y3")
			f.i("VPADDW", "Y3", "Y2", "Y2")
		}
		f.i("VMOVDQU", "Y2", "(DI)(BX*8)")
	})
}

// gridRound4 finds the places of two rounds at a time.
func (f *file) gridRound4() {
	f.gridRounds(2, func() {
		f.i("VPXOR", "Y2", "Y2", "Y2")
		for m := range 7 {
			f.i("VCMPPS", "$0x1e", fmt.Sprintf("%d(R13)(BX*4)", 128*m), "Y0", "Y3")
			f.i("VPSUBD", "Y3", "Y2", "Y2")
		}
		f.i("VPMULLD", "gridPlace<>(SB)", "Y2", "Y2")
		for _, swap := range []string{"$0xb1", "$0x4e"} {
			f.i("VPSHUFD", swap, "Y2", "Y3")
			f.i("VPADDD", "Y3", "Y2", "Y2")
		}
		f.i("VEXTRACTI128", "$1", "Y2", "X3")
		f.i("VMOVD", "X2", "(SI)(BX*1)")
		f.i("VMOVD", "X3", "4(SI)(BX*1)")
	})
}

func (f *file) gridMembers4() {
	f.gridRounds(1, func() {
		f.i("MOVL", "(SI)(BX*1)", "AX")
		f.i("VPMOVZXWD", "(R10)(AX*2)", "Y1")
		f.i("VPERMD", "Y4", "Y1", "Y2")
		for i := 1; i < 4; i++ {
			f.i("VPSRLD", dollar(4*i), "Y1", "Y3")
			f.i("VPERMD", y(4+i), "Y3", "Y3")
			f.i("VPADDW", "Y3", "Y2", "Y2")
		}
		f.i("VMOVDQU", "Y2", "(DI)(BX*8)")
	})
}
