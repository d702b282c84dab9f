package arch

import (
	"math"
	"slices"

	"quern/formats"
	"quern/quantize"
)

// NGrams are embeddings of the last few tokens, which one layer adds to its streams: for every number of tokens from two on several hashes of them, each of which names a row of a
// table. The zero value is a model without. Source: transformers' qwen4_exp (PLE).
type NGrams struct {
	Layers []int32 // that have them: one
	Size   int     // tokens of the longest
	Heads  int     // hashes for each number of tokens
	Kernel int     // NK: places that a convolution behind them sees, Size positions apart
	End    int     // the token that none goes beyond
	Image  int     // the token that stands where an image is; 0: End
	Dim    int     // ND: numbers of a row
	Rows   int     // NR
	Parts  int     // a checkpoint has the table in so many
	// Of each place in a sequence of tokens what its token is multiplied by; of each hash where its rows begin, and how many there are.
	Multipliers, Offsets, Sizes []uint64
}

// Limits of what runtimes load (llama.cpp's src/llama-hparams.h).
const (
	maxNGram      = 8
	maxNGramHeads = 64
)

// Hashes is how many rows a token is given.
func (n *NGrams) Hashes() int { return max(0, n.Size-1) * n.Heads }

// At says of a layer that it has them; of -1 that one has.
func (n *NGrams) At(layer int) bool {
	return len(n.Layers) > 0 && (layer < 0 || slices.Contains(n.Layers, int32(layer)))
}

func grams(p *Params, layer int) bool { return p.NGrams.At(layer) }

func (n *NGrams) dim(letter string) int {
	switch letter {
	case "NR":
		return n.Rows
	case "NS": // rows of a part
		return n.Rows / max(1, n.Parts)
	case "ND":
		return n.Dim
	case "NW": // of all rows of a token
		return n.Dim * n.Hashes()
	case "NK":
		return n.Kernel
	case "NG":
		return n.Size
	case "NH":
		return n.Hashes()
	}
	return 0
}

// check refuses what contradicts itself and what no runtime loads.
func (n *NGrams) check(p *Params) error {
	switch {
	case len(n.Layers) == 0:
		return nil
	case len(n.Layers) > 1:
		return formats.Unsupported("%d layers have embeddings of several tokens: files tell the numbers that one hashes by", len(n.Layers))
	case n.Layers[0] < 0 || !p.Keeps(int(n.Layers[0])):
		return formats.Unsupported("layer %d has embeddings of several tokens and keeps no state: runtimes keep theirs beside that", n.Layers[0])
	case n.Size < 2 || n.Size > maxNGram || n.Heads < 1 || n.Hashes() > maxNGramHeads:
		return formats.Unsupported("%d hashes of each number of up to %d tokens: runtimes have %d of up to %d", n.Heads, n.Size, maxNGramHeads, maxNGram)
	case n.Kernel < 1 || n.Kernel > 1<<8 || n.Dim < 1 || n.Dim > 1<<20:
		return formats.Corrupt("embeddings of several tokens have %d numbers, and a convolution sees %d of them", n.Dim, n.Kernel)
	case n.Dim*n.Hashes() != p.Embd:
		return formats.Unsupported("embeddings of several tokens have %d numbers together and the stream %d: runtimes take the two to be equal", n.Dim*n.Hashes(), p.Embd)
	case n.End < 0:
		return formats.Corrupt("no token is told that embeddings of several tokens do not go beyond")
	case n.Rows < 1 || n.Rows > math.MaxInt32:
		return formats.Unsupported("a table of %d rows", n.Rows)
	case n.Parts < 1 || n.Rows%n.Parts != 0:
		return formats.Unsupported("a table of %d rows in %d parts, which would not be equal", n.Rows, n.Parts)
	}
	return n.checkHashes(p.Vocab)
}

// checkHashes refuses those that lead out of the table, or whose products are no int64, in which the library computes.
func (n *NGrams) checkHashes(vocab int) error {
	if len(n.Multipliers) != n.Size || len(n.Offsets) != n.Hashes() || len(n.Sizes) != n.Hashes() {
		return formats.Corrupt("%d tokens are multiplied by %d numbers, and %d hashes have %d beginnings and %d sizes", n.Size, len(n.Multipliers), n.Hashes(), len(n.Offsets), len(n.Sizes))
	}
	for i, m := range n.Multipliers {
		if m > math.MaxInt64/uint64(max(1, vocab, n.End)) {
			return formats.Unsupported("token %d of several is multiplied by %d, which is too much for a vocabulary of %d", i, m, vocab)
		}
	}
	for i, size := range n.Sizes {
		if size < 1 || size > uint64(n.Rows) || n.Offsets[i] > uint64(n.Rows)-size {
			return formats.Corrupt("hash %d has %d rows from %d on in a table of %d", i, size, n.Offsets[i], n.Rows)
		}
	}
	return nil
}

// ngramKeys are the keys of a file that has them.
var ngramKeys = func() []Key {
	list := []Key{
		{GGUF: "{a}.ple.layers", Field: func(p *Params) any { return &p.NGrams.Layers }},
		{GGUF: "{a}.ple.ngram_size", Field: func(p *Params) any { return &p.NGrams.Size }},
		{GGUF: "{a}.ple.heads_per_ngram", Field: func(p *Params) any { return &p.NGrams.Heads }},
		{GGUF: "{a}.ple.conv_kernel", Field: func(p *Params) any { return &p.NGrams.Kernel }},
		{GGUF: "{a}.ple.eos_token_id", Field: func(p *Params) any { return &p.NGrams.End }},
		{GGUF: "{a}.ple.image_token_id", Field: func(p *Params) any { return &p.NGrams.Image }},
		{GGUF: "{a}.embedding_length_per_layer_input", Field: func(p *Params) any { return &p.NGrams.Dim }},
		{GGUF: "{a}.ple.layer_multipliers", Field: func(p *Params) any { return &p.NGrams.Multipliers }},
		{GGUF: "{a}.ple.head_offsets", Field: func(p *Params) any { return &p.NGrams.Offsets }},
		{GGUF: "{a}.ple.head_vocab_sizes", Field: func(p *Params) any { return &p.NGrams.Sizes }},
	}
	for i := range list {
		list[i].Default, list[i].When = nothing, func(p *Params) bool { return p.NGrams.At(-1) }
	}
	list[5].When = func(p *Params) bool { return p.NGrams.At(-1) && p.NGrams.Image > 0 }
	return append(list, Key{Field: func(p *Params) any { return &p.NGrams.Parts }, When: never, Default: equalParts})
}()

// equalParts is what a table is cut into where no configuration says that: at most as many parts as published ones have.
func equalParts(p *Params) {
	if !p.NGrams.At(-1) {
		return
	}
	for p.NGrams.Parts = 128; p.NGrams.Rows%p.NGrams.Parts != 0; p.NGrams.Parts /= 2 {
	}
}

// ngramRules are the tensors: the table, in parts or as one, what makes a key of each stream and a value for all of a token's rows, norms, and the convolution.
var ngramRules = func() []Rule {
	const at, table = "model.layers.{}.ple.", "model.layers.{ngram}.ple.ple_embedding."
	list := []Rule{
		{GGUF: "per_layer_token_embd.weight", HF: table + "ngram_embedding.shard_{s}.weight", Role: RoleGramTable, Shape: "NR ND", From: "NS ND"},
		{GGUF: "per_layer_token_embd.weight", HF: table + "ngram_embedding.weight", Role: RoleGramTable, Shape: "NR ND"},
		{GGUF: "blk.{}.ple_key.weight", HF: at + "key_proj.weight", Role: RoleGramKey, Shape: "HCE NW"},
		{GGUF: "blk.{}.ple_value.weight", HF: at + "value_proj.weight", Role: RoleGramValue, Shape: "E NW"},
		{GGUF: "blk.{}.ple_norm_key.weight", HF: at + "norm_key.weight", Role: RoleGramKeyNorm, Shape: "HCE", Do: PlusOne},
		{GGUF: "blk.{}.ple_norm_query.weight", HF: at + "norm_query.weight", Role: RoleGramQueryNorm, Shape: "HCE", Do: PlusOne},
		{GGUF: "blk.{}.ple_norm_conv.weight", HF: at + "norm_conv.weight", Role: RoleGramConvNorm, Shape: "HCE", Do: PlusOne},
		{GGUF: "blk.{}.ple_conv1d.weight", HF: at + "conv1d.weight", Role: RoleGramConv, Shape: "HCE NK", From: "HCE 1 NK", Do: squeezed},
		{GGUF: "ple.layer_multipliers", HF: table + "layer_multipliers", Shape: "NG", Optional: true, Whole: func(p *Params) *[]uint64 { return &p.NGrams.Multipliers }},
		{GGUF: "ple.head_offsets", HF: table + "ngram_heads_offsets", Shape: "NH", Optional: true, Whole: func(p *Params) *[]uint64 { return &p.NGrams.Offsets }},
		{GGUF: "ple.head_vocab_sizes", HF: table + "ngram_heads_vocab_sizes", Shape: "NH", Optional: true, Whole: func(p *Params) *[]uint64 { return &p.NGrams.Sizes }},
	}
	for i := range list {
		list[i].When = grams
	}
	return list
}()

// measureGrams reads from a file how long the table is, and sees that it tells the token that n-grams end at, which may be the first.
func measureGrams(src *formats.Source, p *Params) {
	if p.NGrams.At(-1) && !src.Meta.Has("qwen4exp.ple.eos_token_id") {
		p.NGrams.End = -1
	}
	if t := src.Tensor("per_layer_token_embd.weight"); t != nil && len(t.Shape) == 2 && p.NGrams.At(-1) {
		p.NGrams.Rows = t.Shape[0]
	}
}

// asOne is parts of the rows of a matrix as that matrix. Where parts are multiplied by a number each, its rows are promised as they are then.
func asOne(t *formats.Tensor, dims []int) *formats.Tensor {
	n := shapedAs(t, dims...)
	if n.Scale != nil {
		n.Scale, n.Raw, n.Type = nil, nil, quantize.F32
	}
	return n
}
