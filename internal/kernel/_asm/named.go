package main

// namedAMD64 writes kernel.Named's fit. AVX-512 looks levels up in registers, by cells that have one middle at most; AVX2 by the same cells,
// for 32 weights at once, as bytes (named256.go).
func namedAMD64(f *file) {
	f.constant("namedMiddle", floatBits(256), 16)
	f.constant("namedLast", floatBits(511), 16)
	f.constant("namedFar", floatBits(255.5), 16)
	f.named512()
	f.named256()
	f.named256Names()
	f.namedInts()
}

// Offsets in a Named.
const (
	namedLeast = 4 * 512
	namedFrom  = namedLeast + 4*32
	namedMost  = namedFrom + 4*32
	namedNext  = namedMost + 4*32
	namedBegin = namedNext + 32
	namedLevel = namedBegin + 32
)

// named512 keeps Σ w·x·level of four scales in registers 4…7 and Σ w·level² in 8…11.
func (f *file) named512() {
	f.p("\n// func namedFitAVX512(lx, l2, x, w, inverse *float32, groups, per uintptr, n *Named)")
	f.fn("namedFitAVX512", 64)
	f.args("lx", "DI", "l2", "R8", "x", "SI", "w", "R9", "inverse", "R10", "groups", "CX", "per", "R11", "n", "DX")
	for i, off := range []int{namedLeast, namedLeast + 64, namedFrom, namedFrom + 64, namedMost, namedMost + 64} {
		f.i("VMOVUPS", at(off, "DX"), z(26+i))
	}
	f.i("VMOVUPS", "namedMiddle<>(SB)", "Z25")
	f.i("VMOVUPS", "namedFar<>(SB)", "Z24")
	f.loop(1, func() {
		f.i("MOVQ", "R11", "AX")
		for i := range 2 { // the group stays in registers
			f.i("VMOVUPS", at(64*i, "SI"), z(17+i))
			f.i("VMOVUPS", at(64*i, "R9"), z(19+i))
			f.i("VMULPS", z(17+i), z(19+i), z(21+i))
		}
		again := f.label("again")
		f.at(again)
		for t := range 4 {
			f.i("VBROADCASTSS", at(4*t, "R10"), "Z3")
			f.i("VADDPS", "Z3", "Z3", "Z3")
			p, q := 4+t, 8+t
			f.namedVector(0, p, q)
			f.namedVector(1, p, q)
			for _, sum := range []int{p, q} {
				f.i("VEXTRACTF64X4", "$1", z(sum), "Y12")
				f.i("VADDPS", "Y12", y(sum), y(sum))
			}
		}
		f.tree(4, 12, "(DI)")
		f.tree(8, 12, "(R8)")
		for _, p := range []string{"R10", "DI", "R8"} {
			f.i("ADDQ", "$16", p)
		}
		f.i("SUBQ", "$4", "AX")
		f.i("JNE", again)
		f.i("ADDQ", "$128", "SI")
		f.i("ADDQ", "$128", "R9")
	})
	f.p("\tVZEROUPPER\n\tRET")
}

// namedVector adds half of the weights to two sums, or begins them with it.
func (f *file) namedVector(n, p, q int) {
	f.i("VMULPS", z(17+n), "Z3", "Z0")
	f.i("VRANGEPS", "$2", "Z24", "Z0", "Z0") // no further from zero than that
	f.i("VADDPS", "Z25", "Z0", "Z0")
	f.i("VCVTTPS2DQ", "Z0", "Z1")
	f.i("VPSRLD", "$4", "Z1", "Z1")
	for k := range 3 { // the cell's first level, where it ends, and the next
		f.i("VMOVAPS", "Z1", z(14+k))
		f.i("VPERMI2PS", z(27+2*k), z(26+2*k), z(14+k))
	}
	f.i("VCMPPS", "$0x1d", "Z15", "Z0", "K1") // not below
	f.i("VMOVAPS", "Z16", "K1", "Z14")
	f.i("VMULPS", "Z14", z(19+n), "Z0")
	if n == 0 {
		f.i("VMULPS", "Z14", z(21+n), z(p))
		f.i("VMULPS", "Z14", "Z0", z(q))
		return
	}
	f.i("VMULPS", "Z14", z(21+n), "Z1")
	f.i("VMULPS", "Z14", "Z0", "Z0")
	f.i("VADDPS", "Z1", z(p), z(p))
	f.i("VADDPS", "Z0", z(q), z(q))
}

// tree stores the sums of four registers of eight numbers each, from number at on; it uses two more.
func (f *file) tree(at, room int, to string) {
	p, q := y(room), y(room+1)
	for k := range 2 {
		a, b := y(at+2*k), y(at+2*k+1)
		f.i("VUNPCKLPS", b, a, p)
		f.i("VUNPCKHPS", b, a, q)
		f.i("VADDPS", q, p, a)
	}
	f.i("VUNPCKLPD", y(at+2), y(at), p)
	f.i("VUNPCKHPD", y(at+2), y(at), q)
	f.i("VADDPS", q, p, p)
	f.i("VEXTRACTF128", "$1", p, x(room+1))
	f.i("VADDPS", x(room+1), x(room), x(room))
	f.i("VMOVUPS", x(room), to)
}
