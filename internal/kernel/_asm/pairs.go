package main

import "fmt"

const pairsArgs = "dst *float32, ldd uintptr, x, panel *uint32, m, k, more uintptr"

// A pairLoop is one step of a product of pairs: up to 12 rows, whose words lie at R8, with the panel's words at DX.
type pairLoop struct {
	name, reg   string
	width, most int
	begin       func() // before all rows
	step        func(rows, u int, acc func(row, half int) string)
}

// pairsAMD64 writes the products of bfloat16 pairs, and what makes pairs of numbers. VDPBF16PS adds the product of the lower halves
// of two words' 16-bit numbers last: with the first of two neighbours in the upper half it is two fused products in ascending order.
func pairsAMD64(f *file) {
	f.constant("pairUpper", 0xffff0000, 16)
	f.constant("pairAbs", 0x7fffffff, 8)
	f.constant("pairTiny", 71<<23-1, 8)
	f.constant("pairOne", 1, 8)
	f.constant("pairHalf", 0x7fff, 8)
	f.constant("pairQuiet", 0x400000, 8)
	f.pairBF16()
	for _, l := range []pairLoop{f.halves("mulPairsAVX2", "Y", 32, 6), f.halves("mulPairsAVX512", "Z", 64, 12)} {
		f.mulPairs(&l)
	}
	f.mulPairs(&pairLoop{name: "mulPairsBF16", reg: "Z", width: 64, most: 12, begin: func() {}, step: func(rows, u int, acc func(row, half int) string) {
		f.i("VMOVUPS", fmt.Sprintf("%d(DX)", panelBytes*u), "Z0")
		f.i("VMOVUPS", fmt.Sprintf("%d(DX)", 64+panelBytes*u), "Z1")
		for r := range rows {
			f.i("VBROADCASTSS", fmt.Sprintf("%d(R8)", 4*r+4*rowTile*u), z(2+r%2))
			for h := range 2 {
				f.dpbf16(4+2*r+h, h, 2+r%2)
			}
		}
	}})
}

// dpbf16 is VDPBF16PS Zb, Za, Zd, which the assembler does not know: EVEX.512.F3.0F38.W0 52 /r.
func (f *file) dpbf16(d, a, b int) {
	not := func(n, bit int) int { return ^n >> bit & 1 }
	p0 := not(d, 3)<<7 | not(b, 4)<<6 | not(b, 3)<<5 | not(d, 4)<<4 | 2
	p1 := (^a&15)<<3 | 1<<2 | 2
	p2 := 2<<5 | not(a, 4)<<3
	f.p("\tLONG $0x%02x%02x%02x62 // VDPBF16PS Z%d, Z%d, Z%d", p2, p1, p0, b, a, d)
	f.p("\tWORD $0x%02x52", 3<<6|d&7<<3|b&7)
}

// halves is the loop for machines without such an instruction: the upper halves of all words, then the lower ones.
func (f *file) halves(name, reg string, width, most int) pairLoop {
	v := func(n int) string { return fmt.Sprintf("%s%d", reg, n) }
	and := map[string]string{"Z": "VPANDD", "Y": "VPAND"}[reg]
	upper := func(n int) { f.i(and, v(3), v(n), v(n)) }
	lower := func(n int) { f.i("VPSLLD", "$16", v(n), v(n)) }
	l := pairLoop{name: name, reg: reg, width: width, most: most}
	l.begin = func() { f.i("VMOVUPS", "pairUpper<>(SB)", v(3)) }
	l.step = func(rows, u int, acc func(row, half int) string) {
		for _, take := range []func(int){upper, lower} {
			for h := range 2 {
				f.i("VMOVUPS", fmt.Sprintf("%d(DX)", h*width+panelBytes*u), v(h))
				take(h)
			}
			for r := range rows {
				f.i("VBROADCASTSS", fmt.Sprintf("%d(R8)", 4*r+4*rowTile*u), v(2))
				take(2)
				f.i("VFMADD231PS", v(2), v(0), acc(r, 0))
				f.i("VFMADD231PS", v(2), v(1), acc(r, 1))
			}
		}
	}
	return l
}

// mulPairs writes a function for two vectors of outputs (width bytes each), with one loop for each number of rows.
func (f *file) mulPairs(l *pairLoop) {
	f.p("\n// func %s(%s)", l.name, pairsArgs)
	f.fn(l.name, 56)
	f.args("dst", "DI", "ldd", "SI", "x", "R8", "panel", "DX", "m", "R13", "k", "CX", "more", "AX")
	l.begin()
	f.rowCounts(l.name, l.most)
	for rows := l.most; rows > 0; rows-- {
		f.at(fmt.Sprintf("rows%d%s", rows, l.name))
		f.accumulate(l.reg, l.width, rows, times(rows, l.most), l.step)
	}
}

// pairBF16 rounds 16 numbers at a time, to nearest even, and joins neighbours.
func (f *file) pairBF16() {
	f.p("\n// func pairBF16AVX2(dst *uint32, x *float32, n uintptr)")
	f.fn("pairBF16AVX2", 24)
	f.args("dst", "DI", "x", "SI", "n", "CX")
	f.loop(16, func() {
		for half := range 2 {
			r := y(4 * half)
			f.i("VMOVUPS", fmt.Sprintf("%d(SI)", 32*half), "Y1")
			f.i("VPSRLD", "$16", "Y1", r)
			f.i("VPAND", "pairOne<>(SB)", r, r)
			f.i("VPADDD", "pairHalf<>(SB)", r, r)
			f.i("VPADDD", "Y1", r, r)
			f.i("VPOR", "pairQuiet<>(SB)", "Y1", "Y2")
			f.i("VCMPPS", "$3", "Y1", "Y1", "Y3")
			f.i("VBLENDVPS", "Y3", "Y2", r, r)
			f.i("VPAND", "pairUpper<>(SB)", r, r)
			f.i("VPAND", "pairAbs<>(SB)", r, "Y1")
			f.i("VPCMPGTD", "pairTiny<>(SB)", "Y1", "Y1")
			f.i("VPAND", "Y1", r, r)
			f.i("VPSRLQ", "$48", r, "Y2")
			f.i("VPOR", "Y2", r, r) // the pair lies in the lower word of two
		}
		f.i("VSHUFPS", "$0x88", "Y4", "Y0", "Y0")
		f.i("VPERMQ", "$0xd8", "Y0", "Y0")
		f.i("VMOVDQU", "Y0", "(DI)")
		f.advance(32, "DI")
		f.advance(64, "SI")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// pairsARM64 writes the product for NEON: up to 4 rows against 16 outputs.
func pairsARM64(f *file) {
	f.p("\n// func mulPairsNEON(%s)", pairsArgs)
	f.fn("mulPairsNEON", 56)
	for i, a := range []string{"dst", "ldd", "x", "panel", "m", "k", "more"} {
		f.i("MOVD", fmt.Sprintf("%s+%d(FP)", a, 8*i), fmt.Sprintf("R%d", i))
	}
	f.i("MOVD", "$0xffff0000", "R14")
	f.i("VDUP", "R14", "V30.S4")
	for rows := 4; rows > 0; rows-- {
		f.i("CMP", dollar(rows), "R4")
		f.i("BEQ", fmt.Sprintf("pairs%d", rows))
	}
	f.p("\tRET")
	for rows := 4; rows > 0; rows-- {
		f.at(fmt.Sprintf("pairs%d", rows))
		f.neonAccumulate(rows, func() { f.neonPairs(rows) })
	}
}

// neonPairs is one step: V16…V19 are the panel's words, V20 those of the rows.
func (f *file) neonPairs(rows int) {
	for q := range 5 {
		f.i("VAND", "V30.B16", v(16+q, "B16"), v(21+q, "B16"))
	}
	for r := range rows {
		for q := range 4 {
			f.fmaPart(4*r+q, 21+q, 25, r)
		}
	}
	for q := range 5 {
		f.i("VSHL", "$16", v(16+q, "S4"), v(16+q, "S4"))
	}
	for r := range rows {
		for q := range 4 {
			f.fmaPart(4*r+q, 16+q, 20, r)
		}
	}
}
