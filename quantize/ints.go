package quantize

import (
	"encoding/binary"
	"math"
)

// The types of tables, masks and indices. They are copied through, never quantized into.
var (
	I8   = register(number("I8", 24, 1, func(p []byte) float32 { return float32(int8(p[0])) }))
	I16  = register(number("I16", 25, 2, func(p []byte) float32 { return float32(int16(binary.LittleEndian.Uint16(p))) }))
	I32  = register(number("I32", 26, 4, func(p []byte) float32 { return float32(int32(binary.LittleEndian.Uint32(p))) }))
	I64  = register(number("I64", 27, 8, func(p []byte) float32 { return float32(int64(binary.LittleEndian.Uint64(p))) }))
	F64  = register(number("F64", 28, 8, func(p []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(p))) }))
	U8   = register(number("U8", NoID, 1, func(p []byte) float32 { return float32(p[0]) }))
	U16  = register(number("U16", NoID, 2, func(p []byte) float32 { return float32(binary.LittleEndian.Uint16(p)) }))
	U32  = register(number("U32", NoID, 4, func(p []byte) float32 { return float32(binary.LittleEndian.Uint32(p)) }))
	U64  = register(number("U64", NoID, 8, func(p []byte) float32 { return float32(binary.LittleEndian.Uint64(p)) }))
	BOOL = register(number("BOOL", NoID, 1, func(p []byte) float32 { return float32(min(p[0], 1)) }))

	// C64 is a pair of float32; it has no decoding into one.
	C64 = register(Type{Name: "C64", ID: NoID, Block: 1, Bytes: 8})
)

// number is a type whose values stand one after another in width bytes each.
func number(name string, id uint32, width int, value func(p []byte) float32) Type {
	return Type{Name: name, ID: id, Block: 1, Bytes: width, Decode: func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = value(src[i*width:])
		}
	}}
}
