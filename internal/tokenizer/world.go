package tokenizer

import "strings"

// world is the kind of RWKV's "world" vocabularies ("rwkv" in GGUF; facts of the published rwkv_tokenizer.py and of llama.cpp's llama-vocab.cpp): at every place of a text the
// longest token that begins there, of tokens that are any bytes.
type world struct{ find *matcher } // numbers are ids

func (w *world) tokens(dst []int32, text string, _ *merger) []int32 {
	for at := 0; at < len(text); {
		end, id := w.find.longest(text, at)
		dst, at = append(dst, id), end
	}
	return dst
}

// newWorld makes the model of tokens' bytes; those that are empty are none.
func newWorld(tokens []string) (*world, error) {
	w := &world{newMatcher()}
	for id, text := range tokens {
		w.find.add(text, int32(id))
	}
	for b := range 256 {
		if _, id := w.find.longest(string([]byte{byte(b)}), 0); id < 0 {
			return nil, corrupt("there is no token for the byte %s", byteToken(byte(b)))
		}
	}
	return w, nil
}

// worldFromVocab is the kind as llama.cpp runs it: tokens of all types are made, and text that spells a control token is that token whether or not it was asked for.
func worldFromVocab(v *Vocab) (*Tokenizer, error) {
	if len(v.Tokens) == 0 {
		return nil, corrupt("the vocabulary is empty")
	}
	raw := worldBytes(v, func(int32) bool { return true })
	w, err := newWorld(raw)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{vocab: v, model: w, raw: raw, spelled: newPartition(v, indexOf(v.Tokens)), normalize: func(s string, _ place) string { return s }}
	t.surround(is(v.AddBOS, false), is(v.AddEOS, false), v.BOS, v.EOS)
	return t, nil
}

// worldBytes are the bytes of tokens of some types, which a file spells as Python does.
func worldBytes(v *Vocab, of func(kind int32) bool) []string {
	raw := make([]string, len(v.Tokens))
	for i, text := range v.Tokens {
		if of(v.kind(i)) {
			raw[i] = unescaped(text)
		}
	}
	return raw
}

// unescaped is what runtimes read of a token's text: \t, \n, \r and \x with two digits; behind any other backslash a character stands for itself.
func unescaped(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out = append(out, text[i])
			continue
		}
		i++
		switch c := text[i]; c {
		case 't':
			out = append(out, '\t')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 'x':
			high, low := nibble(text, i+1), nibble(text, i+2)
			if high < 0 || low < 0 {
				out = append(out, 'x')
				continue
			}
			out = append(out, byte(high<<4|low))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

func nibble(s string, i int) int {
	if i >= len(s) {
		return -1
	}
	return strings.IndexByte("0123456789abcdef", s[i])
}

// escaped is the way back, as Python spells bytes: in double quotes, which need no mark there, where there are single ones and no double ones.
func escaped(raw string) string {
	const digits = "0123456789abcdef"
	both := strings.Contains(raw, `"`)
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '\\', c == '\'' && both:
			out = append(out, '\\', c)
		case c == '\t':
			out = append(out, `\t`...)
		case c == '\n':
			out = append(out, `\n`...)
		case c == '\r':
			out = append(out, `\r`...)
		case c < ' ' || c > '~':
			out = append(out, '\\', 'x', digits[c>>4], digits[c&15])
		default:
			out = append(out, c)
		}
	}
	return string(out)
}
