package tokenizer

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// HFFiles is the way back of a vocabulary: the files of a Hugging Face folder that make the same tokens of a text, by name. What a GGUF does
// not tell (whether an added token takes the blanks beside it, marks on letters composed before splitting except where a family is known
// for it) is as it is in most tokenizers. context is the longest sequence, 0 where it is not known.
func (v *Vocab) HFFiles(context int) (map[string][]byte, error) {
	if len(v.Tokens) == 0 || !v.spells() {
		return nil, corrupt("the vocabulary is empty")
	}
	for i, t := range v.Tokens {
		if !utf8.ValidString(t) {
			return nil, corrupt("token %d, %q, is no text", i, t)
		}
	}
	files := map[string][]byte{}
	w := &exporter{v: v}
	switch v.Model {
	case "gpt2":
		p := preNamed(v.Pre)
		if p == nil || p.Shape == "" || p.Chars {
			return nil, unsupported("the pre-tokenizer %q has no known form in a tokenizer.json", v.Pre)
		}
		w.addBOS = is(v.AddBOS, p.AddBOS)
		if err := w.byteLevel(p); err != nil {
			return nil, err
		}
	case "llama":
		if len(v.Scores) < len(v.Tokens) {
			return nil, corrupt("%d scores for %d tokens", len(v.Scores), len(v.Tokens))
		}
		w.addBOS = is(v.AddBOS, true)
		w.characters()
		files["tokenizer.model"] = v.sentencePiece()
	case "gemma4":
		w.addBOS = is(v.AddBOS, true)
		w.characters()
	case "bert":
		if err := w.wordPieces(); err != nil {
			return nil, err
		}
	case "t5":
		if err := w.pieces(); err != nil {
			return nil, err
		}
	case "plamo2":
		if len(v.Scores) < len(v.Tokens) {
			return nil, corrupt("%d scores for %d tokens", len(v.Scores), len(v.Tokens))
		}
		settings := v.settings(context)
		settings["tokenizer_class"] = "Plamo3Tokenizer" // of code that lies with the published model
		return map[string][]byte{"tokenizer.jsonl": v.plamoFile(), "tokenizer_config.json": encodeJSON(settings, "  ")}, nil
	case "rwkv":
		lines, err := v.worldFile()
		if err != nil {
			return nil, err
		}
		settings := v.settings(context)
		settings["tokenizer_class"] = "RWKV_TOKENIZER" // of code that lies with the published model
		return map[string][]byte{WorldFile: lines, "tokenizer_config.json": encodeJSON(settings, "  ")}, nil
	default:
		return nil, unsupported("tokenizers of kind %q cannot be written as a tokenizer.json", v.Model)
	}
	files["tokenizer.json"] = w.text()
	files["tokenizer_config.json"] = encodeJSON(v.settings(context), "  ")
	if v.ChatTemplate != "" {
		files["chat_template.jinja"] = []byte(v.ChatTemplate)
	}
	return files, nil
}

// spells says whether there is any token but rows that the embedding has for nothing.
func (v *Vocab) spells() bool {
	for i := range v.Tokens {
		if v.kind(i) != Unused || v.named(i) {
			return true
		}
	}
	return false
}

// An exporter gathers a tokenizer.json.
type exporter struct {
	v          *Vocab
	addBOS     bool
	added      []addedToken
	normalizer any
	split      any
	post       any
	decoder    any
	model      any
}

type addedToken struct {
	ID         int    `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

type bpeModel struct {
	Type         string     `json:"type"`
	Dropout      *float64   `json:"dropout"`
	Unk          *string    `json:"unk_token"`
	Prefix       *string    `json:"continuing_subword_prefix"`
	Suffix       *string    `json:"end_of_word_suffix"`
	FuseUnk      bool       `json:"fuse_unk"`
	ByteFallback bool       `json:"byte_fallback"`
	IgnoreMerges bool       `json:"ignore_merges"`
	Vocab        idsInOrder `json:"vocab"`
	Merges       []string   `json:"merges"`
}

// text is the file; the order of its parts is the one in which the tokenizers library writes them.
func (w *exporter) text() []byte {
	return encodeJSON(struct {
		Version    string       `json:"version"`
		Truncation any          `json:"truncation"`
		Padding    any          `json:"padding"`
		Added      []addedToken `json:"added_tokens"`
		Normalizer any          `json:"normalizer"`
		Pre        any          `json:"pre_tokenizer"`
		Post       any          `json:"post_processor"`
		Decoder    any          `json:"decoder"`
		Model      any          `json:"model"`
	}{"1.0", nil, nil, w.added, w.normalizer, w.split, w.post, w.decoder, w.model}, " ")
}

// A part is a step of a tokenizer.json, or what lies in one.
type part map[string]any

// template is what a post-processor adds to a text; nil where it adds nothing.
func (w *exporter) template() any {
	bos, eos := -1, -1
	if w.addBOS {
		bos = w.v.BOS
	}
	if is(w.v.AddEOS, false) {
		eos = w.v.EOS
	}
	return w.around(bos, eos)
}

// around is the template that puts tokens before and behind a text; -1 is none.
func (w *exporter) around(bos, eos int) any {
	v, first, last := w.v, "", ""
	if v.valid(bos) {
		first = v.Tokens[bos]
	}
	if v.valid(eos) {
		last = v.Tokens[eos]
	}
	if first == "" && last == "" {
		return nil
	}
	tokens := part{}
	around := func(sequence string, segment int) (list []part) {
		add := func(text string, id int) {
			if text != "" {
				list = append(list, part{"SpecialToken": part{"id": text, "type_id": segment}})
				tokens[text] = part{"id": text, "ids": []int{id}, "tokens": []string{text}}
			}
		}
		add(first, bos)
		list = append(list, part{"Sequence": part{"id": sequence, "type_id": segment}})
		add(last, eos)
		return list
	}
	single := around("A", 0)
	return part{"type": "TemplateProcessing", "single": single, "pair": append(around("A", 0), around("B", 1)...), "special_tokens": tokens}
}

// settings is tokenizer_config.json.
func (v *Vocab) settings(context int) map[string]any {
	out := map[string]any{"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false}
	for key, flag := range map[string]*bool{"add_bos_token": v.AddBOS, "add_eos_token": v.AddEOS, "add_prefix_space": v.AddSpacePrefix} {
		if flag != nil {
			out[key] = *flag
		}
	}
	if context > 0 {
		out["model_max_length"] = context
	}
	for _, kind := range kinds {
		if id := v.special(kind); id != nil && v.valid(*id) {
			out[kind+"_token"] = v.content(*id)
		}
	}
	if cls := orElse(v, v.BOS, 101); v.Model == "bert" && cls >= 0 {
		out["cls_token"] = v.Tokens[cls]
	}
	listed := map[string]any{}
	for _, a := range v.addedTokens() {
		if v.Model == "llama" && a.Special && v.Scores[a.ID] != lowestScore {
			continue // tokenizer.model says it, with a score that readers of this list would forget
		}
		listed[itoa(a.ID)] = part{"content": a.Content, "lstrip": false, "normalized": false, "rstrip": false, "single_word": false, "special": a.Special}
	}
	out["added_tokens_decoder"] = listed
	if v.ChatTemplate != "" && len(v.ChatTemplates) == 0 {
		out["chat_template"] = v.ChatTemplate
	} else if len(v.ChatTemplates) > 0 {
		list := []part{{"name": "default", "template": v.ChatTemplate}}
		for _, name := range sortedKeys(v.ChatTemplates) {
			list = append(list, part{"name": name, "template": v.ChatTemplates[name]})
		}
		out["chat_template"] = list
	}
	return out
}

// content is the text of a token as files of the library spell it: tokens of SentencePiece that users define have marks for their blanks
// there, which converting to GGUF turned into blanks.
func (v *Vocab) content(id int) string {
	if v.Model != "gpt2" && v.kind(id) == UserDefined {
		return strings.ReplaceAll(v.Tokens[id], " ", blankMark)
	}
	return v.Tokens[id]
}

// addedTokens are those that text spells.
func (v *Vocab) addedTokens() (all []addedToken) {
	for i := range v.Tokens {
		switch v.kind(i) {
		case Control, Unknown:
			all = append(all, addedToken{ID: i, Content: v.content(i), Special: true})
		case UserDefined:
			all = append(all, addedToken{ID: i, Content: v.content(i)})
		}
	}
	return all
}

func encodeJSON(val any, indent string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	_ = e.Encode(val) // strings, numbers, booleans, lists and maps of these cannot fail
	return b.Bytes()
}
