package main

import "fmt"

// matmulAMD64 writes the float products. A call handles up to rows rows of x against one panel: a row's outputs stay in
// registers while the loop runs over k; each step loads the panel's vectors once and broadcasts one x for each row.
func matmulAMD64(f *file) {
	f.mulF32("mulF32AVX512", "Z", 64, 12)
	f.mulF32("mulF32AVX2", "Y", 32, 6)
}

// mulF32 writes a function for two vectors of outputs (width bytes each), with one loop for each number of rows.
//
// The rows of x are addressed in threes, base, base+ldx, base+2·ldx; four bases make twelve rows.
func (f *file) mulF32(name, reg string, width, most int) {
	f.p("\n// func %s(dst *float32, ldd uintptr, x *float32, ldx uintptr, panel *float32, ldp uintptr, m, k, acc uintptr)", name)
	f.fn(name, 72)
	f.args("dst", "DI", "ldd", "SI", "x", "R8", "ldx", "BX", "panel", "DX", "ldp", "R12", "m", "R13", "k", "CX", "acc", "AX")
	f.i("LEAQ", "(BX)(BX*2)", "R14")
	for i, r := range []string{"R9", "R10", "R11"} {
		f.i("LEAQ", fmt.Sprintf("(%s)(R14*1)", []string{"R8", "R9", "R10"}[i]), r)
	}
	for rows := most; rows > 0; rows-- {
		f.i("CMPQ", "R13", fmt.Sprintf("$%d", rows))
		f.i("JEQ", fmt.Sprintf("rows%d%s", rows, name))
	}
	f.p("\tRET")
	for rows := most; rows > 0; rows-- {
		f.mulRows(name, reg, width, rows, most)
	}
}

func (f *file) mulRows(name, reg string, width, rows, most int) {
	acc := func(row, half int) string { return fmt.Sprintf("%s%d", reg, 4+2*row+half) }
	v := func(n int) string { return fmt.Sprintf("%s%d", reg, n) }
	f.at(fmt.Sprintf("rows%d%s", rows, name))
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
	f.unrolled(times(rows, most), loop, store, func(u int) {
		f.i("VMOVUPS", "(DX)", v(0))
		f.i("VMOVUPS", fmt.Sprintf("%d(DX)", width), v(1))
		f.i("ADDQ", "R12", "DX")
		for r := range rows {
			x := v(2 + r%2)
			f.i("VBROADCASTSS", fmt.Sprintf("%d(%s)%s", 4*u, []string{"R8", "R9", "R10", "R11"}[r/3], []string{"", "(BX*1)", "(BX*2)"}[r%3]), x)
			f.i("VFMADD231PS", x, v(0), acc(r, 0))
			f.i("VFMADD231PS", x, v(1), acc(r, 1))
		}
	}, func(steps int) {
		for i := range (rows + 2) / 3 {
			f.advance(4*steps, []string{"R8", "R9", "R10", "R11"}[i])
		}
	})
	f.at(store)
	f.rowsOf(rows, func(r int) {
		f.i("VMOVUPS", acc(r, 0), "(R15)")
		f.i("VMOVUPS", acc(r, 1), fmt.Sprintf("%d(R15)", width))
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// rowsOf walks the rows of dst with R15.
func (f *file) rowsOf(rows int, do func(r int)) {
	f.i("MOVQ", "DI", "R15")
	for r := range rows {
		do(r)
		if r+1 < rows {
			f.i("ADDQ", "SI", "R15")
		}
	}
}

// matmulARM64 writes the float product for NEON: up to 4 rows against 16 outputs. VLD1R broadcasts.
func matmulARM64(f *file) {
	f.p("\n// func mulF32NEON(dst *float32, ldd uintptr, x *float32, ldx uintptr, panel *float32, ldp uintptr, m, k, acc uintptr)")
	f.fn("mulF32NEON", 72)
	for i, a := range []string{"dst", "ldd", "x", "ldx", "panel", "ldp", "m", "k", "acc"} {
		f.i("MOVD", fmt.Sprintf("%s+%d(FP)", a, 8*i), fmt.Sprintf("R%d", i))
	}
	for rows := 4; rows > 0; rows-- {
		f.i("CMP", fmt.Sprintf("$%d", rows), "R6")
		f.i("BEQ", fmt.Sprintf("rows%d", rows))
	}
	f.p("\tRET")
	for rows := 4; rows > 0; rows-- {
		f.neonRows(rows)
	}
}

func (f *file) neonRows(rows int) {
	four := func(n int) string { return fmt.Sprintf("[V%d.S4, V%d.S4, V%d.S4, V%d.S4]", n, n+1, n+2, n+3) }
	f.at(fmt.Sprintf("rows%d", rows))
	load, loop, store := f.label("load"), f.label("loop"), f.label("store")
	x := func(r int) string { return fmt.Sprintf("R%d", 9+r) }
	f.i("MOVD", "R2", x(0))
	for r := 1; r < rows; r++ {
		f.i("ADD", "R3", x(r-1), x(r))
	}
	f.i("CBNZ", "R8", load)
	for r := range 4 * rows {
		f.i("VEOR", fmt.Sprintf("V%d.B16", r), fmt.Sprintf("V%d.B16", r), fmt.Sprintf("V%d.B16", r))
	}
	f.i("B", loop+"test")
	f.at(load)
	f.neonWalk(rows, func(r int) { f.i("VLD1", "(R13)", four(4*r)) })
	f.at(loop + "test")
	f.i("CBZ", "R7", store)
	f.at(loop)
	f.i("VLD1", "(R4)", four(16))
	for r := range rows {
		f.i("VLD1R", fmt.Sprintf("(%s)", x(r)), fmt.Sprintf("[V%d.S4]", 20+r))
		f.i("ADD", "$4", x(r))
	}
	for r := range rows {
		for q := range 4 {
			f.i("VFMLA", fmt.Sprintf("V%d.S4", 16+q), fmt.Sprintf("V%d.S4", 20+r), fmt.Sprintf("V%d.S4", 4*r+q))
		}
	}
	f.i("ADD", "R5", "R4")
	f.i("SUBS", "$1", "R7")
	f.i("BNE", loop)
	f.at(store)
	f.neonWalk(rows, func(r int) { f.i("VST1", four(4*r), "(R13)") })
	f.p("\tRET")
}

func (f *file) neonWalk(rows int, do func(r int)) {
	f.i("MOVD", "R0", "R13")
	for r := range rows {
		do(r)
		f.i("ADD", "R1", "R13")
	}
}
