package arch

import (
	"slices"
	"strings"

	"quern/formats"
	"quern/quantize"
)

// A draft head guesses some tokens ahead of a model, which then looks at all of them at once (speculative decoding). It is given states of that model, its
// target, and shares its tokens and often its embedding and output head with it: runtimes load it beside the target (llama.cpp's --model-draft). Alone it computes nothing.
// What of a draft head only the target tells is Target; Arch.Meet says what a family makes of it.

// Target is what a draft head has to know of the model that it guesses for.
type Target struct {
	Layers   int
	Embd     int
	Vocab    int
	Sections bool // time, height and width each rotate a part of its heads
}

// Draft is what a draft head has beside Params' sizes.
type Draft struct {
	Reads      []int32 // the layers of the target whose inputs it is given; nil: as the target has them in thirds
	Width      int     // of those
	Rows       int     // of its output head, where that has not all tokens; 0: all
	NormStates bool    // what it is given is normed before it becomes narrow
	NormStream bool    // what a layer adds is added to what its norm gives
	Shared     int     // layers that use the target's keys and values
	Block      int     // tokens that are guessed at once
	Kernel     int     // positions that its convolutions reach …
	Group      int     // … and columns of a group of theirs
	Rank       int     // of the codebooks by which guesses are chosen …
	Top        int     // … among so many
	Markov     int     // rank of the matrices that say how likely a token is behind another; 0: there are none
	Spark      bool    // it has such matrices, and files tell …
	Anchor     bool    // … whether the first guess is made of the last token that is known
	Confidence bool    // it tells how sure it is
	Turned     bool    // neighbours in heads are rotated in pairs; files have halves
	NoEmbed    bool    // the checkpoint's embedding is the target's, and files leave it out
	SaysCausal bool    // whether a guess sees those behind it is told …
	LateCausal bool    // … where DFlash's own settings are
	CausalIs   bool    // … and so it is
}

// wrongTarget is advice where sizes do not fit.
const wrongTarget = "is --target the model that the draft head was trained for?"

// isDraft says of a family that its models are draft heads.
func (a *Arch) isDraft() bool { return a.Meet != nil }

// IsDraft says of a checkpoint that it is a draft head.
func (b *Bound) IsDraft() bool { return b.Arch.isDraft() }

// Alone refuses to compute what is no model by itself.
func (b *Bound) Alone() error {
	if why := b.Arch.Silent; why != "" {
		return &formats.Error{Err: formats.Unsupported("no model: %s, and nothing here computes that", why), Hint: "quern diff compares such files"}
	}
	if !b.IsDraft() {
		return nil
	}
	return &formats.Error{Err: formats.Unsupported("a draft head (%s) guesses from states of the model that it was trained beside, and computes nothing alone", b.Arch.Name),
		Hint: "verify and calibrate that model; quern diff compares a draft head with the one that it was made from"}
}

// MeetTarget sets what only the target tells, from its folder or a GGUF of it; nil: it is not at hand.
func (b *Bound) MeetTarget(target *formats.Source) error {
	if target == nil && b.Arch.OwnTokens {
		return nil
	}
	if target == nil {
		return b.Config.fail("architectures", formats.Unsupported("a draft head (%s): its tokens are those of the model that it guesses for, which is not named", b.Arch.Name),
			"name that model's folder (config.json and the tokenizer's files are enough) or a GGUF of it: --target ./Llama-3.1-8B-Instruct")
	}
	t, err := ReadTarget(target)
	if err != nil {
		return err
	}
	if err := b.Arch.Meet(b, t); err != nil {
		return err
	}
	for _, l := range b.Params.Draft.Reads {
		if l < 0 || int(l) > t.Layers {
			return b.Config.fail("target_layers", formats.Corrupt("it reads layer %d, and %s has %d layers", l, target.Path, t.Layers), wrongTarget)
		}
	}
	if b.Params.Vocab == 0 {
		b.Params.Vocab = t.Vocab
	}
	if err := b.masked(target); err != nil {
		return err
	}
	return b.checkRows()
}

// ReadTarget reads what a draft head has to know of a model.
func ReadTarget(src *formats.Source) (*Target, error) {
	if src.Format != nil && src.Format.Name == "gguf" {
		name := src.Meta.String("general.architecture")
		t := &Target{Vocab: len(src.Meta.Strings("tokenizer.ggml.tokens")), Sections: src.Meta.Has(name + ".rope.dimension_sections")}
		var ok bool
		if t.Layers, ok = src.Meta.Int(name + ".block_count"); ok {
			further, _ := src.Meta.Int(name + ".nextn_predict_layers")
			t.Layers -= further
			t.Embd, ok = src.Meta.Int(name + ".embedding_length")
		}
		if !ok || t.Vocab == 0 {
			return nil, &formats.Error{File: src.Path, Err: formats.Unsupported("is no language model with a tokenizer, as the target of a draft head must be")}
		}
		return t, nil
	}
	c, err := ReadConfig(src, "config.json")
	if err != nil {
		return nil, err
	}
	if inner := c.inner(); inner != nil {
		c = &Config{file: c.file, root: inner}
	}
	t := &Target{}
	for _, f := range []struct {
		to   *int
		keys []string
	}{{&t.Layers, shapeKeys[0].HF}, {&t.Embd, []string{"hidden_size", "n_embd", "dim"}}, {&t.Vocab, []string{"vocab_size"}}} {
		name, v, ok := c.Find(f.keys...)
		if !ok {
			return nil, c.fail(f.keys[0], formats.Corrupt("missing: a draft head goes by it"), "")
		}
		if err := c.assign(name, v, f.to); err != nil {
			return nil, err
		}
	}
	_, _, t.Sections = c.Find("rope_parameters.mrope_section", "rope_scaling.mrope_section")
	return t, nil
}

// absoluteIDs are the tokens that rows of a smaller output head stand for: checkpoints have what is to be added to a row's number.
var absoluteIDs = Op{Name: "absolute ids",
	Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor { return placed(t, 1) },
	Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor { return placed(t, -1) },
}

// placed is a list of whole numbers, with the place of each added to it so many times.
func placed(t *formats.Tensor, by float32) *formats.Tensor {
	n := *t
	n.Type = quantize.I32 // no file has them so: whole makes bytes of another type
	if t.Rows != nil {
		n.Rows = placedVector{t.Rows, by}
	}
	return whole(&n, quantize.I64)
}

type placedVector struct {
	rows formats.Rows
	by   float32
}

func (r placedVector) ReadRows(dst []float32, row int) error {
	if err := r.rows.ReadRows(dst, row); err != nil {
		return err
	}
	for i := range dst {
		dst[i] += float32(float32(i) * r.by)
	}
	return nil
}

// checkRows refuses a table of tokens that names one twice, or one that there is not.
func (b *Bound) checkRows() error {
	i := slices.IndexFunc(b.Origins, func(o Origin) bool { return o.Rule.Role == RoleDraftRows })
	if i < 0 {
		if b.Params.Draft.Rows != 0 && b.Params.Draft.Rows != b.Params.Vocab {
			return b.Config.fail("draft_vocab_size", formats.Corrupt("is %d of %d tokens, and no tensor d2t says which", b.Params.Draft.Rows, b.Params.Vocab), "")
		}
		return nil
	}
	t := b.Tensors[i]
	ids := make([]float32, t.Elems())
	if err := t.Rows.ReadRows(ids, 0); err != nil {
		return err
	}
	seen := make([]bool, b.Params.Vocab)
	for row, id := range ids {
		if !(id >= 0) || int(id) >= len(seen) || seen[int(id)] {
			return b.Config.fail("", &formats.Error{Tensor: b.Origins[i].Source, Err: formats.Corrupt("row %d stands for token %v, which is taken or is none of %d", row, id, len(seen))},
				wrongTarget)
		}
		seen[int(id)] = true
	}
	return nil
}

// rowsLast puts that table behind all other tensors, where the reference converter has it.
func (b *Bound) rowsLast() {
	for i, o := range b.Origins {
		if t := b.Tensors[i]; o.Rule.Role == RoleDraftRows {
			b.Tensors = append(slices.Delete(b.Tensors, i, i+1), t)
			b.Origins = append(slices.Delete(b.Origins, i, i+1), o)
			return
		}
	}
}

// dim is the size of a dimension of a draft head, 0 for a letter that is none.
func (d *Draft) dim(letter string, p *Params) int {
	switch letter {
	case "DR":
		if d.Rows > 0 {
			return d.Rows
		}
		return p.Vocab
	case "DS": // the states that it is given, side by side
		return d.states() * d.Width
	case "2E":
		return 2 * p.Embd
	case "DM":
		return d.Markov
	case "EDM":
		return p.Embd + d.Markov
	case "DK":
		return d.Kernel
	case "DKG": // of a convolution's weights that are made for each token
		return 2 * d.Kernel * (p.Embd / max(1, d.Group))
	case "DC":
		return d.Rank
	case "DW":
		return d.Width
	case "2DW":
		return 2 * d.Width
	}
	return 0
}

func (d *Draft) states() int {
	if d.Reads == nil {
		return 3
	}
	return len(d.Reads)
}

// narrowed takes from the matrix that makes states narrow how wide they are.
func (d *Draft) narrowed(src *formats.Source, names ...string) {
	for _, name := range names {
		if t := src.Tensor(name); t != nil && len(t.Shape) == 2 {
			d.Width = t.Shape[1] / max(1, d.states())
			return
		}
	}
}

// told takes from what a file tells what no configuration does: what tensors show.
func (d *Draft) told(by *Draft) {
	d.Markov, d.Confidence, d.LateCausal = by.Markov, by.Confidence, by.LateCausal
	if d.Width == 0 {
		d.Width = by.Width
	}
}

// rows takes from a table of tokens how many rows an output head has.
func (d *Draft) rows(src *formats.Source) {
	if t := src.Tensor("d2t"); t != nil && len(t.Shape) == 1 {
		d.Rows = t.Shape[0]
	}
}

// allRows forgets how many rows an output head has where it has all: some say it then, too.
func (d *Draft) allRows(vocab int) {
	if d.Rows == vocab {
		d.Rows = 0
	}
}

// behind are the layers that the target's states come out of, as DFlash counts them; files count those that they would go into.
func (d *Draft) behind() []int {
	list := []int{}
	for _, l := range d.Reads {
		list = append(list, int(l)-1)
	}
	return list
}

// flat is a configuration without the level that some libraries put a draft head's layers into.
func (c *Config) flat() *Config {
	key := "transformer_layer_config"
	if list, _ := c.root["architectures"].([]any); len(list) > 0 && (list[0] == assistants[0] || list[0] == assistants[1]) {
		key = "text_config"
	}
	inner, ok := c.root[key].(map[string]any)
	if !ok {
		return c
	}
	root := map[string]any{}
	for _, from := range []map[string]any{c.root, inner} {
		for k, v := range from {
			if k != "architectures" && k != key {
				root[k] = v
			}
		}
	}
	root["architectures"] = c.root["architectures"]
	return &Config{file: c.file, root: root}
}

// draftTable is the rule of what rows of a smaller output head stand for.
var draftTable = Rule{GGUF: "d2t", HF: "d2t", Role: RoleDraftRows, Shape: "DR", Do: absoluteIDs, Optional: true, Store: "I64"}

// draftMask is the key of the token that stands for what is to be guessed. It lies among those of the tokenizer, which the writer fills.
var draftMask = Key{GGUF: maskKey.GGUF, HF: []string{"dflash_config.mask_token_id", "mask_token_id"}, Field: maskKey.Field, Default: nothing, When: never}

// atRoot is rules with names that stand for themselves, without what names of language models begin with.
func atRoot(rules []Rule) []Rule {
	out := slices.Clone(rules)
	for i := range out {
		out[i].HF = strings.TrimPrefix(out[i].HF, "model.")
	}
	return out
}

// optional is rules of tensors that may be missing.
func optional(rules ...Rule) []Rule {
	out := slices.Clone(rules)
	for i := range out {
		out[i].Optional = true
	}
	return out
}

// check refuses sizes that contradict each other.
func (d *Draft) check(p *Params) error {
	for _, n := range []int{d.Width, d.Rows, d.Block, d.Kernel, d.Group, d.Rank, d.Top, d.Markov, len(d.Reads)} {
		if n < 0 || n > 1<<20 {
			return formats.Corrupt("a size of the draft head is %d", n)
		}
	}
	if d.Rows > p.Vocab && p.Vocab > 0 {
		return formats.Corrupt("a draft head's %d tokens of %d", d.Rows, p.Vocab)
	}
	if d.Group > 0 && p.Embd%d.Group != 0 {
		return formats.Corrupt("groups of %d columns of %d", d.Group, p.Embd)
	}
	return nil
}
