package tokenizer

import "reflect"

// What tokens are for, as ggml numbers them (tokenizer.ggml.token_type).
const (
	Normal      = 1
	Unknown     = 2
	Control     = 3
	UserDefined = 4
	Unused      = 5
	Byte        = 6
)

// Vocab is what a GGUF file holds of a tokenizer, the names of its fields are those of its keys under tokenizer.ggml.
type Vocab struct {
	Model  string // "gpt2": byte-level BPE; "gemma4": the same of characters; "llama": SentencePiece's merging by score; "t5": unigram; "bert": WordPiece; "plamo2": PLaMo's own; "rwkv": RWKV's, whose tokens are spelled as Python spells bytes
	Pre    string // name of the pre-tokenizer
	Tokens []string
	Scores []float32 // models llama, t5, plamo2 and gemma4, of which the last ignores them
	Types  []int32
	Merges []string // "left right", models gpt2 and gemma4

	BOS, EOS, EOT, EOM, UNK, SEP, PAD, MASK int // ids, -1 for none

	// Flags that are nil are not written: the runtime's default for Model and Pre holds.
	AddBOS, AddEOS, AddSEP, AddSpacePrefix, RemoveExtraSpaces *bool

	Charsmap                []byte // what replaces which characters (precompiled_charsmap), model t5 only
	Lowercase, StripAccents *bool  // keys under tokenizer.ggml.normalizer

	ChatTemplate  string
	ChatTemplates map[string]string // the named ones, without the default

	Notes []string // what a runtime does otherwise with these keys than the tokenizer that they were made of; no key
}

// NewVocab returns a vocabulary that names no special token.
func NewVocab(model, pre string) *Vocab {
	return &Vocab{Model: model, Pre: pre, BOS: -1, EOS: -1, EOT: -1, EOM: -1, UNK: -1, SEP: -1, PAD: -1, MASK: -1}
}

// Same reports whether two vocabularies make the same tokens of a text; templates of chats and notes do not matter.
func (v *Vocab) Same(o *Vocab) bool {
	a, b := *v, *o
	a.ChatTemplate, a.ChatTemplates, a.Notes = b.ChatTemplate, b.ChatTemplates, b.Notes
	return reflect.DeepEqual(a, b)
}

// special finds the field of a kind of special token; nil for kinds that a GGUF file has no key for.
func (v *Vocab) special(kind string) *int {
	switch kind {
	case "bos":
		return &v.BOS
	case "eos":
		return &v.EOS
	case "eot":
		return &v.EOT
	case "eom":
		return &v.EOM
	case "unk":
		return &v.UNK
	case "sep":
		return &v.SEP
	case "pad":
		return &v.PAD
	case "mask":
		return &v.MASK
	}
	return nil
}

// add finds the flag that says whether a kind of token is added to every text.
func (v *Vocab) add(kind string) **bool {
	switch kind {
	case "bos":
		return &v.AddBOS
	case "eos":
		return &v.AddEOS
	case "sep":
		return &v.AddSEP
	}
	return nil
}

func (v *Vocab) kind(id int) int32 {
	if id < len(v.Types) {
		return v.Types[id]
	}
	return Normal
}

// valid reports whether id names a token.
func (v *Vocab) valid(id int) bool { return id >= 0 && id < len(v.Tokens) }

func is(flag *bool, otherwise bool) bool {
	if flag == nil {
		return otherwise
	}
	return *flag
}
