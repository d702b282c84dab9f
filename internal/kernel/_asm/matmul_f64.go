package main

import "fmt"

// subF64AMD64 writes the product of the Cholesky factor: up to six rows of x against a panel of eight outputs, whose sums are taken off dst.
// Registers and addresses are those of mulF32.
func subF64AMD64(f *file) {
	f.p("\n// func subF64AVX2(dst *float64, ldd uintptr, x *float64, ldx uintptr, panel *float64, m, k uintptr)")
	f.fn("subF64AVX2", 56)
	f.args("dst", "DI", "ldd", "SI", "x", "R8", "ldx", "BX", "panel", "DX", "m", "R13", "k", "CX")
	f.i("LEAQ", "(BX)(BX*2)", "R14")
	f.i("LEAQ", "(R8)(R14*1)", "R9")
	for rows := 6; rows > 0; rows-- {
		f.i("CMPQ", "R13", fmt.Sprintf("$%d", rows))
		f.i("JEQ", fmt.Sprintf("sub%d", rows))
	}
	f.p("\tRET")
	for rows := 6; rows > 0; rows-- {
		f.subRows(rows)
	}
}

func (f *file) subRows(rows int) {
	acc := func(row, half int) string { return fmt.Sprintf("Y%d", 4+2*row+half) }
	f.at(fmt.Sprintf("sub%d", rows))
	f.rowsOf(rows, func(r int) {
		f.i("VMOVUPD", "(R15)", acc(r, 0))
		f.i("VMOVUPD", "32(R15)", acc(r, 1))
	})
	loop := f.label("loop")
	f.at(loop)
	f.i("VMOVUPD", "(DX)", "Y0")
	f.i("VMOVUPD", "32(DX)", "Y1")
	for r := range rows {
		x := fmt.Sprintf("Y%d", 2+r%2)
		f.i("VBROADCASTSD", fmt.Sprintf("(%s)%s", []string{"R8", "R9"}[r/3], []string{"", "(BX*1)", "(BX*2)"}[r%3]), x)
		f.i("VFNMADD231PD", x, "Y0", acc(r, 0))
		f.i("VFNMADD231PD", x, "Y1", acc(r, 1))
	}
	f.i("ADDQ", "$64", "DX")
	for i := range (rows + 2) / 3 {
		f.i("ADDQ", "$8", []string{"R8", "R9"}[i])
	}
	f.i("DECQ", "CX")
	f.i("JNE", loop)
	f.rowsOf(rows, func(r int) {
		f.i("VMOVUPD", acc(r, 0), "(R15)")
		f.i("VMOVUPD", acc(r, 1), "32(R15)")
	})
	f.p("\tVZEROUPPER\n\tRET")
}
