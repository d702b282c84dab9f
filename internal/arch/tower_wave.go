package arch

import (
	"fmt"
	"strings"

	"quern/formats"
)

// waveRules are those of what makes a wave of codes: codebooks, layers with a window, and convolutions that lengthen what they are given, with Snake between (arXiv:2006.08195).
func waveRules() (rules []Rule) {
	add := func(list ...Rule) {
		for _, r := range list {
			r.Role = RoleTower
			rules = append(rules, r)
		}
	}
	pair := func(gguf, hf, shape, store string) {
		list := affine("a.gen.wav."+gguf, waveIn+hf, shape)
		list[0].Store = store
		add(list...)
	}
	one := func(gguf, hf, shape string) {
		add(Rule{GGUF: "a.gen.wav." + gguf, HF: waveIn + hf, Shape: shape})
	}
	for _, q := range []struct {
		name  string
		books int
	}{{"first", 1}, {"rest", 15}} {
		gguf, hf := "a.gen.wav.quant."+q.name+".", waveIn+"quantizer.rvq_"+q.name+"."
		add(Rule{GGUF: gguf + "in_proj.weight", HF: hf + "input_proj.weight", Shape: "half-wave-book wave-book", From: "half-wave-book wave-book 1", Do: onePoint},
			Rule{GGUF: gguf + "out_proj.weight", HF: hf + "output_proj.weight", Shape: "wave-book half-wave-book", From: "wave-book half-wave-book 1", Do: onePoint},
			codebooks(gguf+"codebook.weight", hf, q.books))
	}
	pair("pre_conv", "pre_conv.conv", "latent wave-book 3", "F16")
	pair("tfm.in_proj", "pre_transformer.input_proj", "wave latent", "")
	pair("tfm.out_proj", "pre_transformer.output_proj", "latent wave", "")
	one("tfm.output_norm.weight", "pre_transformer.norm.weight", "wave")
	for l := range 8 {
		for _, t := range [][3]string{{"ln1", "input_layernorm.weight", "wave"}, {"attn_q", "self_attn.q_proj.weight", "wave-q wave"}, {"attn_k", "self_attn.k_proj.weight", "wave-q wave"},
			{"attn_v", "self_attn.v_proj.weight", "wave-q wave"}, {"attn_out", "self_attn.o_proj.weight", "wave wave-q"}, {"ls1", "self_attn_layer_scale.scale", "wave"},
			{"ln2", "post_attention_layernorm.weight", "wave"}, {"ffn_gate", "mlp.gate_proj.weight", "wave-ff wave"}, {"ffn_up", "mlp.up_proj.weight", "wave-ff wave"},
			{"ffn_down", "mlp.down_proj.weight", "wave wave-ff"}, {"ls2", "mlp_layer_scale.scale", "wave"}} {
			one(fmt.Sprintf("tfm.blk.%d.%s.weight", l, t[0]), fmt.Sprintf("pre_transformer.layers.%d.%s", l, t[1]), t[2])
		}
	}
	for i := range 2 {
		gguf, hf := fmt.Sprintf("up.blk.%d.", i), fmt.Sprintf("upsample.%d.", i)
		pair(gguf+"conv", hf+"0.conv", "latent latent 2", "F32")
		pair(gguf+"dwconv", hf+"1.dwconv.conv", "latent 1 7", "F16")
		pair(gguf+"norm", hf+"1.norm", "latent", "")
		pair(gguf+"pw1", hf+"1.pwconv1", "4latent latent", "")
		pair(gguf+"pw2", hf+"1.pwconv2", "latent 4latent", "")
		one(gguf+"gamma", hf+"1.gamma", "latent")
	}
	pair("dac.entry", "decoder.0.conv", "channels/1 latent 7", "F16")
	for i, kernel := range []string{"16", "10", "8", "6"} {
		gguf, hf := fmt.Sprintf("dac.blk.%d.", i), fmt.Sprintf("decoder.%d.block.", i+1)
		before, after := fmt.Sprint("channels/", 1<<i), fmt.Sprint("channels/", 2<<i)
		add(snake(gguf+"snake", hf+"0", before)...)
		pair(gguf+"conv", hf+"1.conv", before+" "+after+" "+kernel, "F32")
		rules[len(rules)-1].Shape = after // what lengthens is stored with inputs first
		for r := range 3 {
			in, out := fmt.Sprintf("%s%d.", hf, r+2), fmt.Sprintf("%sres.%d.", gguf, r)
			add(snake(out+"act1", in+"act1", after)...)
			pair(out+"conv1", in+"conv1.conv", after+" "+after+" 7", "F16")
			add(snake(out+"act2", in+"act2", after)...)
			pair(out+"conv2", in+"conv2.conv", after+" "+after+" 1", "F16")
		}
	}
	add(snake("dac.post_snake", "decoder.5", "channels/16")...)
	pair("dac.post_conv", "decoder.6.conv", "1 channels/16 7", "F16")
	return rules
}

// snake is the two numbers of each channel that Snake multiplies with, of which checkpoints have logarithms: x + sin²(αx)/β.
func snake(gguf, hf, shape string) []Rule {
	return []Rule{
		{GGUF: "a.gen.wav." + gguf + ".alpha", HF: waveIn + hf + ".alpha", Shape: shape, Do: snakeAlpha},
		{GGUF: "a.gen.wav." + gguf + ".beta", HF: waveIn + hf + ".beta", Shape: shape, Do: snakeBeta},
	}
}

var (
	snakeAlpha = through("exponential", exponential, logarithm)
	snakeBeta  = through("inverse of an exponential", func(x float32) float32 { return 1 / (exponential(x) + 1e-9) }, func(x float32) float32 { return logarithm(1 / x) })
)

func exponential(x float32) float32 { return float32(Exponential(float64(x))) }
func logarithm(x float32) float32   { return float32(Natural(float64(x))) }

// through is a function of each number of a vector, and the way back.
func through(name string, there, back func(float32) float32) Op {
	by := func(f func(float32) float32) func(*formats.Tensor, *Params) *formats.Tensor {
		return func(t *formats.Tensor, _ *Params) *formats.Tensor { return mapped(t, f) }
	}
	return Op{Name: name, Rounds: true, Forward: by(there), Inverse: by(back)}
}

// codebooks are sums of what has fallen to each entry, by how often: entries. The way back gives entries, each once.
func codebooks(gguf, at string, books int) Rule {
	var names []string
	for i := range books {
		names = append(names, fmt.Sprintf("%d._codebook.embedding_sum", i), fmt.Sprintf("%d._codebook.cluster_usage", i))
	}
	r := Rule{GGUF: gguf, HF: at + "vq.layers.{" + strings.Join(names, ",") + "}", Shape: "entries half-wave-book", Forms: []string{"entries half-wave-book", "entries"}, Do: entriesOf}
	if books > 1 {
		r.Shape = "further entries half-wave-book"
	}
	return r
}

var entriesOf = Op{Name: "sums by how often", Near: true,
	Combine: func(parts []*formats.Tensor, _ *Params) *formats.Tensor {
		var books []*formats.Tensor
		for i := 0; i < len(parts); i += 2 {
			book := shapedAs(parts[i], parts[i].Shape...)
			book.Rows, book.Raw = entryRows{parts[i], parts[i+1]}, nil
			books = append(books, book)
		}
		if len(books) == 1 {
			return books[0]
		}
		return stacked(books)
	},
	Split: func(t *formats.Tensor, p *Params) (parts []*formats.Tensor) {
		rows := p.Spoken.Entries
		ones := make([]float32, rows)
		for i := range ones {
			ones[i] = 1
		}
		for from := 0; from < t.NumRows(); from += rows {
			parts = append(parts, picked(t, pick{from, rows, t.NumRows()}, []int{rows, t.Cols()}), Floats("", ones))
		}
		return parts
	},
}

// entryRows are rows of sums, each by its number, which is 1e-5 at least.
type entryRows struct{ sums, often *formats.Tensor }

func (s entryRows) ReadRows(dst []float32, row int) error {
	often := make([]float32, s.often.Elems())
	if err := s.often.Rows.ReadRows(often, 0); err != nil {
		return inPart(s.often, err)
	}
	if err := s.sums.Rows.ReadRows(dst, row); err != nil {
		return inPart(s.sums, err)
	}
	cols := s.sums.Cols()
	for i := range dst {
		dst[i] /= max(often[row+i/cols], 1e-5)
	}
	return nil
}
