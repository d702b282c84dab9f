package quantize

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"testing"
)

// Bytes in no order, with a scale that is a number, decode to the values that ik_llama.cpp's library gives: their checksum, and
// the first four.
func TestIKDecodesAsReference(t *testing.T) {
	for _, c := range []struct {
		q     *Type
		sum   uint32
		first [4]float32
	}{
		{Q6_0, 0xcdcf6c12, [4]float32{2.0, 8.5, 4.5, -3.0}},
		{IQ2_K, 0xffbd3120, [4]float32{32.0, 104.0, 32.0, -24.0}},
		{IQ3_K, 0x5e01986e, [4]float32{-17.5, 126.0, 21.0, 206.5}},
		{IQ4_K, 0x3d71cc4a, [4]float32{-452.0, -212.0, 260.0, -4.0}},
		{IQ5_K, 0x4a052347, [4]float32{-418.0, 1364.0, -1353.0, -869.0}},
		{IQ6_K, 0x92ac666b, [4]float32{-1222.60693359375, 703.5777587890625, 3547.346923828125, 4483.22265625}},
		{IQ4_KS, 0x59526c16, [4]float32{-3.700000047683716, 307.1000061035156, 307.1000061035156, 384.8000183105469}},
		{IQ2_KS, 0x0d295552, [4]float32{48.75, 48.75, -3.75, 48.75}},
		{IQ4_KSS, 0x4f14262f, [4]float32{-2.700000047683716, -186.3000030517578, 94.5, 27.0}},
		{IQ5_KS, 0x72359313, [4]float32{249.1000213623047, 578.1000366210938, 178.60000610351562, -103.40000915527344}},
		{IQ3_KS, 0x731992a6, [4]float32{-85.5, 229.5, -27.0, 76.5}},
		{IQ2_KL, 0x508ca5e4, [4]float32{-567.0, -207.0, 252.0, -567.0}},
	} {
		n := 2 * c.q.Block
		size, _ := c.q.Size(n)
		code := make([]byte, size)
		seed := c.q.ID
		for i := range code {
			seed = seed*1664525 + 1013904223
			code[i] = uint8(seed >> 24)
		}
		switch c.q.Row {
		case 0:
			putHalf(code, half(0.5))
			putHalf(code[c.q.Bytes:], half(1))
		case 2:
			putHalf(code, half(-0.75))
		default:
			binary.LittleEndian.PutUint32(code, math.Float32bits(0.1))
		}
		x := decoded(c.q, code, n)
		bits := make([]byte, 4*n)
		for i, v := range x {
			binary.LittleEndian.PutUint32(bits[4*i:], math.Float32bits(v))
		}
		if got := crc32.ChecksumIEEE(bits); got != c.sum {
			t.Errorf("%s: checksum %#x, want %#x; %v, want %v", c.q.Name, got, c.sum, x[:4], c.first)
		}
	}
}

// Of a type with something before each row, rows are as long as that and their blocks.
func TestRowsWithHead(t *testing.T) {
	if n, ok := IQ4_KS.Size(512); !ok || n != 4+2*136 {
		t.Errorf("a row of 512 has %d bytes", n)
	}
}
