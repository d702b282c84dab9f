package quantize

import (
	"encoding/binary"
	"sync"
)

// What IQ1_S and IQ1_M share: eight weights are a member of a codebook of {-1, 0, 1}, all moved up or down by an eighth. Value =
// d·(2·scale+1)·(level ± 1/8).

// An iq1Block is such a block unpacked.
type iq1Block struct {
	member [super / 8]uint16
	down   [super / 8]bool // the shift is -1/8
	scale  [groups16]uint8 // 0…7
	d      uint16
}

type iq1Coder struct {
	group    int // weights that share a scale
	bytes    int
	tiny     float32 // groups below it count as zeros for llama-quantize
	factor   float32 // on its half
	ways     int     // two where all of a group is moved up or down, one where each eight goes its own way
	weigh    func(w, src, importance []float32)
	along    float64
	put      func(dst []byte, b *iq1Block)
	searches sync.Pool
	take     func(b *iq1Block, src []byte)
}

// shifted are the levels of a member in eighths.
func shifted(code *[8]int8, down bool) (out [8]int8) {
	move := int8(1)
	if down {
		move = -1
	}
	for i, v := range code {
		out[i] = 8*v + move
	}
	return out
}

func (c *iq1Coder) decode(dst []float32, src []byte) {
	expandTiles(dst, src, super, c.bytes, c.group, false, c.tile)
}

func (c *iq1Coder) tile(dst Tile, src []byte) {
	words := shiftedWords()
	var b iq1Block
	for n := 0; (n+1)*super <= len(dst.Code); n++ {
		c.take(&b, src[n*c.bytes:])
		dst.Scale[n] = halfValue(b.d) / 8
		for g := range super / c.group {
			dst.Sub[n*(super/c.group)+g] = 2*int16(b.scale[g]) + 1
		}
		out := bytesOf(dst.Code[n*super:][:super])
		for k, m := range b.member {
			w := words[0][m]
			if b.down[k] {
				w = words[1][m]
			}
			binary.LittleEndian.PutUint64(out[8*k:], w)
		}
	}
	dst.clearMin()
}

// shiftedWords are the levels of all members in eighths, moved up and moved down.
var shiftedWords = sync.OnceValue(func() (words [2][]uint64) {
	for _, code := range book1S.ready().code {
		for i := range words {
			eighths := shifted(&code, i == 1)
			words[i] = append(words[i], joined(&eighths))
		}
	}
	return words
})
