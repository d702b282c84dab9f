package formats

import (
	"bytes"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"quern/quantize"
)

// ossSource is a checkpoint with the experts of one layer, of 2 experts, 6 rows and 3 blocks.
func ossSource(codes, scales []byte, change func(list []*Tensor)) *Source {
	raw := func(name string, data []byte, shape ...int) *Tensor {
		return &Tensor{Name: "model.layers.0.mlp.experts." + name, Shape: shape, Type: quantize.ByName("U8"), Raw: bytes.NewReader(data)}
	}
	src := &Source{Path: "oss", Tensors: []*Tensor{
		raw("down_proj_bias", make([]byte, 12), 2, 6),
		raw("down_proj_blocks", codes, 2, 6, 3, 16),
		raw("down_proj_scales", scales, 2, 6, 3),
	}}
	src.File = func(name string) ([]byte, error) {
		if name == "config.json" {
			return []byte(`{"quantization_config": {"quant_method": "mxfp4"}}`), nil
		}
		return nil, fs.ErrNotExist
	}
	if change != nil {
		change(src.Tensors)
	}
	return src
}

// The numbers are those that the checkpoint's own library computes: a power of two times E2M1, neighbours in a byte.
func TestExpertsOfGptOss(t *testing.T) {
	const rows, blocks = 12, 3
	rng := rand.New(rand.NewPCG(1, 2))
	codes, scales := make([]byte, rows*blocks*16), make([]byte, rows*blocks)
	for i := range codes {
		codes[i] = byte(rng.Uint32())
	}
	for i := range scales {
		scales[i] = byte(110 + rng.IntN(30))
	}
	src := ossSource(codes, scales, nil)
	if err := assemble(src); err != nil || src.Quantized.Err != nil {
		t.Fatal(err, src.Quantized.Err)
	}
	if len(src.Tensors) != 2 || src.Quantized.Modules != 1 {
		t.Fatalf("%d tensors, %d modules", len(src.Tensors), src.Quantized.Modules)
	}
	w := src.Tensors[1]
	if w.Name != "model.layers.0.mlp.experts.down_proj.weight" || !slices.Equal(w.Shape, []int{2, 6, 96}) || w.Type != quantize.MXFP4 {
		t.Fatalf("%s %v %s", w.Name, w.Shape, w.Type)
	}
	var want []float32
	for i, c := range codes {
		d := float32(math.Ldexp(1, int(scales[i/16])-127))
		want = append(want, fp4Values[c&15]*d, fp4Values[c>>4]*d)
	}
	got := make([]float32, len(want))
	if err := w.Rows.ReadRows(got, 0); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, or other numbers", err)
	}
	raw, err := io.ReadAll(io.NewSectionReader(w.Raw, 0, w.Bytes()))
	if err != nil || len(raw) != rows*blocks*17 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	for off := 0; off < len(raw); off += 11 {
		part := make([]byte, 40)
		n, err := w.Raw.ReadAt(part, int64(off))
		if !bytes.Equal(part[:n], raw[off:min(off+40, len(raw))]) || (err == io.EOF) != (n < 40) {
			t.Fatalf("%d bytes at %d: %v", n, off, err)
		}
	}
	if err := w.Rows.ReadRows(got, 1); err == nil {
		t.Error("rows beyond the end were read")
	}
}

// DeepSeek-V4 has matrices of eight-bit and of four-bit floats beside each other, and plain ones whose names end alike.
func TestMatricesOfDeepSeekV4(t *testing.T) {
	codes, scales := make([]byte, 3*32), []byte{120, 121, 122, 123, 124, 125}
	for i := range codes {
		codes[i] = byte(37 * i)
	}
	raw := func(name, typ string, data []byte, shape ...int) *Tensor {
		x := &Tensor{Name: name, Shape: shape, Type: quantize.ByName(typ)}
		readable(x, bytes.NewReader(data), "", 0)
		return x
	}
	make4 := func() *Source {
		src := &Source{Path: "v4", Tensors: []*Tensor{
			raw("layers.0.ffn.experts.0.w1.weight", "I8", codes, 3, 32), raw("layers.0.ffn.experts.0.w1.scale", "F8_E8M0", scales, 3, 2),
			raw("layers.0.attn.wkv.weight", "F8_E4M3", []byte{0x38, 0x40, 0xb8, 0x30}, 2, 2), raw("layers.0.attn.wkv.scale", "F8_E8M0", []byte{128}, 1, 1),
			raw("other.scale", "F32", make([]byte, 4), 1), raw("other.weight", "F32", make([]byte, 8), 1, 2), raw("layers.0.hc_attn_scale", "F32", make([]byte, 12), 3),
		}}
		src.File = func(name string) ([]byte, error) {
			if name == "config.json" {
				return []byte(`{"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}`), nil
			}
			return nil, fs.ErrNotExist
		}
		return src
	}
	src := make4()
	if err := assemble(src); err != nil || src.Quantized.Err != nil {
		t.Fatal(err, src.Quantized.Err)
	}
	if len(src.Tensors) != 5 || src.Quantized.Modules != 2 {
		t.Fatalf("%d tensors, %d modules", len(src.Tensors), src.Quantized.Modules)
	}
	w := src.Tensor("layers.0.ffn.experts.0.w1.weight")
	if w == nil || w.Type != quantize.MXFP4 || !slices.Equal(w.Shape, []int{3, 64}) || w.Bytes() != 6*17 {
		t.Fatalf("%+v", w)
	}
	got := make([]float32, 3*64)
	if err := w.Rows.ReadRows(got, 0); err != nil {
		t.Fatal(err)
	}
	for i, c := range codes {
		d := float32(math.Ldexp(1, int(scales[i/16])-127))
		if got[2*i] != fp4Values[c&15]*d || got[2*i+1] != fp4Values[c>>4]*d {
			t.Fatalf("byte %d: %v %v", i, got[2*i], got[2*i+1])
		}
	}
	got = got[:4]
	if err := src.Tensor("layers.0.attn.wkv.weight").Rows.ReadRows(got, 0); err != nil || !slices.Equal(got, []float32{2, 4, -2, 1}) {
		t.Errorf("%v, %v", got, err)
	}
	src = make4()
	src.Tensors[1].Shape = []int{2, 3}
	if err := assemble(src); err == nil || !strings.Contains(err.Error(), "want one scale for 32") {
		t.Errorf("other scales: %v", err)
	}
}

func TestExpertsOfGptOssRefused(t *testing.T) {
	codes, scales := make([]byte, 12*3*16), make([]byte, 12*3)
	for name, change := range map[string]func(list []*Tensor){
		"no scales":    func(list []*Tensor) { list[2].Name = "x" },
		"other scales": func(list []*Tensor) { list[2].Shape = []int{2, 3, 6} },
		"flat codes":   func(list []*Tensor) { list[1].Shape = []int{2, 6, 48} },
		"other type":   func(list []*Tensor) { list[1].Type = quantize.ByName("F16") },
	} {
		if err := assemble(ossSource(codes, scales, change)); err == nil || !strings.Contains(err.Error(), "down_proj_blocks") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
