package main

import "fmt"

// A lanes writes one kernel for one instruction set: a program over vectors whose lanes are groups of weights (kernel.Groups),
// said once and printed for AVX2, AVX-512 and NEON. Every operation is one instruction that rounds once, so all bodies
// compute the same. A value is a part of the 32 lanes; the program runs once for each part, or goes from part to part itself, where one part is to wait for its last try while others go on. With AVX-512, and with AVX2 in
// programs that make do with eight values, a value is two registers, so that what one half waits for the other half makes use of.
type lanes struct {
	*file
	set    string // AVX2, AVX512, NEON
	width  int    // lanes of a value
	apart  int    // from the first register of a value to its second; 0: it has one
	busy   [32]bool
	busyK  [8]bool
	consts map[uint32]bool
	loops  int

	sharing []val // registers of shared, each of the last value's two if it is not odd
	odd     bool
}

// A val is a vector in a register; a mask is a truth value for each lane, in a mask register where there are some.
type (
	val  int
	mask int
	mem  string // an operand in memory
)

// The rows of kernel.Groups: three arrays of 32 rows, then single rows.
const (
	rowBytes = 32 * 4
	atX      = 0
	apart    = 4096 / 3 / 64 * 64 // keeps elements of two arrays from having the same low bits of their addresses at a time
	atW      = 32*rowBytes + apart
	atCode   = 64*rowBytes + 2*apart
	atRows   = 96*rowBytes + 2*apart
)

// row is a single row of kernel.Groups, by its place there.
type row int

const (
	rowScale row = iota
	rowMin
	rowLoss
	rowD
	rowDMin
	rowSumW
	rowSumWX
	rowSumWQ
	rowSumWQQ
	rowSumWQX
	rowT0
	rowT1
	rowT2
	rowT3
	rowAtScale
	rowAtMin
	rowSpare0
	rowSpare1
	rowSpare2
)

// laneKernels is the table of programs; those that are tight can do with eight values.
var laneKernels = []struct {
	name    string
	program func(p *lanes)
	tight   bool
	whole   bool // it goes through the parts itself
}{
	{"sweepMin", func(p *lanes) { p.sweepMin(false) }, true, true},
	{"sweepMinAbs", func(p *lanes) { p.sweepMin(true) }, true, true},
	{"weighAbs", (*lanes).weighAbs, false, false},
	{"weighSquares", (*lanes).weighSquares, false, false},
	{"weighBy", (*lanes).weighBy, false, false},
	{"weighPlus", (*lanes).weighPlus, false, false},
	{"sums", (*lanes).sums, true, false},
	{"squares", (*lanes).squares, true, true},
	{"sweepSym", (*lanes).sweepSym, true, false},
	{"descendSym", (*lanes).descendSym, false, false},
	{"walkMin", (*lanes).walkMin, true, false},
	{"walkSym", (*lanes).walkSym, true, false},
	{"takeMin", (*lanes).takeMin, false, false},
	{"takeSym", (*lanes).takeSym, false, false},
	{"scanSym", (*lanes).scanSym, true, false},
	{"scanMin", (*lanes).scanMin, true, true},
}

func lanesAMD64(f *file) {
	consts := map[uint32]bool{}
	for _, k := range laneKernels {
		avx2 := &lanes{file: f, set: "AVX2", width: 8, consts: consts}
		if k.tight {
			avx2.width, avx2.apart = 16, 8
		}
		avx2.kernel(k.name, k.program, k.whole)
		avx512 := &lanes{file: f, set: "AVX512", width: 32, apart: 16, consts: consts}
		avx512.kernel(k.name, k.program, k.whole)
	}
	for _, bits := range sorted(consts) {
		f.constant(constName(bits), bits, 16)
	}
}

func lanesARM64(f *file) {
	consts := map[uint32]bool{}
	for _, k := range laneKernels {
		p := &lanes{file: f, set: "NEON", width: 4, consts: consts}
		p.kernel(k.name, k.program, k.whole)
	}
	for _, bits := range sorted(consts) {
		f.constant(constName(bits), bits, 4)
	}
}

func constName(bits uint32) string { return fmt.Sprintf("lane%08x", bits) }

func (p *lanes) neon() bool { return p.set == "NEON" }

// general registers: the groups (moved on by part), an element, the table's start and cursor, counters.
func (p *lanes) gp(what string) string {
	n := map[string]int{"groups": 0, "element": 1, "n": 2, "count": 3, "table": 4, "cursor": 5, "steps": 6, "tries": 7, "params": 8, "parts": 9, "scratch": 10}[what]
	if p.neon() {
		return fmt.Sprintf("R%d", n)
	}
	return []string{"DI", "SI", "DX", "CX", "R8", "R9", "R10", "R11", "R12", "R13", "AX"}[n]
}

// kernel writes the function around a program.
func (p *lanes) kernel(name string, program func(*lanes), whole bool) {
	p.p("\n// func %s%s(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)", name, p.set)
	p.fn(name+p.set, 40)
	mov := "MOVQ"
	if p.neon() {
		mov = "MOVD"
	}
	for i, a := range []struct{ arg, reg string }{{"groups", "groups"}, {"n", "n"}, {"table", "table"}, {"steps", "steps"}, {"params", "params"}} {
		p.i(mov, fmt.Sprintf("%s+%d(FP)", a.arg, 8*i), p.gp(a.reg))
	}
	if whole {
		program(p)
	} else {
		p.parts(func() { program(p) })
	}
	if !p.neon() {
		p.p("\tVZEROUPPER")
	}
	p.p("\tRET")
	for i, b := range p.busy {
		if b {
			panic(fmt.Sprintf("%s: register %d is still taken", name, i))
		}
	}
}

// parts runs body for each part of the lanes.
func (p *lanes) parts(body func()) {
	n := 32 / p.width
	if n == 1 {
		body()
		return
	}
	mov, sub := "MOVQ", "SUBQ"
	if p.neon() {
		mov, sub = "MOVD", "SUB"
	}
	p.i(mov, dollar(n), p.gp("parts"))
	again := p.label("part")
	p.at(again)
	body()
	p.advance("groups", 4*p.width)
	p.count("parts", again)
	p.i(sub, dollar(rowBytes), p.gp("groups"))
}

func (p *lanes) advance(reg string, by int) {
	if p.neon() {
		p.i("ADD", dollar(by), p.gp(reg))
	} else {
		p.i("ADDQ", dollar(by), p.gp(reg))
	}
}

// count ends a loop: the register falls by one, and while it is not zero all begins again.
func (p *lanes) count(reg, again string) {
	if p.neon() {
		p.i("SUBS", "$1", p.gp(reg))
		p.i("BNE", again)
	} else {
		p.i("SUBQ", "$1", p.gp(reg))
		p.i("JNE", again)
	}
}

func (p *lanes) copyGP(from, to string) {
	if p.neon() {
		p.i("MOVD", p.gp(from), p.gp(to))
	} else {
		p.i("MOVQ", p.gp(from), p.gp(to))
	}
}

// elements runs body for every element of the groups.
func (p *lanes) elements(body func()) {
	p.copyGP("groups", "element")
	p.copyGP("n", "count")
	again := p.label("element")
	p.at(again)
	body()
	p.advance("element", rowBytes)
	p.count("count", again)
}

// tries runs body for every entry of the table, each of so many numbers.
func (p *lanes) tries(numbers int, body func()) {
	p.copyGP("table", "cursor")
	p.copyGP("steps", "tries")
	again := p.label("try")
	p.at(again)
	body()
	p.advance("cursor", 4*numbers)
	p.count("tries", again)
}

// x, w and code are the operands of the element at hand; row is a single row.
func (p *lanes) x() mem    { return mem(fmt.Sprintf("%d(%s)", atX, p.gp("element"))) }
func (p *lanes) w() mem    { return mem(fmt.Sprintf("%d(%s)", atW, p.gp("element"))) }
func (p *lanes) code() mem { return mem(fmt.Sprintf("%d(%s)", atCode, p.gp("element"))) }
func (p *lanes) row(r row) mem {
	return mem(fmt.Sprintf("%d(%s)", atRows+int(r)*rowBytes, p.gp("groups")))
}
