package quantize

// Q8_0 is ggml's block_q8_0: d f16, 32 signed bytes; the value is q·d.
var Q8_0 = register(Type{
	Name: "Q8_0", ID: 8, Block: flat, Bytes: 34,
	Decode:  decodeQ8_0,
	Encode:  encodeQ8_0,
	Ggml:    ggmlQ8_0,
	Tile:    tileQ8_0,
	Group:   flat,
	Acts:    ActsQ8_0,
	MaxRMSE: 0.0055,
})

func decodeQ8_0(dst []float32, src []byte) {
	for ; len(dst) >= flat; dst, src = dst[flat:], src[34:] {
		d, out := halfAt(src), block(dst)
		for j, b := range src[2:34] {
			out[j] = float32(int8(b)) * d
		}
	}
}

func tileQ8_0(dst Tile, src []byte) {
	for b := 0; (b+1)*flat <= len(dst.Code); b++ {
		dst.Scale[b], dst.Min[b] = halfAt(src), 0
		for j, c := range src[2:34] {
			dst.Code[b*flat+j] = int8(c)
		}
		src = src[34:]
	}
}

// ggmlQ8_0 ignores importance, and divides by the scale before it is rounded to a half.
func ggmlQ8_0(dst []byte, src, _ []float32) {
	for ; len(src) >= flat; dst, src = dst[34:], src[flat:] {
		d := magnitude(block(src)) / 127
		putHalf(dst, half(d))
		id := inverse(d)
		for j, v := range src[:flat] {
			dst[2+j] = byte(roundAway(float32(v * id)))
		}
	}
}

func magnitude(x *[flat]float32) float32 {
	var amax float32
	for _, v := range x {
		amax = max(amax, v, -v)
	}
	return amax
}
