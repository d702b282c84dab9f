package main

import "fmt"

// nibblesAMD64 writes the look-up of levels by nibbles, a block at a time.
func nibblesAMD64(f *file) {
	for _, half := range []int{8, 16} {
		name := fmt.Sprintf("nameNibbles%dAVX2", half)
		move := map[int]string{8: "VMOVQ", 16: "VMOVDQU"}[half]
		f.p("\n// func %s(dst *int8, src *byte, stride, n uintptr, levels *[16]int8)", name)
		f.fn(name, 40)
		f.args("dst", "DI", "src", "SI", "stride", "BX", "n", "CX", "levels", "DX")
		f.i("VMOVDQU", "(DX)", "X2")
		f.byteConstant(3, 15)
		f.loop(1, func() {
			f.i(move, "(SI)", "X0")
			f.i("VPSRLW", "$4", "X0", "X1")
			for r := range 2 {
				x := fmt.Sprintf("X%d", r)
				f.i("VPAND", "X3", x, x)
				f.i("VPSHUFB", x, "X2", x)
				f.i(move, x, fmt.Sprintf("%d(DI)", r*half))
			}
			f.i("ADDQ", "BX", "SI")
			f.i("ADDQ", dollar(2*half), "DI")
		})
		f.p("\tVZEROUPPER\n\tRET")
	}
}
