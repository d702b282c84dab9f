package main

import "fmt"

const int16Args = "dst *float32, ldd uintptr, x *uint32, xscale *float32, panel *uint32, pscale *float32, m, groups, more uintptr"

// stepsI16 is the number of words, of two codes each, in a group.
const stepsI16 = 16

// An int16Loop is the product of pairs of codes for one instruction set.
type int16Loop struct {
	name, reg   string
	width, most int                                       // bytes of a vector, rows
	mul         func(x, sum string, half int, first bool) // adds products of a word and the panel's vector half to a sum, which the first ones begin
	places      bool                                      // mul wants the place of the word, not a register that repeats it
}

// int16AMD64 writes the products of pairs of 16-bit codes. Registers: DI dst, SI ldd, R8 codes of the activations and R9 their scales, DX codes of
// the panel and R10 its scales, CX groups left.
func int16AMD64(f *file) {
	madd := func(reg string) func(x, sum string, half int, first bool) {
		return func(x, sum string, half int, first bool) {
			w, t := fmt.Sprintf("%s%d", reg, half), reg+"3"
			switch {
			case first:
				f.i("VPMADDWD", w, x, sum)
				return
			case half == 1:
				t = x // its last use
			}
			f.i("VPMADDWD", w, x, t)
			f.i("VPADDD", t, sum, sum)
		}
	}
	f.mulI16(&int16Loop{"mulI16AVX2", "Y", 32, 6, madd("Y"), false})
	f.mulI16(&int16Loop{"mulI16AVX512", "Z", 64, 12, madd("Z"), false})
	f.mulI16(&int16Loop{"mulI16VNNI", "Z", 64, 12, func(x, sum string, half int, first bool) {
		if first {
			f.i("VPXORD", sum, sum, sum)
		}
		f.i("VPDPWSSD.BCST", x, z(half), sum)
	}, true})
	f.codeI16()
}

// codeI16 codes groups of 32 numbers.
func (f *file) codeI16() {
	f.constant("i16Abs", 0x7fffffff, 8)
	f.constant("i16Half", 1<<10, 4)
	f.constant("i16Least", 13, 4)
	f.constant("i16Scale", 12, 4)
	f.constant("i16Inverse", 266, 4)
	f.constant("i16Top", 255, 4)
	f.constant("i16NaN", 0x7fc00000, 4)
	f.p("\n// func codeI16AVX2(code *uint32, scale, x *float32, n uintptr)")
	f.fn("codeI16AVX2", 32)
	f.args("code", "DI", "scale", "DX", "x", "SI", "n", "CX")
	f.i("VMOVDQU", "i16Abs<>(SB)", "Y9")
	f.loop(1, func() {
		for q := range 4 {
			f.i("VPAND", fmt.Sprintf("%d(SI)", 32*q), "Y9", y(q))
		}
		f.i("VPMAXSD", "Y1", "Y0", "Y0")
		f.i("VPMAXSD", "Y3", "Y2", "Y2")
		f.fold("VPMAXSD", "Y0", "Y2")
		f.i("VPADDD", "i16Half<>(SB)", "X0", "X0")
		f.i("VPSRLD", "$23", "X0", "X0")
		f.i("VPMAXSD", "i16Least<>(SB)", "X0", "X0") // the exponent
		f.i("VPSUBD", "i16Scale<>(SB)", "X0", "X1")
		f.i("VPSLLD", "$23", "X1", "X1")
		f.i("VMOVDQU", "i16Inverse<>(SB)", "X2")
		f.i("VPSUBD", "X0", "X2", "X2")
		f.i("VPSLLD", "$23", "X2", "X2")
		f.i("VPBROADCASTD", "X2", "Y5")
		f.i("VMOVDQU", "i16Top<>(SB)", "X3")
		f.i("VPCMPGTD", "X0", "X3", "X3") // whether all are finite
		f.i("VMOVDQU", "i16NaN<>(SB)", "X4")
		f.i("VBLENDVPS", "X3", "X1", "X4", "X1")
		f.i("VMOVSS", "X1", "(DX)")
		f.i("VPBROADCASTD", "X3", "Y6")
		for q := range 4 {
			f.i("VMULPS", fmt.Sprintf("%d(SI)", 32*q), "Y5", y(q))
			f.i("VCVTPS2DQ", y(q), y(q))
			f.i("VPAND", "Y6", y(q), y(q))
		}
		for q := range 2 {
			f.i("VPACKSSDW", y(2*q+1), y(2*q), y(2*q))
			f.i("VPERMQ", "$0xd8", y(2*q), y(2*q))
			f.i("VMOVDQU", y(2*q), fmt.Sprintf("%d(DI)", 32*q))
		}
		f.advance(4, "DX")
		f.advance(64, "DI")
		f.advance(128, "SI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// mulI16 writes a function for two vectors of outputs, with one loop for each number of rows. Integer sums of a group stay in the last registers,
// of which there are half as many as a vector has bytes. Float sums lie on the stack: rows of dst may be apart by a power of two, and compete for
// places in the cache.
func (f *file) mulI16(l *int16Loop) {
	f.p("\n// func %s(%s)", l.name, int16Args)
	f.framed(l.name, 2*l.width*l.most, 72)
	f.args("dst", "DI", "ldd", "SI", "x", "R8", "xscale", "R9", "panel", "DX", "pscale", "R10", "m", "R13", "groups", "CX", "more", "AX")
	f.rowCounts(l.name, l.most)
	for rows := l.most; rows > 0; rows-- {
		f.i16Rows(l, rows)
	}
}

func (f *file) i16Rows(l *int16Loop, rows int) {
	v := func(n int) string { return fmt.Sprintf("%s%d", l.reg, n) }
	sum := func(r, h int) string { return v(l.width/2 - 2*l.most + 2*r + h) }
	float := func(r, h int) string { return fmt.Sprintf("sum-%d(SP)", l.width*(2*(rows-r)-h)) }
	both := func(do func(r, h int, out string)) {
		f.rowsOf(rows, func(r int) {
			for h := range 2 {
				do(r, h, fmt.Sprintf("%d(R15)", h*l.width))
			}
		})
	}
	group, step, begun := f.label("group"), f.label("step"), f.label("begun")
	f.at(fmt.Sprintf("rows%d%s", rows, l.name))
	f.i("VXORPS", "X0", "X0", "X0")
	both(func(r, h int, _ string) { f.i("VMOVUPS", v(0), float(r, h)) })
	f.i("TESTQ", "AX", "AX")
	f.i("JEQ", begun)
	both(func(r, h int, out string) {
		f.i("VMOVUPS", out, v(h))
		f.i("VMOVUPS", v(h), float(r, h))
	})
	f.at(begun)
	one := func(u int, first bool) {
		for h := range 2 {
			f.i("VMOVUPS", fmt.Sprintf("%d(DX)", h*l.width+panelBytes*u), v(h))
		}
		for r := range rows {
			x := fmt.Sprintf("%d(R8)", 4*r+4*rowTile*u)
			if !l.places {
				f.i("VPBROADCASTD", x, v(2))
				x = v(2)
			}
			for h := range 2 {
				l.mul(x, sum(r, h), h, first)
			}
		}
	}
	next := func(words int) {
		f.advance(words*panelBytes, "DX")
		f.advance(words*4*rowTile, "R8")
	}
	f.at(group)
	if rows == l.most {
		for u := range stepsI16 {
			one(u, u == 0)
		}
		next(stepsI16)
	} else {
		one(0, true)
		next(1)
		f.i("MOVQ", dollar(stepsI16-1), "BX")
		f.at(step)
		one(0, false)
		next(1)
		f.i("DECQ", "BX")
		f.i("JNE", step)
	}
	for h := range 2 {
		f.i("VMOVUPS", fmt.Sprintf("%d(R10)", h*l.width), v(h))
	}
	for r := range rows {
		f.i("VBROADCASTSS", actRow("R9", r), v(2))
		for h := range 2 {
			s := sum(r, h)
			f.i("VCVTDQ2PS", s, s)
			f.i("VMULPS", v(h), s, s)
			f.i("VFMADD213PS", float(r, h), v(2), s)
			f.i("VMOVUPS", s, float(r, h))
		}
	}
	f.advance(panelBytes, "R10")
	f.advance(4*rowTile, "R9")
	f.i("DECQ", "CX")
	f.i("JNE", group)
	both(func(r, h int, out string) {
		f.i("VMOVUPS", float(r, h), v(h))
		f.i("VMOVUPS", v(h), out)
	})
	f.p("\tVZEROUPPER\n\tRET")
}
