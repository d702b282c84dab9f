package quantize

import "quern/internal/kernel"

// NVFP4 is ggml's block_nvfp4: four UE4M3 scales, for 16 weights each 8 bytes of E2M1 nibbles. Files may carry a factor for the whole
// tensor in another one, named X.scale beside X.weight; what is here decodes without it.
var NVFP4 = register(Type{
	Name: "NVFP4", ID: 40, Block: 64, Bytes: 36,
	Decode:  decodeNVFP4,
	Encode:  encodeNVFP4,
	Weigh:   weighNVFP4,
	Ggml:    coderNVFP4.ggml,
	Tile:    tileNVFP4,
	Group:   16,
	Factor:  1. / 128,
	Acts:    ActsQ8_0,
	Lattice: named(&valuesFP4, 64, 36, 4, 8, 8, -1),
	MaxRMSE: 0.0813,
})

func decodeNVFP4(dst []float32, src []byte) {
	expandTiles(dst, src, 64, 36, 16, false, tileNVFP4)
}

func tileNVFP4(dst Tile, src []byte) {
	for b := 0; (b+1)*64 <= len(dst.Code); b, src = b+1, src[36:] {
		kernel.NameNibbles(dst.Code[64*b:][:64], src[4:], 8, 8, &valuesFP4)
		for g := range 4 {
			dst.Scale[4*b+g], dst.Min[4*b+g] = halfUE4M3(src[g]), 0
		}
	}
}
