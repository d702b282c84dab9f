package main

import "fmt"

// scanAMD64 writes steps of states whose columns lie side by side: s = s·decay + x·b[i], y += s·c[i], with every product rounded. wide > 0 is a multiple of 8, and stride
// the bytes from one row of s to the next.
func scanAMD64(f *file) {
	one := func(int) string { return "Y12" }
	f.p("\n// func scanAVX2(y, s, x, b, c *float32, n, wide, stride uintptr, decay float32)")
	f.fn("scanAVX2", 68)
	f.args("y", "DI", "s", "SI", "x", "DX", "b", "R8", "c", "R9", "n", "R10", "wide", "CX", "stride", "R11")
	f.i("VBROADCASTSS", "decay+64(FP)", "Y12")
	f.scan(func() {}, one)
	f.p("\tVZEROUPPER\n\tRET")

	f.p("\n// func scanRowsAVX2(y, s, x, b, c, decay *float32, n, wide, stride uintptr)")
	f.fn("scanRowsAVX2", 72)
	f.args("y", "DI", "s", "SI", "x", "DX", "b", "R8", "c", "R9", "decay", "R12", "n", "R10", "wide", "CX", "stride", "R11")
	f.scan(func() { f.i("VBROADCASTSS", "(R12)(BX*4)", "Y12") }, one)
	f.p("\tVZEROUPPER\n\tRET")

	f.p("\n// func scanEachAVX2(y, s, x, b, c, decay *float32, n, wide, stride uintptr)")
	f.fn("scanEachAVX2", 72)
	f.args("y", "DI", "s", "SI", "x", "DX", "b", "R8", "c", "R9", "decay", "R12", "n", "R10", "wide", "CX", "stride", "R11")
	f.i("SUBQ", "SI", "R12") // from a place in s to that in decay
	f.scan(func() {}, func(q int) string { return fmt.Sprintf("%d(AX)(R12*1)", 32*q) })
	f.p("\tVZEROUPPER\n\tRET")

	f.p("\n// func addMulAVX2(y, x, w *float32, n uintptr)")
	f.fn("addMulAVX2", 32)
	f.args("y", "DI", "x", "SI", "w", "DX", "n", "CX")
	f.loop(8, func() {
		f.i("VMOVUPS", "(SI)", "Y0")
		f.i("VMULPS", "(DX)", "Y0", "Y0")
		f.i("VADDPS", "(DI)", "Y0", "Y0")
		f.i("VMOVUPS", "Y0", "(DI)")
		f.advance(32, "DI", "SI", "DX")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// scan goes over the columns, 32 at a time and then 8, and for each over all rows; decay is where that of a vector is, begin what a row does before.
func (f *file) scan(begin func(), decay func(q int) string) {
	for _, vectors := range []int{4, 1} {
		again, end, row := f.label("columns"), f.label("rest"), f.label("row")
		f.at(again)
		f.i("CMPQ", "CX", dollar(8*vectors))
		f.i("JLT", end)
		for q := range vectors {
			f.i("VMOVUPS", fmt.Sprintf("%d(DX)", 32*q), y(q))
			f.i("VXORPS", y(4+q), y(4+q), y(4+q))
		}
		f.i("MOVQ", "SI", "AX")
		f.i("XORQ", "BX", "BX")
		f.at(row)
		f.i("VBROADCASTSS", "(R8)(BX*4)", "Y8")
		f.i("VBROADCASTSS", "(R9)(BX*4)", "Y9")
		begin()
		for q := range vectors {
			at := fmt.Sprintf("%d(AX)", 32*q)
			f.i("VMOVUPS", at, "Y10")
			f.i("VMULPS", decay(q), "Y10", "Y10")
			f.i("VMULPS", y(q), "Y8", "Y11")
			f.i("VADDPS", "Y11", "Y10", "Y10")
			f.i("VMOVUPS", "Y10", at)
			f.i("VMULPS", "Y10", "Y9", "Y10")
			f.i("VADDPS", "Y10", y(4+q), y(4+q))
		}
		f.i("ADDQ", "R11", "AX")
		f.i("INCQ", "BX")
		f.i("CMPQ", "BX", "R10")
		f.i("JLT", row)
		for q := range vectors {
			f.i("VMOVUPS", y(4+q), fmt.Sprintf("%d(DI)", 32*q))
		}
		f.advance(32*vectors, "DI", "SI", "DX")
		f.i("SUBQ", dollar(8*vectors), "CX")
		f.i("JMP", again)
		f.at(end)
	}
}
