package main

import "fmt"

// blocks8AMD64 writes blocks of Q8_0, eight at a time: what each has one of, a largest magnitude, two sums, a scale, is in a lane of a vector
// for all eight. n is a multiple of 256 weights, not zero. Each pass goes over up to 32 blocks.
func blocks8AMD64(f *file) {
	f.constant("b8Most", floatBits(127), 8)
	f.constant("b8Tiny", floatBits(1e-15), 8)
	f.constant("b8Zero", floatBits(levelZero), 8)
	f.constant("b8Half", floatBits(65504), 8)
	f.constant("b8One", floatBits(1), 8)
	f.constant("b8Abs", 0x7fffffff, 8)
	f.constant("b8Sign", 0x80000000, 8)
	f.constant("b8Below", 0x3effffff, 8) // the number before one half
	f.constant("b8Finite", 0x7f7fffff, 8)
	f.constant("b8Least", 0x81818181, 8)
	for i, v := range []int{0, 4, 1, 5, 2, 6, 3, 7} {
		f.p("DATA b8Order<>+%d(SB)/4, $%d", 4*i, v)
	}
	f.p("GLOBL b8Order<>(SB), RODATA|NOPTR, $32")
	f.blocks8("blocks8AVX2", f.most8, f.fit8, func() { f.nearest8(); f.bytes8() }, func() {
		f.i("VEXTRACTI128", "$1", "Y15", "X0")
		f.i("VPMAXSD", "X0", "X15", "X0")
		f.i("VPSHUFD", "$0x4e", "X0", "X1")
		f.i("VPMAXSD", "X0", "X1", "X0")
		f.i("VPSHUFD", "$0xb1", "X0", "X1")
		f.i("VPMAXSD", "X0", "X1", "X0")
		f.i("VMOVD", "X0", "AX")
	})
	f.blocks8("blocks8GgmlAVX2", f.most8, f.ggml8, func() { f.away8(); f.bytes8() }, func() { f.i("VMOVMSKPS", "Y15", "AX") })
	blocks4AMD64(f)
}

// The stack, for up to 32 blocks: parts of two sums of each, then what each has one of: an inverse scale, a half. Passes over fewer blocks would wait
// for what the one before ends with.
const (
	blocks8Most = 32
	at8Parts    = 0
	at8More     = at8Parts + 32*blocks8Most
	at8Inverse  = at8More + 32*blocks8Most
	at8Halves   = at8Inverse + 4*blocks8Most
	frame8      = at8Halves + 2*blocks8Most
)

// blocks8 writes a function: tops leaves parts of what the weights of a block at AX have the most of, scales makes of these inverse scales and halves, codes
// writes a block for the inverse scale in Y1 but for its half, and leaves where the next one goes, result makes AX of what scales gathered in Y15.
func (f *file) blocks8(name string, tops, scales, codes, result func()) {
	f.p("\n// func %s(dst *byte, src *float32, n uintptr) uint32", name)
	f.p("TEXT ·%s(SB), 0, $%d-28", name, frame8)
	f.p("\tNO_LOCAL_POINTERS")
	f.args("dst", "DI", "src", "SI", "n", "R8")
	f.i("VPXOR", "Y15", "Y15", "Y15")
	again := f.label("again")
	f.at(again)
	f.i("MOVQ", dollar(32*blocks8Most), "R10") // the weights of this round
	f.i("CMPQ", "R8", "R10")
	f.i("CMOVQLT", "R8", "R10")
	f.i("VMOVDQU", "b8Abs<>(SB)", "Y14")
	next := 4 * 32 * blocks8Most // where the next round begins, half of it asked for in one pass and half in another
	f.each8(func() {
		f.ahead("AX", next, 1)
		tops()
	}, parts8)
	scales()
	f.i("VMOVDQU", "b8Least<>(SB)", "Y13")
	f.i("VMOVDQU", "b8Order<>(SB)", "Y14")
	f.each8(func() {
		f.i("VBROADCASTSS", "(BX)", "Y1")
		f.ahead("AX", next+64, 1)
		f.ahead("DI", 1024, 34)
		f.i("MOVWLZX", "(R9)", "R11")
		f.i("MOVW", "R11", "(DI)")
		codes()
	}, inverse8, halves8)
	f.i("MOVQ", "AX", "SI")
	f.i("SUBQ", "R10", "R8")
	f.i("JNE", again)
	result()
	f.i("MOVL", "AX", "ret+24(FP)")
	f.p("\tVZEROUPPER\n\tRET")
}

// most8 leaves parts of the largest magnitude.
func (f *file) most8() {
	for v := range 4 {
		f.i("VPAND", fmt.Sprintf("%d(AX)", 32*v), "Y14", y(v))
	}
	f.i("VPMAXSD", "Y1", "Y0", "Y0")
	f.i("VPMAXSD", "Y3", "Y2", "Y2")
	f.i("VPMAXSD", "Y2", "Y0", "Y0")
	f.i("VMOVDQU", "Y0", "(DX)")
}

// order8 brings the codes Y4…Y7 together as bytes of Y4.
func (f *file) order8() {
	f.i("VPACKSSDW", "Y5", "Y4", "Y4")
	f.i("VPACKSSDW", "Y7", "Y6", "Y6")
	f.i("VPACKSSWB", "Y6", "Y4", "Y4")
	f.i("VPERMD", "Y4", "Y14", "Y4")
}

// bytes8 writes the codes Y4…Y7.
func (f *file) bytes8() {
	f.order8()
	f.i("VPMAXSB", "Y13", "Y4", "Y4")
	f.i("VMOVDQU", "Y4", "2(DI)")
	f.i("ADDQ", "$34", "DI")
}

// A walk8 is a register that goes through what blocks have.
type walk8 struct {
	reg      string
	at, step int
}

var (
	parts8   = walk8{"DX", at8Parts, 32}
	inverse8 = walk8{"BX", at8Inverse, 4}
	halves8  = walk8{"R9", at8Halves, 2}
)

// each8 runs body for the blocks of a round, of which AX walks through the weights.
func (f *file) each8(body func(), walks ...walk8) {
	f.i("MOVQ", "SI", "AX")
	f.begin8(walks)
	f.i("LEAQ", "(SI)(R10*4)", "CX")
	again := f.label("block")
	f.at(again)
	body()
	f.step8(walks, 1)
	f.i("ADDQ", "$128", "AX")
	f.i("CMPQ", "AX", "CX")
	f.i("JNE", again)
}

// eight8 runs body for eight blocks at a time.
func (f *file) eight8(body func()) {
	walks := []walk8{parts8, inverse8, halves8}
	f.begin8(walks)
	f.i("LEAQ", "(DX)(R10*1)", "CX")
	again := f.label("eight")
	f.at(again)
	body()
	f.step8(walks, 8)
	f.i("CMPQ", "DX", "CX")
	f.i("JNE", again)
}

func (f *file) begin8(walks []walk8) {
	for _, w := range walks {
		f.i("LEAQ", fmt.Sprintf("parts-%d(SP)", frame8-w.at), w.reg)
	}
}

func (f *file) step8(walks []walk8, blocks int) {
	for _, w := range walks {
		f.i("ADDQ", dollar(blocks*w.step), w.reg)
	}
}

// fold8 folds the eight parts of a sum of eight blocks: first those four apart, then neighbours.
func (f *file) fold8(at int, op, to string) {
	part := func(k, half int) string { return fmt.Sprintf("%d(DX)", at+32*k+16*half) }
	for k := range 4 {
		f.i("VMOVUPS", part(k, 0), x(k))
		f.i("VINSERTF128", "$1", part(k+4, 0), y(k), y(k))
		f.i("VMOVUPS", part(k, 1), "X4")
		f.i("VINSERTF128", "$1", part(k+4, 1), "Y4", "Y4")
		f.i(op, "Y4", y(k), y(k))
	}
	for _, p := range [][3]string{{"Y0", "Y1", "Y0"}, {"Y2", "Y3", "Y2"}, {"Y0", "Y2", to}} {
		f.i("VSHUFPS", "$0x88", p[1], p[0], "Y4")
		f.i("VSHUFPS", "$0xdd", p[1], p[0], "Y5")
		f.i(op, "Y5", "Y4", p[2])
	}
}

// fit8 refits scales to the codes that the largest magnitudes give.
func (f *file) fit8() {
	f.eight8(func() {
		f.fold8(at8Parts, "VPMAXSD", "Y0")
		f.i("VPMAXSD", "Y0", "Y15", "Y15")
		f.i("VMOVUPS", "b8Most<>(SB)", "Y1")
		f.i("VDIVPS", "Y0", "Y1", "Y1")
		f.i("VCMPPS", "$0x1d", "b8Tiny<>(SB)", "Y0", "Y2")
		f.i("VANDPS", "Y2", "Y1", "Y1")
		f.i("VMOVUPS", "Y1", "(BX)")
	})
	f.i("VMOVUPS", "b8Zero<>(SB)", "Y13")
	f.each8(func() {
		f.i("VBROADCASTSS", "(BX)", "Y1")
		f.i("VXORPS", "Y2", "Y2", "Y2")
		f.i("VXORPS", "Y3", "Y3", "Y3")
		for v := range 4 {
			q, at := y(4+v), fmt.Sprintf("%d(AX)", 32*v)
			f.i("VMOVAPS", "Y13", q)
			f.i("VFMADD231PS", at, "Y1", q)
			f.i("VSUBPS", "Y13", q, q)
			f.i("VFMADD231PS", at, q, "Y2")
			f.i("VFMADD231PS", q, q, "Y3")
		}
		f.i("VMOVUPS", "Y2", "(DX)")
		f.i("VMOVUPS", "Y3", fmt.Sprintf("%d(DX)", at8More))
	}, parts8, inverse8)
	f.eight8(func() {
		f.fold8(at8Parts, "VADDPS", "Y8")
		f.fold8(at8More, "VADDPS", "Y0")
		f.i("VDIVPS", "Y0", "Y8", "Y0")
		f.i("VXORPS", "Y3", "Y3", "Y3")
		f.i("VMAXPS", "Y3", "Y0", "Y0") // zero where it is not a number
		f.i("VMINPS", "b8Half<>(SB)", "Y0", "Y0")
		f.i("VCVTPS2PH", "$0", "Y0", "X2")
		f.i("VMOVDQU", "X2", "(R9)")
		f.i("VCVTPH2PS", "X2", "Y0")
		f.i("VMOVUPS", "b8One<>(SB)", "Y1")
		f.i("VDIVPS", "Y0", "Y1", "Y1")
		f.i("VCMPPS", "$0x1e", "Y3", "Y0", "Y2")
		f.i("VANDPS", "Y2", "Y1", "Y1")
		f.i("VMOVUPS", "Y1", "(BX)")
	})
}

func (f *file) nearest8() {
	for v := range 4 {
		f.i("VMULPS", fmt.Sprintf("%d(AX)", 32*v), "Y1", y(4+v))
		f.i("VCVTPS2DQ", y(4+v), y(4+v))
	}
}

// ggml8 takes the scales of the largest magnitudes; Y15 has a lane for what cannot be.
func (f *file) ggml8() {
	f.eight8(func() {
		f.fold8(at8Parts, "VPMAXSD", "Y0")
		f.i("VDIVPS", "b8Most<>(SB)", "Y0", "Y1")
		f.i("VCVTPS2PH", "$0", "Y1", "X2")
		f.i("VMOVDQU", "X2", "(R9)")
		f.i("VMOVUPS", "b8One<>(SB)", "Y2")
		f.i("VDIVPS", "Y1", "Y2", "Y1")
		f.i("VPXOR", "Y3", "Y3", "Y3")
		f.i("VPCMPGTD", "Y3", "Y0", "Y3") // not zeros
		f.i("VANDPS", "Y3", "Y1", "Y1")
		f.i("VMOVUPS", "Y1", "(BX)")
		f.i("VMOVDQU", "b8Finite<>(SB)", "Y2")
		f.i("VPCMPGTD", "Y2", "Y0", "Y0")
		f.i("VPCMPGTD", "Y2", "Y1", "Y1")
		f.i("VPOR", "Y0", "Y15", "Y15")
		f.i("VPOR", "Y1", "Y15", "Y15")
	})
}

func (f *file) away8() {
	for v := range 4 {
		q, t := y(4+v), y(8+v)
		f.i("VMULPS", fmt.Sprintf("%d(AX)", 32*v), "Y1", q)
		f.i("VANDPS", "b8Sign<>(SB)", q, t)
		f.i("VORPS", "b8Below<>(SB)", t, t)
		f.i("VADDPS", t, q, q)
		f.i("VCVTTPS2DQ", q, q)
	}
}
