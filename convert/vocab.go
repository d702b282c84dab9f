package convert

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/tokenizer"
)

// Tokenizer is the tokenizer of any source: of a GGUF file's keys, or of the files in a Hugging Face folder. pre, if not
// "", names the pre-tokenizer.
func Tokenizer(src *formats.Source, pre string) (*tokenizer.Tokenizer, error) {
	if isGGUF(src) {
		v, err := ggufVocab(src, pre)
		if err != nil {
			return nil, err
		}
		t, err := tokenizer.FromVocab(v)
		if err != nil {
			return nil, &formats.Error{File: src.Path, Err: err}
		}
		return t, nil
	}
	return ofFolder(src, pre, tokenizer.LoadHF)
}

// ggufVocab is what a GGUF file says of its tokenizer.
func ggufVocab(src *formats.Source, pre string) (*tokenizer.Vocab, error) {
	v, err := VocabOf(&src.Meta)
	if err != nil {
		return nil, &formats.Error{File: src.Path, Err: err}
	}
	v.Pre = cmp.Or(pre, v.Pre)
	return v, nil
}

// folderVocab is what a GGUF file of a Hugging Face folder says of its tokenizer.
func folderVocab(src *formats.Source, pre string) (*tokenizer.Vocab, error) {
	return ofFolder(src, pre, tokenizer.HFVocab)
}

// ofFolder reads the tokenizer's files in the folder of a model.
func ofFolder[T any](src *formats.Source, pre string, load func(func(string) ([]byte, error), tokenizer.HFOptions) (*T, error)) (*T, error) {
	size, err := vocabSize(src)
	if err != nil {
		return nil, err
	}
	return sized(src, pre, size, load)
}

// sized reads the tokenizer's files in a folder, for a model that has so many tokens.
func sized[T any](src *formats.Source, pre string, size int, load func(func(string) ([]byte, error), tokenizer.HFOptions) (*T, error)) (*T, error) {
	t, err := load(languageFile(src), tokenizer.HFOptions{Pre: pre, VocabSize: size})
	if err != nil {
		return nil, &formats.Error{File: src.Path, Err: err, Hint: withoutTokenizer(src)}
	}
	return t, nil
}

// tokenizerKinds are files of which a folder has one, by the kind of its tokenizer.
var tokenizerKinds = []string{"tokenizer.json", "tokenizer.model", "tokenizer.jsonl", tokenizer.WorldFile}

// withoutTokenizer is advice for a folder that has none, "" for any other.
func withoutTokenizer(src *formats.Source) string {
	for _, name := range tokenizerKinds {
		if _, err := src.File(name); !errors.Is(err, fs.ErrNotExist) {
			return ""
		}
	}
	return "fetch tokenizer.json or tokenizer.model, and tokenizer_config.json, of the same model into the folder; a base model's fit its fine-tunes"
}

// languageFile reads a source's files; of a model that sees, config.json is that of its language model.
func languageFile(src *formats.Source) func(name string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		text, err := src.File(name)
		if name != "config.json" || err != nil {
			return text, err
		}
		c, err := arch.ParseConfig(name, text)
		if err != nil {
			return text, nil // nothing in the tokenizer depends on it alone
		}
		return c.Language().Text()
	}
}

// vocabSize is what config.json says, 0 where there is none: tokenizer files alone are enough to make tokens.
func vocabSize(src *formats.Source) (int, error) {
	if _, err := src.File("config.json"); err != nil {
		return 0, nil
	}
	c, err := arch.ReadConfig(src, "config.json")
	if err != nil {
		return 0, err
	}
	return c.Language().VocabSize()
}

// A specialKey is the key of a kind of special token.
type specialKey struct {
	key string
	id  *int
}

// ids are the special tokens of a GGUF file, in the order in which they are written. "seperator" is how the key is spelt.
func ids(v *tokenizer.Vocab) []specialKey {
	unk, sep, pad := specialKey{"unknown_token_id", &v.UNK}, specialKey{"seperator_token_id", &v.SEP}, specialKey{"padding_token_id", &v.PAD}
	between := []specialKey{unk, sep, pad}
	if v.Model == "plamo2" {
		between = []specialKey{pad, sep, unk}
	}
	return slices.Concat([]specialKey{{"bos_token_id", &v.BOS}, {"eos_token_id", &v.EOS}}, between,
		[]specialKey{{"mask_token_id", &v.MASK}, {"eot_token_id", &v.EOT}, {"eom_token_id", &v.EOM}})
}

// A flag is a yes-or-no key; nil is not written.
type flag struct {
	key string
	val **bool
}

// blankFlags say what happens to blanks, addFlags what is put around a text, normalFlags how it is rewritten.
func blankFlags(v *tokenizer.Vocab) []flag {
	return []flag{{"add_space_prefix", &v.AddSpacePrefix}, {"remove_extra_whitespaces", &v.RemoveExtraSpaces}}
}

func addFlags(v *tokenizer.Vocab) []flag {
	return []flag{{"add_bos_token", &v.AddBOS}, {"add_eos_token", &v.AddEOS}, {"add_sep_token", &v.AddSEP}}
}

func normalFlags(v *tokenizer.Vocab) []flag {
	return []flag{{"normalizer.lowercase", &v.Lowercase}, {"normalizer.strip_accents", &v.StripAccents}}
}

func setFlags(meta *formats.Meta, flags []flag) {
	for _, f := range flags {
		if *f.val != nil {
			meta.Set(tokenizerPrefix+f.key, **f.val)
		}
	}
}

const tokenizerPrefix = "tokenizer.ggml."

// SetVocab writes a vocabulary as GGUF keys, in the order of the reference converter.
func SetVocab(meta *formats.Meta, v *tokenizer.Vocab) {
	set := func(key string, val any) { meta.Set(tokenizerPrefix+key, val) }
	if v.Model != "t5" && v.Model != "gemma4" && v.Model != "plamo2" { // where the reference puts these depends on the kind
		setFlags(meta, blankFlags(v))
	}
	set("model", v.Model)
	setText(meta, tokenizerPrefix+"pre", v.Pre)
	set("tokens", v.Tokens)
	if len(v.Scores) > 0 {
		set("scores", v.Scores)
	}
	set("token_type", v.Types)
	if v.Model == "t5" {
		setFlags(meta, blankFlags(v))
	}
	if len(v.Charsmap) > 0 {
		set("precompiled_charsmap", v.Charsmap)
	}
	if len(v.Merges) > 0 {
		set("merges", v.Merges)
	}
	for _, s := range ids(v) {
		if *s.id >= 0 {
			set(s.key, uint32(*s.id))
		}
	}
	if v.Model == "plamo2" {
		setFlags(meta, blankFlags(v))
	}
	if v.Model != "gemma4" {
		setFlags(meta, addFlags(v))
	}
	var names []string
	for name, text := range v.ChatTemplates {
		if name != "default" && text != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		meta.Set("tokenizer.chat_template."+name, v.ChatTemplates[name])
	}
	if len(names) > 0 {
		meta.Set("tokenizer.chat_templates", names)
	}
	setText(meta, "tokenizer.chat_template", v.ChatTemplate)
	if v.Model == "gemma4" {
		setFlags(meta, blankFlags(v))
		setFlags(meta, addFlags(v))
	}
	setFlags(meta, normalFlags(v))
}

// VocabOf reads the vocabulary of a GGUF file.
func VocabOf(meta *formats.Meta) (*tokenizer.Vocab, error) {
	v := &tokenizer.Vocab{Model: meta.String(tokenizerPrefix + "model"), Pre: meta.String(tokenizerPrefix + "pre")}
	if v.Model == "" {
		return nil, &formats.Error{Tensor: tokenizerPrefix + "model", Err: formats.Unsupported("missing: the file holds no tokenizer")}
	}
	for _, l := range []struct {
		key string
		to  any
	}{{"tokens", &v.Tokens}, {"scores", &v.Scores}, {"token_type", &v.Types}, {"merges", &v.Merges}, {"precompiled_charsmap", &v.Charsmap}} {
		if err := list(meta, tokenizerPrefix+l.key, l.to); err != nil {
			return nil, err
		}
	}
	for _, s := range ids(v) {
		*s.id = -1
		key := tokenizerPrefix + s.key
		if !meta.Has(key) {
			continue
		}
		n, ok := meta.Int(key)
		if !ok || n < -1 {
			return nil, wrongKind(meta, key)
		}
		if n < len(v.Tokens) { // an id beyond the list means none, as 0xffffffff does
			*s.id = n
		}
	}
	for _, f := range slices.Concat(blankFlags(v), addFlags(v), normalFlags(v)) {
		key := tokenizerPrefix + f.key
		if !meta.Has(key) {
			continue
		}
		b, ok := meta.Bool(key)
		if !ok {
			return nil, wrongKind(meta, key)
		}
		*f.val = &b
	}
	v.ChatTemplate = meta.String("tokenizer.chat_template")
	for _, k := range meta.Keys() {
		if name, ok := strings.CutPrefix(k, "tokenizer.chat_template."); ok {
			if v.ChatTemplates == nil {
				v.ChatTemplates = map[string]string{}
			}
			v.ChatTemplates[name] = meta.String(k)
		}
	}
	return v, nil
}

// list reads a list of one kind; a key that is not there leaves it empty.
func list(meta *formats.Meta, key string, to any) error {
	ok := true
	switch to := to.(type) {
	case *[]string:
		if meta.Has(key) {
			*to, ok = meta.Value(key).([]string)
		}
	case *[]float32:
		if meta.Has(key) {
			*to, ok = meta.Value(key).([]float32)
		}
	case *[]byte:
		if signed, isSigned := meta.Value(key).([]int8); isSigned {
			for _, n := range signed {
				*to = append(*to, byte(n))
			}
		} else if meta.Has(key) {
			*to, ok = meta.Value(key).([]byte)
		}
	case *[]int32:
		if u, isUnsigned := meta.Value(key).([]uint32); isUnsigned {
			for _, n := range u {
				*to = append(*to, int32(n))
			}
		} else if meta.Has(key) {
			*to, ok = meta.Value(key).([]int32)
		}
	}
	if !ok {
		return wrongKind(meta, key)
	}
	return nil
}

func wrongKind(meta *formats.Meta, key string) error {
	return &formats.Error{Tensor: key, Err: formats.Corrupt("has the wrong kind of value, %T", meta.Value(key))}
}
