package quantize

import (
	"sync"

	"quern/internal/kernel"
)

// A tileRoom is the room for some blocks decoded into a tile.
type tileRoom struct {
	code        [2048]int8
	scale, min  [2048 / 16]float32
	d, dmin     [2048 / super]float32
	sub, subMin [2048 / 16]int16
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
		t := Tile{Code: r.code[:n], Scale: r.scale[:n/group], Min: r.min[:n/group]}
		r.groups(t, src[:size], block, bytes, group, tile)
		if !offsets {
			t.Min = nil
		}
		kernel.Expand(dst[:n], t.Code, t.Scale, t.Min, group)
		dst, src = dst[n:], src[size:]
	}
}

// groups decodes whole blocks into a tile whose groups have scales and minima of their own, in super-blocks the products of their
// integers, which are exact.
func (r *tileRoom) groups(dst Tile, src []byte, block, bytes, group int, tile func(dst Tile, src []byte)) {
	if block != super {
		tile(dst, src)
		return
	}
	for len(dst.Code) > 0 {
		n := min(len(dst.Code), len(r.code))
		blocks, groups := n/super, n/group
		t := Tile{dst.Code[:n], r.d[:blocks], r.dmin[:blocks], r.sub[:groups], r.subMin[:groups]}
		tile(t, src[:blocks*bytes])
		for g, s := range t.Sub {
			b := g / (super / group)
			dst.Scale[g], dst.Min[g] = t.Scale[b]*float32(s), t.Min[b]*float32(t.SubMin[g])
		}
		dst, src = Tile{Code: dst.Code[n:], Scale: dst.Scale[groups:], Min: dst.Min[groups:]}, src[blocks*bytes:]
	}
}

// groups decodes whole blocks as Tile does, with a scale and a minimum for each group.
func (t *Type) groups(dst Tile, src []byte) {
	r := tileRooms.Get().(*tileRoom)
	defer tileRooms.Put(r)
	r.groups(dst, src, t.Block, t.Bytes, t.Group, t.Tile)
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
