package quantize

// MXFP4 is ggml's block_mxfp4: an E8M0 scale, 16 bytes of E2M1 nibbles (OCP Microscaling Formats 1.0).
var MXFP4 = register(Type{
	Name: "MXFP4", ID: 39, Block: flat, Bytes: 17,
	Decode:  decodeMXFP4,
	Encode:  encodeMXFP4,
	Weigh:   weighMXFP4,
	Ggml:    ggmlMXFP4,
	Tile:    tileMXFP4,
	Group:   flat,
	Acts:    ActsQ8_0,
	MaxRMSE: 0.1125,
})

func decodeMXFP4(dst []float32, src []byte) {
	for ; len(dst) >= flat; dst, src = dst[flat:], src[17:] {
		decodeFP4(dst[:flat], src[1:17], halfE8M0(src[0]))
	}
}

func tileMXFP4(dst Tile, src []byte) {
	for b := 0; (b+1)*flat <= len(dst.Code); b, src = b+1, src[17:] {
		dst.Scale[b], dst.Min[b] = halfE8M0(src[0]), 0
		levelCodes(dst.Code[b*flat:], src[1:17], &valuesFP4)
	}
}
