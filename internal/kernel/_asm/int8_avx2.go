package main

import "fmt"

// blocksName tells the two forms of a function apart: with one group in a block (flat), and with several.
func blocksName(name string, flat bool) string {
	if flat {
		return name + "FlatAVX2"
	}
	return name + "BlocksAVX2"
}

// An int8Loop is an AVX2 product. Small codes have a bias added that makes them unsigned, so that no sign has to be carried over: so many steps are
// summed in 16 bits that biased code · 127 · 2 · steps stays below 2^15, and each sum begins with -bias times the sum of the activations, which is
// start >> shift, where there is a bias. steps is 0 for codes of any size.
//
// The last registers are sums, two for each row; those before are free at the end of a group.
type int8Loop struct {
	*file
	steps, rows, most int
	flat              bool
}

func (f *file) int8AVX2(steps, most int, flat bool) {
	name := blocksName("mulI8", flat)
	if steps > 0 {
		name = blocksName(fmt.Sprintf("mulI8x%d", steps), flat)
	}
	parts := 0 // of the stack: of a block's float sums, and of a group's integer sums
	if !flat {
		parts++
	}
	if steps > 2 {
		parts++
	}
	f.int8Begin(name, most, parts*64*most)
	for rows := most; rows > 0; rows-- {
		l := int8Loop{f, steps, rows, most, flat}
		f.at(fmt.Sprintf("rows%d%s", rows, name))
		l.blocks()
	}
}

// sum is the integer sum of half a row, and afterwards its float sum; block and whole are the places of a block's float sum and of a group's
// integer sum on the stack.
func (l *int8Loop) sum(r, h int) string { return y(16 - 2*l.most + 2*r + h) }

func (l *int8Loop) block(r, h int) string { return fmt.Sprintf("part-%d(SP)", 64*(l.rows-r)-32*h) }

func (l *int8Loop) whole(r, h int) string {
	above := l.most
	if l.flat {
		above = 0
	}
	return fmt.Sprintf("part-%d(SP)", 64*(above+l.rows-r)-32*h)
}

func (l *int8Loop) halves(do func(r, h int)) {
	for r := range l.rows {
		do(r, 0)
		do(r, 1)
	}
}

// blocks walks blocks and groups. With several groups in a block its sums lie on the stack; the results lie in dst.
func (l *int8Loop) blocks() {
	block, group := l.label("block"), l.label("group")
	l.i("CMPQ", "more+104(FP)", "$0")
	l.i("JNE", block)
	l.i("VXORPS", "Y0", "Y0", "Y0")
	l.rowsOf(l.rows, func(r int) {
		l.i("VMOVUPS", "Y0", "(R15)")
		l.i("VMOVUPS", "Y0", "32(R15)")
	})
	l.at(block)
	if !l.flat {
		l.i("MOVQ", "per+80(FP)", "BX")
		l.i("VXORPS", "Y0", "Y0", "Y0")
		l.halves(func(r, h int) { l.i("VMOVUPS", "Y0", l.block(r, h)) })
		l.at(group)
	}
	switch {
	case l.steps == 0:
		l.signed()
	case l.steps > 2:
		l.runs()
	default:
		l.sums()
	}
	l.scale()
	if l.flat {
		l.nextGroup("")
	} else {
		l.halves(func(r, h int) { l.i("VMOVUPS", l.sum(r, h), l.block(r, h)) })
		l.nextGroup(group)
	}
	l.rowsOf(l.rows, func(r int) {
		l.i("VBROADCASTSS", actRow("R9", r), "Y2")
		for h := range 2 {
			at := fmt.Sprintf("%d(R15)", 32*h)
			l.i("VFMADD213PS", at, "Y2", l.sum(r, h))
			l.i("VMOVUPS", l.sum(r, h), at)
		}
	})
	l.nextBlock(block)
	l.p("\tVZEROUPPER\n\tRET")
}

// runs sums so many steps in 16 bits in registers; with several such runs in a group its sums lie on the stack in between.
func (l *int8Loop) runs() {
	run, again, joined, done := l.label("run"), l.label("again"), l.label("joined"), l.label("done")
	l.i("MOVQ", "R12", "AX")
	l.i("XORL", "R15", "R15")
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
	l.i("VMOVDQU", "pairs<>(SB)", "Y0")
	l.halves(func(r, h int) { l.i("VPMADDWD", "Y0", l.sum(r, h), l.sum(r, h)) })
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

// begin gives do where each row's sums begin, and goes to none where that is zero.
func (l *int8Loop) begin(none string, do func(r int, start string)) {
	l.i("CMPQ", "bias+112(FP)", "$0")
	l.i("JEQ", none)
	l.i("VMOVQ", "shift+120(FP)", "X3")
	for r := range l.rows {
		l.i("VPBROADCASTD", actRow("R11", r), "Y2")
		l.i("VPSRAD", "X3", "Y2", "Y2")
		do(r, "Y2")
	}
}

// sums keeps the integer sums of a group in registers.
func (l *int8Loop) sums() {
	zero, ready, step := l.label("zero"), l.label("ready"), l.label("step")
	l.begin(zero, func(r int, start string) {
		for h := range 2 {
			l.i("VMOVDQA", start, l.sum(r, h))
		}
	})
	l.i("JMP", ready)
	l.at(zero)
	l.halves(func(r, h int) { l.i("VPXOR", l.sum(r, h), l.sum(r, h), l.sum(r, h)) })
	l.at(ready)
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
		l.i("VPMADDWD", "pairs<>(SB)", t, t)
		l.i("VPMADDWD", "pairs<>(SB)", x, x)
		l.i("VPADDD", t, l.sum(r, 0), l.sum(r, 0))
		l.i("VPADDD", x, l.sum(r, 1), l.sum(r, 1))
	}
	l.advance(64*l.steps, "DX")
	l.advance(4*rowTile*l.steps, "R8")
	l.i("SUBQ", dollar(l.steps), "AX")
	l.i("JNE", step)
}

// scale turns the integer sums of a group into the float sums of the block up to its end.
func (l *int8Loop) scale() {
	next := l.label("next")
	for h := range 2 {
		l.i("VMOVUPS", fmt.Sprintf("%d(R13)", 32*h), y(h))
	}
	l.halves(func(r, h int) {
		l.i("VCVTDQ2PS", l.sum(r, h), l.sum(r, h))
		if l.flat {
			l.i("VMULPS", y(h), l.sum(r, h), l.sum(r, h))
		} else {
			l.i("VFMADD213PS", l.block(r, h), y(h), l.sum(r, h))
		}
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

// signed multiplies |w| by a, or by its complement -a-1 where w is negative, which any unit of the core can make: no product exceeds 128·127 or
// falls below -128·128, so that a pair's sum stays in 16 bits without saturation, for every code. What -1 takes off is where each sum starts: start is
// that of the panel here, 16 for each group.
func (l *int8Loop) signed() {
	step := l.label("step")
	l.halves(func(r, h int) { l.i("VMOVDQU", fmt.Sprintf("%d(R11)", 32*h), l.sum(r, h)) })
	l.i("ADDQ", dollar(64-4*rowTile), "R11") // the next group adds the rest
	l.i("MOVQ", "R12", "AX")
	l.i("VMOVDQU", "pairs<>(SB)", "Y7")
	l.at(step)
	l.i("VPXOR", "Y4", "Y4", "Y4")
	for h := range 2 {
		l.i("VPABSB", fmt.Sprintf("%d(DX)", 32*h), y(h))
		l.i("VPCMPGTB", fmt.Sprintf("%d(DX)", 32*h), "Y4", y(2+h))
	}
	for r := range l.rows {
		l.i("VPBROADCASTD", actRow("R8", r), "Y4")
		for h := range 2 {
			t := y(5 + h)
			l.i("VPXOR", y(2+h), "Y4", t)
			l.i("VPMADDUBSW", t, y(h), t)
			l.i("VPMADDWD", "Y7", t, t)
			l.i("VPADDD", t, l.sum(r, h), l.sum(r, h))
		}
	}
	l.advance(64, "DX")
	l.advance(4*rowTile, "R8")
	l.i("DECQ", "AX")
	l.i("JNE", step)
}
