package main

// namedAMD64 writes kernel.Named's fit. AVX2 looks levels up in memory, AVX-512 in registers: by cells that have one middle at most.
func namedAMD64(f *file) {
	f.constant("namedMiddle", floatBits(256), 16)
	f.constant("namedLast", floatBits(511), 16)
	f.constant("namedFar", floatBits(255.5), 16)
	for _, wide := range []bool{true, false} {
		f.namedFit(wide)
	}
}

// Offsets in a Named.
const (
	namedLeast = 4 * 512
	namedFrom  = namedLeast + 4*32
	namedMost  = namedFrom + 4*32
)

// namedFit keeps Σ w·x·level of four scales in registers 4…7 and Σ w·level² in 8…11.
func (f *file) namedFit(wide bool) {
	set, r := "AVX2", y
	if wide {
		set, r = "AVX512", z
	}
	f.p("\n// func namedFit%s(lx, l2, x, w, inverse *float32, groups, per uintptr, n *Named)", set)
	f.fn("namedFit"+set, 64)
	f.args("lx", "DI", "l2", "R8", "x", "SI", "w", "R9", "inverse", "R10", "groups", "CX", "per", "R11", "n", "DX")
	if wide {
		for i, off := range []int{namedLeast, namedLeast + 64, namedFrom, namedFrom + 64, namedMost, namedMost + 64} {
			f.i("VMOVUPS", at(off, "DX"), z(26+i))
		}
		f.i("VMOVUPS", "namedMiddle<>(SB)", "Z25")
		f.i("VMOVUPS", "namedFar<>(SB)", "Z24")
	}
	f.loop(1, func() {
		f.i("MOVQ", "R11", "AX")
		if wide { // the group stays in registers
			for i := range 2 {
				f.i("VMOVUPS", at(64*i, "SI"), z(17+i))
				f.i("VMOVUPS", at(64*i, "R9"), z(19+i))
				f.i("VMULPS", z(17+i), z(19+i), z(21+i))
			}
		}
		again := f.label("again")
		f.at(again)
		for t := range 4 {
			f.i("VBROADCASTSS", at(4*t, "R10"), r(3))
			f.i("VADDPS", r(3), r(3), r(3))
			p, q := 4+t, 8+t
			if wide {
				f.namedVector(wide, 0, p, q, true)
				f.namedVector(wide, 64, p, q, false)
				for _, sum := range []int{p, q} {
					f.i("VEXTRACTF64X4", "$1", z(sum), "Y12")
					f.i("VADDPS", "Y12", y(sum), y(sum))
				}
				continue
			}
			f.namedVector(wide, 0, p, q, true)
			f.namedVector(wide, 64, p, q, false)
			f.namedVector(wide, 32, 12, 13, true)
			f.namedVector(wide, 96, 12, 13, false)
			f.i("VADDPS", "Y12", y(p), y(p))
			f.i("VADDPS", "Y13", y(q), y(q))
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

// namedVector adds a vector of weights to two sums, or begins them with it.
func (f *file) namedVector(wide bool, off, p, q int, first bool) {
	if wide {
		n := off / 64
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
		f.namedAdd(z, z(21+n), z(19+n), p, q, first)
		return
	}
	x, w := at(off, "SI"), at(off, "R9")
	f.i("VMULPS", x, "Y3", "Y0")
	f.i("VADDPS", "namedMiddle<>(SB)", "Y0", "Y0")
	f.i("VXORPS", "Y1", "Y1", "Y1")
	f.i("VMAXPS", "Y1", "Y0", "Y0")
	f.i("VMINPS", "namedLast<>(SB)", "Y0", "Y0")
	f.i("VCVTTPS2DQ", "Y0", "Y1")
	f.i("VPCMPEQD", "Y2", "Y2", "Y2")
	f.i("VGATHERDPS", "Y2", "(DX)(Y1*4)", "Y14")
	f.i("VMOVUPS", w, "Y0")
	f.i("VMULPS", x, "Y0", "Y1")
	f.namedAdd(y, "Y1", "Y0", p, q, first)
}

// namedAdd adds products of weights with levels, which are in register 14, to two sums.
func (f *file) namedAdd(r func(int) string, product, weight string, p, q int, first bool) {
	level, one, two := r(14), r(0), r(1)
	f.i("VMULPS", level, weight, one)
	if first {
		f.i("VMULPS", level, product, r(p))
		f.i("VMULPS", level, one, r(q))
		return
	}
	f.i("VMULPS", level, product, two)
	f.i("VMULPS", level, one, one)
	f.i("VADDPS", two, r(p), r(p))
	f.i("VADDPS", one, r(q), r(q))
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
