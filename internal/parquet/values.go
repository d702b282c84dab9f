package parquet

import "encoding/binary"

// A decoder hands out one value after the other.
type decoder interface{ next() ([]byte, error) }

// plainValues are a length of four bytes and the bytes, each.
type plainValues struct{ p []byte }

func (v *plainValues) next() ([]byte, error) {
	if len(v.p) < 4 || int64(binary.LittleEndian.Uint32(v.p)) > int64(len(v.p)-4) {
		return nil, corrupt("a value goes on after its page")
	}
	n := int(binary.LittleEndian.Uint32(v.p))
	b := v.p[4 : 4+n : 4+n]
	v.p = v.p[4+n:]
	return b, nil
}

// fixedValues are of equal length.
type fixedValues struct {
	p    []byte
	size int
}

func (v *fixedValues) next() ([]byte, error) {
	if len(v.p) < v.size {
		return nil, corrupt("a value goes on after its page")
	}
	b := v.p[:v.size:v.size]
	v.p = v.p[v.size:]
	return b, nil
}

// dictValues are indices into the dictionary.
type dictValues struct {
	dict [][]byte
	at   *hybrid
}

func (v *dictValues) next() ([]byte, error) {
	i, err := v.at.next()
	if err != nil {
		return nil, err
	}
	if int64(i) >= int64(len(v.dict)) {
		return nil, corrupt("index %d into a dictionary of %d", i, len(v.dict))
	}
	return v.dict[i], nil
}

// A hybrid is numbers of some bits, in runs of one number and in groups of eight packed ones.
type hybrid struct {
	p     []byte
	width int
	run   uint64 // of how many more times value comes
	value uint32
	packs uint64 // how many more packed numbers come
	bit   uint64 // where the next of them begins in p
}

func (h *hybrid) next() (uint32, error) {
	for h.run == 0 && h.packs == 0 {
		if err := h.header(); err != nil {
			return 0, err
		}
	}
	if h.run > 0 {
		h.run--
		return h.value, nil
	}
	v, err := h.packed()
	if h.packs--; h.packs == 0 {
		h.p, h.bit = h.p[min((h.bit+7)/8, uint64(len(h.p))):], 0
	}
	return v, err
}

func (h *hybrid) header() error {
	head, n := binary.Uvarint(h.p)
	if n <= 0 {
		return corrupt("levels or indices end too early")
	}
	h.p = h.p[n:]
	if head&1 == 1 {
		h.packs, h.bit = head>>1*8, 0
		return nil
	}
	size := (h.width + 7) / 8
	if len(h.p) < size {
		return corrupt("levels or indices end too early")
	}
	h.run, h.value = head>>1, 0
	for i, b := range h.p[:size] {
		h.value |= uint32(b) << (8 * i)
	}
	h.p = h.p[size:]
	return nil
}

// packed reads the next of the packed numbers, lowest bit first. The last group may be cut where it holds no value.
func (h *hybrid) packed() (v uint32, err error) {
	for i := 0; i < h.width; i++ {
		at := h.bit / 8
		if at >= uint64(len(h.p)) {
			return 0, corrupt("levels or indices end too early")
		}
		v |= uint32(h.p[at]>>(h.bit%8)&1) << i
		h.bit++
	}
	return v, nil
}
