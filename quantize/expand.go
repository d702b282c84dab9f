package quantize

import (
	"sync"

	"quern/internal/kernel"
)

// A tileRoom is the room for some blocks decoded into a tile.
type tileRoom struct {
	code       [2048]int8
	scale, min [2048 / 16]float32
}

var tileRooms = sync.Pool{New: func() any { return new(tileRoom) }}

// expandTiles decodes whole blocks by way of tiles, so that codes are unpacked in one place. Products are rounded before offsets are
// added, as ggml without fused operations does.
func expandTiles(dst []float32, src []byte, block, bytes, group int, offsets bool, tile func(dst Tile, src []byte)) {
	r := tileRooms.Get().(*tileRoom)
	defer tileRooms.Put(r)
	for len(dst) > 0 {
		n := min(len(dst), len(r.code))
		size := n / block * bytes
		t := Tile{r.code[:n], r.scale[:n/group], r.min[:n/group]}
		tile(t, src[:size])
		if !offsets {
			t.Min = nil
		}
		kernel.Expand(dst[:n], t.Code, t.Scale, t.Min, group)
		dst, src = dst[n:], src[size:]
	}
}

func (c *flatCoder) decodeSym(dst []float32, src []byte) {
	expandTiles(dst, src, flat, c.bytes, flat, false, c.tileSym)
}

func (c *flatCoder) decodeMin(dst []float32, src []byte) {
	expandTiles(dst, src, flat, c.bytes, flat, true, c.tileMin)
}

func (c *flatCoder) tileSym(dst Tile, src []byte) {
	c.codes.Unpack(dst.Code, src)
	kernel.HalvesEvery(dst.Scale, src, c.bytes)
	clear(dst.Min)
}

func (c *flatCoder) tileMin(dst Tile, src []byte) {
	c.codes.Unpack(dst.Code, src)
	kernel.HalvesEvery(dst.Scale, src, c.bytes)
	kernel.HalvesEvery(dst.Min, src[2:], c.bytes)
}
