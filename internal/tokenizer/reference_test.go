package tokenizer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"quern/formats"
)

// pythonJSON writes a list as Python's json.dumps does with ensure_ascii=False.
func pythonJSON(list any) string {
	var b strings.Builder
	switch list := list.(type) {
	case []int32:
		for _, n := range list {
			fmt.Fprintf(&b, ", %d", n)
		}
	case []string:
		for _, s := range list {
			b.WriteString(`, "`)
			for _, r := range s {
				switch {
				case r == '"' || r == '\\':
					b.WriteRune('\\')
					b.WriteRune(r)
				case r == '\n':
					b.WriteString(`\n`)
				case r == '\r':
					b.WriteString(`\r`)
				case r == '\t':
					b.WriteString(`\t`)
				case r < 0x20:
					fmt.Fprintf(&b, `\u%04x`, r)
				default:
					b.WriteRune(r)
				}
			}
			b.WriteString(`"`)
		}
	}
	return "[" + strings.TrimPrefix(b.String(), ", ") + "]"
}

// withConfig adds a config.json to the files of a folder that has none.
func withConfig(file func(string) ([]byte, error), config string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if name == "config.json" {
			return []byte(config), nil
		}
		return file(name)
	}
}

// TestReferenceSmolLM2 compares with what the reference converter wrote for SmolLM2, whose tokenizer files are among the
// golden tokenizers.
func TestReferenceSmolLM2(t *testing.T) {
	data, err := os.ReadFile(shared(t, "golden", "smollm2-f16.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct{ KV map[string]json.RawMessage }
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	files := folderFiles(shared(t, "golden", "tokenizers", "smollm2"))
	tok, err := LoadHF(withConfig(files, `{"model_type":"llama","bos_token_id":1,"eos_token_id":2}`), HFOptions{VocabSize: 49152})
	if err != nil {
		t.Fatal(err)
	}
	v := tok.Vocab()
	for key, list := range map[string]any{"tokens": v.Tokens, "token_type": v.Types, "merges": v.Merges} {
		var want struct {
			Sum string `json:"sha256_json"`
		}
		if err := json.Unmarshal(golden.KV["tokenizer.ggml."+key], &want); err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256([]byte(pythonJSON(list))); hex.EncodeToString(sum[:]) != want.Sum {
			t.Errorf("%s differ from the reference", key)
		}
	}
	got := map[string]any{
		"tokenizer.ggml.model": v.Model, "tokenizer.ggml.pre": v.Pre, "tokenizer.chat_template": v.ChatTemplate,
		"tokenizer.ggml.add_space_prefix": v.AddSpacePrefix, "tokenizer.ggml.add_bos_token": v.AddBOS, "tokenizer.ggml.add_eos_token": v.AddEOS,
		"tokenizer.ggml.bos_token_id": v.BOS, "tokenizer.ggml.eos_token_id": v.EOS, "tokenizer.ggml.unknown_token_id": v.UNK,
		"tokenizer.ggml.padding_token_id": v.PAD,
	}
	for key, val := range got {
		text, err := json.Marshal(val)
		if err != nil {
			t.Fatal(err)
		}
		want := golden.KV[key]
		if want == nil {
			want = []byte("null")
		}
		var a, b any
		if json.Unmarshal(text, &a) != nil || json.Unmarshal(want, &b) != nil || a != b {
			t.Errorf("%s is %s, the reference has %s", key, text, want)
		}
	}
	if v.EOT >= 0 || v.EOM >= 0 || v.SEP >= 0 || v.MASK >= 0 || v.Scores != nil || v.AddSEP != nil || v.ChatTemplates != nil {
		t.Errorf("there is more than the reference has: %v %v %v %v", v.EOT, v.EOM, v.SEP, v.MASK)
	}
}

// TestReferenceTiny compares with the reference's files for tiny checkpoints of several families, which all have the same
// tokenizer: only the Llama family's say whether a blank is put before a text.
func TestReferenceTiny(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(shared(t, "golden", "arch"), "*", "ref-f32.gguf"))
	if err != nil || len(names) == 0 {
		t.Fatal("no reference files", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(filepath.Dir(name)), func(t *testing.T) {
			src, err := formats.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			tok, err := LoadHF(folderFiles(filepath.Join(filepath.Dir(name), "hf")), HFOptions{VocabSize: 512})
			if err != nil {
				t.Fatal(err)
			}
			v := tok.Vocab()
			got := map[string]any{"model": v.Model, "pre": v.Pre, "tokens": v.Tokens, "token_type": v.Types, "merges": v.Merges}
			for key, id := range map[string]int{"bos_token_id": v.BOS, "eos_token_id": v.EOS, "unknown_token_id": v.UNK, "padding_token_id": v.PAD,
				"eot_token_id": v.EOT, "eom_token_id": v.EOM, "seperator_token_id": v.SEP, "mask_token_id": v.MASK} {
				if id >= 0 {
					got[key] = uint32(id)
				}
			}
			for key, flag := range map[string]*bool{"add_bos_token": v.AddBOS, "add_eos_token": v.AddEOS, "add_sep_token": v.AddSEP,
				"add_space_prefix": v.AddSpacePrefix, "remove_extra_whitespaces": v.RemoveExtraSpaces} {
				if flag != nil {
					got[key] = *flag
				}
			}
			want := map[string]any{}
			for _, key := range src.Meta.Keys() {
				if short, ok := strings.CutPrefix(key, "tokenizer.ggml."); ok {
					want[short] = src.Meta.Value(key)
				}
			}
			for key := range want {
				if !reflect.DeepEqual(got[key], want[key]) {
					t.Errorf("%s is %.80v, the reference has %.80v", key, got[key], want[key])
				}
			}
			if len(got) != len(want) {
				t.Errorf("there are %d keys, the reference has %d", len(got), len(want))
			}
		})
	}
}
