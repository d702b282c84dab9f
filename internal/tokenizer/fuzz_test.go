package tokenizer

import (
	"bytes"
	"errors"
	"testing"
)

// sane sees that a tokenizer made of anything at all gives tokens that exist.
func sane(t *testing.T, tok *Tokenizer) {
	t.Helper()
	v := tok.Vocab()
	if len(v.Types) != len(v.Tokens) || v.Scores != nil && len(v.Scores) != len(v.Tokens) {
		t.Fatalf("%d tokens, %d types, %d scores", len(v.Tokens), len(v.Types), len(v.Scores))
	}
	runtime, err := FromVocab(v)
	if err != nil {
		t.Fatalf("its own vocabulary is refused: %v", err)
	}
	for _, tok := range []*Tokenizer{tok, runtime} {
		for _, text := range []string{"", "ab <s>ba é\x80\n\n 12", "<|end|>a"} {
			ids := tok.Encode(text, Options{AddSpecial: true, ParseSpecial: true})
			for _, id := range ids {
				if !v.valid(int(id)) {
					t.Fatalf("%q has the token %d of %d", text, id, len(v.Tokens))
				}
			}
			tok.Decode(ids)
		}
	}
}

func knownKind(t *testing.T, err error) {
	if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) {
		t.Fatalf("an error of no kind: %v", err)
	}
}

func FuzzTokenizerJSON(f *testing.F) {
	f.Add([]byte(tiny(tinyVocab, `["a b"]`, "")), []byte(`{"bos_token":"<|end|>","add_bos_token":true}`))
	f.Add([]byte(tiny(tinyVocab, `[["a","b"]]`, `,"normalizer":{"type":"NFC"},"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}},{"Sequence":{"id":"A"}}],"special_tokens":{"x":{"ids":[1]}}}`)), []byte(`{}`))
	f.Add([]byte(`{"added_tokens":[{"id":0,"content":"<unk>"},{"id":5,"content":"ba","normalized":true,"lstrip":true,"rstrip":true,"single_word":true}],"normalizer":{"type":"Prepend","prepend":"▁"},
		"model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,"vocab":{"<unk>":0,"a":1,"b":2,"ab":3,"<0x0A>":4},"merges":["a b"]}}`), []byte(`{"chat_template":[{"name":"default","template":"x"}]}`))
	f.Add([]byte(`{"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"},"model":{"byte_fallback":true,"vocab":{"\ud83d\ude01":0,"\u0061":1}}}`), []byte(`{"added_tokens_decoder":{"0":{"content":"x"}}}`))
	f.Add([]byte(`{"added_tokens":[{"id":1,"content":"<s>","special":true}],"normalizer":{"type":"Sequence","normalizers":[{"type":"Precompiled","precompiled_charsmap":"BAAAAAAAAAA="},{"type":"Replace","pattern":{"Regex":" {2,}"},"content":"▁"}]},
		"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Metaspace","replacement":"▁","add_prefix_space":true}]},"post_processor":{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"<s>"}}],"special_tokens":{"<s>":{"ids":[1]}}},
		"model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["<s>",0],["▁a",-1.5],["b",-2],["ab",-2.5],["<0x0A>",-9]],"byte_fallback":true}}`), []byte(`{}`))
	f.Add([]byte(`{"added_tokens":[{"id":1,"content":"[CLS]","special":true}],"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},
		"post_processor":{"type":"BertProcessing","sep":["[CLS]",1],"cls":["[CLS]",1]},"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","vocab":{"[UNK]":0,"[CLS]":1,"a":2,"##b":3,"b":4,"##a":5}}}`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, tokenizer, config []byte) {
		files := filesOf(map[string]string{"tokenizer.json": string(tokenizer), "tokenizer_config.json": string(config)})
		for _, pre := range []string{"", "llama-bpe"} {
			tok, err := LoadHF(files, HFOptions{Pre: pre})
			if err != nil {
				knownKind(t, err)
				continue
			}
			sane(t, tok)
		}
	})
}

func FuzzSentencePiece(f *testing.F) {
	pieces := []spPiece{{"<unk>", 0, Unknown}, {"<s>", 0, Control}, {"▁", -1, Normal}, {"a", -2, Normal}, {"▁a", -0.5, Normal}, {"ab", 0, UserDefined}, {"<0x0A>", 0, Byte}}
	f.Add([]byte(spModel(spBPE, pieces...)), []byte(`{"[X]":3}`))
	f.Add([]byte(spModel(spBPE, pieces[3:]...)), []byte(`{}`))
	f.Add([]byte(spModel(spUnigram, pieces...)), []byte(`{}`))
	f.Add([]byte(spModel(spUnigram, pieces...)+"\x1a\x0a\x12\x08\x04\x00\x00\x00\x00\x00\x00\x00"), []byte(`{}`))
	f.Fuzz(func(t *testing.T, model, added []byte) {
		tok, err := LoadHF(filesOf(map[string]string{"tokenizer.model": string(model), "added_tokens.json": string(added)}), HFOptions{})
		if err != nil {
			knownKind(t, err)
			return
		}
		sane(t, tok)
	})
}

// FuzzCharsmap sees that any table rewrites any text in some way, and none into more than its replacements allow.
func FuzzCharsmap(f *testing.F) {
	golden := readSubwords(f)
	v := vocabOf(f, golden.Cases["gguf-t5"].Vocab)
	for _, s := range golden.Texts {
		f.Add(v.Charsmap, s)
	}
	f.Add([]byte{4, 0, 0, 0, 0, 1, 0, 0x80, 'a', 0}, "\r\n\u0301")
	f.Fuzz(func(t *testing.T, table []byte, text string) {
		c, err := readCharsmap(table)
		if err != nil {
			knownKind(t, err)
			return
		}
		if c == nil {
			return
		}
		for _, got := range []string{c.longest(text, nil), c.clusters(text)} {
			if len(got) > longestReplacement*len(text) {
				t.Fatalf("%d bytes became %d", len(text), len(got))
			}
		}
	})
}

// everyByte is a vocabulary of all bytes and some merges, under every pre-tokenizer.
func everyByte(t testing.TB) []*Tokenizer {
	t.Helper()
	var all []*Tokenizer
	for _, p := range pres {
		if p.Chars {
			continue
		}
		v := NewVocab("gpt2", p.Names[0])
		for _, r := range byteRune {
			v.Tokens = append(v.Tokens, string(r))
		}
		for _, m := range [][2]string{{"Ġ", "Ġ"}, {"a", "b"}, {"Ġ", "a"}, {"Ċ", "Ċ"}, {"ab", "ab"}, {"Ã", "©"}, {"ĠĠ", "ĠĠ"}} {
			v.Tokens = append(v.Tokens, m[0]+m[1])
			v.Merges = append(v.Merges, m[0]+" "+m[1])
		}
		tok, err := FromVocab(v)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, tok)
		if p.HF != nil {
			hf := *v
			tok, _ := FromVocab(&hf)
			tok.split = p.HF
			all = append(all, tok)
		}
	}
	return all
}

// FuzzEncode sees that byte-level tokens are the text, whatever the text and however it is split.
func FuzzEncode(f *testing.F) {
	for _, s := range []string{"", "abab  aé\n\n", "I'll we'VE 'ſ", "12345 ½²", "中文字。한국어ㄱ", "\xff\xfe\x00", "a\r\n \t\u3000x", "<sentinel:12>IMGIMGABZ", "  \u2028 ", "0①٣"} {
		f.Add([]byte(s))
	}
	all := everyByte(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, tok := range all {
			ids := tok.Encode(string(text), Options{})
			if got := tok.Decode(ids); !bytes.Equal(got, text) {
				t.Fatalf("%s: %q came back as %q", tok.Vocab().Pre, text, got)
			}
		}
	})
}
