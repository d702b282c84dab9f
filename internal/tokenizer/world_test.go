package tokenizer

import (
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// worldLines is a file of every byte, some texts and some bytes that are none, and those bytes by id; Python made the spellings.
func worldLines() (file string, raw []string) {
	raw = []string{""}
	var b strings.Builder
	add := func(spelled, bytes string) {
		fmt.Fprintf(&b, "%d %s %d\n", len(raw), spelled, len(bytes))
		raw = append(raw, bytes)
	}
	for i := range 256 {
		text := string([]byte{byte(i)})
		switch {
		case i > 127:
			add(fmt.Sprintf(`b'\x%02x'`, i), text)
		case i == '\'':
			add(`"'"`, text)
		case i < ' ' && !strings.Contains("\t\n\r", text) || i == 127:
			add(fmt.Sprintf(`'\x%02x'`, i), text)
		default:
			spelled, known := map[string]string{"\t": `'\t'`, "\n": `'\n'`, "\r": `'\r'`, `\`: `'\\'`}[text]
			if !known {
				spelled = "'" + text + "'"
			}
			add(spelled, text)
		}
	}
	for _, t := range [][2]string{
		{`'\t\t'`, "\t\t"}, {`'  '`, "  "}, {`'   '`, "   "}, {`'\n\n'`, "\n\n"}, {`' the'`, " the"}, {`'there'`, "there"}, {`'ther'`, "ther"}, {`"'s"`, "'s"}, {`'\'"'`, `'"`},
		{`'"a'`, `"a`}, {`'é'`, "é"}, {`'日本'`, "日本"}, {`b'\xe6\x97'`, "\xe6\x97"}, {`b"'\xff"`, "'\xff"}, {`'\xa0x'`, "\u00a0x"}, {`'\u200b'`, "\u200b"}, {`'😀'`, "😀"}, {`'\U000e0001'`, "\U000e0001"},
		{`'\\n'`, `\n`}, {`'\ue000'`, "\ue000"}, {`'abcabc'`, "abcabc"}, {`'abcabd'`, "abcabd"},
	} {
		add(t[0], t[1])
	}
	return b.String(), raw
}

// naiveWorld tries every token at every place, and takes the longest.
func naiveWorld(raw []string, text string) (ids []int32) {
	for text != "" {
		best, n := -1, 0
		for id, t := range raw {
			if t != "" && len(t) > n && strings.HasPrefix(text, t) {
				best, n = id, len(t)
			}
		}
		ids, text = append(ids, int32(best)), text[n:]
	}
	return ids
}

func TestWorld(t *testing.T) {
	file, raw := worldLines()
	folder, err := LoadHF(filesOf(map[string]string{WorldFile: file}), HFOptions{VocabSize: len(raw) + 3})
	if err != nil {
		t.Fatal(err)
	}
	v := folder.Vocab()
	if v.BOS != 0 || v.EOS != 0 || v.Tokens[0] != "<s>" || raw[v.EOT] != "\n\n" || len(v.Tokens) != len(raw)+3 || v.kind(len(raw)) != Unused || v.ChatTemplate != "rwkv-world" {
		t.Errorf("special tokens are %d, %d and %d of %d", v.BOS, v.EOS, v.EOT, len(v.Tokens))
	}
	for spelled, text := range map[string]string{`\x00`: "\x00", `'`: "'", `\'"`: `'"`, `"a`: `"a`, `\xc3\xa9`: "é", `'\xff`: "'\xff", `\\n`: `\n`, `\n\n`: "\n\n"} {
		if id := slices.Index(raw, text); v.Tokens[id] != spelled {
			t.Errorf("%q is spelled %s, not %s", text, v.Tokens[id], spelled)
		}
	}
	runtime, err := FromVocab(v)
	if err != nil {
		t.Fatal(err)
	}
	back, err := v.HFFiles(0)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(back[WorldFile]); got != file {
		t.Errorf("the file comes back as\n%s", got)
	}
	again, err := LoadHF(filesOf(map[string]string{WorldFile: string(back[WorldFile]), "tokenizer_config.json": string(back["tokenizer_config.json"])}), HFOptions{VocabSize: len(raw) + 3})
	if err != nil || !again.Vocab().Same(v) {
		t.Fatalf("the vocabulary comes back as another, %v", err)
	}
	r := rand.New(rand.NewSource(3))
	for i := range 2000 {
		var b strings.Builder
		for range i % 40 {
			if b.WriteString(raw[r.Intn(len(raw))]); i%2 == 0 {
				b.WriteString("abc")
			}
		}
		text := b.String()
		want := naiveWorld(raw, text)
		for name, tok := range map[string]*Tokenizer{"folder": folder, "runtime": runtime} {
			if got := tok.Encode(text, Options{}); !slices.Equal(got, want) {
				t.Fatalf("%s: %q is %v, not %v", name, text, got, want)
			}
			if got := string(tok.Decode(want)); got != text {
				t.Fatalf("%s: %q comes back as %q", name, text, got)
			}
		}
	}
}

// TestWorldSpecials: runtimes make every token of text that spells it, a folder's tokenizer those that tokenizer_config.json lists.
func TestWorldSpecials(t *testing.T) {
	file, raw := worldLines()
	folder, err := LoadHF(filesOf(map[string]string{WorldFile: file, "tokenizer_config.json": `{"add_bos_token": true, "added_tokens_decoder": {"0": {"content": "<end>", "special": true}}}`}), HFOptions{})
	if err != nil {
		t.Fatal(err)
	}
	runtime, err := FromVocab(folder.Vocab())
	if err != nil {
		t.Fatal(err)
	}
	a := int32(1 + 'a')
	for _, c := range []struct {
		tok  *Tokenizer
		text string
		opt  Options
		want []int32
	}{
		{folder, "a<end>", Options{ParseSpecial: true, AddSpecial: true}, []int32{0, a, 0}}, {folder, "<end>", Options{}, naiveWorld(raw, "<end>")}, {folder, "<s>", Options{ParseSpecial: true}, naiveWorld(raw, "<s>")},
		{runtime, "a<s>", Options{}, []int32{a, 0}}, {runtime, "a<s>", Options{ParseSpecial: true, AddSpecial: true}, []int32{0, a, 0}},
	} {
		if got := c.tok.Encode(c.text, c.opt); !slices.Equal(got, c.want) {
			t.Errorf("%q, %+v: %v, not %v", c.text, c.opt, got, c.want)
		}
	}
}

func TestWorldRefuses(t *testing.T) {
	file, raw := worldLines()
	next := strconv.Itoa(len(raw))
	for name, c := range map[string]string{
		"empty": "", "no text": "1 1\n", "another id": "2 'a' 1\n", "another length": file + next + " 'ab' 3\n", "no quotes": file + next + " ab 2\n", "other quotes": file + next + " 'ab\" 2\n",
		"half an escape": file + next + ` '\x1' 1` + "\n", "an escape of text in bytes": file + next + ` b'\u1234' 3` + "\n", "an unknown escape": file + next + ` '\N' 1` + "\n",
		"a backslash": file + next + ` '\' 1` + "\n", "bytes missing": strings.Join(strings.SplitAfter(file, "\n")[:200], ""),
	} {
		_, err := LoadHF(filesOf(map[string]string{WorldFile: c}), HFOptions{})
		if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), WorldFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	v := NewVocab("rwkv", "")
	if _, err := FromVocab(v); err == nil {
		t.Error("an empty vocabulary is taken")
	}
	v.Tokens, v.Types = []string{"<s>", "", "a"}, []int32{Control, Normal, Normal}
	if _, err := v.HFFiles(0); !errors.Is(err, ErrUnsupported) {
		t.Errorf("a vocabulary with a token of no bytes is written: %v", err)
	}
}
