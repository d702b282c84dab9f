package arch

import "quern/formats"

// DSpark is DFlash with a Markov head: what a block guesses is corrected by how likely a token is behind the one before it, in two matrices of low rank; and, in
// some, with what tells how sure each guess is. An output head with all tokens is the target's, and is left out.

// sparkKeys are what files say of it besides.
var sparkKeys = []Key{
	{HF: []string{"draft_vocab_size"}, Field: func(p *Params) any { return &p.Draft.Rows }, Default: nothing, When: never},
	{GGUF: "{a}.sample_from_anchor", Field: func(p *Params) any { return &p.Draft.Anchor }, Default: nothing, When: sparks},
	{GGUF: "{a}.has_confidence_head", Field: func(p *Params) any { return &p.Draft.Confidence }, Default: nothing, When: sparks},
}

func sparks(p *Params) bool { return p.Draft.Spark }

// sparkConfidence is what the names of its tensors begin with.
var sparkConfidence = []string{"confidence_head.proj.", "confidence_proj."}

// sparkRules are its tensors.
var sparkRules = func() []Rule {
	rules := []Rule{
		{GGUF: "markov_w1.weight", HF: "markov_head.markov_w1.weight", Role: RoleDraftMarkov, Shape: "V DM"},
		{GGUF: "markov_w2.weight", HF: "markov_head.markov_w2.weight", Role: RoleDraftMarkov, Shape: "DR DM"},
	}
	for _, hf := range sparkConfidence {
		rules = append(rules, optional(
			Rule{GGUF: "conf_proj.weight", HF: hf + "weight", Role: RoleDraftConfidence, Shape: "1 EDM"},
			Rule{GGUF: "conf_proj.bias", HF: hf + "bias", Role: RoleDraftConfidence, Shape: "1"})...)
	}
	for i := range rules {
		rules[i].When = func(p *Params, _ int) bool { return p.Draft.Spark }
	}
	return rules
}()

// sparkClasses are those of DFlash's table that have a Markov head.
var sparkClasses = map[string]bool{"Qwen3DSparkModel": true, "DSparkDraftModel": true, "DSparkSpeculator": true, "Lfm2DSparkDraftModel": true, "LingDSparkModel": true, "Gemma4DSparkModel": true}

// finishSpark reads whether the last known token makes the first guess: not so where the layout is that of EAGLE 3's exports and nothing is said.
func finishSpark(c *Config, p *Params) error {
	list, _ := c.Value("architectures")
	names, _ := list.([]any)
	if len(names) == 0 {
		return nil
	}
	class, _ := names[0].(string)
	p.Draft.Spark = sparkClasses[class]
	if !p.Draft.Spark {
		return nil
	}
	p.Draft.allRows(p.Vocab)
	_, aux := c.Value("aux_hidden_state_layer_ids")
	p.Draft.Anchor = class != "DSparkSpeculator" && !aux
	v, ok := c.Value("sample_from_anchor")
	if is, isBool := v.(bool); ok && !isBool {
		return c.wrong("sample_from_anchor", v, "true or false")
	} else if ok {
		p.Draft.Anchor = is
	}
	if p.Mask == 0 {
		return c.fail("mask_token_id", formats.Corrupt("missing: no token stands for what is to be guessed"), "")
	}
	return nil
}

// tellSpark is the way back.
func tellSpark(p *Params) map[string]any {
	out := map[string]any{"draft_vocab_size": unsaid}
	if p.Draft.Spark {
		out["sample_from_anchor"] = p.Draft.Anchor
		if p.Draft.Rows > 0 {
			out["draft_vocab_size"] = p.Draft.Rows
		}
	}
	return out
}
