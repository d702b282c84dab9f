package arch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"quern/formats"
)

// What encoders have in common: models whose queries see all positions, and which give states of tokens, a vector for a text, or a number for each of some
// classes instead of words.

// PoolingFile says how, under the name that folders of sentence-transformers have for it.
const PoolingFile = "1_Pooling/config.json"

// How states of a text become one vector, by GGUF's numbers.
const (
	PoolMean  = 1
	PoolFirst = 2
	PoolLast  = 3
)

// encoderKeys say that queries see what follows, and how a text's states are pooled.
var encoderKeys = []Key{
	{GGUF: "{a}.attention.causal", Field: func(p *Params) any { return &p.Causal }, Default: nothing},
	{GGUF: "{a}.pooling_type", Field: func(p *Params) any { return &p.Pooling }, Default: nothing, When: func(p *Params) bool { return p.Pooling > 0 }},
}

// labelKey names the classes.
var labelKey = Key{GGUF: "{a}.classifier.output_labels", Field: func(p *Params) any { return &p.Labels }, Default: nothing,
	When: func(p *Params) bool { return len(p.Labels) > 0 }}

// typeKeys are the parts of a text that embeddings tell apart. The second is told among the tokenizer's keys, and is one where nothing is added.
var typeKeys = []Key{
	{HF: []string{"type_vocab_size"}, Field: func(p *Params) any { return &p.Types }, When: never, Default: nothing},
	{GGUF: "general.quantization_version"},
	{GGUF: "tokenizer.ggml.token_type_count", Field: func(p *Params) any { return &p.TypeCount }, Default: func(p *Params) { p.TypeCount = max(1, p.Types) }},
}

// encoderRefuses are settings of encoders that make them something else.
var encoderRefuses = []Refusal{
	{HF: "is_decoder", Unless: []string{"false"}, Why: "queries see only what stands before them"},
	{HF: "add_cross_attention", Unless: []string{"false"}, Why: "attention to another model"},
	{GGUF: "{a}.attention.causal", Unless: []string{"false"}, Why: "queries see only what stands before them"},
}

func hasTypes(p *Params, _ int) bool { return p.Types > 0 }
func labelled(p *Params, _ int) bool { return len(p.Labels) > 0 }

// whenLabelled is rules of tensors that a model has that sorts texts.
func whenLabelled(rules []Rule) []Rule {
	for i := range rules {
		rules[i].When = labelled
	}
	return rules
}

// lookTypes sees in a GGUF file whether there are vectors of parts of a text.
func lookTypes(src *formats.Source, p *Params) {
	if t := src.Tensor("token_types.weight"); t != nil && len(t.Shape) == 2 {
		p.Types = t.Shape[0]
	}
}

// SkipPads leaves out the positions that no text has. As what is left is told to be all, nothing leads back, and nothing has to.
var SkipPads = Op{Name: "skip pads", OneWay: true, Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
	if p.PadRows == 0 || t.Shape[0] == p.Context {
		return t
	}
	return picked(t, pick{p.PadRows, p.Context, p.PadRows + p.Context}, []int{p.Context, t.Cols()})
}}

// padRows leaves out the positions up to the padding token's number, which models of RoBERTa's kind never give to a text.
func padRows(c *Config, p *Params) error {
	pad, err := c.Float("pad_token_id", 1)
	if err != nil {
		return err
	}
	p.PadRows = int(pad) + 1
	if p.Context -= p.PadRows; pad < 0 || pad > 1<<16 || p.Context < 1 {
		return c.fail("pad_token_id", formats.Corrupt("%v is no token before the %d positions", pad, p.Context+p.PadRows), "")
	}
	return nil
}

// readLabels reads what a checkpoint sorts texts into, if its class says that it does.
func readLabels(c *Config, p *Params) error {
	if class := c.class(); !strings.HasSuffix(class, "ForSequenceClassification") {
		return nil
	}
	names, err := c.Object("id2label")
	if err != nil {
		return err
	}
	n, err := c.Float("num_labels", 2)
	if err != nil || n < 1 || n > maxList {
		return c.fail("num_labels", formats.Corrupt("%v is no number of classes", n), "")
	}
	if len(names) > maxList {
		return c.fail("id2label", formats.Corrupt("more than %d classes", maxList), "")
	}
	if len(names) > 0 {
		n = float64(len(names))
	}
	for i := range int(n) {
		label, ok := names[strconv.Itoa(i)].(string)
		if len(names) > 0 && !ok {
			return c.fail("id2label", formats.Corrupt("has no name for class %d of %d", i, int(n)), "")
		}
		if label == "" {
			label = "LABEL_" + strconv.Itoa(i)
		}
		p.Labels = append(p.Labels, label)
	}
	return nil
}

// tellLabels is the way back, with the class of models that sort texts.
func tellLabels(class string) func(p *Params) map[string]any {
	return func(p *Params) map[string]any {
		if len(p.Labels) == 0 {
			return nil
		}
		names, ids := map[string]string{}, map[string]int{}
		for i, label := range p.Labels {
			names[strconv.Itoa(i)], ids[label] = label, i
		}
		return map[string]any{"architectures": []string{class}, "id2label": names, "label2id": ids}
	}
}

// headless is a name as a model that sorts texts has it, which begins with a prefix but for the tensors that sort.
func headless(prefix, name string) string {
	for _, of := range []string{"classifier.", "head.", "score."} {
		if strings.HasPrefix(name, of) {
			return name
		}
	}
	return prefix + name
}

// class is the first of config.json's architectures.
func (c *Config) class() string {
	list, _ := c.Value("architectures")
	names, _ := list.([]any)
	if len(names) == 0 {
		return ""
	}
	class, _ := names[0].(string)
	return class
}

const stepOut = "modules.json has a step for the vectors of texts, %.60q, that files have no place for: runtimes leave it out"

// readPooling reads how texts become vectors: modules.json names a folder whose config.json says so (sentence-transformers).
func readPooling(src *formats.Source, b *Bound) error {
	text, err := src.File("modules.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var modules []struct{ Type, Path string }
	if err := json.Unmarshal(text, &modules); err != nil {
		return &formats.Error{File: "modules.json", Err: formats.Corrupt("%v", err)}
	}
	for _, m := range modules {
		switch kind := m.Type[strings.LastIndexByte(m.Type, '.')+1:]; kind {
		case "Transformer", "Normalize": // what runtimes do unasked
		case "Pooling":
			c, err := ReadConfig(src, path.Join(m.Path, "config.json"))
			if err != nil {
				return err
			}
			if err := c.pooling(&b.Params); err != nil {
				return err
			}
		case "Dense":
			plain := false
			if b.Arch.hasRole(RoleDense) && b.Params.Vectors == 0 {
				if plain, err = readDense(src, b, m.Path); err != nil {
					return err
				}
			}
			if !plain {
				b.Notes = append(b.Notes, fmt.Sprintf(stepOut, kind))
			}
		default:
			b.Notes = append(b.Notes, fmt.Sprintf(stepOut, kind))
		}
	}
	return nil
}

// poolings are the ways to pool that runtimes know, by their two names.
var poolings = []struct {
	key, word string
	kind      int
}{{"pooling_mode_mean_tokens", "mean", PoolMean}, {"pooling_mode_cls_token", "cls", PoolFirst}, {"pooling_mode_lasttoken", "lasttoken", PoolLast}}

func (c *Config) pooling(p *Params) error {
	word, err := c.String("pooling_mode")
	if err != nil {
		return err
	}
	for _, k := range poolings {
		yes, err := c.Bool(k.key)
		if err != nil {
			return err
		}
		if yes || word == k.word {
			p.Pooling = k.kind
			return nil
		}
	}
	return c.fail("pooling_mode", formats.Unsupported("texts become vectors in another way than by their mean, first or last token, which runtimes do not know"), "")
}

// poolingFiles are the files that say the same; nil where nothing is known.
func (p *Params) poolingFiles() map[string]any {
	i := slices.IndexFunc(poolings, func(k struct {
		key, word string
		kind      int
	}) bool {
		return k.kind == p.Pooling
	})
	if i < 0 {
		return nil
	}
	how := map[string]any{"word_embedding_dimension": p.Embd}
	for j, k := range poolings {
		how[k.key] = i == j
	}
	return map[string]any{PoolingFile: how, "modules.json": moduleList("Transformer", "Pooling")}
}

const modulesOf = "sentence_transformers.models."

// moduleList is what modules.json says of steps.
func moduleList(kinds ...string) (list []map[string]any) {
	for i, kind := range kinds {
		folder := ""
		if i > 0 {
			folder = strconv.Itoa(i) + "_" + kind
		}
		list = append(list, map[string]any{"idx": i, "name": strconv.Itoa(i), "path": folder, "type": modulesOf + kind})
	}
	return list
}
