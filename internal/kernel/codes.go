package kernel

// A Codes says where a type keeps the codes of its blocks: in runs of 32, or of 16, whose low bits stand in as many bytes of the
// block, and whose high bits, if there are any, in others.
type Codes struct {
	block, bytes int
	zero         int8 // is taken off
	mask         byte // of the low bits, once they are shifted
	highMask     byte // of the high bits likewise
	up           int  // where the high bits belong
	bits         int  // place of a word that holds the highest bit of 32 codes, 0: none
	runs         []codeRun
	body         *bodies[func(code []int8, src []byte)]
}

// A codeRun is where a run of codes begins, and how far it is shifted.
type codeRun struct{ low, lowShift, high, highShift int }

// The layouts of ggml's types. quantize has a description of each.
var (
	CodesQ8_0 = &Codes{block: 32, bytes: 34, mask: 255, runs: []codeRun{{low: 2}}}
	CodesQ4_0 = &Codes{block: 32, bytes: 18, zero: 8, mask: 15, runs: halvesAt(2)}
	CodesQ4_1 = &Codes{block: 32, bytes: 20, mask: 15, runs: halvesAt(4)}
	CodesQ5_0 = &Codes{block: 32, bytes: 22, zero: 16, mask: 15, bits: 2, up: 4, runs: halvesAt(6)}
	CodesQ5_1 = &Codes{block: 32, bytes: 24, mask: 15, bits: 4, up: 4, runs: halvesAt(8)}

	CodesQ2_K = &Codes{block: 256, bytes: 84, mask: 3, runs: runsOf(func(r int) codeRun { return codeRun{low: 16 + r/4*32, lowShift: r % 4 * 2} })}
	CodesQ3_K = &Codes{block: 256, bytes: 110, zero: 4, mask: 3, highMask: 1, up: 2, runs: runsOf(func(r int) codeRun {
		return codeRun{low: 32 + r/4*32, lowShift: r % 4 * 2, high: 0, highShift: r}
	})}
	CodesQ4_K = &Codes{block: 256, bytes: 144, mask: 15, runs: runsOf(func(r int) codeRun { return codeRun{low: 16 + r/2*32, lowShift: r % 2 * 4} })}
	CodesQ5_K = &Codes{block: 256, bytes: 176, mask: 15, highMask: 1, up: 4, runs: runsOf(func(r int) codeRun {
		return codeRun{low: 48 + r/2*32, lowShift: r % 2 * 4, high: 16, highShift: r}
	})}
	CodesQ6_K = &Codes{block: 256, bytes: 210, zero: 32, mask: 15, highMask: 3, up: 4, runs: runsOf(func(r int) codeRun {
		return codeRun{low: r/4*64 + r%2*32, lowShift: r % 4 / 2 * 4, high: 128 + r/4*32, highShift: r % 4 * 2}
	})}

	allCodes = map[string]*Codes{"Q8_0": CodesQ8_0, "Q4_0": CodesQ4_0, "Q4_1": CodesQ4_1, "Q5_0": CodesQ5_0, "Q5_1": CodesQ5_1,
		"Q2_K": CodesQ2_K, "Q3_K": CodesQ3_K, "Q4_K": CodesQ4_K, "Q5_K": CodesQ5_K, "Q6_K": CodesQ6_K}
)

// halvesAt is two runs of 16 in the halves of the same bytes.
func halvesAt(at int) []codeRun { return []codeRun{{low: at}, {low: at, lowShift: 4}} }

func runsOf(run func(r int) codeRun) []codeRun {
	runs := make([]codeRun, 8)
	for r := range runs {
		runs[r] = run(r)
	}
	return runs
}

// The portable bodies come first: package initialisation orders this variable after the layouts and before init functions.
var _ = func() bool {
	for _, c := range allCodes {
		c.body = portable(c.unpackPortable)
	}
	return true
}()

// Unpack writes the codes of whole blocks, which fill code.
func (c *Codes) Unpack(code []int8, src []byte) {
	if n := len(code) / c.block; n > 0 {
		c.body.best(code[:n*c.block], src[:n*c.bytes])
	}
}

func (c *Codes) unpackPortable(code []int8, src []byte) {
	width := c.block / len(c.runs)
	for ; len(code) > 0; src = src[c.bytes:] {
		for r, run := range c.runs {
			for l := range code[:width] {
				q := src[run.low+l] >> run.lowShift & c.mask
				if c.highMask > 0 {
					q |= src[run.high+l] >> run.highShift & c.highMask << c.up
				}
				if i := r*width + l; c.bits > 0 {
					q |= src[c.bits+i/8] >> (i % 8) & 1 << c.up
				}
				code[l] = int8(q) - c.zero
			}
			code = code[width:]
		}
	}
}

var halvesEvery = portable(halvesEveryPortable)

// HalvesEvery reads a half from the beginning of each of len(dst) blocks of so many bytes.
func HalvesEvery(dst []float32, src []byte, bytes int) {
	if len(dst) > 0 {
		halvesEvery.best(dst, src[:(len(dst)-1)*bytes+2], bytes)
	}
}

func halvesEveryPortable(dst []float32, src []byte, bytes int) {
	for i := range dst {
		dst[i] = F16Value(uint16(src[i*bytes]) | uint16(src[i*bytes+1])<<8)
	}
}

var expand = portable(expandPortable)

// Expand sets dst to scale·code + min, each product rounded before the sum; group, 16 or a multiple of 32, elements share a scale.
// Without minima, min is nil.
func Expand(dst []float32, code []int8, scale, min []float32, group int) {
	n := len(dst) / group
	expand.best(dst[:n*group], code[:n*group], scale[:n], min, group)
}

func expandPortable(dst []float32, code []int8, scale, min []float32, group int) {
	for g, s := range scale {
		out, q := dst[g*group:][:group], code[g*group:]
		for i := range out {
			out[i] = s * float32(q[i])
		}
		if min == nil {
			continue
		}
		for i := range out {
			out[i] += min[g]
		}
	}
}

// Pack puts codes into whole blocks, of which everything else stays.
func (c *Codes) Pack(dst []byte, code []int8) {
	width := c.block / len(c.runs)
	for ; len(code) >= c.block; dst = dst[c.bytes:] {
		for r, run := range c.runs {
			for l, v := range code[:width] {
				q := uint8(v + c.zero)
				setBits(&dst[run.low+l], c.mask<<run.lowShift, q<<run.lowShift)
				if c.highMask > 0 {
					setBits(&dst[run.high+l], c.highMask<<run.highShift, q>>c.up<<run.highShift)
				}
				if i := r*width + l; c.bits > 0 {
					setBits(&dst[c.bits+i/8], 1<<(i%8), q>>c.up<<(i%8))
				}
			}
			code = code[width:]
		}
	}
}

// setBits replaces the bits of a mask.
func setBits(b *byte, mask, bits byte) { *b = *b&^mask | bits&mask }
