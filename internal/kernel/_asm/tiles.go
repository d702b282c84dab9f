package main

import "fmt"

// panelBytes is what one number of each of a panel's outputs takes.
const panelBytes = 128

const tilesArgs = "dst *float32, ldd uintptr, x, panel *float32, m, k, more uintptr"

// tilesAMD64 writes the float products of interleaved rows: as mulF32, but one pointer walks all rows of x.
func tilesAMD64(f *file) {
	f.mulTiles("mulTilesAVX512", "Z", 64, 12)
	f.mulTiles("mulTilesAVX2", "Y", 32, 6)
}

// mulTiles writes a function for two vectors of outputs (width bytes each), with one loop for each number of rows.
func (f *file) mulTiles(name, reg string, width, most int) {
	f.p("\n// func %s(%s)", name, tilesArgs)
	f.fn(name, 56)
	f.args("dst", "DI", "ldd", "SI", "x", "R8", "panel", "DX", "m", "R13", "k", "CX", "more", "AX")
	f.rowCounts(name, most)
	for rows := most; rows > 0; rows-- {
		f.at(fmt.Sprintf("rows%d%s", rows, name))
		f.accumulate(reg, width, rows, times(rows, most), func(rows, u int, acc func(row, half int) string) { f.tileStep(reg, width, rows, u, acc) })
	}
}

// rowCounts jumps to the loop for so many rows.
func (f *file) rowCounts(name string, most int) {
	for rows := most; rows > 0; rows-- {
		f.i("CMPQ", "R13", dollar(rows))
		f.i("JEQ", fmt.Sprintf("rows%d%s", rows, name))
	}
	f.p("\tRET")
}

// tileStep multiplies one number of each row with the panel's two vectors, u numbers ahead.
func (f *file) tileStep(reg string, width, rows, u int, acc func(row, half int) string) {
	v := func(n int) string { return fmt.Sprintf("%s%d", reg, n) }
	f.i("VMOVUPS", fmt.Sprintf("%d(DX)", panelBytes*u), v(0))
	f.i("VMOVUPS", fmt.Sprintf("%d(DX)", width+panelBytes*u), v(1))
	for r := range rows {
		x := v(2 + r%2)
		f.i("VBROADCASTSS", fmt.Sprintf("%d(R8)", 4*r+4*rowTile*u), x)
		f.i("VFMADD231PS", x, v(0), acc(r, 0))
		f.i("VFMADD231PS", x, v(1), acc(r, 1))
	}
}

// accumulate runs step CX times, so many without a jump, on sums in registers that begin with zero, or with dst where AX is not 0, and stores them. step
// knows how many steps the pointers are behind.
func (f *file) accumulate(reg string, width, rows, times int, step func(rows, u int, acc func(row, half int) string)) {
	acc := func(row, half int) string { return fmt.Sprintf("%s%d", reg, 4+2*row+half) }
	load, loop, store := f.label("load"), f.label("loop"), f.label("store")
	f.i("TESTQ", "AX", "AX")
	f.i("JNE", load)
	for r := range rows {
		for h := range 2 {
			f.i(map[string]string{"Z": "VPXORQ", "Y": "VXORPS"}[reg], acc(r, h), acc(r, h), acc(r, h))
		}
	}
	f.i("JMP", loop+"test")
	f.at(load)
	f.rowsOf(rows, func(r int) {
		f.i("VMOVUPS", "(R15)", acc(r, 0))
		f.i("VMOVUPS", fmt.Sprintf("%d(R15)", width), acc(r, 1))
	})
	f.at(loop + "test")
	f.unrolled(times, loop, store, func(u int) { step(rows, u, acc) }, func(steps int) {
		f.advance(steps*panelBytes, "DX")
		f.advance(steps*4*rowTile, "R8")
	})
	f.at(store)
	f.rowsOf(rows, func(r int) {
		f.i("VMOVUPS", acc(r, 0), "(R15)")
		f.i("VMOVUPS", acc(r, 1), fmt.Sprintf("%d(R15)", width))
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// unrolled runs step CX times, so many at a time while as many are left; u counts the steps since next, which advances the pointers.
func (f *file) unrolled(times int, loop, end string, step func(u int), next func(steps int)) {
	if times > 1 {
		f.i("SUBQ", dollar(times), "CX")
		f.i("JLT", loop+"rest")
		f.p("\tPCALIGN $32")
		f.at(loop + "many")
		for u := range times {
			step(u)
		}
		next(times)
		f.i("SUBQ", dollar(times), "CX")
		f.i("JGE", loop+"many")
		f.at(loop + "rest")
		f.i("ADDQ", dollar(times), "CX")
	} else {
		f.i("TESTQ", "CX", "CX")
	}
	f.i("JEQ", end)
	f.at(loop)
	step(0)
	next(1)
	f.i("DECQ", "CX")
	f.i("JNE", loop)
}

// times is how many steps of a loop over rows follow each other without a jump: tiles that are not full are rare.
func times(rows, most int) int {
	if rows < most {
		return 1
	}
	return 4
}

// tilesARM64 writes the same for NEON: up to 4 rows, whose numbers share a register, against 16 outputs.
func tilesARM64(f *file) {
	f.p("\n// func mulTilesNEON(%s)", tilesArgs)
	f.fn("mulTilesNEON", 56)
	for i, a := range []string{"dst", "ldd", "x", "panel", "m", "k", "more"} {
		f.i("MOVD", fmt.Sprintf("%s+%d(FP)", a, 8*i), fmt.Sprintf("R%d", i))
	}
	for rows := 4; rows > 0; rows-- {
		f.i("CMP", dollar(rows), "R4")
		f.i("BEQ", fmt.Sprintf("rows%d", rows))
	}
	f.p("\tRET")
	for rows := 4; rows > 0; rows-- {
		f.neonTileRows(rows)
	}
}

func (f *file) neonTileRows(rows int) {
	f.at(fmt.Sprintf("rows%d", rows))
	f.neonAccumulate(rows, func() {
		for r := range rows {
			for q := range 4 {
				f.fmaPart(4*r+q, 16+q, 20, r)
			}
		}
	})
}

// neonAccumulate runs step R5 times on the sums V0… of some rows; V16…V19 are the panel's outputs, V20 one number of each row.
func (f *file) neonAccumulate(rows int, step func()) {
	load, loop, store := f.label("load"), f.label("loop"), f.label("store")
	f.i("CBNZ", "R6", load)
	for r := range 4 * rows {
		f.clear(r)
	}
	f.i("B", loop+"test")
	f.at(load)
	f.neonWalk(rows, func(r int) { f.i("VLD1", "(R13)", regs(4*r, 4, "S4")) })
	f.at(loop + "test")
	f.i("CBZ", "R5", store)
	f.at(loop)
	f.i("VLD1", "(R3)", regs(16, 4, "S4"))
	f.i("VLD1", "(R2)", regs(20, 1, "S4"))
	step()
	f.i("ADD", "$128", "R3")
	f.i("ADD", dollar(4*rowTile), "R2")
	f.i("SUBS", "$1", "R5")
	f.i("BNE", loop)
	f.at(store)
	f.neonWalk(rows, func(r int) { f.i("VST1", regs(4*r, 4, "S4"), "(R13)") })
	f.p("\tRET")
}

// fmaPart adds a times one number of b to d.
func (f *file) fmaPart(d, a, b, part int) {
	op := 0x4f801000 | part&1<<21 | b<<16 | part>>1<<11 | a<<5 | d
	f.word(uint32(op), fmt.Sprintf("FMLA V%d.S4, V%d.S4, V%d.S[%d]", d, a, b, part))
}
