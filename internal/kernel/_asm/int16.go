package main

import "fmt"

const int16Args = "dst *float32, ldd uintptr, x *uint32, xscale *float32, panel *uint32, pscale *float32, m, groups, more uintptr"

// stepsI16 is the number of words, of two codes each, in a group.
const stepsI16 = 32

// An int16Loop is the product of pairs of codes for one instruction set.
type int16Loop struct {
	name, reg, clear string                        // clear is the instruction that does
	width, most      int                           // bytes of a vector, rows
	mul              func(x, sum string, half int) // adds products of a register of one word and the panel's vector half to a sum
}

// int16AMD64 writes the products of pairs of 16-bit codes. Registers: DI dst, SI ldd, R8 codes of the activations and R9 their scales, DX codes of
// the panel and R10 its scales, CX groups left.
func int16AMD64(f *file) {
	madd := func(reg string) func(x, sum string, half int) {
		return func(x, sum string, half int) {
			w, t := fmt.Sprintf("%s%d", reg, half), reg+"3"
			if half == 1 {
				t = x // its last use
			}
			f.i("VPMADDWD", w, x, t)
			f.i("VPADDD", t, sum, sum)
		}
	}
	f.mulI16(&int16Loop{"mulI16AVX2", "Y", "VPXOR", 32, 6, madd("Y")})
	f.mulI16(&int16Loop{"mulI16AVX512", "Z", "VPXORD", 64, 12, madd("Z")})
	f.mulI16(&int16Loop{"mulI16VNNI", "Z", "VPXORD", 64, 12, func(x, sum string, half int) {
		f.i("VPDPWSSD", x, z(half), sum)
	}})
	f.codeI16()
	f.codeI16AVX512()
}

// codeI16 codes groups of 64 numbers, which are loaded eight at a time.
func (f *file) codeI16() {
	f.constant("i16Abs", 0x7fffffff, 8)
	f.constant("i16Half", 1<<8, 4)
	f.constant("i16Least", 15, 4)
	f.constant("i16Inverse", 268, 4)
	f.constant("i16Top", 255, 4)
	f.constant("i16NaN", 0x7fc00000, 4)
	f.constant("i16Margin", 1<<12, 4)
	f.constant("i16Free", 156, 4)
	f.constant("i16One", 127, 4)
	f.constant("i16Bits", 14, 4)
	f.codeI16From("codeI16AVX2", "float32", 32, func(at, y string) { f.i("VMOVUPS", at, y) })
	f.codeI16From("codeF16AVX2", "byte", 16, func(at, y string) { f.i("VCVTPH2PS", at, y) })
	f.codeI16From("codeBF16AVX2", "byte", 16, func(at, y string) {
		f.i("VPMOVZXWD", at, y)
		f.i("VPSLLD", "$16", y, y)
	})
}

func (f *file) codeI16From(name, of string, size int, load func(at, y string)) {
	const eights = 8
	f.p("\n// func %s(code *uint32, scale *float32, x *%s, n uintptr)", name, of)
	f.fn(name, 32)
	f.args("code", "DI", "scale", "DX", "x", "SI", "n", "CX")
	f.i("VMOVDQU", "i16Abs<>(SB)", "Y9")
	f.loop(1, func() {
		for q := range eights {
			load(fmt.Sprintf("%d(SI)", size*q), y(q))
		}
		f.i("VPAND", "Y0", "Y9", "Y8")
		f.i("VPAND", "Y1", "Y9", "Y10")
		for q := 2; q < eights; q++ {
			f.i("VPAND", y(q), "Y9", y(11+q%2))
			f.i("VPMAXSD", y(11+q%2), y([]int{8, 10}[q%2]), y([]int{8, 10}[q%2]))
		}
		f.fold("VPMAXSD", "Y8", "Y10")
		f.i("VPADDD", "i16Half<>(SB)", "X8", "X8")
		f.i("VPSRLD", "$23", "X8", "X8")
		f.i("VPMAXSD", "i16Least<>(SB)", "X8", "X8") // the exponent
		f.i("VMOVDQU", "i16Inverse<>(SB)", "X10")
		f.i("VPSUBD", "X8", "X10", "X10")
		f.i("VPSLLD", "$23", "X10", "X10")
		f.i("VPBROADCASTD", "X10", "Y10")
		for q := range eights {
			f.i("VMULPS", y(q), "Y10", y(q))
		}
		f.squares([]int{0, 1, 2, 3}, 11)
		f.squares([]int{4, 5, 6, 7}, 12)
		f.fold("VADDPS", "Y11", "Y12")
		f.i("VPADDD", "i16Margin<>(SB)", "X11", "X11")
		f.i("VPSRLD", "$23", "X11", "X11")
		f.i("VPSUBD", "i16Free<>(SB)", "X11", "X11")
		f.i("VPSRAD", "$1", "X11", "X11")
		f.i("VPXOR", "X12", "X12", "X12")
		f.i("VPMAXSD", "X12", "X11", "X11") // the shift
		f.i("VMOVDQU", "i16One<>(SB)", "X10")
		f.i("VPSUBD", "X11", "X10", "X10")
		f.i("VPSLLD", "$23", "X10", "X10")
		f.i("VPBROADCASTD", "X10", "Y10")
		f.i("VMOVDQU", "i16Top<>(SB)", "X13")
		f.i("VPCMPGTD", "X8", "X13", "X13") // whether all are finite
		f.i("VPADDD", "X11", "X8", "X8")
		f.i("VPSUBD", "i16Bits<>(SB)", "X8", "X8")
		f.i("VPSLLD", "$23", "X8", "X8")
		f.i("VMOVDQU", "i16NaN<>(SB)", "X14")
		f.i("VBLENDVPS", "X13", "X8", "X14", "X8")
		f.i("VMOVSS", "X8", "(DX)")
		f.i("VPBROADCASTD", "X13", "Y13")
		for q := range eights {
			f.i("VMULPS", y(q), "Y10", y(q))
			f.i("VCVTPS2DQ", y(q), y(q))
			f.i("VPAND", "Y13", y(q), y(q))
		}
		for q := range eights / 2 {
			f.i("VPACKSSDW", y(2*q+1), y(2*q), y(2*q))
			f.i("VPERMQ", "$0xd8", y(2*q), y(2*q))
			f.i("VMOVDQU", y(2*q), fmt.Sprintf("%d(DI)", 32*q))
		}
		f.advance(4, "DX")
		f.advance(4*stepsI16, "DI")
		f.advance(size*eights, "SI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// squares sums the squares of registers, pairs of them and pairs of these, into register to; those behind it are used.
func (f *file) squares(of []int, to int) {
	if len(of) == 1 {
		f.i("VMULPS", y(of[0]), y(of[0]), y(to))
		return
	}
	f.squares(of[:len(of)/2], to)
	f.squares(of[len(of)/2:], to+1)
	f.i("VADDPS", y(to+1), y(to), y(to))
}

// mulI16 writes a function for two vectors of outputs, with one loop for each number of rows. Integer sums of a group stay in the last registers,
// of which there are half as many as a vector has bytes; results in dst. Loops are short: cores share what holds decoded instructions between two
// threads, and longer ones lose more there than they gain.
func (f *file) mulI16(l *int16Loop) {
	f.p("\n// func %s(%s)", l.name, int16Args)
	f.fn(l.name, 72)
	f.args("dst", "DI", "ldd", "SI", "x", "R8", "xscale", "R9", "panel", "DX", "pscale", "R10", "m", "R13", "groups", "CX", "more", "AX")
	f.rowCounts(l.name, l.most)
	for rows := l.most; rows > 0; rows-- {
		f.i16Rows(l, rows)
	}
}

func (f *file) i16Rows(l *int16Loop, rows int) {
	v := func(n int) string { return fmt.Sprintf("%s%d", l.reg, n) }
	sum := func(r, h int) string { return v(l.width/2 - 2*l.most + 2*r + h) }
	place := func(h int) string { return fmt.Sprintf("%d(R15)", h*l.width) }
	group, step := f.label("group"), f.label("step")
	f.at(fmt.Sprintf("rows%d%s", rows, l.name))
	f.i("TESTQ", "AX", "AX")
	f.i("JNE", group)
	f.i("VXORPS", "X0", "X0", "X0")
	f.rowsOf(rows, func(int) {
		for h := range 2 {
			f.i("VMOVUPS", v(0), place(h))
		}
	})
	f.at(group)
	for r := range rows {
		for h := range 2 {
			f.i(l.clear, sum(r, h), sum(r, h), sum(r, h))
		}
	}
	times := 1 // words of a turn
	if rows == l.most {
		times = 4
	}
	f.i("MOVQ", dollar(stepsI16/times), "BX")
	f.at(step)
	for u := range times {
		for h := range 2 {
			f.i("VMOVUPS", fmt.Sprintf("%d(DX)", h*l.width+panelBytes*u), v(h))
		}
		for r := range rows {
			f.i("VPBROADCASTD", fmt.Sprintf("%d(R8)", 4*r+4*rowTile*u), v(2))
			for h := range 2 {
				l.mul(v(2), sum(r, h), h)
			}
		}
	}
	f.advance(times*panelBytes, "DX")
	f.advance(times*4*rowTile, "R8")
	f.i("DECQ", "BX")
	f.i("JNE", step)
	for h := range 2 {
		f.i("VMOVUPS", fmt.Sprintf("%d(R10)", h*l.width), v(h))
	}
	f.rowsOf(rows, func(r int) {
		f.i("VBROADCASTSS", actRow("R9", r), v(2))
		for h := range 2 {
			s := sum(r, h)
			f.i("VCVTDQ2PS", s, s)
			f.i("VMULPS", v(h), s, s)
			f.i("VFMADD213PS", place(h), v(2), s)
			f.i("VMOVUPS", s, place(h))
		}
	})
	f.advance(panelBytes, "R10")
	f.advance(4*rowTile, "R9")
	f.i("DECQ", "CX")
	f.i("JNE", group)
	f.p("\tVZEROUPPER\n\tRET")
}
