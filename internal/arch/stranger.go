package arch

import (
	"fmt"
	"slices"
	"strings"

	"quern/formats"
)

// A trait is something that config.json says of a model that no family here computes.
type trait struct {
	keys []string // any of them, in config.json or its text_config, with a value that is not nothing
	what string
}

var traits = []trait{
	{[]string{"ssm_cfg", "ssm_state_size", "mamba_d_state", "mamba_num_heads", "mamba_expand", "hybrid_override_pattern"},
		"some of its layers keep a state instead of keys and values (Mamba or the like), in a form that no family here has"},
	{[]string{"linear_num_value_heads", "linear_attn_config", "attn_type_list"},
		"some of its layers have linear attention, otherwise than in the families here"},
	{[]string{"index_topk", "index_n_heads", "sparse_attention_config"},
		"a part of it chooses the positions that a query sees, otherwise than in the families here"},
	{[]string{"block_configs"}, "its layers differ from each other in a form that no family here has"},
	{[]string{"rescale_every", "attention_hidden_size"}, "it is recurrent, without attention"},
	{[]string{"is_encoder_decoder"}, "it has an encoder and a decoder"},
	{[]string{"type_vocab_size", "num_labels"}, "it is an encoder of another kind than those here"},
}

// Classes that runtimes know and no family here is for, whatever their config.json says.
var refused = []struct {
	classes []string
	what    string
}{
	{[]string{"UltravoxModel"}, "it holds no language model, only what makes embeddings of sound, which --mmproj writes: convert the language model that it names"},
}

// stranger refuses a class that no family has. It says what stands between, where config.json tells, and which model types are known.
func (c *Config) stranger(class string) error {
	for _, r := range refused {
		if slices.Contains(r.classes, class) {
			return c.fail("architectures", formats.Unsupported("model class %q is not converted: %s", class, r.what), "")
		}
	}
	text := fmt.Sprintf("model class %q is not known", class)
	for _, t := range traits {
		if slices.ContainsFunc(t.keys, c.says) {
			text += ": " + t.what
			break
		}
	}
	if inner, _ := c.String("text_config.model_type"); inner != "" {
		text += fmt.Sprintf("; its language model is of type %q", inner)
	}
	return c.fail("architectures", formats.Unsupported("%s", text), "known model types are "+strings.Join(types(), ", "))
}

// says reports whether a key of the whole or of the language model in it holds something.
func (c *Config) says(key string) bool {
	for _, k := range []string{key, "text_config." + key} {
		if v, _ := c.Value(k); v != nil && v != false {
			return true
		}
	}
	return false
}

// types are the Hugging Face model types of all families.
func types() (all []string) {
	for _, a := range slices.Concat(table, towers) {
		for _, v := range a.Variants {
			all = append(all, v.Type)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
