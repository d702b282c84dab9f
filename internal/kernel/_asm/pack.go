package main

import "fmt"

// packAMD64 writes the packing of 8 rows of weights, k bytes apart, into 8 of a panel's 32 columns: squares of 8 by 8 are
// transposed in registers. n is a multiple of 8.
func packAMD64(f *file) {
	f.p("\n// func pack8AVX2(panel, w *float32, k, n uintptr)")
	f.fn("pack8AVX2", 32)
	f.args("panel", "DI", "w", "SI", "k", "BX", "n", "CX")
	f.i("LEAQ", "(BX)(BX*2)", "DX")
	f.i("LEAQ", "(SI)(BX*4)", "R8")
	f.loop(8, func() {
		for r := range 8 {
			f.i("VMOVUPS", fmt.Sprintf("(%s)%s", []string{"SI", "R8"}[r/4], []string{"", "(BX*1)", "(BX*2)", "(DX*1)"}[r%4]), y(r))
		}
		f.transpose()
		for r := range 8 {
			f.i("VMOVUPS", y(r), fmt.Sprintf("%d(DI)", 128*r))
		}
		f.i("ADDQ", "$32", "SI")
		f.i("ADDQ", "$32", "R8")
		f.i("ADDQ", "$1024", "DI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

func y(n int) string { return fmt.Sprintf("Y%d", n) }
func x(n int) string { return fmt.Sprintf("X%d", n) }

// transpose turns the rows of Y0…Y7 into columns, using Y8…Y15: neighbours swap numbers, then pairs, then halves.
func (f *file) transpose() {
	for r := 0; r < 8; r += 2 {
		f.i("VUNPCKLPS", y(r+1), y(r), y(8+r))
		f.i("VUNPCKHPS", y(r+1), y(r), y(9+r))
	}
	for q := 0; q < 8; q += 4 { // Y(q+c) becomes columns c and c+4 of rows q…q+3
		for c := range 2 {
			f.i("VUNPCKLPD", y(8+q+2+c), y(8+q+c), y(q+2*c))
			f.i("VUNPCKHPD", y(8+q+2+c), y(8+q+c), y(q+2*c+1))
		}
	}
	for c := range 4 {
		f.i("VPERM2F128", "$0x31", y(4+c), y(c), y(12+c))
		f.i("VPERM2F128", "$0x20", y(4+c), y(c), y(c))
	}
	for c := range 4 {
		f.i("VMOVAPS", y(12+c), y(4+c))
	}
}
