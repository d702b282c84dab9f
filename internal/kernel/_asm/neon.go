package main

import (
	"fmt"
	"strings"
)

// Instructions that Go's arm64 assembler lacks, as words: destination, then operands as ARM writes them.

func (f *file) word(op uint32, name string) { f.p("\tWORD $0x%08x // %s", op, name) }

// sdot adds the products of four codes of a with the four codes of b's part, in each lane.
func (f *file) sdot(d, a, b, part int) {
	op := 0x4f80e000 | part&1<<21 | b<<16 | part>>1<<11 | a<<5 | d
	f.word(uint32(op), fmt.Sprintf("SDOT V%d.S4, V%d.B16, V%d.B4[%d]", d, a, b, part))
}

// addProducts adds the products of the lower or upper four 16-bit codes of a and b to d.
func (f *file) addProducts(d, a, b, upper int) {
	f.word(uint32(0x0e608000|upper<<30|b<<16|a<<5|d), fmt.Sprintf("SMLAL%s V%d.S4, V%d, V%d", []string{"", "2"}[upper], d, a, b))
}

// times adds products of 32-bit integers to d.
func (f *file) times(d, a, b int) {
	f.word(uint32(0x4ea09400|b<<16|a<<5|d), fmt.Sprintf("MLA V%d.S4, V%d.S4, V%d.S4", d, a, b))
}

// upperHalves are the upper 16 bits of the words of a.
func (f *file) upperHalves(d, a int) {
	f.word(uint32(0x4f300400|a<<5|d), fmt.Sprintf("SSHR $16, V%d.S4, V%d.S4", a, d))
}

// joinPairs adds neighbours: those of a in the lower half of d, those of b in the upper.
func (f *file) joinPairs(d, a, b int) {
	f.word(uint32(0x4ea0bc00|b<<16|a<<5|d), fmt.Sprintf("ADDP V%d.S4, V%d.S4, V%d.S4", d, a, b))
}

// toFloat converts signed integers.
func (f *file) toFloat(d, a int) {
	f.word(uint32(0x4e21d800|a<<5|d), fmt.Sprintf("SCVTF V%d.S4, V%d.S4", d, a))
}

// equal sets the lanes where a equals b, which no NaN does.
func (f *file) equal(d, a, b int) {
	f.word(uint32(0x4e20e400|b<<16|a<<5|d), fmt.Sprintf("FCMEQ V%d.S4, V%d.S4, V%d.S4", d, a, b))
}

// widen converts the lower or upper four halves of a; narrow fills the lower or upper four of d.
func (f *file) widen(d, a, upper int) {
	f.word(uint32(0x0e217800|upper<<30|a<<5|d), fmt.Sprintf("FCVTL%s V%d.S4, V%d", []string{"", "2"}[upper], d, a))
}

func (f *file) narrow(d, a, upper int) {
	f.word(uint32(0x0e216800|upper<<30|a<<5|d), fmt.Sprintf("FCVTN%s V%d, V%d.S4", []string{"", "2"}[upper], d, a))
}

// regs lists neighbouring registers: [V4.S4, V5.S4].
func regs(first, n int, as string) string {
	list := make([]string, n)
	for i := range list {
		list[i] = v(first+i, as)
	}
	return "[" + strings.Join(list, ", ") + "]"
}

func v(n int, as string) string { return fmt.Sprintf("V%d.%s", n, as) }

func (f *file) clear(n int) { f.i("VEOR", v(n, "B16"), v(n, "B16"), v(n, "B16")) }
