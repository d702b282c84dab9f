package arch

import (
	"math"

	"quern/formats"
)

// readGrams reads what a configuration says of embeddings of several tokens. What they hash by follows from it where the checkpoint does not have that.
func (c *Config) readGrams(p *Params) error {
	n := NGrams{}
	list, ok := c.Value("ple_layer_ids")
	if !ok || list == nil {
		p.NGrams = n
		return nil
	}
	if err := c.assignInts("ple_layer_ids", list, &n.Layers); err != nil || len(n.Layers) == 0 {
		p.NGrams = NGrams{}
		return err
	}
	for i := range n.Layers { // the first is 1 there
		n.Layers[i]--
	}
	wide, base, unit, seed := 0, 0, 0, 0
	for _, f := range []struct {
		key    string
		absent int
		to     *int
	}{{"ngram_size", 3, &n.Size}, {"heads_per_ngram", 8, &n.Heads}, {"ple_conv_kernel_size", 4, &n.Kernel}, {"split_ngram_parts", 512, &n.Parts}, {"image_token_id", 0, &n.Image},
		{"ple_embed_dim", p.Embd, &wide}, {"ngram_vocab_size_base", 20000000, &base}, {"make_ngram_vocab_size_divisible_by", 128, &unit}, {"seed", 1234, &seed}} {
		*f.to = f.absent
		if v, ok := c.Value(f.key); ok {
			if err := c.assign(f.key, v, f.to); err != nil {
				return err
			}
		}
	}
	end, err := c.end()
	if err != nil {
		return err
	}
	n.End = end
	if n.Size < 2 || n.Size > maxNGram || n.Heads < 1 || n.Hashes() > maxNGramHeads || wide%n.Hashes() != 0 || unit < 1 || base < 1 {
		return c.fail("ple_embed_dim", formats.Unsupported("%d numbers in %d hashes of each number of up to %d tokens, of at least %d rows, in all a multiple of %d", wide, n.Heads, n.Size, base, unit), "")
	}
	n.Dim = wide / n.Hashes()
	n.hash(base, unit, uint64(seed), p.Vocab)
	p.NGrams = n
	return nil
}

// end is the token that n-grams do not go beyond: the first that ends a text.
func (c *Config) end() (int, error) {
	v, _ := c.Value("eos_token_id")
	if list, ok := v.([]any); ok && len(list) > 0 {
		v = list[0]
	}
	id := 0
	if v == nil {
		return 0, c.fail("eos_token_id", formats.Corrupt("missing: embeddings of several tokens do not go beyond it"), "")
	}
	return id, c.assign("eos_token_id", v, &id)
}

// hash is how the library makes multipliers of a seed, and rows of every hash as many as the next prime number.
func (n *NGrams) hash(base, unit int, seed uint64, vocab int) {
	const golden = 0x9e3779b97f4a7c15
	half := max(1, math.MaxInt64/uint64(max(1, vocab))/2)
	n.Multipliers, n.Offsets, n.Sizes, n.Rows = nil, nil, nil, 0
	for i := range n.Size {
		z := seed + golden*uint64(i+2) // splitmix64
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		n.Multipliers = append(n.Multipliers, 2*((z^z>>31)%half)+1)
	}
	for size := base - 1; len(n.Sizes) < n.Hashes(); {
		for size++; !prime(size); size++ {
		}
		n.Sizes, n.Offsets = append(n.Sizes, uint64(size)), append(n.Offsets, uint64(n.Rows))
		n.Rows += size
	}
	n.Rows = (n.Rows + unit - 1) / unit * unit
}

func prime(n int) bool {
	for d := 2; d*d <= n; d++ {
		if n%d == 0 {
			return false
		}
	}
	return n > 1
}

// tell is the way back.
func (n *NGrams) tell(out map[string]any, embd int) {
	layers := []int{}
	for _, l := range n.Layers {
		layers = append(layers, int(l)+1)
	}
	out["ple_layer_ids"] = layers
	if len(layers) == 0 {
		return
	}
	all, unit := 0, 128
	for _, size := range n.Sizes {
		all += int(size)
	}
	if (all+unit-1)/unit*unit != n.Rows {
		unit = n.Rows
	}
	for key, v := range map[string]int{"ple_embed_dim": embd, "ple_conv_kernel_size": n.Kernel, "ngram_size": n.Size, "heads_per_ngram": n.Heads, "split_ngram_parts": n.Parts,
		"ngram_vocab_size_base": int(n.Sizes[0]), "make_ngram_vocab_size_divisible_by": unit, "eos_token_id": n.End} {
		out[key] = v
	}
	if n.Image > 0 {
		out["image_token_id"] = n.Image
	}
}
