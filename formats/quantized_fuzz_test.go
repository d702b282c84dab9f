package formats

import (
	"encoding/binary"
	"fmt"
	"testing"

	"quern/quantize"
)

// fuzzed are configurations and the tensors that their methods look for.
var fuzzed = []struct {
	config string
	parts  []string
	dtypes []string
}{
	{`{"quant_method":"gptq","bits":4,"group_size":32}`, []string{"qweight", "qzeros", "scales", "g_idx"}, []string{"I32", "I32", "F16", "I32"}},
	{`{"quant_method":"awq","bits":4,"group_size":32,"version":"gemm"}`, []string{"qweight", "qzeros", "scales"}, []string{"I32", "I32", "F16"}},
	{`{"quant_method":"compressed-tensors","config_groups":{"g":{"weights":{"num_bits":4}}}}`, []string{"weight_packed", "weight_scale", "weight_shape", "weight_zero_point"}, []string{"I32", "F16", "I64", "I32"}},
	{`{"quant_method":"compressed-tensors"}`, []string{"weight", "weight_scale", "weight_zero_point"}, []string{"I8", "F16", "I8"}},
	{`{"quant_method":"compressed-tensors"}`, []string{"weight_packed", "weight_scale", "weight_global_scale"}, []string{"U8", "F8_E4M3", "F32"}},
	{`{"quant_method":"fp8","weight_block_size":[128,128]}`, []string{"weight", "weight_scale_inv"}, []string{"F8_E4M3", "F32"}},
	{`{"group_size":32,"bits":4}`, []string{"weight", "scales", "biases"}, []string{"U32", "F16", "F16"}},
	{`{"quant_method":"bitsandbytes"}`, []string{"weight", "weight.absmax", "weight.quant_map", "weight.quant_state.bitsandbytes__nf4"}, []string{"U8", "F32", "F32", "U8"}},
	{`{"quant_method":"bitsandbytes"}`, []string{"weight", "SCB"}, []string{"I8", "F32"}},
	{`{"quant_method":"hqq"}`, []string{"W_q", "scale", "zero", "shape", "nbits", "group_size", "axis"}, []string{"U8", "F16", "F16", "I64", "I64", "I64", "I64"}},
	{`{"quant_method":"bitnet"}`, []string{"weight", "weight_scale"}, []string{"U8", "F32"}},
	{`{"quant_method":"auto-round","packing_format":"auto_round:auto_awq"}`, []string{"qweight", "qzeros", "scales"}, []string{"I32", "I32", "F16"}},
	{`{"quant_method":"modelopt"}`, []string{"weight", "weight_scale", "weight_scale_2"}, []string{"U8", "F8_E4M3", "F32"}},
}

// FuzzQuantized gives every reader tensors of any sizes and bytes: it may refuse them, and must neither fail otherwise nor decode a weight
// that no byte backs.
func FuzzQuantized(f *testing.F) {
	for kind := range fuzzed {
		f.Add(uint8(kind), []byte{4, 64, 4, 8, 2, 64, 64, 1}, []byte(`{"quant_type":"nf4","shape":[4,32],"blocksize":64}`))
		f.Add(uint8(kind), []byte{64, 32, 1, 4, 1, 32, 32, 0, 2, 0, 1, 0}, []byte{0x20, 0, 0, 0, 0, 0, 0, 0, 0x40})
		f.Add(uint8(kind), []byte{8, 4, 8, 1, 2, 0, 1, 0, 4, 0, 64, 0, 1}, []byte{16, 0, 0, 0, 0, 0, 0, 0, 40})
	}
	f.Fuzz(func(t *testing.T, kind uint8, sizes, content []byte) {
		k := fuzzed[int(kind)%len(fuzzed)]
		c := newNaive(`{"quantization_config":` + k.config + `}`)
		total := 0
		for i, part := range k.parts {
			var shape []int
			for _, s := range sizes[min(2*i, len(sizes)):min(2*i+2, len(sizes))] {
				if s > 0 {
					shape = append(shape, int(s))
				}
			}
			n, _ := sizeOf(dtypes[k.dtypes[i]], shape)
			body := make([]byte, n)
			for j := range body {
				if len(content) > 0 {
					body[j] = content[(j+i)%len(content)]
				}
			}
			total += len(body)
			c.add("m."+part, k.dtypes[i], body, shape...)
		}
		src, err := Open(c.write(t))
		if err != nil {
			return
		}
		defer src.Close()
		for _, w := range src.Tensors {
			if w.Rows == nil || w.Name != "m.weight" {
				continue
			}
			if w.Elems() > 64*total+64 {
				t.Fatalf("%d weights of %d bytes", w.Elems(), total)
			}
			readAll(t, w)
		}
	})
}

// readAll decodes a tensor in every way; errors are fine.
func readAll(t *testing.T, w *Tensor) {
	n := w.NumRows()
	_ = w.Rows.ReadRows(make([]float32, w.Elems()), 0)
	_ = w.Rows.ReadRows(make([]float32, w.Cols()), n-1)
	if w.Rows.ReadRows(make([]float32, w.Cols()), n) == nil {
		t.Fatalf("row %d of %d can be read", n, n)
	}
	c := CodesOf(w)
	if c == nil {
		return
	}
	var q quantize.Codes
	_, _ = c.Uniform()
	_, _ = c.Ordered()
	if c.ReadCodes(&q, 0, n) == nil {
		if err := q.Check(); err != nil {
			t.Fatal(err)
		}
	}
}

// A header can announce what no file backs: a matrix of bitsandbytes or HQQ says its size in a tensor of its own.
func TestQuantizedHostileSizes(t *testing.T) {
	for name, c := range map[string]*naive{"bnb": newNaive(`{"quantization_config":{"quant_method":"bitsandbytes"}}`), "hqq": newNaive(`{"quantization_config":{"quant_method":"hqq"}}`),
		"ct": newNaive(`{"quantization_config":{"quant_method":"compressed-tensors","config_groups":{"g":{"weights":{"num_bits":4}}}}}`)} {
		huge := 1 << 30
		switch name {
		case "bnb":
			state := fmt.Sprintf(`{"quant_type":"nf4","shape":[%d,%d],"blocksize":64}`, huge, huge)
			c.add("m.weight", "U8", make([]byte, 64), 64, 1)
			c.add("m.weight.absmax", "F32", make([]byte, 4), 1)
			c.add("m.weight.quant_map", "F32", make([]byte, 64), 16)
			c.add("m.weight.quant_state.bitsandbytes__nf4", "U8", []byte(state), len(state))
		case "hqq":
			c.add("m.W_q", "U8", make([]byte, 64), 1, 64)
			c.add("m.scale", "F32", make([]byte, 4), 1)
			c.add("m.zero", "F32", make([]byte, 4), 1)
			c.add("m.shape", "I64", i64s(huge, huge), 2)
			c.add("m.nbits", "I64", i64s(8))
			c.add("m.group_size", "I64", i64s(huge))
			c.add("m.axis", "I64", i64s(1))
		case "ct":
			c.add("m.weight_packed", "I32", make([]byte, 64), 1, 16)
			c.add("m.weight_scale", "F32", make([]byte, 4), 1, 1)
			c.add("m.weight_shape", "I64", binary.LittleEndian.AppendUint64(i64s(1), 1<<40), 2)
		}
		src, err := Open(c.write(t))
		if err == nil {
			src.Close()
			t.Errorf("%s: a matrix of any size opens", name)
		}
	}
}
