package tokenizer

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestSplits compares every scanner with the regular expression that it stands for, see testdata/README.md.
func TestSplits(t *testing.T) {
	data, err := os.ReadFile("testdata/splits.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Texts []string
		Ends  map[string][][]int
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	for name, want := range golden.Ends {
		p := preNamed(name)
		if p == nil {
			t.Errorf("%s is not there", name)
			continue
		}
		split := p.Split
		if p.HF != nil {
			split = p.HF
		}
		for i, text := range golden.Texts {
			if got, _ := split.words(nil, nil, text); !slices.Equal(got, want[i]) {
				t.Errorf("%s: %q is cut at %v, want %v", name, text, got, want[i])
			}
		}
	}
}

// Every pre-tokenizer covers its text without gaps, whatever the text.
func TestSplitsCover(t *testing.T) {
	for _, p := range pres {
		for _, text := range []string{"a", " ", "\xff", "a\xffb \xe4\xb8", "\r\n\r\n", "'", "' ", "x'", "0", "<sentinel:", "IMGIMGA", "\u0301", " \u0301"} {
			for _, split := range []splitter{p.Split, p.HF} {
				ends, _ := split.words(nil, nil, text)
				if len(ends) == 0 || ends[len(ends)-1] != len(text) || !slices.IsSorted(ends) || len(slices.Compact(slices.Clone(ends))) != len(ends) || ends[0] == 0 {
					t.Errorf("%s: %q is cut at %v", p.Names[0], text, ends)
				}
			}
		}
	}
}

// llamaCPP are the names that llama.cpp accepts (src/llama-vocab.cpp, August 2026), less "whitespace", which belongs to a
// kind of vocabulary that cannot be run.
const llamaCPP = `a.x-4.0 afmoe bailingmoe bailingmoe2 bloom chameleon chatglm-bpe codeshell cohere2moe command-r dbrx
	deepseek-coder deepseek-llm deepseek-r1-qwen deepseek-v3 default exaone exaone-moe exaone4 f2llmv2 falcon falcon-h1 falcon3
	gemma4 gigachat glm4 glm5 gpt-2 gpt-4o gpt3-finnish granite-docling granite-embed-multi-311m granite-embed-multi-97m grok-2 hunyuan
	hunyuan-dense hy_v4 jais jais-2 jina-de jina-es jina-v1-en jina-v2-code jina-v2-de jina-v2-es jina-v5-nano joyai-llm kanana2
	kimi-k2 kormo laguna lfm2 llada-moe llama-bpe llama-v3 llama3 llama4 megrez mellum mellum2 midm-2.0 minerva-7b minicpm5
	minimax-m2 modern-bert mpt olmo phi-2 pixtral poro-chat qwen2 qwen35 refact roberta-bpe sarvam-moe seed-coder smaug-bpe
	smollm solar-open stablelm2 starcoder spark2_5 superbpe talkie tekken tiny_aya trillion ufakzeka viking youtu`

func TestNames(t *testing.T) {
	names := PreNames()
	if len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Error("a name stands twice")
	}
	for _, name := range strings.Fields(llamaCPP) {
		if preNamed(name) == nil {
			t.Errorf("%s is not known", name)
		}
	}
}

// Kinds that split alike are told apart by what else is known.
func TestRecognition(t *testing.T) {
	type e = evidence
	having := func(texts ...string) func(string) bool {
		return func(s string) bool { return slices.Contains(texts, s) }
	}
	for _, c := range []struct {
		shape string
		e     e
		want  string
	}{
		{shapeGPT2, e{token: having()}, "gpt-2"},
		{shapeGPT2, e{token: having(), nfc: true}, "olmo"},
		{shapeGPT2, e{token: having("<mask>", "</s>")}, "roberta-bpe"},
		{shapeDigits, e{token: having("<|im_start|>")}, "smollm"},
		{shapeDigits, e{token: having("<fim_prefix>")}, "starcoder"},
		{shapeDigits, e{token: having("<fim-prefix>")}, "refact"},
		{shapeDigits, e{token: having(), nfc: true}, "command-r"},
		{shapeLlama3, e{token: having(), ignoreMerges: true}, "llama-bpe"},
		{shapeLlama3, e{token: having()}, "dbrx"},
		{shapeLlama3, e{token: having("[gMASK]")}, "chatglm-bpe"},
		{shapeLlama3, e{token: having("[gMASK]"), ignoreMerges: true}, "glm4"},
		{shapeQwen2, e{token: having(), nfc: true}, "qwen2"},
		{shapeQwen2, e{token: having("<｜begin▁of▁sentence｜>")}, "deepseek-r1-qwen"},
		{shapeQwen2, e{token: having(), modelType: "stablelm"}, "stablelm2"},
		{shapeO200k, e{token: having()}, "gpt-4o"},
		{shapeO200k, e{token: having("<|begin_of_text|>")}, "llama4"},
	} {
		if p := preShaped(c.shape, &c.e); p == nil || p.Names[0] != c.want {
			t.Errorf("want %s, got %+v", c.want, p)
		}
	}
}

// The same splitting is written in several ways.
func TestShapes(t *testing.T) {
	for want, texts := range map[string][]string{
		shapeGPT2: {
			`{"type":"ByteLevel","add_prefix_space":false}`,
			`{"type":"Sequence","pretokenizers":[{"type":"ByteLevel","use_regex":true}]}`,
			`{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"},"behavior":"Isolated","invert":false},{"type":"ByteLevel","use_regex":false}]}`,
		},
		shapeDigits: {
			`{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},{"type":"ByteLevel"}]}`,
			`{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\p{N}"},"behavior":"Removed","invert":true},{"type":"ByteLevel"}]}`,
		},
		preNamed("deepseek-coder").Shape: {
			`{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"[\r\n]"},"behavior":"Isolated"},{"type":"Split","pattern":{"Regex":"\\s?\\p{L}+"},"behavior":"Isolated"},
			{"type":"Split","pattern":{"Regex":"\\s?\\p{P}+"},"behavior":"Isolated"},{"type":"Split","pattern":{"Regex":"[一-龥ࠀ-一가-퟿]+"},"behavior":"Isolated"},
			{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},{"type":"ByteLevel","use_regex":false}]}]}`,
		},
	} {
		for _, text := range texts {
			var n node
			if err := json.Unmarshal([]byte(strings.NewReplacer("\r", `\r`, "\n]", `\n]`).Replace(text)), &n); err != nil {
				t.Fatal(err)
			}
			p, err := shapeOf(&n)
			if err != nil || p.shape != want {
				t.Errorf("%s\n is %q\nwant %q, %v", text, p.shape, want, err)
			}
		}
	}
}
