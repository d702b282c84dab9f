package main

import (
	"fmt"
	"math"
)

// gridAMD64 writes the search of codebook types. The layout of the table is kernel.Grid's.
func gridAMD64(f *file) {
	f.integers("gridIndex", 32, func(i int) uint32 { return uint32(i) })
	f.constant("gridCut", 0xffffffff&^31, 16)
	f.constant("gridLow", 31, 16)
	f.constant("gridSixteen", 16, 16)
	f.constant("gridEight", 8, 8)
	f.constant("gridNever", math.MaxInt32, 16)
	f.constant("gridLeast", floatBits(math.Inf(-1)), 16)
	for _, dims := range []int{4, 8} {
		f.gridFill512(dims)
		f.gridFill256(dims)
	}
	f.gridPick(true)
	f.gridPick(false)
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

func (f *file) gridFillBegin(dims int, set string) {
	name := fmt.Sprintf("gridFill%d%s", dims, set)
	f.p("\n// func %s(sum *float32, number *uint32, x, w *float32, points uintptr, near *uint16, table *float32)", name)
	f.fn(name, 56)
	f.args("sum", "DI", "number", "SI", "x", "R8", "w", "R9", "points", "CX", "near", "R10", "table", "R11")
}

func (f *file) gridFillNext(dims int) {
	f.i("ADDQ", dollar(4*dims), "R8")
	f.i("ADDQ", dollar(4*dims), "R9")
	f.i("ADDQ", "$512", "DI")
	f.i("ADDQ", "$32", "SI")
}

func at(off int, reg string) string { return fmt.Sprintf("%d(%s)", off, reg) }

// gridFill512 keeps all constants in registers: Z16…Z19 values, Z20…Z26 middles, Z27 places, Z28… inverse scales.
func (f *file) gridFill512(dims int) {
	f.gridFillBegin(dims, "AVX512")
	vectors, middles, ends := 2, 7, "$0x1111"
	if dims == 8 {
		vectors, middles, ends = 4, 2, "$0x0101"
	}
	for i, off := range []int{gridValue, gridUpper, gridSquare, gridUpper2} {
		f.i("VMOVUPS", at(off, "R11"), z(16+i))
	}
	for m := range middles {
		f.i("VBROADCASTSS", at(gridMiddle+4*m, "R11"), z(20+m))
	}
	f.i("VMOVUPS", at(gridPlace, "R11"), "Z27")
	for v := range vectors {
		f.i("VMOVUPS", at(gridInverse+64*v, "R11"), z(28+v))
	}
	f.i("MOVQ", ends, "AX")
	f.i("KMOVW", "AX", "K2")
	f.loop(1, func() {
		if dims == 4 {
			f.i("VBROADCASTF32X4", "(R8)", "Z0")
		} else {
			f.i("VBROADCASTF64X4", "(R8)", "Z0")
		}
		for v := range vectors {
			f.i("VMULPS", z(28+v), "Z0", z(1+v))
			f.i("VPXORD", z(5+v), z(5+v), z(5+v))
		}
		for m := range middles {
			for v := range vectors {
				f.i("VCMPPS", "$0x1e", z(20+m), z(1+v), fmt.Sprintf("K%d", 3+v))
				f.i("VPADDD", "Z27", z(5+v), fmt.Sprintf("K%d", 3+v), z(5+v))
			}
		}
		for v := range vectors {
			a, b := z(5+v), z(1+v)
			f.i("VPSHUFD", "$0xb1", a, b)
			f.i("VPADDD", b, a, a)
			f.i("VPSHUFD", "$0x4e", a, b)
			f.i("VPADDD", b, a, a)
			if dims == 8 {
				f.i("VSHUFI32X4", "$0xb1", a, a, b)
				f.i("VPADDD", b, a, a)
			}
			f.i("VPCOMPRESSD", a, "K2", a)
			if dims == 4 {
				f.i("VMOVDQU", fmt.Sprintf("X%d", 5+v), at(16*v, "SI"))
			} else {
				f.i("VMOVQ", fmt.Sprintf("X%d", 5+v), at(8*v, "SI"))
			}
		}
		f.gridTables512(dims)
		for r := 0; r < 8; r += 2 {
			f.i("MOVL", at(4*r, "SI"), "AX")
			f.i("MOVL", at(4*r+4, "SI"), "BX")
			f.i("SHLQ", "$4", "AX")
			f.i("SHLQ", "$4", "BX")
			f.i("VMOVDQU", "(R10)(AX*1)", "X0")
			f.i("VINSERTI128", "$1", "(R10)(BX*1)", "Y0", "Y0")
			f.i("VPMOVZXWD", "Y0", "Z0")
			f.slotSums512(at(32*r, "DI"), at(256+32*r, "DI"))
		}
		f.gridFillNext(dims)
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// gridTables512 makes what nibbles add, Z4…Z7 of the first sum and Z8…Z11 of the second.
func (f *file) gridTables512(dims int) {
	per := dims / 4
	for k := range 4 {
		for i := range per {
			off := 4 * (k*per + i)
			f.i("VBROADCASTSS", at(off, "R8"), z(12+i))
			f.i("VMULPS.BCST", at(off, "R9"), z(12+i), z(12+i))
			f.i("VADDPS", z(12+i), z(12+i), z(12+i))
			f.i("VMULPS", z(16+i), z(12+i), z(12+i))
			f.i("VMULPS.BCST", at(off, "R9"), z(18+i), z(14+i))
		}
		if dims == 4 {
			f.i("VMOVAPS", "Z12", z(4+k))
			f.i("VMOVAPS", "Z14", z(8+k))
		} else {
			f.i("VADDPS", "Z13", "Z12", z(4+k))
			f.i("VADDPS", "Z15", "Z14", z(8+k))
		}
	}
}

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

func (f *file) gridFill256(dims int) {
	f.gridFillBegin(dims, "AVX2")
	f.loop(1, func() {
		f.gridRound256(dims)
		if dims == 4 {
			f.gridSets4()
		} else {
			f.gridSets8(gridValue, true)
			f.gridSets8(gridSquare, false)
		}
		f.gridFillNext(dims)
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// gridRound256 writes the numbers of a point.
func (f *file) gridRound256(dims int) {
	middles, vectors := 7, 4
	if dims == 8 {
		middles, vectors = 2, 8
		f.i("VMOVUPS", "(R8)", "Y0")
	} else {
		f.i("VBROADCASTF128", "(R8)", "Y0")
	}
	f.i("VMOVDQU", at(gridPlace, "R11"), "Y8")
	for m := range middles {
		f.i("VBROADCASTSS", at(gridMiddle+4*m, "R11"), y(9+m))
	}
	for v := range vectors {
		f.i("VMULPS", at(gridInverse+32*v, "R11"), "Y0", "Y1")
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
		if dims == 8 {
			f.i("VPADDD", "X3", "X2", "X2")
			f.i("VMOVD", "X2", at(4*v, "SI"))
		} else {
			f.i("VMOVD", "X2", at(8*v, "SI"))
			f.i("VMOVD", "X3", at(8*v+4, "SI"))
		}
	}
}

// gridWeight256 puts into to what a dimension's weight makes of values: 2·w·x of each for the first sum, w for the second.
func (f *file) gridWeight256(i, values int, first bool, to string) {
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
		f.gridWeight256(k, gridValue, true, y(4+k))
		f.gridWeight256(k, gridSquare, false, y(8+k))
	}
	for r := range 8 {
		f.i("MOVL", at(4*r, "SI"), "AX")
		f.i("SHLQ", "$4", "AX")
		f.i("VPMOVZXWD", "(R10)(AX*1)", "Y0")
		for k := 1; k < 4; k++ {
			f.i("VPSRLD", dollar(4*k), "Y0", y(k))
		}
		for t, to := range []int{32 * r, 256 + 32*r} {
			for k := range 4 {
				f.i("VPERMPS", y(4+4*t+k), y(k), y(12+k))
			}
			f.i("VADDPS", "Y13", "Y12", "Y12")
			f.i("VADDPS", "Y15", "Y14", "Y14")
			f.i("VADDPS", "Y14", "Y12", "Y12")
			f.i("VMOVUPS", "Y12", at(to, "DI"))
		}
	}
}

// gridSets8 takes levels of two bits one after the other, since nine pairs of them are more than a register has.
func (f *file) gridSets8(values int, first bool) {
	for i := range 8 {
		f.gridWeight256(i, values, first, y(4+i))
	}
	off := 0
	if !first {
		off = 256
	}
	for r := range 8 {
		f.i("MOVL", at(4*r, "SI"), "AX")
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
		f.i("VMOVUPS", "Y12", at(off+32*r, "DI"))
	}
}
