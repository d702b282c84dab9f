package main

import "fmt"

// gridFree writes what points gain with the nearest levels, members or not: two points of four dimensions at a time. Y8… are the levels.
func (f *file) gridFree(dims int) {
	name := fmt.Sprintf("gridFree%dAVX2", dims)
	f.p("\n// func %s(gain, x, w *float32, points uintptr, table *float32, s float32)", name)
	f.fn(name, 44)
	f.args("gain", "DI", "x", "SI", "w", "DX", "points", "CX", "table", "R11")
	f.i("VBROADCASTSS", "s+40(FP)", "Y0")
	levels, step := 3, 1
	if dims == 4 {
		levels, step = 8, 2
	}
	for l := range levels {
		f.i("VBROADCASTSS", at(gridValue+4*l, "R11"), y(8+l))
		f.i("VMULPS", y(8+l), "Y0", y(8+l))
	}
	f.loop(step, func() {
		f.i("VMOVUPS", "(SI)", "Y0")
		f.i("VMOVAPS", "Y8", "Y1")
		for l := 1; l < levels; l++ {
			f.i("VSUBPS", "Y0", y(8+l), "Y2")
			f.i("VSUBPS", "Y1", "Y0", "Y3")
			f.i("VCMPPS", "$0x11", "Y3", "Y2", "Y2") // the next level is nearer
			f.i("VBLENDVPS", "Y2", y(8+l), "Y1", "Y1")
		}
		f.i("VADDPS", "Y0", "Y0", "Y0")
		f.i("VSUBPS", "Y1", "Y0", "Y0")
		f.i("VMULPS", "Y0", "Y1", "Y0")
		f.i("VMULPS", "(DX)", "Y0", "Y0")
		if dims == 8 {
			f.i("VEXTRACTF128", "$1", "Y0", "X1")
			f.i("VADDPS", "X1", "X0", "X0")
		}
		for _, swap := range []string{"$0x4e", "$0xb1"} {
			f.i("VPERMILPS", swap, "Y0", "Y1")
			f.i("VADDPS", "Y1", "Y0", "Y0")
		}
		f.i("VMOVSS", "X0", "(DI)")
		if dims == 4 {
			f.i("VEXTRACTF128", "$1", "Y0", "X0")
			f.i("VMOVSS", "X0", "4(DI)")
		}
		f.i("ADDQ", dollar(4*step), "DI")
		f.i("ADDQ", "$32", "SI")
		f.i("ADDQ", "$32", "DX")
	})
	f.p("\tVZEROUPPER\n\tRET")
}
