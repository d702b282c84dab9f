package quantize

import "quern/internal/kernel"

// Q8_0 is ggml's block_q8_0: d f16, 32 signed bytes; the value is q·d.
var Q8_0 = register(Type{
	Name: "Q8_0", ID: 8, Block: flat, Bytes: 34,
	Decode:  decodeQ8_0,
	Encode:  encodeQ8_0,
	Ggml:    ggmlQ8_0,
	Tile:    tileQ8_0,
	Group:   flat,
	Acts:    ActsQ8_0,
	Lattice: uniform(kernel.CodesQ8_0, -127, 127, 0, -1),
	Alone:   true,
	MaxRMSE: 0.0055,
})

func decodeQ8_0(dst []float32, src []byte) { expandTiles(dst, src, flat, 34, flat, false, tileQ8_0) }

func tileQ8_0(dst Tile, src []byte) {
	kernel.CodesQ8_0.Unpack(dst.Code, src)
	kernel.HalvesEvery(dst.Scale, src, 34)
	clear(dst.Min)
}

// ggmlQ8_0 ignores importance, and divides by the scale before it is rounded to a half.
func ggmlQ8_0(dst []byte, src, _ []float32) {
	if kernel.Blocks8Ggml(dst, src) {
		return
	}
	for ; len(src) >= flat; dst, src = dst[34:], src[flat:] {
		d := kernel.Magnitude(src[:flat]) / levels8
		putHalf(dst, half(d))
		id := inverse(d)
		for j, v := range src[:flat] {
			dst[2+j] = byte(roundAway(float32(v * id)))
		}
	}
}

// levels8 is the highest code; -128 is never used.
const levels8 = 127

// encodeQ8_0 keeps to codes -127…127 and plain squared error: at eight bits importance has nothing left to decide. The scale is refitted to
// the codes of llama-quantize's block, and codes are the nearest ones to it as decoders read it: of all halves none loses less with the
// codes of before, so that no block loses more than llama-quantize's.
func encodeQ8_0(dst []byte, src, _ []float32) {
	if kernel.Blocks8(dst, src) <= extremeWeight {
		return
	}
	b := kBatches.Get().(*kBatch)
	defer kBatches.Put(b)
	kernel.Blocks8(dst, b.calmed(src))
}
