package arch

import (
	"fmt"

	"quern/formats"
)

// usedKey and layerWidth are the two sizes of mixtures that may differ from layer to layer; files have the first behind the second then.
var (
	usedKey = []Key{{GGUF: expertKeys[1].GGUF, HF: expertKeys[1].HF, Field: expertKeys[1].Field, Each: func(p *Params) *[]int32 { return &p.Mix.UsedIn }, Default: nothing}}

	layerWidth = func() Key {
		k := expertWidth("moe_intermediate_size")
		k.Each = func(p *Params) *[]int32 { return &p.Mix.FFIn }
		return k
	}()
)

func evenly(p *Params) bool   { return p.Mix.UsedIn == nil }
func unevenly(p *Params) bool { return p.Mix.UsedIn != nil }

// narrowly and narrows say that experts are given fewer numbers than the stream has.
func narrowly(p *Params) bool           { return p.Mix.Latent > 0 }
func narrows(p *Params, layer int) bool { return narrowly(p) && mixed(p, layer) }

// puzzleBlocks reads what each layer is, and of those with experts, their width and how many of them each token is given to.
func puzzleBlocks(c *Config, p *Params) (kinds []any, err error) {
	const key = "block_configs"
	v, _ := c.Value(key)
	list, ok := v.([]any)
	if !ok || len(list) == 0 || len(list) > maxList {
		return nil, c.wrong(key, v, "what each layer is")
	}
	p.Layers, p.Mix.FFIn, p.Mix.UsedIn = len(list), nil, nil
	for i, x := range list {
		block, ok := x.(map[string]any)
		if !ok {
			return nil, c.wrong(key, x, "what a layer is")
		}
		var sizes [2]int32
		for j, name := range []string{"moe_intermediate_size", "num_experts_per_tok"} {
			n, told := number(block[name])
			if block[name] == nil {
				n, told = 0, true
			}
			if !told || n < 0 || n > 1<<27 || n != float64(int(n)) || n == 0 && block["block_type"] == "moe" {
				return nil, c.fail(key, formats.Corrupt("%s of layer %d is %.60v", name, i, block[name]), "")
			}
			sizes[j] = int32(n)
		}
		if n, told := block["n_routed_experts"]; told && n != nil && fmt.Sprint(n) != fmt.Sprint(p.Mix.Count) {
			return nil, c.fail(key, formats.Unsupported("layer %d has %.60v experts, of %d: runtimes have one number", i, n, p.Mix.Count), "")
		}
		kinds = append(kinds, block["block_type"])
		p.Mix.FFIn, p.Mix.UsedIn = append(p.Mix.FFIn, sizes[0]), append(p.Mix.UsedIn, sizes[1])
		p.Mix.FF, p.Mix.Used = max(p.Mix.FF*min(i, 1), int(sizes[0])), max(p.Mix.Used*min(i, 1), int(sizes[1]))
	}
	return kinds, nil
}

// tellPuzzle is the way back.
func tellPuzzle(p *Params) map[string]any {
	out := tellNemotronH(p)
	var list []map[string]any
	for l, letter := range out["hybrid_override_pattern"].(string) {
		block := map[string]any{"block_type": map[rune]string{'M': "mamba", '*': "attention", 'E': "moe"}[letter]}
		if letter == 'E' {
			block["moe_intermediate_size"], block["num_experts_per_tok"] = p.Mix.FFIn[l], p.Mix.UsedIn[l]
		}
		list = append(list, block)
	}
	for _, key := range []string{"hybrid_override_pattern", "moe_intermediate_size", "num_experts_per_tok"} {
		out[key] = unsaid
	}
	out["block_configs"] = list
	return out
}
