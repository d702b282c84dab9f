package bench

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"quern/formats"
	"quern/internal/model"
	"quern/quantize"
)

// The shapes of one layer of a Llama of about a billion weights.
const (
	embd, ff, heads, kvHeads, headDim, vocab = 2048, 8192, 16, 4, 128, 256
)

// layers measures the whole forward pass of one layer, by the type of its weights: decoding, products, attention.
func layers(ctx context.Context, r *Report, opt Options) error {
	for _, name := range []string{"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q6_K", "Q5_K", "Q4_K", "Q3_K", "Q2_K", "IQ4_XS", "IQ3_S", "IQ2_XS"} {
		t := quantize.ByName(name)
		if t == nil || t.Encode == nil {
			continue
		}
		src, weights := oneLayer(t)
		m, err := model.Open(src)
		if err != nil {
			return err
		}
		seconds, err := perPrompt(ctx, m, opt, true)
		if err != nil {
			return err
		}
		gops := 2 * float64(weights*opt.Prompt) / seconds / 1e9
		limit := r.Int8
		if t.Tile == nil {
			limit = r.Float32
		}
		r.Layers = append(r.Layers, Layer{name, gops, gops / limit})
	}
	return nil
}

// prompt measures the model that was given.
func prompt(ctx context.Context, r *Report, opt Options) error {
	r.Mode = model.Deploy.String()
	seconds, err := perPrompt(ctx, opt.Model, opt, false)
	if err != nil {
		return err
	}
	r.Seconds, r.Tokens = seconds, float64(opt.Prompt)/seconds
	return nil
}

// perPrompt is how long a prompt takes, with the logits of its last token as a runtime computes them: the best of three at
// least. With all, every token goes through the last layer too, as in a layer amid others.
func perPrompt(ctx context.Context, m *model.Model, opt Options, all bool) (float64, error) {
	tokens := make([]int32, opt.Prompt)
	for i := range tokens {
		tokens[i] = int32(i * 7919 % m.Params().Vocab)
	}
	run := model.Options{Mode: model.Deploy, Threads: opt.Threads, MaxRAM: opt.MaxRAM}
	logits := make([]float32, m.Params().Vocab)
	best := 0.0
	for n, began := 0, time.Now(); n < 4 && (n < 2 || opt.Each > 10*time.Millisecond) || !all && time.Since(began) < 2*time.Second; n++ {
		at := time.Now()
		s, err := m.States(ctx, [][]int32{tokens}, func(_, pos int) bool { return all || pos == len(tokens)-1 }, run)
		if err != nil {
			return 0, err
		}
		if err := m.Logits(logits, s, 0, 1, run); err != nil {
			return 0, err
		}
		if took := time.Since(at).Seconds(); n > 0 && (best == 0 || took < best) { // the first warms up
			best = took
		}
	}
	return best, nil
}

// oneLayer is a model of one layer in memory, its matrices of one type, and their number of weights.
func oneLayer(t *quantize.Type) (src *formats.Source, weights int) {
	src = &formats.Source{Path: "one layer of " + t.Name, Format: formats.GGUF, Close: func() error { return nil }}
	for _, kv := range []struct {
		key string
		val any
	}{
		{"general.architecture", "llama"}, {"llama.context_length", uint32(4096)}, {"llama.embedding_length", uint32(embd)},
		{"llama.block_count", uint32(1)}, {"llama.feed_forward_length", uint32(ff)}, {"llama.attention.head_count", uint32(heads)},
		{"llama.attention.head_count_kv", uint32(kvHeads)}, {"llama.rope.dimension_count", uint32(headDim)},
		{"llama.attention.layer_norm_rms_epsilon", float32(1e-5)}, {"llama.rope.freq_base", float32(10000)},
		{"llama.vocab_size", uint32(vocab)},
	} {
		src.Meta.Set(kv.key, kv.val)
	}
	block := encoded(t, 1)
	for _, m := range []struct {
		name string
		n, k int
	}{
		{"attn_q", heads * headDim, embd}, {"attn_k", kvHeads * headDim, embd}, {"attn_v", kvHeads * headDim, embd},
		{"attn_output", embd, heads * headDim}, {"ffn_gate", ff, embd}, {"ffn_up", ff, embd}, {"ffn_down", embd, ff},
	} {
		src.Tensors = append(src.Tensors, stored("blk.0."+m.name+".weight", t, block, m.n, m.k))
		weights += m.n * m.k
	}
	one := bytes.Repeat([]byte{0, 0, 0x80, 0x3f}, embd)
	for _, name := range []string{"blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight"} {
		src.Tensors = append(src.Tensors, stored(name, quantize.F32, one, embd))
	}
	src.Tensors = append(src.Tensors, stored("token_embd.weight", quantize.F32, encoded(quantize.F32, 1), vocab, embd))
	return src, weights
}

// stored is a tensor in memory: the same bytes again and again.
func stored(name string, t *quantize.Type, bytesOf []byte, shape ...int) *formats.Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	size := n / t.Block * t.Bytes
	all := bytes.Repeat(bytesOf, (size+len(bytesOf)-1)/len(bytesOf))[:size]
	x := &formats.Tensor{Name: name, Shape: shape, Type: t, Raw: bytes.NewReader(all)}
	x.Rows = &memory{x, all}
	return x
}

// A memory decodes rows of a tensor that is held whole.
type memory struct {
	t   *formats.Tensor
	all []byte
}

func (m *memory) ReadRows(dst []float32, row int) error {
	cols := m.t.Cols()
	size, ok := m.t.Type.Size(cols)
	if !ok || row < 0 || (row+len(dst)/cols)*size > len(m.all) {
		return fmt.Errorf("rows of %s from %d", m.t.Name, row)
	}
	m.t.Type.Decode(dst, m.all[row*size:(row+len(dst)/cols)*size])
	return nil
}
