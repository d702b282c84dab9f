package main

import "fmt"

// An int8Loop is an AVX2 product. Small codes have a bias added that makes them unsigned, so that no sign has to be carried over: so many steps are
// summed in 16 bits that biased code · 127 · 2 · steps stays below 2^15, and each sum begins with -bias times the sum of the activations. steps is 0 for
// codes of any size. The multiplication that joins pairs of 16 bits to 32 is by one, or by the integer scale of the group, whose sums go on then.
//
// The last registers are sums, two for each row; those before are free at the end of a block.
type int8Loop struct {
	*file
	*int8Form
	steps, rows, most int
}

func (f *file) int8AVX2(form *int8Form, steps, most int) {
	name := "mulI8"
	if steps > 0 {
		name += fmt.Sprintf("x%d", steps)
	}
	name += form.name + "AVX2"
	parts := 0 // of the stack: of integer sums, and of what offsets are multiplied with
	if steps > 2 {
		parts++
	}
	if form.sub && steps > 0 {
		parts++
	}
	f.int8Begin(form, name, most, parts*64*most)
	for rows := most; rows > 0; rows-- {
		l := int8Loop{f, form, steps, rows, most}
		f.at(fmt.Sprintf("rows%d%s", rows, name))
		l.blocks()
	}
}

// sum is the integer sum of half a row, and afterwards its float sum; offset and whole are the places on the stack of the factor of offsets, and of the integer
// sum of a function whose registers hold sums of 16 bits.
func (l *int8Loop) sum(r, h int) string { return y(16 - 2*l.most + 2*r + h) }

func (l *int8Loop) whole(r, h int) string { return fmt.Sprintf("part-%d(SP)", 64*(l.rows-r)-32*h) }

func (l *int8Loop) offset(r, h int) string {
	above := 0
	if l.steps > 2 {
		above = l.most
	}
	return fmt.Sprintf("part-%d(SP)", 64*(above+l.rows-r)-32*h)
}

// by is what pairs of 16 bits are multiplied with.
func (l *int8Loop) by(h int) string {
	if l.sub {
		return fmt.Sprintf("%d(R13)", 32*h)
	}
	return "pairs<>(SB)"
}

func (l *int8Loop) halves(do func(r, h int)) {
	for r := range l.rows {
		do(r, 0)
		do(r, 1)
	}
}

// blocks walks blocks; the results lie in dst.
func (l *int8Loop) blocks() {
	block := l.label("block")
	l.i("CMPQ", l.more, "$0")
	l.i("JNE", block)
	l.i("VXORPS", "Y0", "Y0", "Y0")
	l.rowsOf(l.rows, func(r int) {
		l.i("VMOVUPS", "Y0", "(R15)")
		l.i("VMOVUPS", "Y0", "32(R15)")
	})
	l.at(block)
	if l.sub {
		l.subBlock()
	} else {
		l.flatBlock()
	}
	l.rowsOf(l.rows, func(r int) {
		l.i("VBROADCASTSS", actRow("R9", r), "Y2")
		for h := range 2 {
			at := fmt.Sprintf("%d(R15)", 32*h)
			l.i("VFMADD213PS", at, "Y2", l.sum(r, h))
			l.i("VMOVUPS", l.sum(r, h), at)
		}
	})
	l.nextBlock(l.int8Form, block)
	l.p("\tVZEROUPPER\n\tRET")
}

// group adds the products of a group.
func (l *int8Loop) group() {
	switch {
	case l.steps == 0:
		l.signed()
	case l.steps > 2:
		l.runs()
	default:
		l.sums()
	}
}

// flatBlock leaves the float sums of a group.
func (l *int8Loop) flatBlock() {
	next := l.label("next")
	switch {
	case l.steps == 0:
		l.halves(func(r, h int) { l.i("VMOVDQU", fmt.Sprintf("%d(R11)", 32*h), l.sum(r, h)) })
		l.i("ADDQ", dollar(64-4*rowTile), "R11") // nextBlock adds the rest
	case l.steps <= 2:
		zero, ready := l.label("zero"), l.label("ready")
		l.begin(zero, func(r int, start string) {
			for h := range 2 {
				l.i("VMOVDQA", start, l.sum(r, h))
			}
		})
		l.i("JMP", ready)
		l.at(zero)
		l.halves(func(r, h int) { l.i("VPXOR", l.sum(r, h), l.sum(r, h), l.sum(r, h)) })
		l.at(ready)
	}
	l.group()
	for h := range 2 {
		l.i("VMOVUPS", fmt.Sprintf("%d(R13)", 32*h), y(h))
	}
	l.halves(func(r, h int) {
		l.i("VCVTDQ2PS", l.sum(r, h), l.sum(r, h))
		l.i("VMULPS", y(h), l.sum(r, h), l.sum(r, h))
	})
	l.i("TESTQ", "R14", "R14")
	l.i("JEQ", next)
	for h := range 2 {
		l.i("VMOVUPS", fmt.Sprintf("%d(R14)", 32*h), y(h))
	}
	for r := range l.rows {
		l.i("VBROADCASTSS", actRow("R10", r), "Y2")
		for h := range 2 {
			l.i("VFMADD231PS", "Y2", y(h), l.sum(r, h))
		}
	}
	l.advance(64, "R14")
	l.at(next)
}

// begin gives do where each row's sums begin, which is the start of the activations >> shift, and goes to none where that is zero.
func (l *int8Loop) begin(none string, do func(r int, start string)) {
	l.i("CMPQ", "bias+104(FP)", "$0")
	l.i("JEQ", none)
	l.i("VMOVQ", l.shift, "X3")
	for r := range l.rows {
		l.i("VPBROADCASTD", actRow("R11", r), "Y2")
		l.i("VPSRAD", "X3", "Y2", "Y2")
		do(r, "Y2")
	}
}

// subBlock leaves the float sums of a block of groups.
func (l *int8Loop) subBlock() {
	group, next := l.label("group"), l.label("next")
	if l.steps == 0 {
		l.halves(func(r, h int) { l.i("VMOVDQU", fmt.Sprintf("%d(R11)", 32*h), l.sum(r, h)) })
		l.i("ADDQ", "$64", "R11")
	} else {
		l.beginSub()
	}
	if l.steps > 2 {
		l.halves(func(r, h int) { l.i("VMOVDQU", l.sum(r, h), l.whole(r, h)) })
	}
	l.i("MOVQ", "groups+88(FP)", "BX")
	l.at(group)
	l.group()
	l.nextGroup(group)
	l.i("MOVQ", "pscale+64(FP)", "R15")
	for h := range 2 {
		l.i("VMOVUPS", fmt.Sprintf("%d(R15)(R14*1)", 32*h), y(h))
	}
	l.halves(func(r, h int) {
		from := l.sum(r, h)
		if l.steps > 2 {
			from = l.whole(r, h)
		}
		l.i("VCVTDQ2PS", from, l.sum(r, h))
		l.i("VMULPS", y(h), l.sum(r, h), l.sum(r, h))
	})
	if l.steps == 0 {
		return
	}
	l.i("MOVQ", "pmin+72(FP)", "R15")
	l.i("TESTQ", "R15", "R15")
	l.i("JEQ", next)
	for h := range 2 {
		l.i("VMOVUPS", fmt.Sprintf("%d(R15)(R14*1)", 32*h), y(h))
	}
	l.halves(func(r, h int) { l.i("VFMADD231PS", l.offset(r, h), y(h), l.sum(r, h)) })
	l.at(next)
}

// beginSub multiplies the sums of the activations' groups with the panel's integers: what offsets are multiplied with, or, times the bias, what is too much in
// the sums.
func (l *int8Loop) beginSub() {
	offsets, ready := l.label("offsets"), l.label("ready")
	l.halves(func(r, h int) { l.i("VPXOR", l.sum(r, h), l.sum(r, h), l.sum(r, h)) })
	l.i("TESTQ", "R11", "R11")
	l.i("JEQ", ready)
	l.pairsOfGroups(func() {
		for h := range 2 {
			l.i("VMOVDQU", fmt.Sprintf("%d(R11)", 32*h), y(h))
		}
		for r := range l.rows {
			l.i("VPBROADCASTD", actRow("R10", r), "Y2")
			l.i("VPMADDWD", "Y2", "Y0", "Y3")
			l.i("VPMADDWD", "Y2", "Y1", "Y2")
			l.i("VPADDD", "Y3", l.sum(r, 0), l.sum(r, 0))
			l.i("VPADDD", "Y2", l.sum(r, 1), l.sum(r, 1))
		}
	})
	l.i("CMPQ", "pmin+72(FP)", "$0")
	l.i("JNE", offsets)
	l.i("VMOVQ", l.shift, "X3")
	l.i("VPXOR", "Y2", "Y2", "Y2")
	l.halves(func(r, h int) {
		l.i("VPSLLD", "X3", l.sum(r, h), l.sum(r, h))
		l.i("VPSUBD", l.sum(r, h), "Y2", l.sum(r, h))
	})
	l.i("JMP", ready)
	l.at(offsets)
	l.halves(func(r, h int) {
		l.i("VCVTDQ2PS", l.sum(r, h), l.sum(r, h))
		l.i("VMOVUPS", l.sum(r, h), l.offset(r, h))
		l.i("VPXOR", l.sum(r, h), l.sum(r, h), l.sum(r, h))
	})
	l.at(ready)
}

// runs sums so many steps in 16 bits in registers. With integer scales the sums lie on the stack; without, only where there are several such runs in a group.
func (l *int8Loop) runs() {
	run, again, joined, done := l.label("run"), l.label("again"), l.label("joined"), l.label("done")
	l.i("MOVQ", "R12", "AX")
	if !l.sub {
		l.i("XORL", "R15", "R15")
	}
	l.at(run)
	for s := range l.steps {
		for h := range 2 {
			l.i("VMOVDQU", fmt.Sprintf("%d(DX)", 64*s+32*h), y(h))
		}
		for r := range l.rows {
			l.i("VPBROADCASTD", actRow("R8", rowTile*s+r), "Y2")
			if s == 0 {
				l.i("VPMADDUBSW", "Y2", "Y0", l.sum(r, 0))
				l.i("VPMADDUBSW", "Y2", "Y1", l.sum(r, 1))
				continue
			}
			l.i("VPMADDUBSW", "Y2", "Y0", "Y3")
			l.i("VPMADDUBSW", "Y2", "Y1", "Y2")
			l.i("VPADDW", "Y3", l.sum(r, 0), l.sum(r, 0))
			l.i("VPADDW", "Y2", l.sum(r, 1), l.sum(r, 1))
		}
	}
	l.advance(64*l.steps, "DX")
	l.advance(4*rowTile*l.steps, "R8")
	for h := range 2 {
		l.i("VMOVDQU", l.by(h), y(h))
	}
	l.halves(func(r, h int) { l.i("VPMADDWD", y(h), l.sum(r, h), l.sum(r, h)) })
	if l.sub {
		l.halves(func(r, h int) {
			l.i("VPADDD", l.whole(r, h), l.sum(r, h), l.sum(r, h))
			l.i("VMOVDQU", l.sum(r, h), l.whole(r, h))
		})
		l.i("SUBQ", dollar(l.steps), "AX")
		l.i("JNE", run)
		return
	}
	l.i("TESTL", "R15", "R15")
	l.i("JNE", again)
	l.begin(joined, func(r int, start string) {
		for h := range 2 {
			l.i("VPADDD", start, l.sum(r, h), l.sum(r, h))
		}
	})
	l.i("JMP", joined)
	l.at(again)
	l.halves(func(r, h int) { l.i("VPADDD", l.whole(r, h), l.sum(r, h), l.sum(r, h)) })
	l.at(joined)
	l.i("SUBQ", dollar(l.steps), "AX")
	l.i("JEQ", done)
	l.halves(func(r, h int) { l.i("VMOVDQU", l.sum(r, h), l.whole(r, h)) })
	l.i("MOVL", "$1", "R15")
	l.i("JMP", run)
	l.at(done)
}

// sums keeps the integer sums in registers.
func (l *int8Loop) sums() {
	step := l.label("step")
	l.i("MOVQ", "R12", "AX")
	l.at(step)
	for q := range 2 * l.steps {
		l.i("VMOVDQU", fmt.Sprintf("%d(DX)", 32*q), y(q))
	}
	x, t := y(2*l.steps), y(2*l.steps+1)
	for r := range l.rows {
		l.i("VPBROADCASTD", actRow("R8", r), x)
		l.i("VPMADDUBSW", x, "Y0", t)
		if l.steps == 2 {
			l.i("VPMADDUBSW", x, "Y1", "Y6")
			l.i("VPBROADCASTD", actRow("R8", rowTile+r), x)
			l.i("VPMADDUBSW", x, "Y2", "Y7")
			l.i("VPMADDUBSW", x, "Y3", x)
			l.i("VPADDW", "Y7", t, t)
			l.i("VPADDW", "Y6", x, x)
		} else {
			l.i("VPMADDUBSW", x, "Y1", x)
		}
		l.i("VPMADDWD", l.by(0), t, t)
		l.i("VPMADDWD", l.by(1), x, x)
		l.i("VPADDD", t, l.sum(r, 0), l.sum(r, 0))
		l.i("VPADDD", x, l.sum(r, 1), l.sum(r, 1))
	}
	l.advance(64*l.steps, "DX")
	l.advance(4*rowTile*l.steps, "R8")
	l.i("SUBQ", dollar(l.steps), "AX")
	l.i("JNE", step)
}

// signed multiplies |w| by a, or by its complement -a-1 where w is negative, which any unit of the core can make: no product exceeds 128·127 or
// falls below -128·128, so that a pair's sum stays in 16 bits without saturation, for every code. What -1 takes off is where each sum starts: start is
// that of the panel here, 16 for each block.
func (l *int8Loop) signed() {
	step := l.label("step")
	l.i("MOVQ", "R12", "AX")
	by := []string{"Y7", "Y7"}
	if l.sub {
		by[0] = "Y6"
	}
	for h := range 2 {
		if h == 1 || l.sub {
			l.i("VMOVDQU", l.by(h), by[h])
		}
	}
	l.at(step)
	l.i("VPXOR", "Y4", "Y4", "Y4")
	for h := range 2 {
		l.i("VPABSB", fmt.Sprintf("%d(DX)", 32*h), y(h))
		l.i("VPCMPGTB", fmt.Sprintf("%d(DX)", 32*h), "Y4", y(2+h))
	}
	for r := range l.rows {
		l.i("VPBROADCASTD", actRow("R8", r), "Y4")
		for h, t := range []string{"Y5", "Y4"} {
			l.i("VPXOR", y(2+h), "Y4", t)
			l.i("VPMADDUBSW", t, y(h), t)
			l.i("VPMADDWD", by[h], t, t)
			l.i("VPADDD", t, l.sum(r, h), l.sum(r, h))
		}
	}
	l.advance(64, "DX")
	l.advance(4*rowTile, "R8")
	l.i("DECQ", "AX")
	l.i("JNE", step)
}
