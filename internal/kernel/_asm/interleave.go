package main

import "fmt"

// interleaveAMD64 writes the copying of 4 rows into 4 neighbouring columns, squares of 4 by 4 in each half of a register. n is a
// multiple of 8.
func interleaveAMD64(f *file) {
	f.p("\n// func spread4AVX2(dst *uint32, to uintptr, src *uint32, ld, n uintptr)")
	f.fn("spread4AVX2", 40)
	f.args("dst", "DI", "to", "R8", "src", "SI", "ld", "BX", "n", "CX")
	f.i("LEAQ", "(BX)(BX*2)", "DX")
	f.i("LEAQ", "(R8)(R8*2)", "R9")
	f.i("LEAQ", "(DI)(R8*4)", "R10")
	f.loop(8, func() {
		for r, at := range []string{"(SI)", "(SI)(BX*1)", "(SI)(BX*2)", "(SI)(DX*1)"} {
			f.i("VMOVUPS", at, y(r))
		}
		for r := range 2 {
			f.i("VUNPCKLPS", y(2*r+1), y(2*r), y(4+r))
			f.i("VUNPCKHPS", y(2*r+1), y(2*r), y(6+r))
		}
		for c := range 2 {
			f.i("VUNPCKLPD", y(5+2*c), y(4+2*c), y(2*c))
			f.i("VUNPCKHPD", y(5+2*c), y(4+2*c), y(2*c+1))
		}
		for c, at := range []string{"", "(R8*1)", "(R8*2)", "(R9*1)"} {
			f.i("VMOVUPS", fmt.Sprintf("X%d", c), "(DI)"+at)
			f.i("VEXTRACTF128", "$1", y(c), "(R10)"+at)
		}
		f.i("ADDQ", "$32", "SI")
		f.i("LEAQ", "(DI)(R8*8)", "DI")
		f.i("LEAQ", "(R10)(R8*8)", "R10")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// interleaveARM64 is the same for NEON, 4 words of each row at a time.
func interleaveARM64(f *file) {
	f.p("\n// func spread4NEON(dst *uint32, to uintptr, src *uint32, ld, n uintptr)")
	f.fn("spread4NEON", 40)
	for i, a := range []string{"dst", "to", "src", "ld", "n"} {
		f.i("MOVD", fmt.Sprintf("%s+%d(FP)", a, 8*i), fmt.Sprintf("R%d", i))
	}
	again := f.label("again")
	f.at(again)
	f.i("MOVD", "R2", "R5")
	for r := range 4 {
		f.i("VLD1", "(R5)", regs(r, 1, "S4"))
		f.i("ADD", "R3", "R5")
	}
	for r := range 2 {
		f.i("VZIP1", v(2*r+1, "S4"), v(2*r, "S4"), v(4+r, "S4"))
		f.i("VZIP2", v(2*r+1, "S4"), v(2*r, "S4"), v(6+r, "S4"))
	}
	for c := range 2 {
		f.i("VZIP1", v(5+2*c, "D2"), v(4+2*c, "D2"), v(2*c, "D2"))
		f.i("VZIP2", v(5+2*c, "D2"), v(4+2*c, "D2"), v(2*c+1, "D2"))
	}
	for c := range 4 {
		f.i("VST1", regs(c, 1, "S4"), "(R0)")
		f.i("ADD", "R1", "R0")
	}
	f.i("ADD", "$16", "R2")
	f.i("SUBS", "$4", "R4")
	f.i("BNE", again)
	f.p("\tRET")
}
