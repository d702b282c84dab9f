package quantize

import (
	"math"

	"quern/internal/kernel"
)

// The encoders of llama-quantize for MXFP4 and NVFP4, to the byte: a scale that follows from the largest magnitude, the nearest
// codes (of two the smaller), importance or not.

const fp4Group = 16 // weights that the kernels give one scale

// fp4Coder has so many weights of so many bytes in a block, with groups that have a scale of their own.
type fp4Coder struct {
	block, bytes, group int
	half                func(uint8) float32 // half of what a scale means
	first               func(top float32) uint8
	put                 func(dst []byte, code []uint8)
}

var (
	coderMXFP4 = fp4Coder{flat, 17, flat, halfE8M0, firstMXFP4, func(dst []byte, code []uint8) { putNibbles(dst[1:], (*[flat]uint8)(code)) }}
	coderNVFP4 = fp4Coder{64, 36, fp4Group, halfUE4M3, firstNVFP4, func(dst []byte, code []uint8) {
		for g := range 4 {
			putEight(dst[4+8*g:], eight(code[16*g:])|eight(code[16*g+8:])<<4)
		}
	}}
)

func (c *fp4Coder) ggml(dst []byte, src, _ []float32) {
	var x [super]float32
	var room fp4Room
	for len(src) > 0 {
		n := min(len(src), super)
		for i, v := range src[:n] {
			if v-v != 0 {
				v = 0 // no code is nearer to infinity than another
			}
			x[i] = v
		}
		for g := range n / c.group {
			top := kernel.Magnitude(src[c.group*g:][:c.group])
			if top != top {
				top = 0
				for _, v := range src[c.group*g:][:c.group] {
					top = max(top, absolute(noNaN(v)))
				}
			}
			c.setScale(dst, g, c.first(top))
		}
		c.code(dst, x[:n], &room)
		dst, src = dst[n/c.block*c.bytes:], src[n:]
	}
}

// setScale is that of group g.
func (c *fp4Coder) setScale(dst []byte, g int, scale uint8) {
	per := c.block / c.group
	dst[g/per*c.bytes+g%per] = scale
}

// An fp4Room is where codes are made.
type fp4Room struct {
	half [super / fp4Group]float32
	code [super]uint8
}

// code stores the nearest codes, given the scales in dst.
func (c *fp4Coder) code(dst []byte, x []float32, room *fp4Room) {
	scale, code := &room.half, &room.code
	per := c.block / c.group
	for i := range x[:len(x)/fp4Group] {
		g := i * fp4Group / c.group
		if scale[i] = c.half(dst[g/per*c.bytes+g%per]); scale[i] == 0 {
			scale[i] = float32(math.Inf(1)) // all codes mean nothing, and the first is taken
		}
	}
	kernel.FP4Codes(code[:], x, scale[:len(x)/fp4Group])
	for b := range len(x) / c.block {
		c.put(dst[b*c.bytes:], code[b*c.block:][:c.block])
	}
}

func firstMXFP4(top float32) uint8 {
	if top > 0 {
		return uint8(floorLog2(top) + 125)
	}
	return 0
}

func firstNVFP4(top float32) uint8 { return ue4m3(top / 6) }

func noNaN(x float32) float32 {
	if x != x {
		return 0
	}
	return x
}

// floorLog2 is C's floorf(log2f(x)): just below a power of two the logarithm, rounded to a float, is that of the power.
func floorLog2(x float32) int {
	if x > math.MaxFloat32 {
		return -125 // what a byte makes of infinity
	}
	_, e := math.Frexp(float64(x)) // x is in [2^(e-1), 2^e)
	below := 1 - math.Ldexp(float64(x), -e)
	if below < 0x1p-12 {
		log := float64(e) - float64(float64(below*math.Log2E)*(1+below/2))
		if float32(log) == float32(e) {
			return e
		}
	}
	return e - 1
}

// ue4m3 rounds as ggml does: half up, nothing beyond 0x7e, and 240 and more, which have codes of their own, to that as well.
func ue4m3(x float32) uint8 {
	if !(x > 0) {
		return 0
	}
	bits := math.Float32bits(min(x, 448))
	exp, m := int(bits>>23&0xff)-120, uint8(bits>>20&7)
	if exp <= 0 {
		return min(uint8(float32(x*512)+0.5), 7)
	}
	if exp >= 15 {
		return 0x7e
	}
	m += uint8(bits >> 19 & 1)
	if m > 7 {
		m = 0
		if exp++; exp >= 15 {
			return 0x7e
		}
	}
	return uint8(exp)<<3 | m
}
