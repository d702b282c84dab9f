package main

import "fmt"

// blocks4AMD64 writes llama-quantize's blocks of Q4_0 as blocks8 writes those of Q8_0.
func blocks4AMD64(f *file) {
	f.constant("b4Part", floatBits(-0.125), 8)
	f.constant("b4Bias", floatBits(8.5), 8)
	f.constant("b4Last", 0x0f0f0f0f, 8)
	f.blocks8("blocks4GgmlAVX2", f.tops4, f.scales4, f.codes4, func() { f.i("VMOVMSKPS", "Y15", "AX") })
}

// tops4 leaves parts of the largest and of the smallest weight.
func (f *file) tops4() {
	f.i("VMOVUPS", "(AX)", "Y0")
	f.i("VMOVUPS", "32(AX)", "Y1")
	f.i("VMOVUPS", "64(AX)", "Y2")
	f.i("VMOVUPS", "96(AX)", "Y3")
	for k, op := range []string{"VMAXPS", "VMINPS"} {
		f.i(op, "Y1", "Y0", "Y4")
		f.i(op, "Y3", "Y2", "Y5")
		f.i(op, "Y5", "Y4", "Y4")
		f.i("VMOVUPS", "Y4", fmt.Sprintf("%d(DX)", at8More*k))
	}
}

// scales4 takes the one of the two whose magnitude is larger to code 0. Where neither is, the first weight of that magnitude decides. Y15 has a lane for scales
// without an inverse.
func (f *file) scales4() {
	untied, again, found, positive := f.label("untied"), f.label("tied"), f.label("first"), f.label("positive")
	f.i("MOVQ", "SI", "AX")
	f.eight8(func() {
		f.fold8(at8Parts, "VMAXPS", "Y8")
		f.fold8(at8More, "VMINPS", "Y0")
		f.i("VXORPS", "b8Sign<>(SB)", "Y0", "Y1")
		f.i("VMAXPS", "Y1", "Y8", "Y2") // the largest magnitude
		f.i("VPXOR", "Y3", "Y3", "Y3")
		f.i("VCMPPS", "$4", "Y3", "Y2", "Y3") // where there is one
		f.i("VCMPPS", "$0x1e", "Y8", "Y1", "Y4")
		f.i("VBLENDVPS", "Y4", "Y0", "Y8", "Y5")
		f.i("VANDPS", "Y3", "Y5", "Y5")
		f.i("VMOVUPS", "Y5", "(BX)")
		f.i("VCMPPS", "$0", "Y8", "Y1", "Y4")
		f.i("VANDPS", "Y3", "Y4", "Y4")
		f.i("VMOVMSKPS", "Y4", "R11")
		f.i("TESTL", "R11", "R11")
		f.i("JEQ", untied)
		f.at(again)
		f.i("TZCNTL", "R11", "R12")
		f.i("BLSRL", "R11", "R11")
		f.i("MOVL", "(BX)(R12*4)", "R13") // the largest weight, which is positive
		f.i("MOVQ", "R12", "R14")
		f.i("SHLQ", "$7", "R14")
		f.i("ADDQ", "AX", "R14")
		f.at(found)
		f.i("MOVL", "(R14)", "R15")
		f.i("ADDQ", "$4", "R14")
		f.i("CMPL", "R15", "R13")
		f.i("JEQ", positive)
		f.i("XORL", "$0x80000000", "R15")
		f.i("CMPL", "R15", "R13")
		f.i("JNE", found)
		f.i("XORL", "$0x80000000", "R15")
		f.i("MOVL", "R15", "(BX)(R12*4)")
		f.at(positive)
		f.i("TESTL", "R11", "R11")
		f.i("JNE", again)
		f.at(untied)
		f.i("ADDQ", "$1024", "AX")
		f.i("VMOVUPS", "(BX)", "Y0")
		f.i("VMULPS", "b4Part<>(SB)", "Y0", "Y1")
		f.i("VCVTPS2PH", "$0", "Y1", "X2")
		f.i("VMOVDQU", "X2", "(R9)")
		f.i("VMOVUPS", "b8One<>(SB)", "Y2")
		f.i("VDIVPS", "Y1", "Y2", "Y1")
		f.i("VANDPS", "Y3", "Y1", "Y1")
		f.i("VMOVUPS", "Y1", "(BX)")
		f.i("VMOVDQU", "b8Finite<>(SB)", "Y2")
		for _, r := range []string{"Y0", "Y1"} {
			f.i("VPAND", "b8Abs<>(SB)", r, r)
			f.i("VPCMPGTD", "Y2", r, r)
			f.i("VPOR", r, "Y15", "Y15")
		}
	})
}

// codes4 cuts codes towards zero and puts two into a byte.
func (f *file) codes4() {
	for v := range 4 {
		q := y(4 + v)
		f.i("VMULPS", fmt.Sprintf("%d(AX)", 32*v), "Y1", q)
		f.i("VADDPS", "b4Bias<>(SB)", q, q)
		f.i("VCVTTPS2DQ", q, q)
	}
	f.order8()
	f.i("VPMINSB", "b4Last<>(SB)", "Y4", "Y4")
	f.i("VEXTRACTI128", "$1", "Y4", "X5")
	f.i("VPSLLW", "$4", "X5", "X5")
	f.i("VPOR", "X5", "X4", "X4")
	f.i("VMOVDQU", "X4", "2(DI)")
	f.i("ADDQ", "$18", "DI")
}
