package parquet

import (
	"encoding/binary"
	"math/bits"
)

// The kinds of pages and the encodings of values.
const (
	dataPage   = 0
	indexPage  = 1
	dictPage   = 2
	dataPageV2 = 3

	plain          = 0
	plainDict      = 2
	levelRLE       = 3
	deltaPacked    = 5
	deltaLength    = 6
	deltaByteArray = 7
	rleDict        = 8
)

const (
	headerMost = 1 << 20 // bytes of a page's header
	pageMost   = 1 << 30 // bytes of a page
	pageValues = 1 << 24 // values in a page: runs can be long where bytes are few
)

// A chunk is the part of a column in one row group: perhaps a dictionary, then pages.
type chunk struct {
	leaf  *Leaf
	codec int64
	dict  [][]byte
	left  int64 // values that are still to come
	visit func(rep, def int, value []byte) error
}

func (f *File) chunk(l *Leaf, meta fields, visit func(rep, def int, value []byte) error) error {
	c := &chunk{leaf: l, codec: meta.num(4, 0), left: meta.num(5, 0), visit: visit}
	at, size := meta.num(9, 0), meta.num(7, 0)
	if d := meta.num(11, 0); d > 0 && d < at {
		at = d
	}
	if at < 4 || size < 0 || at > f.size-size {
		return corrupt("column %s lies outside the file", l)
	}
	end := at + size
	for c.left > 0 && at < end {
		head := make([]byte, min(end-at, 1<<12))
		var h fields
		var n int
		for {
			if _, err := f.r.ReadAt(head, at); err != nil {
				return err
			}
			t := &thrift{p: head}
			var err error
			if h, err = t.structure(0); err == nil {
				n = t.pos
				break
			}
			if int64(len(head)) == end-at || len(head) >= headerMost {
				return err
			}
			head = make([]byte, min(end-at, 16*int64(len(head)))) // statistics can be long
		}
		at += int64(n)
		packed := h.num(3, -1)
		if packed < 0 || packed > end-at {
			return corrupt("a page of %d bytes is announced, column %s has %d left", packed, l, end-at)
		}
		body := make([]byte, packed)
		if _, err := f.r.ReadAt(body, at); err != nil {
			return err
		}
		at += packed
		if err := c.page(h, body); err != nil {
			return err
		}
	}
	if c.left > 0 {
		return corrupt("column %s ends %d values early", l, c.left)
	}
	return nil
}

func (c *chunk) page(h fields, body []byte) error {
	size := h.num(2, 0)
	if size < 0 || size > pageMost {
		return unsupported("a page of %d bytes", size)
	}
	switch h.num(1, -1) {
	case indexPage:
		return nil
	case dictPage:
		raw, err := unpack(c.codec, body, int(size))
		if err != nil {
			return err
		}
		return c.dictionary(raw, h.sub(7).num(1, 0))
	case dataPage:
		raw, err := unpack(c.codec, body, int(size))
		if err != nil {
			return err
		}
		return c.dataV1(h.sub(5), raw)
	case dataPageV2:
		return c.dataV2(h.sub(8), body, int(size))
	}
	return corrupt("a page of kind %d", h.num(1, -1))
}

func (c *chunk) dictionary(raw []byte, n int64) error {
	if n < 0 || n > int64(len(raw)/4) {
		return corrupt("a dictionary of %d values has %d bytes", n, len(raw))
	}
	c.dict = make([][]byte, 0, n)
	p := c.plain(raw)
	for range n {
		v, err := p.next()
		if err != nil {
			return err
		}
		c.dict = append(c.dict, v)
	}
	return nil
}

func (c *chunk) dataV1(h fields, raw []byte) error {
	var level [2]*hybrid // repetition, definition
	for i, most := range []int{c.leaf.MaxRep, c.leaf.MaxDef} {
		if most == 0 {
			continue
		}
		if e := h.num(int16(4-i), levelRLE); e != levelRLE {
			return unsupported("levels in encoding %d", e)
		}
		if len(raw) < 4 || int64(binary.LittleEndian.Uint32(raw)) > int64(len(raw)-4) {
			return corrupt("levels go on after their page")
		}
		n := int(binary.LittleEndian.Uint32(raw))
		level[i] = &hybrid{p: raw[4 : 4+n], width: bits.Len(uint(most))}
		raw = raw[4+n:]
	}
	return c.values(h.num(1, -1), h.num(2, -1), level, raw)
}

// dataV2 is a page whose levels stand before the compressed part.
func (c *chunk) dataV2(h fields, body []byte, size int) error {
	var level [2]*hybrid
	for i, most := range []int{c.leaf.MaxRep, c.leaf.MaxDef} {
		n := h.num(int16(6-i), 0)
		if n < 0 || n > int64(len(body)) || n > int64(size) {
			return corrupt("levels go on after their page")
		}
		if most > 0 {
			level[i] = &hybrid{p: body[:n], width: bits.Len(uint(most))}
		}
		body, size = body[n:], size-int(n)
	}
	if packed, ok := h[7].(bool); (packed || !ok) && len(body) > 0 {
		var err error
		if body, err = unpack(c.codec, body, size); err != nil {
			return err
		}
	}
	return c.values(h.num(1, -1), h.num(4, -1), level, body)
}

// values walks through the n values of a page.
func (c *chunk) values(n, encoding int64, level [2]*hybrid, raw []byte) error {
	if n > pageValues {
		return unsupported("a page of %d values", n)
	}
	if n < 0 || n > c.left {
		return corrupt("a page of %d values, column %s has %d left", n, c.leaf, c.left)
	}
	c.left -= n
	from, err := c.decoder(encoding, raw)
	if err != nil {
		return err
	}
	for range n {
		var at [2]int
		for i, l := range level {
			if l != nil {
				v, err := l.next()
				if err != nil {
					return err
				}
				at[i] = int(v)
			}
		}
		if at[0] > c.leaf.MaxRep || at[1] > c.leaf.MaxDef {
			return corrupt("levels %v of column %s", at, c.leaf)
		}
		var v []byte
		if at[1] == c.leaf.MaxDef {
			if v, err = from.next(); err != nil {
				return err
			}
		}
		if err := c.visit(at[0], at[1], v); err != nil {
			return err
		}
	}
	return nil
}

// plain values are those of the leaf's type one after the other.
func (c *chunk) plain(raw []byte) decoder {
	if c.leaf.Integer > 0 {
		return &fixedValues{raw, c.leaf.Integer}
	}
	return &plainValues{raw}
}

// decoder reads values in one of the encodings that byte arrays and whole numbers have.
func (c *chunk) decoder(encoding int64, raw []byte) (decoder, error) {
	switch encoding {
	case plain:
		return c.plain(raw), nil
	case plainDict, rleDict:
		if len(raw) == 0 { // nothing but nulls
			return &dictValues{c.dict, &hybrid{}}, nil
		}
		if raw[0] > 32 {
			return nil, corrupt("indices of %d bits", raw[0])
		}
		return &dictValues{c.dict, &hybrid{p: raw[1:], width: int(raw[0])}}, nil
	case deltaPacked:
		return newDeltaNumbers(raw, c.leaf)
	case deltaLength, deltaByteArray:
		if c.leaf.Integer > 0 {
			return nil, corrupt("numbers in encoding %d", encoding)
		}
	}
	switch encoding {
	case deltaLength:
		return newDeltaLength(raw)
	case deltaByteArray:
		return newDeltaBytes(raw)
	}
	return nil, unsupported("values in encoding %d", encoding)
}
