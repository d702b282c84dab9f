package convert

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"quern/quantize"
)

// runtimes is the table of runtimes. The versions are those whose sources, or whose documentation where the source says so, were read;
// docs/formats.md has the same as text.
var runtimes = []runtimeRules{
	{"vllm", "0.33", slices.Concat(folderRules, vllmRules)},
	{"transformers", "5.23", transformersRules},
	{"llama.cpp", "2026-08", ggufRules},
	{"ollama", "2026-08", slices.Concat(ggufRules, ollamaRules)},
	{"mlx", "mlx-lm 0.32", slices.Concat(folderRules, mlxRules)},
	{"tensorrt-llm", "1.x", slices.Concat(folderRules, tensorrtRules)},
}

// method limits a rule to one way of quantization.
func method(name string, what func(f *checkpoint) string) func(f *checkpoint) string {
	return func(f *checkpoint) string {
		if f.gguf || f.method != name {
			return ""
		}
		return what(f)
	}
}

// without refuses ways of quantization that a runtime has no reader for.
func without(names ...string) func(f *checkpoint) string {
	return func(f *checkpoint) string {
		if !f.gguf && slices.Contains(names, f.method) {
			return "it has no reader for checkpoints of " + f.method
		}
		return ""
	}
}

// bitsIn wants codes of certain widths.
func bitsIn(bits ...int) func(f *checkpoint) string {
	return func(f *checkpoint) string {
		return f.any(func(c coded) string {
			if slices.Contains(bits, c.grid.Bits) {
				return ""
			}
			return fmt.Sprintf("codes of %d bits, it takes %v", c.grid.Bits, bits)
		})
	}
}

// groupsIn wants groups of certain sizes; 0 is whole rows.
func groupsIn(groups ...int) func(f *checkpoint) string {
	return func(f *checkpoint) string {
		return f.any(func(c coded) string {
			if slices.Contains(groups, max(c.grid.Group, 0)) {
				return ""
			}
			return groupName(c.grid.Group) + ", it takes " + groupNames(groups)
		})
	}
}

// groupName says how many columns share a scale.
func groupName(n int) string {
	if n <= 0 {
		return "one scale for a whole row"
	}
	return fmt.Sprintf("groups of %d", n)
}

// groupNames lists sizes of groups, whole rows last.
func groupNames(groups []int) string {
	var sizes []string
	for _, n := range groups {
		if n > 0 {
			sizes = append(sizes, fmt.Sprint(n))
		}
	}
	s := "groups of " + strings.Join(sizes, ", ")
	if slices.Contains(groups, 0) {
		s += ", or whole rows"
	}
	return s
}

// both is the first finding of two.
func both(a, b func(f *checkpoint) string) func(f *checkpoint) string {
	return func(f *checkpoint) string {
		if s := a(f); s != "" {
			return s
		}
		return b(f)
	}
}

// units wants sizes that kernels can divide.
func units(n, k int) func(f *checkpoint) string {
	return func(f *checkpoint) string {
		return f.any(func(c coded) string {
			if c.n%n == 0 && c.k%k == 0 {
				return ""
			}
			return fmt.Sprintf("%d×%d weights, its kernels want outputs in units of %d and inputs in units of %d", c.n, c.k, n, k)
		})
	}
}

// fourBits limits a rule to codes of 4 bits of one method, on a CPU.
func fourBits(name string, what func(f *checkpoint) string) func(f *checkpoint) string {
	return method(name, func(f *checkpoint) string {
		if s := what(f); s != "" && bitsIn(4)(f) == "" {
			return "on a CPU: " + s
		}
		return ""
	})
}

// secondVersion finds GPTQ whose zero points are stored as they are.
func secondVersion(f *checkpoint) string {
	for _, key := range []string{"checkpoint_format", "format"} {
		if f.config[key] == "gptq_v2" {
			return "quantization_config says " + key + ": gptq_v2, it takes the first version"
		}
	}
	return ""
}

func skewed(f *checkpoint) string {
	if f.skewed == "" {
		return ""
	}
	return f.skewed + ": a zero point is not the middle of the codes; it ignores zero points"
}

func ordered(f *checkpoint) string {
	if f.ordered {
		return "columns of a group are not neighbours (act-order)"
	}
	return ""
}

func wantsKeys(keys ...string) func(f *checkpoint) string {
	return func(f *checkpoint) string {
		if m := f.lacks(keys...); m != nil {
			return "quantization_config lacks " + strings.Join(m, ", ")
		}
		return ""
	}
}

var fusedPart = regexp.MustCompile(`\.(q_proj|k_proj|v_proj|gate_proj|up_proj)\.weight$`)

// fused wants matrices that a runtime joins (queries with keys and values, gate with up) to be of one kind.
func fused(f *checkpoint) string {
	kinds := map[string]coded{}
	place := func(name string) string {
		m := fusedPart.FindStringSubmatch(name)
		if m == nil {
			return ""
		}
		if strings.HasSuffix(m[1], "gate_proj") || m[1] == "up_proj" {
			return strings.TrimSuffix(name, m[0]) + " gate and up"
		}
		return strings.TrimSuffix(name, m[0]) + " queries, keys and values"
	}
	for _, c := range f.codes {
		at := place(c.name)
		first, ok := kinds[at]
		if at != "" && ok && first.grid != c.grid {
			return fmt.Sprintf("%s are joined, and have codes of different grids", at)
		}
		kinds[at] = c
	}
	for _, name := range f.plain {
		if at := place(name); at != "" {
			if _, ok := kinds[at]; ok {
				return fmt.Sprintf("%s are joined, and only some have codes", at)
			}
		}
	}
	return ""
}

// ranks wants whole groups on every rank of the matrices that are divided by their inputs.
func ranks(f *checkpoint) string {
	return f.any(func(c coded) string {
		by := strings.HasSuffix(c.name, "o_proj.weight") || strings.HasSuffix(c.name, "down_proj.weight")
		if f.tp > 1 && by && c.grid.Group > 0 && (c.k%f.tp != 0 || c.k/f.tp%c.grid.Group != 0) {
			return fmt.Sprintf("%d inputs on %d ranks are not whole groups of %d", c.k, f.tp, c.grid.Group)
		}
		return ""
	})
}

// folderRules hold for all that read Hugging Face folders and nothing else.
var folderRules = []runtimeRule{
	{refuses, "loaders of the runtimes", "quern export makes a folder of a GGUF", func(f *checkpoint) string {
		if f.gguf {
			return "it reads Hugging Face folders, not GGUF files"
		}
		return ""
	}},
	{refuses, "loaders of the runtimes", "", func(f *checkpoint) string {
		if !f.gguf && !f.has("config.json") {
			return "config.json is missing"
		}
		return ""
	}},
	{refuses, "loaders of the runtimes", "copy the tokenizer's files from the model that this one was made from", func(f *checkpoint) string {
		if !f.gguf && !f.has(append([]string{"vocab.json", "tekken.json", "spiece.model"}, tokenizerKinds...)...) {
			return "there is no tokenizer (tokenizer.json, tokenizer.model …)"
		}
		return ""
	}},
	believed,
	broken,
}

// believed finds a configuration that says something else than its tensors.
var believed = runtimeRule{refuses, "loaders make room for tensors by the configuration", "correct quantization_config, or quern convert --format writes it anew and keeps the codes", said}

// broken repeats why quern itself does not understand a checkpoint of a family that it knows.
var broken = runtimeRule{note, "quern's own reader", "", func(f *checkpoint) string {
	if f.problem == nil {
		return ""
	}
	return "quern does not read it: " + f.problem.Error()
}}

// vllmRules are from vllm/model_executor/layers/quantization of vLLM.
var vllmRules = []runtimeRule{
	{refuses, "quantization/gptq_marlin.py, gptq.py", "quantize to 4 or 8 bits, or to compressed-tensors", method("gptq", bitsIn(4, 8))},
	{refuses, "quantization/gptq_marlin.py: TYPE_MAP has symmetric types only", "use --sym, awq, or compressed-tensors", method("gptq", func(f *checkpoint) string {
		if _, ok := f.config["sym"]; ok && !f.flag("sym") {
			return "quantization_config says sym: false"
		}
		return ""
	})},
	{wrong, "quantization/gptq_marlin.py: qzeros are not loaded", "quern convert --format compressed-tensors keeps the codes", method("gptq", skewed)},
	{refuses, "quantization/gptq_marlin.py: groups", "use groups of 32, 64 or 128, or whole rows", method("gptq", groupsIn(0, 32, 64, 128))},
	{refuses, "quantization/gptq_marlin.py: desc_act", "quantize again with groups of neighbours", method("gptq", func(f *checkpoint) string {
		if f.flag("desc_act") && f.any(func(c coded) string {
			if c.grid.Group > 0 {
				return "grouped"
			}
			return ""
		}) != "" {
			return "quantization_config says desc_act with groups"
		}
		return ""
	})},
	{wrong, "quantization/gptq_marlin.py: g_idx is dropped", "quantize again with groups of neighbours", method("gptq", func(f *checkpoint) string {
		if !f.flag("desc_act") {
			return ordered(f)
		}
		return ""
	})},
	{refuses, "quantization/gptq.py: from_config", "", method("gptq", wantsKeys("bits", "group_size", "desc_act"))},
	{refuses, "quantization/awq.py", "", method("awq", bitsIn(4))},
	{refuses, "quantization/awq.py: from_config", "", method("awq", wantsKeys("bits", "group_size", "zero_point"))},
	{refuses, "compressed_tensors: weight_g_idx and actorder \"group\" were removed in August 2026", "quantize again with actorder static", method("compressed-tensors", ordered)},
	{refuses, "quantization/__init__.py", "quern convert --format compressed-tensors keeps the codes of gptq and awq, --format hf decodes", without("mlx", "hqq", "bitnet", "bitsandbytes")},
	{refuses, "linear.py: merged layers", "quantize all of them in one way", fused},
	{refuses, "quantization/utils: groups on ranks", "use smaller groups, or fewer ranks", ranks},
	{note, "gptq_marlin.py pads, with a loss of speed", "", method("gptq", units(64, 64))},
}

// transformersRules are from transformers' quantizers and from their documentation.
var transformersRules = []runtimeRule{
	{note, "modeling_gguf_pytorch_utils.py", "", func(f *checkpoint) string {
		if f.gguf {
			return "it decodes a GGUF to plain weights while loading (gguf_file=…), for the families that it knows"
		}
		return ""
	}},
	{refuses, "from_pretrained", "", func(f *checkpoint) string {
		if !f.gguf && !f.has("config.json") {
			return "config.json is missing"
		}
		return ""
	}},
	{note, "quantizers/quantizer_gptq.py", "pip install optimum gptqmodel", method("gptq", func(*checkpoint) string { return "needs the packages optimum and gptqmodel" })},
	{note, "gptqmodel 7.7, its kernel for CPUs: loads, and fails with the first token", "use groups of 32, 64 or 128", fourBits("gptq", groupsIn(32, 64, 128, 256))},
	{note, "gptqmodel 7.7, its kernel for CPUs: loads, and fails with the first token", "use groups of 32, 64 or 128", fourBits("awq", groupsIn(32, 64, 128, 256))},
	{note, "quantizers/quantizer_awq.py", "pip install gptqmodel", method("awq", func(*checkpoint) string { return "needs the package gptqmodel" })},
	{note, "quantizers/quantizer_compressed_tensors.py", "pip install compressed-tensors", method("compressed-tensors", func(*checkpoint) string { return "needs the package compressed-tensors" })},
	{refuses, "compressed_tensors: weight_g_idx and actorder \"group\" were removed in August 2026", "quantize again with actorder static", method("compressed-tensors", ordered)},
	{refuses, "compressed-tensors 0.20: shapes of packed zero points are wrong before weights are loaded", "use awq, or symmetric codes", method("compressed-tensors", func(f *checkpoint) string {
		if f.config["format"] == "pack-quantized" && f.any(func(c coded) string {
			if !c.grid.Symmetric {
				return "asymmetric"
			}
			return ""
		}) != "" {
			return "packed zero points"
		}
		return ""
	})},
	{refuses, "quantizers/auto.py", "quern convert --format hf decodes; compressed-tensors cannot hold MLX's offsets", without("mlx")},
	believed,
	broken,
}

// mlxRules are from mlx_lm/utils.py and mlx_lm/models.
var mlxRules = []runtimeRule{
	{refuses, "mlx_lm/utils.py: quantization \"gptq\" goes through the unpacking of AWQ, and g_idx has no place", "quern convert --format mlx keeps the codes", method("gptq", func(*checkpoint) string {
		return "it reads GPTQ as if it were AWQ"
	})},
	{refuses, "mlx_lm/utils.py", "quern convert --format mlx keeps the codes", method("awq", bitsIn(4))},
	{refuses, "mlx/nn: QuantizedLinear", "use groups of 32, 64 or 128", method("awq", groupsIn(32, 64, 128))},
	{wrong, "mlx_lm/utils.py: pack-quantized is taken for 4 bits in groups of 32", "quern convert --format mlx keeps the codes", method("compressed-tensors", both(bitsIn(4), groupsIn(32)))},
	{refuses, "mlx/nn: QuantizedLinear", "", method("mlx", bitsIn(2, 3, 4, 5, 6, 8))},
	{refuses, "mlx/nn: QuantizedLinear", "", method("mlx", groupsIn(32, 64, 128))},
	{refuses, "mlx_lm/utils.py", "quern convert --format hf decodes", without("bitsandbytes", "hqq", "auto-round")},
}

// tensorrtRules are from the documentation of TensorRT-LLM and its issue 988.
var tensorrtRules = []runtimeRule{
	{refuses, "documentation: quantization", "use groups of 64 or 128", method("gptq", groupsIn(64, 128))},
	{refuses, "documentation: quantization", "use groups of 64 or 128", method("awq", groupsIn(64, 128))},
	{refuses, "documentation: quantization", "use 4 bits", method("gptq", bitsIn(4))},
	{refuses, "documentation: quantization", "use 4 bits", method("awq", bitsIn(4))},
	{refuses, "documentation: quantization", "quern convert --format gptq keeps the codes", method("gptq", secondVersion)},
	{refuses, "documentation: quantization", "quantize again with groups of neighbours", method("gptq", ordered)},
	{refuses, "documentation: quantization", "quern convert --format awq keeps the codes of 4 bits, --format hf decodes", without("compressed-tensors", "mlx", "hqq", "bitsandbytes", "bitnet", "auto-round")},
}

// ggufRules are from llama.cpp's loader.
var ggufRules = []runtimeRule{
	{refuses, "gguf.cpp", "quern convert makes a GGUF and keeps the codes where a type holds them", func(f *checkpoint) string {
		if !f.gguf {
			return "it reads GGUF files, not folders"
		}
		return ""
	}},
	{refuses, "llama-model-loader.cpp: types are those of ggml.h", "quern quantize to a type of llama.cpp", func(f *checkpoint) string {
		var names []string
		for name, t := range f.types {
			if f.gguf && t.ID != quantize.NoID && t.ID >= 100 {
				names = append(names, name)
			}
		}
		if names == nil {
			return ""
		}
		slices.Sort(names)
		return "types that only ik_llama.cpp has: " + strings.Join(names, ", ")
	}},
	{refuses, "llama-vocab.cpp", "convert again from the folder with its tokenizer", func(f *checkpoint) string {
		if f.gguf && !f.src.Meta.Has("tokenizer.ggml.model") {
			return "there is no vocabulary (tokenizer.ggml.model)"
		}
		return ""
	}},
	{refuses, "llama-arch.cpp", "", func(f *checkpoint) string {
		if f.gguf && f.src.Meta.String("general.architecture") == "" {
			return "general.architecture is missing"
		}
		return ""
	}},
	{note, "llama-vocab.cpp: pre-tokenizers", "quern convert --pre", func(f *checkpoint) string {
		if f.gguf && f.src.Meta.String("tokenizer.ggml.model") == "gpt2" && f.src.Meta.String("tokenizer.ggml.pre") == "" {
			return "tokenizer.ggml.pre is missing: text will be cut by the default rule, which is another one for most models"
		}
		return ""
	}},
	broken,
}

// ollamaRules are what it wants on top of llama.cpp.
var ollamaRules = []runtimeRule{
	{note, "template.go", "write a TEMPLATE into the Modelfile", func(f *checkpoint) string {
		if f.gguf && !f.src.Meta.Has("tokenizer.chat_template") {
			return "there is no chat template: it will complete text, not chat"
		}
		return ""
	}},
}
