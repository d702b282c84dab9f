package main

import "fmt"

// Offsets of a GridTurn's fields, and its size.
const (
	turnSum    = 0
	turnGap    = 8
	turnMiddle = 16
	turnGain   = 20
	turnLost   = 24
	turnLeast  = 28
	turnKey    = 36
	turnSize   = 40
)

// turnsAMD64 writes the search of what turns a point into a member: sixteen turns of its first four weights to a vector, and those of the others
// one after the other. Words add up to no more than their largest, so that what is far too much stays too much.
func turnsAMD64(f *file) {
	f.constant("turnPlus", 0x7fffffff, 8)
	f.constant("turnTop", floatBits(4095), 8)
	f.constant("turnSteps", floatBits(4000), 1)
	f.constant("turnNothing", floatBits(1e-30), 1)
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
	f.p("\n// func gridTurnsAVX2(k *GridTurn, x, w *float32, member, half *uint16, points uintptr)")
	f.p("TEXT ·gridTurnsAVX2(SB), NOSPLIT, $32-48")
	f.args("k", "DI", "x", "SI", "w", "DX", "member", "R11", "half", "R12", "points", "CX")
	f.i("LEAQ", "turnSpread<>(SB)", "R10")
	f.i("VMOVDQU", "turnBit<>(SB)", "Y8")
	f.i("VPXOR", "Y9", "Y9", "Y9")
	f.loop(1, f.gridTurn)
	f.p("\tVZEROUPPER\n\tRET")
}

// gridTurn looks at one point; Y8 is a bit for each word, Y9 nothing.
func (f *file) gridTurn() {
	f.i("VMOVUPS", "(SI)", "Y0")
	f.i("VADDPS", "Y0", "Y0", "Y0")
	f.i("VMOVUPS", "(DX)", "Y1")
	for i := range 2 { // Y2 and Y3: what the upper level of a pair gains beside the lower one
		f.i("VBROADCASTSS", at(turnSum+4*i, "DI"), "Y4")
		f.i("VBROADCASTSS", at(turnGap+4*i, "DI"), "Y5")
		f.i("VSUBPS", "Y4", "Y0", "Y4")
		f.i("VMULPS", "Y5", "Y1", "Y5")
		f.i("VMULPS", "Y5", "Y4", y(2+i))
	}
	// what the nearest levels gain beside what is known
	f.i("VBROADCASTSS", at(turnMiddle, "DI"), "Y4")
	f.i("VSUBPS", "Y4", "Y0", "Y5")
	f.i("VMULPS", "Y5", "Y4", "Y5")
	f.i("VMULPS", "Y5", "Y1", "Y5")
	f.i("VXORPS", "Y6", "Y6", "Y6")
	f.i("VMAXPS", "Y6", "Y3", "Y7")
	f.i("VADDPS", "Y7", "Y5", "Y5")
	f.i("VMINPS", "Y6", "Y2", "Y7")
	f.i("VSUBPS", "Y7", "Y5", "Y5")
	f.i("VEXTRACTF128", "$1", "Y5", "X6")
	f.i("VADDPS", "X6", "X5", "X5")
	for _, swap := range []string{"$0x4e", "$0xb1"} {
		f.i("VPERMILPS", swap, "X5", "X6")
		f.i("VADDPS", "X6", "X5", "X5")
	}
	f.i("VSUBSS", at(turnGain, "DI"), "X5", "X5")
	f.i("VMOVSS", "X5", at(turnLost, "DI"))
	f.i("VMAXSS", "turnNothing<>(SB)", "X5", "X5")
	f.i("VMOVSS", "turnSteps<>(SB)", "X13")
	f.i("VDIVSS", "X5", "X13", "X13")
	f.i("VMOVMSKPS", "Y2", "AX")
	f.i("VMOVMSKPS", "Y3", "BX")
	f.i("XORL", "$255", "AX")
	f.i("XORL", "$255", "BX")
	f.i("VMOVUPS", "turnPlus<>(SB)", "Y4")
	f.i("VANDPS", "Y4", "Y2", "Y2")
	f.i("VANDPS", "Y4", "Y3", "Y3")
	f.i("VCMPPS", "$0x1e", "Y3", "Y2", "Y4")
	f.i("VMOVMSKPS", "Y4", "R8")
	f.i("ANDL", "AX", "R8")
	f.i("ORL", "BX", "R8")
	for _, r := range []string{"AX", "BX", "R8"} {
		f.i("MOVWLZX", fmt.Sprintf("(R10)(%s*2)", r), r)
	}
	f.i("ADDL", "BX", "AX")
	f.i("ADDL", "R8", "AX")
	f.i("MOVL", "AX", at(turnKey, "DI"))
	f.i("MOVBLZX", "AX", "BX")
	f.i("SHRL", "$8", "AX")
	f.i("IMULQ", "$162", "BX")
	f.i("LEAQ", "(R11)(BX*1)", "R8")
	f.i("SHLQ", "$5", "AX")
	f.i("LEAQ", "(R12)(AX*1)", "R9")
	// What each weight loses, in words: four of them and again.
	f.i("VMINPS", "Y3", "Y2", "Y2")
	f.i("VBROADCASTSS", "X13", "Y4")
	f.i("VMULPS", "Y4", "Y2", "Y2")
	f.i("VMINPS", "turnTop<>(SB)", "Y2", "Y2")
	f.i("VCVTTPS2DQ", "Y2", "Y2")
	f.i("VPSLLD", "$4", "Y2", "Y2")
	f.i("VPACKUSDW", "Y2", "Y2", "Y2")
	for half, from := range []string{"$0x44", "$0xee"} {
		f.i("VPERMQ", from, "Y2", "Y3")
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
	f.i("VMOVD", "X10", at(turnLeast, "DI"))
	f.i("VMOVD", "X11", at(turnLeast+4, "DI"))
	f.i("ADDQ", dollar(turnSize), "DI")
	f.i("ADDQ", "$32", "SI")
	f.i("ADDQ", "$32", "DX")
}

// words defines words of two bytes, an even number of them.
func (f *file) words(name string, n int, at func(i int) uint16) {
	for i := 0; i < n; i += 2 {
		f.p("DATA %s<>+%d(SB)/4, $0x%08x", name, 2*i, uint32(at(i))|uint32(at(i+1))<<16)
	}
	f.p("GLOBL %s<>(SB), RODATA|NOPTR, $%d", name, 2*n)
}
