package main

import (
	"fmt"
	"math"
)

// gridAMD64 writes the search of codebook types. The layout of the table is kernel.Grid's.
func gridAMD64(f *file) {
	f.integers("gridIndex", 64, func(i int) uint32 { return uint32(i) })
	f.constant("gridAbs", math.MaxInt32, 8)
	f.constant("gridFull", floatBits(math.MaxInt16), 8)
	f.constant("gridTiny", floatBits(1e-30), 8)
	f.constant("gridOne", floatBits(1), 8)
	f.constant("gridLow", 31, 4)
	f.constant("gridLowWide", 63, 4)
	f.constant("gridSixteen", 16, 16)
	f.constant("gridEight", 8, 8)
	f.constant("gridNever", math.MaxInt32, 16)
	f.constant("gridLeast", floatBits(math.Inf(-1)), 16)
	f.gridFill(4)
	f.gridFill(8)
	f.gridPairs()
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

// Offsets of the parts of a Grid's table.
const (
	gridMiddle  = 4 * 0
	gridValue   = 4 * 8
	gridUpper   = 4 * 24
	gridSquare  = 4 * 40
	gridUpper2  = 4 * 56
	gridInverse = 4 * 72
	gridPlace   = 4 * 136
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

// gridFill goes round by round: first the numbers of what a point rounds to, then the sums of the members around these.
func (f *file) gridFill(dims int) {
	name := fmt.Sprintf("gridFill%dAVX2", dims)
	f.p("\n// func %s(sum *float32, number *uint32, x, w *float32, points uintptr, near *uint16, table *float32, rounds uintptr)", name)
	f.fn(name, 64)
	f.args("sum", "DI", "number", "SI", "x", "R8", "w", "R9", "points", "CX", "near", "R10", "table", "R11", "rounds", "DX")
	f.loop(1, func() {
		f.gridRound(dims)
		if dims == 4 {
			f.gridSets4()
		} else {
			f.gridSets8(gridValue, 0, true)
			f.gridSets8(gridSquare, 256, false)
		}
		f.i("ADDQ", dollar(4*dims), "R8")
		f.i("ADDQ", dollar(4*dims), "R9")
		f.i("ADDQ", "$512", "DI")
		f.i("ADDQ", "$32", "SI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// gridRounds is a loop over rounds, so many at a time. R12 is where their numbers are.
func (f *file) gridRounds(step int, body func()) {
	again := f.label("round")
	f.i("MOVQ", "SI", "R12")
	f.i("MOVQ", "DX", "BX")
	f.at(again)
	body()
	f.i("ADDQ", dollar(4*step), "R12")
	f.i("SUBQ", dollar(step), "BX")
	f.i("JNE", again)
}

// gridRound writes the numbers of a point.
func (f *file) gridRound(dims int) {
	middles, step := 7, 2
	if dims == 8 {
		middles, step = 2, 1
		f.i("VMOVUPS", "(R8)", "Y0")
	} else {
		f.i("VBROADCASTF128", "(R8)", "Y0")
	}
	f.i("VMOVDQU", at(gridPlace, "R11"), "Y8")
	for m := range middles {
		f.i("VBROADCASTSS", at(gridMiddle+4*m, "R11"), y(9+m))
	}
	f.i("LEAQ", at(gridInverse, "R11"), "R13")
	f.gridRounds(step, func() {
		f.i("VMULPS", "(R13)", "Y0", "Y1")
		f.i("VPXOR", "Y2", "Y2", "Y2")
		for m := range middles {
			f.i("VCMPPS", "$0x1e", y(9+m), "Y1", "Y3")
			f.i("VPSUBD", "Y3", "Y2", "Y2")
		}
		f.i("VPMULLD", "Y8", "Y2", "Y2")
		for _, swap := range []string{"$0xb1", "$0x4e"} {
			f.i("VPSHUFD", swap, "Y2", "Y3")
			f.i("VPADDD", "Y3", "Y2", "Y2")
		}
		f.i("VEXTRACTI128", "$1", "Y2", "X3")
		number := func(from, to string) { // and its members are called for
			f.i("VMOVD", from, "AX")
			f.i("MOVL", "AX", to)
			f.i("SHLQ", "$4", "AX")
			f.i("PREFETCHT0", "(R10)(AX*1)")
		}
		if dims == 8 {
			f.i("VPADDD", "X3", "X2", "X2")
		} else {
			number("X3", "4(R12)")
		}
		number("X2", "(R12)")
		f.i("ADDQ", "$32", "R13")
	})
}

// gridWeight puts into to what a dimension's weight makes of values: 2·w·x of each for the first sum, w for the second.
func (f *file) gridWeight(i, values int, first bool, to string) {
	f.i("VBROADCASTSS", at(4*i, "R9"), to)
	if first {
		f.i("VBROADCASTSS", at(4*i, "R8"), "Y15")
		f.i("VMULPS", "Y15", to, to)
		f.i("VADDPS", to, to, to)
	}
	f.i("VMULPS", at(values, "R11"), to, to)
}

func (f *file) gridSets4() {
	for k := range 4 {
		f.gridWeight(k, gridValue, true, y(4+k))
		f.gridWeight(k, gridSquare, false, y(8+k))
	}
	f.i("MOVQ", "DI", "R13")
	f.gridRounds(1, func() {
		f.i("MOVL", "(R12)", "AX")
		f.i("SHLQ", "$4", "AX")
		f.i("VPMOVZXWD", "(R10)(AX*1)", "Y0")
		for k := 1; k < 4; k++ {
			f.i("VPSRLD", dollar(4*k), "Y0", y(k))
		}
		for t, to := range []int{0, 256} {
			for k := range 4 {
				f.i("VPERMPS", y(4+4*t+k), y(k), y(12+k))
			}
			f.i("VADDPS", "Y13", "Y12", "Y12")
			f.i("VADDPS", "Y15", "Y14", "Y14")
			f.i("VADDPS", "Y14", "Y12", "Y12")
			f.i("VMOVUPS", "Y12", at(to, "R13"))
		}
		f.i("ADDQ", "$32", "R13")
	})
}

// gridSets8 takes levels of two bits one after the other, since nine pairs of them are more than a register has.
func (f *file) gridSets8(values, to int, first bool) {
	for i := range 8 {
		f.gridWeight(i, values, first, y(4+i))
	}
	f.i("MOVQ", "DI", "R13")
	f.gridRounds(1, func() {
		f.i("MOVL", "(R12)", "AX")
		f.i("SHLQ", "$4", "AX")
		f.i("VPMOVZXWD", "(R10)(AX*1)", "Y0")
		pair := func(i int, to string) {
			f.i("VPERMILPS", "Y0", y(4+i), to)
			f.i("VPSRLD", "$2", "Y0", "Y0")
			f.i("VPERMILPS", "Y0", y(5+i), "Y15")
			if i < 6 {
				f.i("VPSRLD", "$2", "Y0", "Y0")
			}
			f.i("VADDPS", "Y15", to, to)
		}
		pair(0, "Y12")
		pair(2, "Y13")
		f.i("VADDPS", "Y13", "Y12", "Y12")
		pair(4, "Y13")
		pair(6, "Y14")
		f.i("VADDPS", "Y14", "Y13", "Y13")
		f.i("VADDPS", "Y13", "Y12", "Y12")
		f.i("VMOVUPS", "Y12", at(to, "R13"))
		f.i("ADDQ", "$32", "R13")
	})
}
