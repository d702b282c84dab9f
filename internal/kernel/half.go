package kernel

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/x448/float16"
)

// F16 rounds to half precision, to nearest even; what is too large becomes infinite.
func F16(x float32) uint16 { return float16.Fromfloat32(x).Bits() }

// F16Value is the value of a half, exactly. Shifting exponent and fraction into place leaves a float32 that is too small by
// 2^112, subnormals included, so one product does what would be three cases.
func F16Value(h uint16) float32 {
	f := math.Float32frombits(uint32(h&0x7fff)<<13) * 0x1p112
	b := math.Float32bits(f) | uint32(h&0x8000)<<16
	if h&0x7c00 == 0x7c00 {
		b |= 0x7f800000
		if h&0x3ff != 0 {
			b |= 0x400000 // the hardware returns quiet NaNs
		}
	}
	return math.Float32frombits(b)
}

// BF16 rounds to the upper half of a float32, to nearest even; a NaN becomes a quiet one.
func BF16(x float32) uint16 {
	b := math.Float32bits(x)
	if x != x {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

var (
	f16ToF32  = portable(f16ToF32Portable)
	f32ToF16  = portable(f32ToF16Portable)
	bf16ToF32 = portable(bf16ToF32Portable)
	f32ToBF16 = portable(f32ToBF16Portable)
)

// BytesToF32 decodes little-endian numbers, bit by bit; len(src) is 4*len(dst).
func BytesToF32(dst []float32, src []byte) {
	src = src[:4*len(dst)]
	if littleEndian {
		copy(rawBytes(dst), src)
		return
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

// F32ToBytes encodes them; len(dst) is 4*len(src).
func F32ToBytes(dst []byte, src []float32) {
	dst = dst[:4*len(src)]
	if littleEndian {
		copy(dst, rawBytes(src))
		return
	}
	for i, x := range src {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
	}
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// rawBytes sees numbers as this machine holds them.
func rawBytes(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}

// F16ToF32 decodes little-endian halves; len(src) is 2*len(dst).
func F16ToF32(dst []float32, src []byte) { f16ToF32.best(dst, src[:2*len(dst)]) }

// F32ToF16 encodes halves; len(dst) is 2*len(src).
func F32ToF16(dst []byte, src []float32) { f32ToF16.best(dst[:2*len(src)], src) }

// BF16ToF32 decodes little-endian bfloat16.
func BF16ToF32(dst []float32, src []byte) { bf16ToF32.best(dst, src[:2*len(dst)]) }

// F32ToBF16 encodes bfloat16.
func F32ToBF16(dst []byte, src []float32) { f32ToBF16.best(dst[:2*len(src)], src) }

func f16ToF32Portable(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = F16Value(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func f32ToF16Portable(dst []byte, src []float32) {
	for i, x := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], F16(x))
	}
}

func bf16ToF32Portable(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
	}
}

func f32ToBF16Portable(dst []byte, src []float32) {
	for i, x := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], BF16(x))
	}
}

// widen makes a decoder from one for multiples of 8; the portable body does the rest.
func widen(eights func(*float32, *byte, uintptr), rest func([]float32, []byte)) func([]float32, []byte) {
	return func(dst []float32, src []byte) {
		n := len(dst) &^ 7
		if n > 0 {
			eights(&dst[0], &src[0], uintptr(n))
		}
		rest(dst[n:], src[2*n:])
	}
}

// narrow makes an encoder likewise, of one for multiples of a power of two.
func narrow(by int, some func(*byte, *float32, uintptr), rest func([]byte, []float32)) func([]byte, []float32) {
	return func(dst []byte, src []float32) {
		n := len(src) &^ (by - 1)
		if n > 0 {
			some(&dst[0], &src[0], uintptr(n))
		}
		rest(dst[2*n:], src[n:])
	}
}
