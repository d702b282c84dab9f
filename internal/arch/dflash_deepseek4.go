package arch

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"quern/formats"
)

// DeepSeek4DSpark is DSpark for DeepSeek-V4: stages that are whole layers of that family with windows, in the checkpoint of the model itself (mtp.N), whose embedding and output head
// they use. Files are told from DFlash's by their streams. A checkpoint that says that it holds one (dspark_block_size) is bound as the draft head where a target is named.
var DeepSeek4DSpark = register(Arch{
	Name:     "dflash",
	Kin:      func(src *formats.Source) bool { return src.Meta.Has("dflash.hyper_connection.count") },
	Variants: []Variant{{Type: "deepseek_v4_dspark", HF: []string{v4Spark}, Defaults: DeepSeek4.Variants[0].Defaults}},
	Keys: slices.Concat(slices.DeleteFunc(slices.Clone(DeepSeek4.Keys), func(k Key) bool { return k.GGUF == "{a}.embedding_length_out" }), []Key{
		{GGUF: "{a}.block_size", HF: []string{"dspark_block_size"}, Field: func(p *Params) any { return &p.Draft.Block }},
		{GGUF: "{a}.target_layers", HF: []string{"dspark_target_layer_ids"}, Field: func(p *Params) any { return &p.Draft.Reads }},
		{GGUF: maskKey.GGUF, HF: []string{"dspark_noise_token_id"}, Field: maskKey.Field, Default: nothing, When: never},
	}),
	Tensors: v4SparkRules(),
	Drop:    []string{"layers.*", "embed.weight", "head.*", "norm.weight", "hc_head_*", "aligner.*", "image_*", "vision.*", "*.ffn.gate.bias_vl"},
	Refuse:  DeepSeek4.Refuse,
	Layer:   DeepSeek4.Layer,
	Beside:  besideV4Spark,
	Look:    lookFlash,
	Finish: func(c *Config, p *Params) error {
		for i := range p.Draft.Reads {
			p.Draft.Reads[i]++ // files tell the layers that states would go into
		}
		p.Pooled.Ratios, p.Pooled.Hashed = make([]int32, min(p.Layers, maxList)), 0 // all stages have windows alone
		return finishV4(c.Without("compress_ratios").Without("layer_types").Without("mlp_layer_types"), p)
	},
	Meet: meetFlash,
})

const v4Spark = "DeepseekV4DSparkModel"

// v4Roots are the tensors of no stage, which lie under one of them.
var v4Roots = []Rule{
	{GGUF: "fc.weight", HF: "main_proj.weight", Role: RoleDraftStates, Shape: "E DS"},
	{GGUF: "enc.output_norm.weight", HF: "main_norm.weight", Role: RoleDraftNorm, Shape: "E"},
	{GGUF: "markov_w1.weight", HF: "markov_head.markov_w1.weight", Role: RoleDraftMarkov, Shape: "V DM"},
	{GGUF: "markov_w2.weight", HF: "markov_head.markov_w2.weight", Role: RoleDraftMarkov, Shape: "V DM"},
	{GGUF: "conf_proj.weight", HF: "confidence_head.proj.weight", Role: RoleDraftConfidence, Shape: "1 EDM", Optional: true},
	{GGUF: "output_norm.weight", HF: "norm.weight", Role: RoleOutputNorm, Shape: "E"},
	{GGUF: "output_hc_fn.weight", HF: "hc_head_fn", Role: RoleHyperHead, Shape: "HC HCE"},
	{GGUF: "output_hc_base.weight", HF: "hc_head_base", Role: RoleHyperHeadBase, Shape: "HC"},
	{GGUF: "output_hc_scale.weight", HF: "hc_head_scale", Role: RoleHyperHeadScale, Shape: "one"},
}

// v4Stages is under how many stages they are looked for.
const v4Stages = 8

// v4SparkRules are DeepSeek-V4's layers as stages, and the rest.
func v4SparkRules() (rules []Rule) {
	for _, r := range DeepSeek4.Tensors {
		if rest, ok := strings.CutPrefix(r.HF, "layers.{}."); ok {
			r.HF = "mtp.{}." + rest
			rules = append(rules, r)
		}
	}
	for stage := range v4Stages {
		for _, r := range v4Roots {
			r.HF = fmt.Sprintf("mtp.%d.%s", stage, r.HF)
			rules = append(rules, r)
		}
	}
	return rules
}

var stageOf = regexp.MustCompile(`^mtp\.(\d+)\.`)

// besideV4Spark counts the stages, and takes sizes from tensors.
func besideV4Spark(src *formats.Source, b *Bound) error {
	p, stages := &b.Params, 0
	for _, t := range src.Tensors {
		m := stageOf.FindStringSubmatch(t.Name)
		if m == nil {
			continue
		}
		if n, err := strconv.Atoi(m[1]); err == nil && n < v4Stages {
			stages = max(stages, n+1)
		}
		switch rest := t.Name[len(m[0]):]; {
		case rest == "main_proj.weight" && len(t.Shape) == 2:
			p.Draft.Width = t.Shape[1] / max(1, p.Draft.states())
		case rest == "markov_head.markov_w1.weight" && len(t.Shape) == 2:
			p.Draft.Markov = t.Shape[1]
		}
	}
	if stages == 0 {
		return &formats.Error{File: src.Path, Err: formats.Unsupported("no tensors mtp.0.…: the draft head is not in this checkpoint")}
	}
	p.Layers = stages
	p.Pooled.Ratios = make([]int32, stages)
	for _, list := range []*[]float32{&p.Bounds, &p.SharedBounds} {
		*list = slices.Repeat((*list)[:1], stages)
	}
	return b.Config.failed(b.Arch.check(p))
}

// failed is an error about a configuration as a whole, or none.
func (c *Config) failed(err error) error {
	if err == nil {
		return nil
	}
	return c.fail("", err, "")
}

// drafts is the configuration of the draft head in a checkpoint that holds one beside its model.
func (c *Config) drafts() *Config {
	list, _ := c.root["architectures"].([]any)
	if _, ok := c.root["dspark_block_size"]; !ok || len(list) == 0 || list[0] != DeepSeek4.Variants[0].HF[0] {
		return c
	}
	root := maps.Clone(c.root)
	root["architectures"] = []any{v4Spark}
	return &Config{file: c.file, root: root}
}

// BindDraft understands a draft head, also one that lies in the checkpoint of its model.
func BindDraft(src *formats.Source) (*Bound, error) {
	if src.Format != nil && src.Format.Name == "gguf" {
		return bindGGUF(src)
	}
	return bindHF(src, (*Config).drafts)
}

// tellV4Spark is the way back.
func tellV4Spark(p *Params) map[string]any {
	out := tellV4(p)
	out["model_type"], out["dspark_target_layer_ids"], out["compress_ratios"], out["num_hash_layers"] = "deepseek_v4", p.Draft.behind(), unsaid, 0
	return out
}
