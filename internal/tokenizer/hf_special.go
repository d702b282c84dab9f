package tokenizer

import "encoding/json"

// finish fills in the special tokens, what is added to every text, and the chat templates.
func (f *folder) finish(v *Vocab) error {
	if f.takesPrefixFlag() {
		if add := boolIn(f.settings, "add_prefix_space"); add != nil {
			v.AddSpacePrefix = add
		}
	}
	s := &specials{folder: f, v: v, text: map[string]string{}}
	for _, kind := range kinds {
		if s.text[kind] = f.tokenText(kind); s.text[kind] == "" {
			s.text[kind] = f.lent[kind]
		}
	}
	s.lendTexts()
	if f.tok != nil {
		for _, p := range f.tok.Post.flat() {
			s.processor(p)
		}
	}
	s.flags()
	s.ids()
	s.further()
	return f.chat(v)
}

// kinds of special tokens, in the order in which the reference looks for them.
var kinds = []string{"bos", "eos", "unk", "sep", "pad", "cls", "mask"}

// takesPrefixFlag reports whether the reference copies add_prefix_space for this family of models.
func (f *folder) takesPrefixFlag() bool {
	switch textIn(f.config, "model_type") {
	case "llama", "mistral", "mixtral", "arcee", "smollm3", "apertus", "granite", "granitemoe", "granitemoeshared", "ernie4_5", "ernie4_5_moe", "internlm3", "ministral3", "afmoe", "granite_swa", "PanguEmbedded":
		return true
	}
	return false
}

// tokenText is the text of a kind of special token: a string, or an object with a content. The reference knows
// tokenizer_config.json only; what that does not mention is looked for in special_tokens_map.json.
func (f *folder) tokenText(kind string) string {
	raw, ok := f.settings[kind+"_token"]
	if !ok {
		raw = f.specials[kind+"_token"]
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var o struct{ Content string }
	if json.Unmarshal(raw, &o) == nil {
		return o.Content
	}
	return ""
}

// flat is a post-processor as a list of its steps.
func (n *node) flat() []*node {
	if n == nil {
		return nil
	}
	if n.Type != "Sequence" {
		return []*node{n}
	}
	var all []*node
	for i := range n.Processors {
		all = append(all, n.Processors[i].flat()...)
	}
	return all
}

// specials is the evidence about special tokens while it is being gathered.
type specials struct {
	*folder
	v     *Vocab
	text  map[string]string // by kind
	extra []string          // kinds that came in besides: eot, eom
}

// lendTexts takes the classifier's token for a BOS that is missing, the separator for an EOS.
func (s *specials) lendTexts() {
	if s.text["bos"] == "" {
		s.text["bos"] = s.text["cls"]
	}
	if s.text["eos"] == "" {
		s.text["eos"] = s.text["sep"]
	}
}

func (s *specials) set(flag **bool, to bool) { *flag = &to }

func (s *specials) processor(p *node) {
	switch p.Type {
	case "RobertaProcessing":
		s.set(&s.v.AddBOS, true)
		s.set(&s.v.AddEOS, true)
		s.set(&s.v.AddSEP, true)
	case "TemplateProcessing":
		first, last := "", ""
		if n := len(p.Single); n > 1 {
			if t := p.Single[0].SpecialToken; t != nil {
				first = t.ID
				s.leading(first)
			}
			if t := p.Single[n-1].SpecialToken; t != nil {
				last = t.ID
				s.trailing(last)
			}
		}
		s.pair(p.Pair, first, last)
	}
}

// leading is the token that a template puts first.
func (s *specials) leading(t string) {
	if s.text["bos"] == "" {
		s.text["bos"] = t
	}
	s.set(&s.v.AddBOS, t == s.text["bos"] || t == s.text["cls"])
}

// trailing is the token that a template puts last: it is what ends a text, and the token that was said to ends a turn.
func (s *specials) trailing(t string) {
	if old := s.text["eos"]; t != old {
		if old != "" {
			kind := "eot"
			if len(s.extra) > 0 {
				kind = "eom"
			}
			s.text[kind] = old
			s.extra = append(s.extra, kind)
		}
		s.text["eos"] = t
	}
	s.set(&s.v.AddEOS, true)
}

// pair looks for a separator between two texts.
func (s *specials) pair(p []templatePiece, first, last string) {
	text := func(i int) string {
		if p[i].SpecialToken != nil {
			return p[i].SpecialToken.ID
		}
		return ""
	}
	if len(p) > 0 && first != "" && text(0) == first {
		p = p[1:]
	}
	if len(p) > 0 && last != "" && text(len(p)-1) == last {
		p = p[:len(p)-1]
	}
	if len(p) < 3 || p[0].Sequence == nil || p[0].Sequence.ID != "A" || p[len(p)-1].Sequence == nil || p[len(p)-1].Sequence.ID != "B" {
		return
	}
	separates := func(t string) bool { return t != "" && (t == s.text["sep"] || t == s.text["eos"]) }
	add := separates(text(1)) && last == "" || len(p) == 4 && separates(text(2))
	s.set(&s.v.AddSEP, add)
	if add && s.text["sep"] == "" {
		s.text["sep"] = s.text["eos"]
	}
}

// flags lets tokenizer_config.json have the last word on what is added.
func (s *specials) flags() {
	for _, kind := range kinds {
		if flag := s.v.add(kind); flag != nil {
			if add := boolIn(s.settings, "add_"+kind+"_token"); add != nil {
				*flag = add
			}
		}
	}
}

// ids finds the id of each kind: that of its text among the added tokens, else the number in config.json. Of the two
// that every model needs, what is still missing comes from generation_config.json, which the reference does not read, or
// from the first of a list, which it does not take.
func (s *specials) ids() {
	for _, kind := range append(kinds, s.extra...) {
		to := s.v.special(kind)
		if to == nil {
			continue
		}
		for _, id := range []int{s.addedID(s.text[kind]), s.configID(kind)} {
			if *to < 0 && s.v.valid(id) {
				*to = id
			}
		}
	}
	for _, kind := range []string{"bos", "eos"} {
		to, key := s.v.special(kind), kind+"_token_id"
		for _, m := range []map[string]json.RawMessage{s.generation, s.config, s.textConfig()} {
			var list []int
			id, _ := idIn(m, key)
			if id < 0 && json.Unmarshal(m[key], &list) == nil && len(list) > 0 {
				id = list[0]
			}
			if *to < 0 && s.v.valid(id) {
				*to = id
			}
		}
	}
}

// addedID is the id of an added token of that text, or -1.
func (s *specials) addedID(text string) int {
	if text == "" {
		return -1
	}
	if s.tok != nil {
		for _, a := range s.tok.Added {
			if a.Content == text {
				return a.ID
			}
		}
		return -1
	}
	for _, a := range s.listed {
		if a.Content == text {
			return a.ID
		}
	}
	if s.sp != nil {
		for i, p := range s.sp.Pieces {
			if p.Type == Control && p.Text == text {
				return i
			}
		}
	}
	return -1
}

func (s *specials) configID(kind string) int {
	id, found := idIn(s.config, kind+"_token_id")
	if !found {
		id, _ = idIn(s.textConfig(), kind+"_token_id")
	}
	return id
}

// template sets what tokenizers itself adds to a text, which its post-processor alone decides.
func (f *folder) template(t *Tokenizer, post *node) error {
	for _, p := range post.flat() {
		switch p.Type {
		case "ByteLevel":
		case "TemplateProcessing":
			side := &t.before
			for _, piece := range p.Single {
				if piece.Sequence != nil {
					side = &t.after
				}
				if piece.SpecialToken == nil {
					continue
				}
				for _, id := range p.SpecialTokens[piece.SpecialToken.ID].IDs {
					if id < 0 || id >= len(t.vocab.Tokens) {
						return corrupt("post_processor: the token %q has the id %d", piece.SpecialToken.ID, id)
					}
					*side = append(*side, int32(id))
				}
			}
		case "RobertaProcessing", "BertProcessing":
			for _, of := range []struct {
				raw  json.RawMessage
				side *[]int32
			}{{p.Cls, &t.before}, {p.Sep, &t.after}} {
				var pair [2]json.RawMessage
				var id int
				if json.Unmarshal(of.raw, &pair) != nil || json.Unmarshal(pair[1], &id) != nil || id < 0 || id >= len(t.vocab.Tokens) {
					return corrupt("post_processor: %s names no token", p.Type)
				}
				*of.side = append(*of.side, int32(id))
			}
		default:
			return unsupported("the post-processor %s is not known", p.Type)
		}
	}
	return nil
}
