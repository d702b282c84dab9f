package quantize

import (
	"encoding/binary"
	"sync"
	"unsafe"
)

// What IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS and IQ3_S share: 256 weights, whose magnitudes are members of a codebook for each 4 or 8, whose
// signs stand apart, and whose groups have an odd multiple of one half as their scale. Value = d·unit·(2·scale+1)·level·sign.

// A gridBlock is such a block unpacked.
type gridBlock struct {
	member [super / 4]uint16 // of the codebook, for each of its dimensions' weights
	sign   [super / 8]uint8  // bit i is set where weight i of eight is negative
	scale  [groups16]uint8   // 0…15
	d      uint16
}

type gridCoder struct {
	book     *gridBook
	group    int     // weights that share a scale
	unit     float32 // a power of two
	sweep    int     // scales that every group is tried at, in fours
	parity   bool    // of eight signs only seven are stored: an even number of them is negative
	bytes    int
	as       gridGgml
	weigh    func(w, src, importance []float32)
	along    float64
	put      func(dst []byte, b *gridBlock)
	searches sync.Pool
	take     func(b *gridBlock, src []byte)
}

// scaleOf is exact: eleven bits times five.
func (c *gridCoder) scaleOf(d float32, s uint8) float32 { return d * c.unit * float32(2*int(s)+1) }

func (c *gridCoder) decode(dst []float32, src []byte) {
	expandTiles(dst, src, super, c.bytes, c.group, false, c.tile)
}

// tile puts eight codes into a word and takes those under a minus sign from zero at once: no code is zero, so that no byte carries.
func (c *gridCoder) tile(dst Tile, src []byte) {
	const ones = 0x0101010101010101
	word, dims := c.book.ready().word, c.book.dims
	var b gridBlock
	for n := 0; (n+1)*super <= len(dst.Code); n++ {
		c.take(&b, src[n*c.bytes:])
		dst.Scale[n] = halfValue(b.d) * c.unit
		for g := range super / c.group {
			dst.Sub[n*(super/c.group)+g] = 2*int16(b.scale[g]) + 1
		}
		out := bytesOf(dst.Code[n*super:][:super])
		for k, sign := range b.sign {
			var w uint64
			if dims == 8 {
				w = word[b.member[k]]
			} else {
				w = word[b.member[2*k]] | word[b.member[2*k+1]]<<32
			}
			m := minus[sign]
			binary.LittleEndian.PutUint64(out[8*k:], w^m+m&ones)
		}
	}
	dst.clearMin()
}

// bytesOf sees codes as bytes.
func bytesOf(code []int8) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(code))), len(code))
}

// evenSign is the eighth sign that makes the number of negative ones even.
func evenSign(seven uint8) uint8 {
	p := seven & 127
	p ^= p >> 4
	p ^= p >> 2
	p ^= p >> 1
	return seven&127 | p&1<<7
}
