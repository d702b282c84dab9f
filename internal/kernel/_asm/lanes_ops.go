package main

import (
	"fmt"
	"sort"
)

// The operations of lanes.

func sorted(set map[uint32]bool) (all []uint32) {
	for b := range set {
		all = append(all, b)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	return all
}

// take returns a free register.
func (p *lanes) take() val {
	n := 16 // of AVX-512's registers each value takes two, which work on half of the lanes each
	switch {
	case p.neon():
		n = 32
	case p.tight():
		n = 8
	}
	for i := range n {
		if !p.busy[i] {
			p.busy[i] = true
			return val(i)
		}
	}
	panic("no register is free")
}

func (p *lanes) free(vs ...val) {
	for _, v := range vs {
		if !p.busy[v] {
			panic("freed twice")
		}
		p.busy[v] = false
	}
}

func (p *lanes) r(v val) string {
	return fmt.Sprintf("%s%d", map[string]string{"AVX2": "Y", "AVX512": "Z", "NEON": "V"}[p.set], v)
}

// A shared is a register with what both halves of a value are the same in: constants and parameters.
type shared int

// share returns a register from memory, a constant or, of the parameters, a number in all lanes; unshare gives all of them back.
func (p *lanes) share(m mem) shared {
	r := p.takeShared()
	if p.neon() {
		p.loadTo(val(r), m)
	} else {
		p.i("VMOVUPS", string(m), p.r(val(r)))
	}
	return r
}

func (p *lanes) shareParam(n int) shared {
	r := p.takeShared()
	if p.neon() {
		p.spreadTo(val(r), "params", n)
	} else {
		p.i("VBROADCASTSS", fmt.Sprintf("%d(%s)", 4*n, p.gp("params")), p.r(val(r)))
	}
	return r
}

func (p *lanes) takeShared() shared {
	if n := len(p.sharing); p.apart > 0 && p.odd {
		p.odd = false
		return shared(p.sharing[n-1]) + shared(p.apart)
	}
	v := p.take()
	p.sharing, p.odd = append(p.sharing, v), true
	return shared(v)
}

func (p *lanes) unshare() {
	p.free(p.sharing...)
	p.sharing, p.odd = nil, false
}

// an prints an instruction, where values have two registers twice: once for each. Operands are values, masks, memory or text.
func (p *lanes) an(op string, operands ...any) {
	for half := range 1 + min(p.apart, 1) {
		var text []string
		for _, o := range operands {
			switch o := o.(type) {
			case val:
				text = append(text, p.r(o+val(p.apart*half)))
			case shared:
				text = append(text, p.r(val(o)))
			case mask:
				text = append(text, p.m(o+p.second(half)))
			case mem:
				text = append(text, p.part(o, half))
			case string:
				text = append(text, o)
			}
		}
		p.i(op, text...)
	}
}

// second is how far the mask of a half is from that of the first.
func (p *lanes) second(half int) mask {
	if p.set == "AVX512" {
		return mask(3 * half)
	}
	return mask(p.apart * half)
}

// tight says that there are eight values and no more.
func (p *lanes) tight() bool { return p.set == "AVX2" && p.apart > 0 }

// part is where a half of the lanes of an operand lies; constants are the same for both.
func (p *lanes) part(m mem, half int) string {
	if half == 0 || isConst(m) {
		return string(m)
	}
	var at int
	var rest string
	if _, err := fmt.Sscanf(string(m), "%d%s", &at, &rest); err != nil {
		panic(err)
	}
	return fmt.Sprintf("%d%s", at+2*p.width*half, rest)
}

// A neonOp is the word of an instruction without its registers.
var neonOps = map[string]uint32{
	"VADDPS": 0x4e20d400, "VSUBPS": 0x4ea0d400, "VMULPS": 0x6e20dc00, "VDIVPS": 0x6e20fc00, "VMAXPS": 0x4e20f400, "VMINPS": 0x4ea0f400,
	"VPMAXSD": 0x4ea06400, "VPMINSD": 0x4ea06c00, "VANDPS": 0x4e201c00, "VORPS": 0x4ea01c00, "VANDNPS": 0x4e601c00, "VPADDD": 0x4ea08400,
	"VFMADD231PS": 0x4e20cc00, "VFNMADD231PS": 0x4ea0cc00,
	"GT": 0x6ea0e400, "GE": 0x6e20e400, "EQ": 0x4e20e400, "BSL": 0x6e601c00, "VSQRTPS": 0x6ea1f800,
}

// neonWord prints d = a op b.
func (p *lanes) neonWord(op string, d, a, b val) {
	p.word(neonOps[op]|uint32(b)<<16|uint32(a)<<5|uint32(d), fmt.Sprintf("%s V%d, V%d, V%d", op, d, a, b))
}

// constant operands.
func (p *lanes) bits(b uint32) mem {
	p.consts[b] = true
	return mem(constName(b) + "<>(SB)")
}

func (p *lanes) c(v float64) mem { return p.bits(floatBits(v)) }

// load returns a vector from memory.
func (p *lanes) load(m mem) val {
	d := p.take()
	p.loadTo(d, m)
	return d
}

func (p *lanes) loadTo(d val, m mem) {
	switch {
	case !p.neon():
		p.an("VMOVUPS", m, d)
	case isConst(m):
		p.i("MOVD", "$"+string(m), p.gp("scratch"))
		p.i("VLD1", "("+p.gp("scratch")+")", fmt.Sprintf("[V%d.S4]", d))
	default:
		p.i("FMOVQ", string(m), fmt.Sprintf("F%d", d))
	}
}

func isConst(m mem) bool { return len(m) > 4 && m[len(m)-4:] == "(SB)" }

func (p *lanes) store(m mem, v val) {
	if p.neon() {
		p.i("FMOVQ", fmt.Sprintf("F%d", v), string(m))
	} else {
		p.an("VMOVUPS", v, m)
	}
}

// spread returns a number of the table or of the parameters in all lanes.
func (p *lanes) spread(reg string, n int) val {
	d := p.take()
	p.spreadTo(d, reg, n)
	return d
}

func (p *lanes) spreadTo(d val, reg string, n int) {
	if p.neon() {
		p.i("ADD", dollar(4*n), p.gp(reg), p.gp("scratch"))
		p.i("VLD1R", "("+p.gp("scratch")+")", fmt.Sprintf("[V%d.S4]", d))
	} else {
		p.an("VBROADCASTSS", fmt.Sprintf("%d(%s)", 4*n, p.gp(reg)), d)
	}
}

func (p *lanes) try(n int) val   { return p.spread("cursor", n) }
func (p *lanes) param(n int) val { return p.spread("params", n) }

func (p *lanes) zero() val {
	d := p.take()
	if p.neon() {
		p.i("VEOR", fmt.Sprintf("V%d.B16", d), fmt.Sprintf("V%d.B16", d), fmt.Sprintf("V%d.B16", d))
	} else {
		p.an("VXORPS", d, d, d)
	}
	return d
}

func (p *lanes) copy(a val) val {
	d := p.take()
	p.copyTo(d, a)
	return d
}

func (p *lanes) copyTo(d, a val) {
	if p.neon() {
		p.i("VMOV", fmt.Sprintf("V%d.B16", a), fmt.Sprintf("V%d.B16", d))
	} else {
		p.an("VMOVAPS", a, d)
	}
}

// to prints d = a op b; b is a val or a mem.
func (p *lanes) to(op string, d, a val, b any) {
	m, isMem := b.(mem)
	switch {
	case p.neon() && isMem:
		t := p.load(m)
		p.neonWord(op, d, a, t)
		p.free(t)
	case p.neon():
		if s, is := b.(shared); is {
			b = val(s)
		}
		p.neonWord(op, d, a, b.(val))
	case isMem:
		p.an(op, m, a, d)
	default:
		p.an(op, b, a, d)
	}
}

// is prints d = d op b.
func (p *lanes) is(d val, op string, b any) { p.to(op, d, d, b) }

// new returns a op b in a register of its own.
func (p *lanes) new(a val, op string, b any) val {
	d := p.take()
	p.to(op, d, a, b)
	return d
}

const (
	add  = "VADDPS"
	sub  = "VSUBPS"
	mul  = "VMULPS"
	div  = "VDIVPS"
	maxf = "VMAXPS"
	minf = "VMINPS"
	and  = "VANDPS"
	fma  = "VFMADD231PS"  // d + a·b, rounded once
	fnma = "VFNMADD231PS" // d - a·b
)

// park frees a value for as long as its register is wanted, where there are few; the function gives it back.
func (p *lanes) park(v val, r row) (back func() val) {
	if !p.tight() {
		return func() val { return v }
	}
	p.store(p.row(r), v)
	p.free(v)
	return func() val { return p.load(p.row(r)) }
}

// parkMask does so with a mask.
func (p *lanes) parkMask(m mask, r row) (back func() mask) {
	if !p.tight() {
		return func() mask { return m }
	}
	v := p.park(val(m), r)
	return func() mask { return mask(v()) }
}

// A held is a number of the parameters that many passes use. It stays in its register where there are enough.
type held struct {
	p *lanes
	n int
	v val
}

func (p *lanes) hold(n int, v val) *held {
	if p.tight() {
		p.free(v)
	}
	return &held{p, n, v}
}

// get and put go around a pass.
func (h *held) get() val {
	if h.p.tight() {
		h.v = h.p.param(h.n)
	}
	return h.v
}

func (h *held) put() {
	if h.p.tight() {
		h.p.free(h.v)
	}
}

// drop ends the use.
func (h *held) drop() {
	if !h.p.tight() {
		h.p.free(h.v)
	}
}

// levelZero is 1.5·2²³: a number plus this, rounded once, is the nearest integer plus this.
const levelZero = 12582912

// A levels is what levels are taken with: levelZero, and the lowest and the highest level, each and levelZero.
type levels struct{ zero, lo, hi shared }

// levelsOf shares them: the lowest and the highest level are numbers of the parameters, the lowest zero if it has none.
func (p *lanes) levelsOf(lo, hi int) (l levels) {
	l.zero = p.share(p.c(levelZero))
	l.lo = l.zero
	if lo >= 0 {
		l.lo = p.shareParam(lo)
	}
	l.hi = p.shareParam(hi)
	return l
}

// levelBy returns y·inv rounded to an integer, to even, between the lowest and the highest.
func (p *lanes) levelBy(y any, inv val, l levels) val {
	q := p.take()
	p.copySharedTo(q, l.zero)
	p.to(fma, q, inv, y)
	p.is(q, maxf, l.lo)
	p.is(q, minf, l.hi)
	p.is(q, sub, l.zero)
	return q
}

func (p *lanes) copySharedTo(d val, a shared) {
	if p.neon() {
		p.copyTo(d, val(a))
	} else {
		p.an("VMOVAPS", a, d)
	}
}

func (p *lanes) abs(d val) { p.is(d, and, p.bits(0x7fffffff)) }

// round rounds to an integer, to even.
func (p *lanes) round(d val) {
	switch p.set {
	case "AVX512":
		p.an("VRNDSCALEPS", "$8", d, d)
	case "AVX2":
		p.an("VROUNDPS", "$8", d, d)
	default:
		p.word(0x4e218800|uint32(d)<<5|uint32(d), p.r(d)+" rounded")
	}
}

// Masks.

func (p *lanes) takeMask() mask {
	if p.set != "AVX512" {
		return mask(p.take())
	}
	for i := 1; i < 4; i++ {
		if !p.busyK[i] {
			p.busyK[i] = true
			return mask(i)
		}
	}
	panic("no mask is free")
}

func (p *lanes) freeMask(ms ...mask) {
	for _, m := range ms {
		if p.set != "AVX512" {
			p.free(val(m))
		} else {
			p.busyK[m] = false
		}
	}
}

func (p *lanes) m(m mask) string {
	if p.set == "AVX512" {
		return fmt.Sprintf("K%d", m)
	}
	return p.r(val(m))
}

// cmp returns where a rel b: GT, GE or EQ; false where one is not a number.
func (p *lanes) cmp(a val, rel string, b any) mask {
	d := p.takeMask()
	if p.neon() {
		t, ok := b.(val)
		if !ok {
			t = p.load(b.(mem))
			defer p.free(t)
		}
		p.neonWord(rel, val(d), a, t)
		return d
	}
	p.an("VCMPPS", map[string]string{"GT": "$0x1e", "GE": "$0x1d", "EQ": "$0"}[rel], b, a, d)
	return d
}

func (p *lanes) both(d, m mask) {
	switch p.set {
	case "AVX512":
		p.an("KANDW", m, d, d)
	case "AVX2":
		p.an("VANDPS", m, d, d)
	default:
		p.neonWord("VANDPS", val(d), val(d), val(m))
	}
}

func (p *lanes) either(d, m mask) {
	switch p.set {
	case "AVX512":
		p.an("KORW", m, d, d)
	case "AVX2":
		p.an("VORPS", m, d, d)
	default:
		p.neonWord("VORPS", val(d), val(d), val(m))
	}
}

// where sets d to a in the lanes of the mask.
func (p *lanes) where(m mask, d, a val) {
	switch p.set {
	case "AVX512":
		p.an("VMOVAPS", a, m, d)
	case "AVX2":
		p.an("VBLENDVPS", m, a, d, d)
	default: // BIT: bits of a where the mask has bits
		p.word(0x6ea01c00|uint32(m)<<16|uint32(a)<<5|uint32(d), fmt.Sprintf("BIT V%d, V%d, V%d", d, a, m))
	}
}

// whereRow sets a row to a in the lanes of the mask.
func (p *lanes) whereRow(m mask, r row, a val) {
	if p.set == "AVX512" {
		p.an("VMOVUPS", a, m, p.row(r))
		return
	}
	t := p.load(p.row(r))
	p.where(m, t, a)
	p.store(p.row(r), t)
	p.free(t)
}

// unless skips body when no lane of the mask is true.
func (p *lanes) ifAny(m mask, body func()) {
	end := p.label("none")
	switch p.set {
	case "AVX512":
		p.i("KORTESTW", p.m(m), p.m(m+3))
		p.i("JEQ", end)
	case "AVX2":
		p.i("VMOVMSKPS", p.m(m), p.gp("scratch"))
		if p.tight() {
			p.i("VMOVMSKPS", p.m(m+p.second(1)), "BX")
			p.i("ORL", "BX", p.gp("scratch"))
		} else {
			p.i("TESTL", p.gp("scratch"), p.gp("scratch"))
		}
		p.i("JEQ", end)
	default:
		t := p.take()
		p.word(0x6eb0a800|uint32(m)<<5|uint32(t), fmt.Sprintf("UMAXV V%d, V%d", t, m))
		p.i("FMOVS", fmt.Sprintf("F%d", t), p.gp("scratch"))
		p.free(t)
		p.i("CBZW", p.gp("scratch"), end)
	}
	body()
	p.at(end)
}
