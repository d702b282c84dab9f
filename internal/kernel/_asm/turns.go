package main

import "fmt"

// Offsets of a GridTurn's fields, and its size.
const (
	turnScale = 0
	turnFound = 4
	turnPlace = 8
	turnLX    = 12
	turnL2    = 16
	turnKey   = 20
	turnNext  = 24
	turnLoss  = 28
	turnSize  = 44
)

// turnsAMD64 writes the search of what turns a point into a member: sixteen turns of its first four weights to a vector, and those of the others
// one after the other. Words add up to no more than their largest, so that what is far too much stays too much.
func turnsAMD64(f *file) {
	f.constant("turnPlus", 0x7fffffff, 8)
	f.constant("turnTop", floatBits(4095), 8)
	f.constant("turnSteps", floatBits(4000), 1)
	f.constant("turnNothing", floatBits(1e-30), 1)
	f.constant("turnWorth", floatBits(1./4096), 1)
	f.integers("turnDown", 8, func(i int) uint32 { return uint32(2 * i) })
	// A bit of eight for each weight becomes two bits of sixteen.
	f.words("turnSpread", 256, func(i int) (v uint16) {
		for b := range 8 {
			v |= uint16(i>>b&1) << (2 * b)
		}
		return v
	})
	f.words("turnBit", 16, func(i int) uint16 { return 1 << i })
	f.words("turnOther", 16, func(i int) uint16 { return uint16(i) })
	for b := range 4 { // of each turn the word of weight b, or nothing
		f.words(fmt.Sprintf("turnOf%d", b), 16, func(i int) uint16 {
			if i>>b&1 == 0 {
				return 0x8080
			}
			return uint16(2*b) | uint16(2*b+1)<<8
		})
	}
	f.p("\n// func gridTurnsAVX2(k *GridTurn, x, w *float32, pair *uint32, step *float32, points uintptr, table *float32, set uintptr, member, half *uint16, place *uint32, near *uint16)")
	f.p("TEXT ·gridTurnsAVX2(SB), NOSPLIT, $32-96")
	f.args("k", "DI", "x", "SI", "w", "DX", "pair", "R8", "step", "R9", "points", "CX", "table", "R10")
	f.i("MOVQ", "DI", "R11") // R11 is where the next point that is worth a look is noted, R12 is the number of a point
	f.i("XORL", "R12", "R12")
	f.i("MOVQ", "place+80(FP)", "R14")
	f.i("LEAQ", "turnSpread<>(SB)", "R13")
	f.i("VXORPS", "Y14", "Y14", "Y14")
	f.i("VMOVUPS", "turnPlus<>(SB)", "Y15")
	f.loop(1, f.turnMeasure)
	end := f.label("end")
	f.i("MOVQ", "R11", "CX")
	f.args("k", "DI")
	f.i("CMPQ", "CX", "DI")
	f.i("JEQ", end)
	f.i("MOVQ", "DI", "SI")
	f.i("MOVQ", "member+64(FP)", "R11")
	f.i("MOVQ", "half+72(FP)", "R12")
	f.i("VMOVDQU", "turnBit<>(SB)", "Y8")
	f.i("VPXOR", "Y9", "Y9", "Y9")
	again := f.label("again")
	f.at(again)
	f.turnFind()
	f.i("ADDQ", dollar(turnSize), "SI")
	f.i("CMPQ", "SI", "CX")
	f.i("JNE", again)
	f.at(end)
	f.p("\tVZEROUPPER\n\tRET")
}

// turnMeasure finds out whether a point may gain more; Y14 is nothing, Y15 all bits but signs.
func (f *file) turnMeasure() {
	// Where the candidate is, and what is gained with it.
	f.i("MOVL", at(turnFound, "DI"), "AX")
	f.i("MOVL", "(R8)(AX*4)", "BX")
	f.i("MOVL", "AX", "R15")
	f.i("SHRL", "$3", "R15")
	f.i("MOVL", "(R14)(R15*4)", "R15")
	f.i("ANDL", "$7", "AX")
	f.i("ADDL", "AX", "R15")
	f.i("MOVL", "R15", at(turnPlace, "DI"))
	f.i("MOVL", at(turnFound, "DI"), "AX")
	f.i("LEAQ", at(gridTable, "R10"), "R15") // the set of values: the first one or the second
	f.i("CMPQ", "AX", "set+56(FP)")
	f.i("CMOVQCS", "R10", "R15")
	f.i("VBROADCASTSS", at(turnScale, "DI"), "Y13")
	f.i("MOVWLSX", "BX", "AX")
	f.i("SARL", "$16", "BX")
	f.i("VCVTSI2SSL", "AX", "X14", "X10")
	f.i("VCVTSI2SSL", "BX", "X14", "X11")
	f.i("VMULSS", "(R9)", "X10", "X10")
	f.i("VMULSS", "(R9)", "X11", "X11")
	f.i("VMOVSS", "X10", at(turnLX, "DI"))
	f.i("VMOVSS", "X11", at(turnL2, "DI"))
	f.i("VMULSS", "X13", "X11", "X11")
	f.i("VSUBSS", "X11", "X10", "X10")
	f.i("VMULSS", "X13", "X10", "X10")
	f.i("VMOVUPS", "(SI)", "Y0")
	f.i("VADDPS", "Y0", "Y0", "Y0")
	f.i("VMOVUPS", "(DX)", "Y1")
	for i := range 2 { // Y2 and Y3: what the upper level of a pair gains beside the lower one
		f.i("VBROADCASTSS", at(gridAims+4*i, "R15"), "Y4")
		f.i("VBROADCASTSS", at(gridAims+8+4*i, "R15"), "Y5")
		f.i("VMULPS", "Y4", "Y13", "Y4")
		f.i("VMULPS", "Y5", "Y13", "Y5")
		f.i("VSUBPS", "Y4", "Y0", "Y4")
		f.i("VMULPS", "Y5", "Y1", "Y5")
		f.i("VMULPS", "Y5", "Y4", y(2+i))
	}
	// what the nearest levels gain beside that
	f.i("VBROADCASTSS", at(gridAims+16, "R15"), "Y4")
	f.i("VMULPS", "Y4", "Y13", "Y4")
	f.i("VSUBPS", "Y4", "Y0", "Y5")
	f.i("VMULPS", "Y5", "Y4", "Y5")
	f.i("VMULPS", "Y5", "Y1", "Y5")
	f.i("VMAXPS", "Y14", "Y3", "Y7")
	f.i("VADDPS", "Y7", "Y5", "Y5")
	f.i("VMINPS", "Y14", "Y2", "Y7")
	f.i("VSUBPS", "Y7", "Y5", "Y5")
	f.i("VMOVMSKPS", "Y2", "AX")
	f.i("VMOVMSKPS", "Y3", "BX")
	f.i("VANDPS", "Y15", "Y2", "Y2")
	f.i("VANDPS", "Y15", "Y3", "Y3")
	f.i("VCMPPS", "$0x1e", "Y3", "Y2", "Y4")
	f.i("VMINPS", "Y3", "Y2", "Y2")
	f.i("VEXTRACTF128", "$1", "Y5", "X6")
	f.i("VEXTRACTF128", "$1", "Y2", "X7")
	f.i("VADDPS", "X6", "X5", "X5")
	f.i("VMINPS", "X7", "X2", "X7")
	for _, swap := range []string{"$0x4e", "$0xb1"} {
		f.i("VPERMILPS", swap, "X5", "X6")
		f.i("VADDPS", "X6", "X5", "X5")
		f.i("VPERMILPS", swap, "X7", "X6")
		f.i("VMINPS", "X6", "X7", "X7")
	}
	f.i("VSUBSS", "X10", "X5", "X5")
	f.i("VMULSS", "turnWorth<>(SB)", "X10", "X10")
	f.i("VADDSS", "X10", "X7", "X7")
	f.i("VMAXSS", "turnNothing<>(SB)", "X7", "X7")
	f.i("VMAXSS", "turnNothing<>(SB)", "X5", "X6")
	f.i("VMOVSS", "turnSteps<>(SB)", "X11")
	f.i("VDIVSS", "X6", "X11", "X11")
	// The intervals.
	f.i("VMOVMSKPS", "Y4", "R15")
	f.i("XORL", "$255", "AX")
	f.i("XORL", "$255", "BX")
	f.i("ANDL", "AX", "R15")
	f.i("ORL", "BX", "R15")
	for _, r := range []string{"AX", "BX", "R15"} {
		f.i("MOVWLZX", fmt.Sprintf("(R13)(%s*2)", r), r)
	}
	f.i("ADDL", "BX", "AX")
	f.i("ADDL", "R15", "AX")
	f.i("MOVL", "AX", at(turnKey, "DI"))
	// What each weight loses, in words.
	f.i("VBROADCASTSS", "X11", "Y4")
	f.i("VMULPS", "Y4", "Y2", "Y2")
	f.i("VMINPS", "turnTop<>(SB)", "Y2", "Y2")
	f.i("VCVTTPS2DQ", "Y2", "Y2")
	f.i("VPSLLD", "$4", "Y2", "Y2")
	f.i("VEXTRACTI128", "$1", "Y2", "X3")
	f.i("VPACKUSDW", "X3", "X2", "X2")
	f.i("VMOVDQU", "X2", at(turnLoss, "DI"))
	// Worth a look or not, the point is noted; the next one takes its place if it is not.
	f.i("MOVL", "R12", at(turnNext, "R11"))
	f.i("XORL", "AX", "AX")
	f.i("VUCOMISS", "X7", "X5")
	f.i("SETHI", "AX")
	f.i("NEGQ", "AX")
	f.i("ANDQ", dollar(turnSize), "AX")
	f.i("ADDQ", "AX", "R11")
	f.i("INCL", "R12")
	f.i("ADDQ", dollar(turnSize), "DI")
	f.i("ADDQ", "$32", "SI")
	f.i("ADDQ", "$32", "DX")
	f.i("ADDQ", "$256", "R8")
	f.i("ADDQ", "$32", "R14")
	f.i("ADDQ", "$4", "R9")
}

// turnFind looks for the best turns of a point that is noted at SI; Y8 is a bit for each word, Y9 nothing.
func (f *file) turnFind() {
	end := f.label("end")
	f.i("MOVL", at(turnNext, "SI"), "AX")
	f.i("IMULQ", dollar(turnSize), "AX")
	f.i("LEAQ", "(DI)(AX*1)", "DX")
	f.i("MOVBLZX", at(turnKey, "DX"), "BX")
	f.i("MOVBLZX", at(turnKey+1, "DX"), "AX")
	f.i("MOVQ", "BX", "R13")
	f.i("IMULQ", "$162", "BX")
	f.i("LEAQ", "(R11)(BX*1)", "R8")
	f.i("SHLQ", "$5", "R13")
	f.i("SHLQ", "$5", "AX")
	f.i("LEAQ", "(R12)(AX*1)", "R9")
	f.i("ADDQ", "R12", "R13")
	for half := range 2 {
		f.i("VPBROADCASTQ", at(turnLoss+8*half, "DX"), "Y3")
		for b := range 4 {
			to := "Y5"
			if b == 0 {
				to = y(6 + half)
			}
			f.i("VPSHUFB", fmt.Sprintf("turnOf%d<>(SB)", b), "Y3", to)
			if b > 0 {
				f.i("VPADDUSW", to, y(6+half), y(6+half))
			}
		}
	}
	f.i("VPOR", "turnOther<>(SB)", "Y7", "Y7")
	f.i("VMOVDQU", "Y7", "(SP)")
	f.i("VPCMPEQD", "Y10", "Y10", "Y10")
	for other := range 16 {
		a, b := y(2+2*(other%2)), y(3+2*(other%2))
		if other%2 == 1 {
			a, b = "Y11", "Y12"
		}
		r := []string{"AX", "BX"}[other%2]
		f.i("MOVWLZX", at(2*other, "R9"), r)
		f.i("VPBROADCASTW", fmt.Sprintf("(R8)(%s*1)", r), a)
		f.i("VPBROADCASTW", at(2*other, "SP"), b)
		f.i("VPAND", "Y8", a, a)
		f.i("VPCMPEQW", "Y9", a, a)
		f.i("VPADDUSW", "Y6", b, b)
		f.i("VPOR", a, b, b)
		f.i("VPMINUW", b, "Y10", "Y10")
	}
	f.i("VEXTRACTI128", "$1", "Y10", "X11")
	f.i("VPHMINPOSUW", "X10", "X10")
	f.i("VPHMINPOSUW", "X11", "X11")
	f.i("VMOVD", "X10", "AX")
	f.i("VMOVD", "X11", "BX")
	f.i("ORL", "$0x80000", "BX") // of the upper eight
	f.i("CMPW", "BX", "AX")
	f.i("CMOVLCS", "BX", "AX")
	f.i("MOVL", "AX", "BX")
	f.i("SHRL", "$16", "BX")
	f.i("MOVWLZX", "(R13)(BX*2)", "BX")
	f.i("MOVL", "AX", "R8")
	f.i("ANDL", "$15", "R8")
	f.i("MOVWLZX", "(R9)(R8*2)", "R8")
	f.i("IMULL", "$81", "R8")
	f.i("ADDL", "R8", "BX")
	f.i("SHRL", "$1", "BX")
	f.i("MOVWLZX", "AX", "AX")
	f.i("CMPL", "AX", dollar(16*(4000-8)))
	f.i("JCC", end)
	// The member is the first one around its point; its sums.
	f.i("SHLL", "$3", "BX")
	f.i("MOVL", "BX", at(turnPlace, "DX"))
	f.i("MOVQ", "near+88(FP)", "AX")
	f.i("VPBROADCASTW", "(AX)(BX*2)", "Y2")
	f.i("VPSRLVD", "turnDown<>(SB)", "Y2", "Y2")
	f.i("MOVQ", "table+48(FP)", "AX")
	f.i("LEAQ", at(gridTable, "AX"), "BX")
	f.i("MOVL", at(turnFound, "DX"), "R8")
	f.i("CMPQ", "R8", "set+56(FP)")
	f.i("CMOVQCS", "AX", "BX")
	f.i("VBROADCASTF128", at(gridValue, "BX"), "Y3")
	f.i("VPERMILPS", "Y2", "Y3", "Y2")
	f.i("MOVL", at(turnNext, "SI"), "AX")
	f.i("SHLQ", "$5", "AX")
	f.i("MOVQ", "x+8(FP)", "BX")
	f.i("MOVQ", "w+16(FP)", "R8")
	f.i("VMOVUPS", "(BX)(AX*1)", "Y3")
	f.i("VADDPS", "Y3", "Y3", "Y3")
	f.i("VMULPS", "(R8)(AX*1)", "Y2", "Y4")
	f.i("VMULPS", "Y3", "Y4", "Y3")
	f.i("VMULPS", "Y2", "Y4", "Y4")
	f.gridFoldBoth(8, 3, 4)
	f.i("VMOVSS", "X5", at(turnLX, "DX"))
	f.i("VEXTRACTPS", "$2", "X5", at(turnL2, "DX"))
	f.at(end)
}

// words defines words of two bytes, an even number of them.
func (f *file) words(name string, n int, at func(i int) uint16) {
	for i := 0; i < n; i += 2 {
		f.p("DATA %s<>+%d(SB)/4, $0x%08x", name, 2*i, uint32(at(i))|uint32(at(i+1))<<16)
	}
	f.p("GLOBL %s<>(SB), RODATA|NOPTR, $%d", name, 2*n)
}
