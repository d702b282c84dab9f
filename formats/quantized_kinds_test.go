package formats

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"quern/quantize"
)

// A naive checkpoint: tensors as bytes, written without this package's writers.
type naive struct {
	config  string
	names   []string
	dtypes  map[string]string
	shapes  map[string][]int
	bodies  map[string][]byte
	weights [][]float32 // what "m.weight" must decode to …
	module  string      // … or the weight of this module
}

func newNaive(config string) *naive {
	return &naive{config: config, dtypes: map[string]string{}, shapes: map[string][]int{}, bodies: map[string][]byte{}}
}

func (n *naive) add(name, dtype string, body []byte, shape ...int) {
	n.names = append(n.names, name)
	n.dtypes[name], n.shapes[name], n.bodies[name] = dtype, shape, body
}

func (n *naive) write(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	head, body := "{", []byte{}
	for i, name := range n.names {
		if i > 0 {
			head += ","
		}
		head += fmt.Sprintf("%q:{\"dtype\":%q,\"shape\":%s,\"data_offsets\":[%d,%d]}", name, n.dtypes[name], quoteJSON(append([]int{}, n.shapes[name]...)), len(body), len(body)+len(n.bodies[name]))
		body = append(body, n.bodies[name]...)
	}
	head += "}"
	file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...)
	for name, text := range map[string][]byte{"model.safetensors": append(file, body...), "config.json": []byte(n.config)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// check opens the checkpoint and compares "m.weight", in pieces.
func (n *naive) check(t *testing.T) {
	t.Helper()
	src := opened(t, n.write(t))
	if src.Quantized == nil || src.Quantized.Err != nil {
		t.Fatalf("%+v", src.Quantized)
	}
	if len(src.Tensors) != 1 {
		t.Fatalf("%d tensors remain", len(src.Tensors))
	}
	var flat []float32
	for _, row := range n.weights {
		flat = append(flat, row...)
	}
	name := cmp.Or(n.module, "m") + ".weight"
	sameWeights(t, src.Tensor(name), &Tensor{Name: name, Shape: []int{len(n.weights), len(n.weights[0])}, Rows: flatRows{flat, len(n.weights[0])}})
}

type flatRows struct {
	x    []float32
	cols int
}

func (f flatRows) ReadRows(dst []float32, row int) error { copy(dst, f.x[row*f.cols:]); return nil }

// put sets b bits from bit position pos.
func put(p []byte, pos, b int, v uint8) {
	for i := range b {
		p[(pos+i)/8] |= v >> i & 1 << ((pos + i) % 8)
	}
}

func f32s(x ...float32) (p []byte) {
	for _, v := range x {
		p = binary.LittleEndian.AppendUint32(p, math.Float32bits(v))
	}
	return p
}

func i64s(x ...int) (p []byte) {
	for _, v := range x {
		p = binary.LittleEndian.AppendUint64(p, uint64(v))
	}
	return p
}

// codesFor are random codes, scales and zero points.
func codesFor(r *rand.Rand, n, k, bits, groups int) (q, z [][]uint8, s [][]float32) {
	for range n {
		row, zero, scale := make([]uint8, k), make([]uint8, groups), make([]float32, groups)
		for i := range row {
			row[i] = uint8(r.IntN(1 << bits))
		}
		for g := range zero {
			zero[g], scale[g] = uint8(r.IntN(1<<bits)), float32(r.NormFloat64())
		}
		q, z, s = append(q, row), append(z, zero), append(s, scale)
	}
	return q, z, s
}

func TestNaiveGPTQ(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, bits := range []int{2, 3, 4, 8} {
		for _, version := range []string{"gptq", "gptq_v2"} {
			for _, group := range []int{-1, 32, 64} {
				const n, k = 64, 96
				g := group
				if g < 0 {
					g = k
				}
				groups := (k + g - 1) / g
				q, z, s := codesFor(r, n, k, bits, groups)
				order := make([]int, k)
				for i := range order {
					order[i] = i / g
				}
				r.Shuffle(k, func(i, j int) { order[i], order[j] = order[j], order[i] })
				less := uint8(0)
				if version == "gptq" {
					less = 1
				}
				c := newNaive(fmt.Sprintf(`{"quantization_config": {"quant_method": "gptq", "bits": %d, "group_size": %d, "checkpoint_format": %q}}`, bits, group, version))
				codes, zeros, scales, index := make([]byte, n*k*bits/8), make([]byte, groups*n*bits/8), make([]float32, groups*n), []byte{}
				for i := range n {
					row := make([]float32, k)
					for j := range k {
						at := j * bits // of the bit in the column
						for b := range bits {
							put(codes, ((at+b)/32*n+i)*32+(at+b)%32, 1, q[i][j]>>b&1)
						}
						row[j] = s[i][order[j]] * float32(int(q[i][j])-int(z[i][order[j]]))
					}
					for g := range groups {
						put(zeros, (g*n+i)*bits, bits, (z[i][g]-less)&(1<<bits-1))
						scales[g*n+i] = s[i][g]
					}
					c.weights = append(c.weights, row)
				}
				for _, g := range order {
					index = binary.LittleEndian.AppendUint32(index, uint32(g))
				}
				c.add("m.qweight", "I32", codes, k*bits/32, n)
				c.add("m.qzeros", "I32", zeros, groups, n*bits/32)
				c.add("m.scales", "F32", f32s(scales...), groups, n)
				c.add("m.g_idx", "I32", index, k)
				c.check(t)
			}
		}
	}
}

func TestNaiveCompressedTensors(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, bits := range []int{2, 3, 4, 5, 8} {
		for _, old := range []bool{false, true} {
			const n, k, groups = 50, 96, 3
			q, z, s := codesFor(r, n, k, bits, groups)
			c := newNaive(fmt.Sprintf(`{"quantization_config": {"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {"num_bits": %d, "group_size": 32}}}}}`, bits))
			place := func(i int) int { return i * bits } // the bit at which code i of a stream begins
			words := func(n int) int { return (n*bits + 31) / 32 }
			if old {
				per := 32 / bits
				place = func(i int) int { return i/per*32 + i%per*bits }
				words = func(n int) int { return (n + per - 1) / per }
			}
			codes, zeros, scales := make([]byte, 4*n*words(k)), make([]byte, 4*words(n)*groups), []float32{}
			for i := range n {
				row := make([]float32, k)
				for j := range k {
					put(codes, i*words(k)*32+place(j), bits, q[i][j])
					row[j] = s[i][j/32] * float32(int(q[i][j])-int(z[i][j/32]))
				}
				for g := range groups {
					at := place(i)
					for b := range bits {
						put(zeros, ((at+b)/32*groups+g)*32+(at+b)%32, 1, z[i][g]>>b&1)
					}
				}
				scales = append(scales, s[i]...)
				c.weights = append(c.weights, row)
			}
			c.add("m.weight_packed", "I32", codes, n, words(k))
			c.add("m.weight_scale", "F32", f32s(scales...), n, groups)
			c.add("m.weight_shape", "I64", i64s(n, k), 2)
			c.add("m.weight_zero_point", "I32", zeros, words(n), groups)
			c.check(t)
		}
	}
}

func TestNaiveBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const n, k = 7, 20
	codes, scales := make([]byte, n*k), make([]float32, n)
	ct := newNaive(`{"quantization_config": {"quant_method": "compressed-tensors", "format": "int-quantized", "config_groups": {}}}`)
	bnb := newNaive(`{"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": true}}`)
	for i := range n {
		scales[i] = r.Float32()
		row, row8 := make([]float32, k), make([]float32, k)
		for j := range k {
			codes[i*k+j] = byte(r.IntN(256))
			row[j] = float32(int8(codes[i*k+j])) * scales[i]
			row8[j] = float32(int8(codes[i*k+j])) * (scales[i] / 127)
		}
		ct.weights, bnb.weights = append(ct.weights, row), append(bnb.weights, row8)
	}
	ct.add("m.weight", "I8", codes, n, k)
	ct.add("m.weight_scale", "F32", f32s(scales...), n, 1)
	ct.check(t)
	bnb.add("m.weight", "I8", codes, n, k)
	bnb.add("m.SCB", "F32", f32s(scales...), n)
	bnb.check(t)
}

func TestNaiveMLX(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, bits := range []int{2, 3, 4, 5, 6, 8} {
		const n, k, groups = 33, 128, 4
		q, _, s := codesFor(r, n, k, bits, groups)
		_, _, o := codesFor(r, n, k, bits, groups)
		c := newNaive(fmt.Sprintf(`{"quantization": {"group_size": 64, "bits": 4, "m": {"group_size": 32, "bits": %d}}}`, bits))
		codes, scales, biases := make([]byte, n*k*bits/8), []float32{}, []float32{}
		for i := range n {
			row := make([]float32, k)
			for j := range k {
				put(codes, (i*k+j)*bits, bits, q[i][j])
				row[j] = float32(s[i][j/32]*float32(q[i][j])) + o[i][j/32]
			}
			scales, biases = append(scales, s[i]...), append(biases, o[i]...)
			c.weights = append(c.weights, row)
		}
		c.add("m.weight", "U32", codes, n, k*bits/32)
		c.add("m.scales", "F32", f32s(scales...), n, groups)
		c.add("m.biases", "F32", f32s(biases...), n, groups)
		c.check(t)
	}
}

func TestNaiveFP8(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	const n, k = 200, 300
	codes, values := make([]byte, n*k), make([]float32, n*k)
	for i := range codes {
		codes[i] = byte(r.IntN(127)) | byte(r.IntN(2))<<7
	}
	quantize.F8_E4M3.Decode(values, codes)
	for _, kind := range []struct {
		config, part string
		bn, bk       int
		shape        []int
	}{
		{`{"quant_method": "fp8", "weight_block_size": [128, 128]}`, "weight_scale_inv", 128, 128, []int{2, 3}},
		{`{"quant_method": "fp8"}`, "weight_scale", n, k, nil},
		{`{"quant_method": "fbgemm_fp8"}`, "weight_scale", 1, k, []int{n, 1}},
		{`{"quant_method": "compressed-tensors", "format": "float-quantized", "config_groups": {}}`, "weight_scale", 1, k, []int{n}},
		{`{"quant_method": "modelopt"}`, "weight_scale", n, k, []int{1}},
	} {
		down, across := (n+kind.bn-1)/kind.bn, (k+kind.bk-1)/kind.bk
		scales := make([]float32, down*across)
		for i := range scales {
			scales[i] = r.Float32()
		}
		c := newNaive(`{"quantization_config": ` + kind.config + `}`)
		for i := range n {
			row := make([]float32, k)
			for j := range k {
				row[j] = values[i*k+j] * scales[i/kind.bn*across+j/kind.bk]
			}
			c.weights = append(c.weights, row)
		}
		c.add("m.weight", "F8_E4M3", codes, n, k)
		c.add("m."+kind.part, "F32", f32s(scales...), kind.shape...)
		c.add("m.input_scale", "F32", f32s(1))
		c.check(t)
	}
}

func TestNaiveFP4(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	const n, k = 5, 64
	table := []float32{0, .5, 1, 1.5, 2, 3, 4, 6}
	for _, kind := range []string{"nvfp4", "mxfp4", "modelopt"} {
		group, method := 16, "compressed-tensors"
		if kind == "mxfp4" {
			group = 32
		}
		if kind == "modelopt" {
			method = kind
		}
		codes, scales, s := make([]byte, n*k/2), make([]byte, n*k/group), make([]float32, n*k/group)
		for i := range codes {
			codes[i] = byte(r.IntN(256))
		}
		for i := range scales {
			scales[i] = byte(100 + r.IntN(20))
		}
		const global = float32(0.25)
		if kind == "mxfp4" {
			quantize.F8_E8M0.Decode(s, scales)
		} else {
			quantize.F8_E4M3.Decode(s, scales)
			for i := range s {
				s[i] *= map[string]float32{"nvfp4": 1 / global, "modelopt": global}[kind]
			}
		}
		c := newNaive(`{"quantization_config": {"quant_method": "` + method + `", "config_groups": {}}}`)
		for i := range n {
			row := make([]float32, k)
			for j := range k {
				b := codes[(i*k+j)/2] >> (j % 2 * 4) & 15
				row[j] = table[b&7] * s[(i*k+j)/group]
				if b > 8 {
					row[j] = -row[j]
				}
			}
			c.weights = append(c.weights, row)
		}
		switch kind {
		case "nvfp4":
			c.add("m.weight_packed", "U8", codes, n, k/2)
			c.add("m.weight_scale", "F8_E4M3", scales, n, k/group)
			c.add("m.weight_global_scale", "F32", f32s(global), 1)
		case "mxfp4":
			c.add("m.weight_packed", "U8", codes, n, k/2)
			c.add("m.weight_scale", "U8", scales, n, k/group)
		default:
			c.add("m.weight", "U8", codes, n, k/2)
			c.add("m.weight_scale", "F8_E4M3", scales, n, k/group)
			c.add("m.weight_scale_2", "F32", f32s(global))
		}
		c.check(t)
	}
}

func TestNaiveBitsAndBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	const n, k, block = 12, 80, 64 // blocks that know no rows
	table := make([]float32, 16)
	for i := range table {
		table[i] = float32(r.NormFloat64())
	}
	for _, nested := range []bool{false, true} {
		blocks := n * k / block
		codes, most := make([]byte, n*k/2), make([]float32, blocks)
		second, second2, absmax := make([]float32, 256), []float32{2.5}, make([]byte, blocks)
		const offset = float32(0.125)
		for i := range second {
			second[i] = float32(i) / 256
		}
		for i := range most {
			most[i], absmax[i] = r.Float32(), byte(r.IntN(256))
			if nested {
				most[i] = float32(second[absmax[i]]*second2[0]) + offset
			}
		}
		c := newNaive(`{"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": true}}`)
		for i := range n {
			row := make([]float32, k)
			for j := range k {
				e, q := i*k+j, byte(r.IntN(16))
				codes[e/2] |= q << (4 - e%2*4)
				row[j] = table[q] * most[e/block]
			}
			c.weights = append(c.weights, row)
		}
		state := fmt.Sprintf(`{"quant_type": "nf4", "blocksize": %d, "dtype": "bfloat16", "shape": [%d, %d], "nested_blocksize": 256, "nested_offset": %g}`, block, n, k, offset)
		c.add("m.weight", "U8", codes, n*k/2, 1)
		c.add("m.weight.quant_map", "F32", f32s(table...), 16)
		c.add("m.weight.quant_state.bitsandbytes__nf4", "U8", []byte(state), len(state))
		if nested {
			c.add("m.weight.absmax", "U8", absmax, blocks)
			c.add("m.weight.nested_absmax", "F32", f32s(second2...), 1)
			c.add("m.weight.nested_quant_map", "F32", f32s(second...), 256)
		} else {
			c.add("m.weight.absmax", "F32", f32s(most...), blocks)
		}
		c.check(t)
	}
}

func TestNaiveHQQ(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	const n, k, group = 16, 40, 64
	for _, bits := range []int{1, 2, 3, 4, 8} {
		for _, axis := range []int{0, 1} {
			groups := n * k / group
			lines, width := groups, group
			if axis == 0 {
				lines, width = group, groups
			}
			per := map[int]int{8: 1, 4: 2, 3: 10, 2: 4, 1: 8}[bits]
			stored := (lines + per - 1) / per
			packed, scale, zero := make([]uint32, stored*width), make([]float32, groups), make([]float32, groups)
			for g := range scale {
				scale[g], zero[g] = r.Float32(), r.Float32()*float32(int(1)<<bits)
			}
			flat := make([]float32, n*k)
			for e := range flat {
				line, col, q := e/width, e%width, uint32(r.IntN(1<<bits))
				packed[line%stored*width+col] |= q << ((per - 1 - line/stored) * bits)
				g := line
				if axis == 0 {
					g = col
				}
				flat[e] = (float32(q) - zero[g]) * scale[g]
			}
			c := newNaive(`{"quantization_config": {"quant_method": "hqq"}}`)
			for row := range slices.Chunk(flat, k) {
				c.weights = append(c.weights, row)
			}
			dtype, body := "U8", []byte{}
			for _, v := range packed {
				if bits == 3 {
					dtype, body = "I32", binary.LittleEndian.AppendUint32(body, v)
				} else {
					body = append(body, byte(v))
				}
			}
			c.add("m.W_q", dtype, body, stored, width)
			c.add("m.scale", "F32", f32s(scale...), groups, 1)
			c.add("m.zero", "F32", f32s(zero...), groups, 1)
			c.add("m.shape", "I64", i64s(n, k), 2)
			c.add("m.nbits", "I64", i64s(bits))
			c.add("m.group_size", "I64", i64s(group))
			c.add("m.axis", "I64", i64s(axis))
			c.add("m.quant_scale", "BOOL", []byte{0})
			c.check(t)
		}
	}
}

func TestNaiveBitNet(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	const n, k = 24, 12
	for class, divide := range map[string]bool{"bitlinear": true, "autobitlinear": false} {
		codes, scale := make([]byte, n/4*k), float32(3.5)
		c := newNaive(`{"quantization_config": {"quant_method": "bitnet", "linear_class": "` + class + `"}}`)
		for i := range n {
			row := make([]float32, k)
			for j := range k {
				q := r.IntN(3)
				codes[i%(n/4)*k+j] |= byte(q << (i / (n / 4) * 2))
				row[j] = float32(q-1) * scale
				if divide {
					row[j] = float32(q-1) * (1 / scale)
				}
			}
			c.weights = append(c.weights, row)
		}
		c.add("m.weight", "U8", codes, n/4, k)
		c.add("m.weight_scale", "F32", f32s(scale), 1)
		c.check(t)
	}
}

// TestBitNetBeforeRounding: in the mode "online" weights are stored as they were trained.
func TestBitNetBeforeRounding(t *testing.T) {
	c := newNaive(`{"quantization_config": {"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "online"}}`)
	c.add("m.weight", "F32", f32s(0.5, -0.25, 3, 1), 2, 2)
	c.weights = [][]float32{{0.5, -0.25}, {3, 1}}
	c.check(t)
}
