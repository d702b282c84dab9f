package quantize

import "sync"

// Efforts above the default hold a type to llama-quantize: where its block loses less by the type's objective, as decoders read both, it is taken. The
// default goes without for the time that takes, which is llama-quantize's.

// A held is scratch for a row.
type held struct {
	code               []byte // llama-quantize's
	w, mine, reference []float32
}

var helds = sync.Pool{New: func() any { return new(held) }}

// heldTo makes an encoder of one that in no block loses more than another one.
func (t *Type) heldTo(reference, encode Encoder) Encoder {
	return func(dst []byte, src, importance []float32) {
		h := helds.Get().(*held)
		defer helds.Put(h)
		encode(dst, src, importance)
		h.code = room(h.code, len(dst))
		reference(h.code, src, importance)
		h.w, h.mine, h.reference = room(h.w, len(src)), room(h.mine, len(src)), room(h.reference, len(src))
		if t.Weigh != nil {
			t.Weigh(h.w, src, importance)
		} else {
			ones(h.w)
		}
		t.Decode(h.mine, dst)
		t.Decode(h.reference, h.code)
		for at, from := 0, 0; from < len(src); at, from = at+t.Bytes, from+t.Block {
			w, x := h.w[from:from+t.Block], src[from:from+t.Block]
			if t.lost(w, x, h.reference[from:]) < t.lost(w, x, h.mine[from:]) {
				copy(dst[at:at+t.Bytes], h.code[at:])
			}
		}
	}
}

// lost is what Encode minimises in a block x that is read as y; not a number where y has one.
func (t *Type) lost(w, x, y []float32) float64 {
	var sum, along, size float64
	for i, v := range x {
		w, v := float64(w[i]), float64(v)
		e := v - float64(y[i])
		sum += float64(w * float64(e*e))
		along += float64(w * float64(v*e))
		size += float64(w * float64(v*v))
	}
	if t.Along == 0 || size == 0 {
		return sum
	}
	return sum + float64(t.Along*along)*along/size
}
