package tokenizer

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// plamoGolden is what testdata/plamo.py wrote.
type plamoGolden struct {
	Texts                          []string
	Files                          map[string]string
	Plain, Special, Folder, Broken [][]int32
}

func readPlamoGolden(t testing.TB) *plamoGolden {
	t.Helper()
	data, err := os.ReadFile("testdata/plamo.json")
	if err != nil {
		t.Fatal(err)
	}
	var g plamoGolden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return &g
}

func TestPlamo(t *testing.T) {
	g := readPlamoGolden(t)
	folder, err := LoadHF(filesOf(g.Files), HFOptions{VocabSize: 500})
	if err != nil {
		t.Fatal(err)
	}
	runtime, err := FromVocab(folder.Vocab())
	if err != nil {
		t.Fatal(err)
	}
	back, err := folder.Vocab().HFFiles(0)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for name, data := range back {
		texts[name] = string(data)
	}
	again, err := LoadHF(filesOf(texts), HFOptions{VocabSize: 500})
	if err != nil {
		t.Fatal(err)
	}
	if !again.Vocab().Same(folder.Vocab()) {
		t.Error("the vocabulary comes back from its files as another")
	}
	settings := map[string]any{}
	if err := json.Unmarshal([]byte(g.Files["tokenizer_config.json"]), &settings); err != nil {
		t.Fatal(err)
	}
	settings["break_around_repeated_chars_threshold"], settings["break_around_consecutive_spaces_threshold"] = 4, 3
	files := maps.Clone(g.Files)
	data, _ := json.Marshal(settings)
	files["tokenizer_config.json"] = string(data)
	broken, err := LoadHF(filesOf(files), HFOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(broken.Vocab().Notes) != 1 {
		t.Errorf("the breaks around runs, which files do not tell, are noted %d times", len(broken.Vocab().Notes))
	}
	for i, text := range g.Texts {
		for _, c := range []struct {
			name string
			tok  *Tokenizer
			opt  Options
			want []int32
		}{
			{"runtime", runtime, Options{}, g.Plain[i]}, {"runtime, special", runtime, Options{ParseSpecial: true}, g.Special[i]},
			{"folder", folder, Options{ParseSpecial: true}, g.Folder[i]}, {"folder from file", again, Options{}, g.Folder[i]}, {"broken", broken, Options{}, g.Broken[i]},
		} {
			if got := c.tok.Encode(text, c.opt); !slices.Equal(got, c.want) {
				t.Errorf("%s: %q is %v, not %v", c.name, text, got, c.want)
			}
		}
		if got := string(folder.Decode(g.Folder[i])); got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
	}
	if got := runtime.Encode("the", Options{AddSpecial: true}); len(got) == 0 || got[0] != 1 {
		t.Errorf("no BOS before %v", got)
	}
}

// TestPlamoPieces sees that long texts, which are cut into pieces, have the tokens of a text that is not.
func TestPlamoPieces(t *testing.T) {
	g := readPlamoGolden(t)
	tok, err := LoadHF(filesOf(g.Files), HFOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat(strings.Join(g.Texts[3:8], "Q"), 1+3*plamoPiece/150)
	p := tok.model.(*plamo)
	if got, want := p.tokens(nil, text, &merger{}), p.cut(nil, text, &merger{}); !slices.Equal(got, want) {
		t.Errorf("a text of %d bytes has other tokens in pieces", len(text))
	}
}

func TestPlamoRefuses(t *testing.T) {
	g := readPlamoGolden(t)
	lines := g.Files["tokenizer.jsonl"]
	for _, c := range []struct{ name, text, config, want string }{
		{"no list", "{}\n" + lines, "{}", "line 1"},
		{"no score", `["a"]`, "{}", "no list of a text"},
		{"empty", "\n\n", "{}", "empty"},
		{"a byte missing", strings.Replace(lines, `["<0x41>", 0, "BYTE"]`, `["<0x4>", 0, "NORMAL"]`, 1), "{}", "<0x41>"},
		{"twice", lines + `["<|plamo:eos|>", 0, "CONTROL"]`, "{}", "both spelled"},
		{"BOS of another model", lines, `{"bos_token": "<s>"}`, `"<s>"`},
	} {
		_, err := LoadHF(filesOf(map[string]string{"tokenizer.jsonl": c.text, "tokenizer_config.json": c.config}), HFOptions{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, not %q", c.name, err, c.want)
		}
	}
}
