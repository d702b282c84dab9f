package calib

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"quern/convert"
	"quern/formats"
	"quern/internal/golden"
)

// chatty is the tokenizer of a published model.
func chatty(t *testing.T, name string) *Subject {
	t.Helper()
	src := formats.Folder(golden.Path(t, "golden", "tokenizers", name))
	tok, err := convert.Tokenizer(src, "")
	if err != nil {
		t.Fatal(err)
	}
	return &Subject{Tokenizer: tok, src: src}
}

func TestChatTokens(t *testing.T) {
	docs := []Document{
		{Chat: json.RawMessage(`[{"role": "system", "content": "S"}, {"role": "user", "content": "Hi <|im_end|>"}]`)},
		{Text: "plain <|im_end|>"},
		{Chat: json.RawMessage(`[{"from": "system", "value": "S"}, {"from": "human", "value": "\"a\""}, {"from": "gpt", "value": "b", "weight": 1}]`)},
	}
	s := chatty(t, "smollm2")
	ids, err := s.Tokens(docs, false)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	control := 0
	for _, id := range ids {
		b.Write(s.Tokenizer.Piece(id))
		if s.Tokenizer.Vocab().Tokens[id] == "<|im_end|>" {
			control++
		}
	}
	want := "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHi <|im_end|><|im_end|>\nplain <|im_end|>" +
		"<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n\"a\"<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	if control != 6 {
		t.Errorf("%d control tokens <|im_end|>, want 6: the plain text's is text", control)
	}
	if ids, err = s.Tokens(docs[1:2], true); err != nil || s.Tokenizer.Vocab().Tokens[ids[len(ids)-1]] != "<|im_end|>" {
		t.Errorf("a control token in a plain text, when asked for: %v, %v", ids, err)
	}
}

func TestChatRefuses(t *testing.T) {
	for _, c := range []struct{ model, chat, says string }{
		{"gpt-2", `[{"role": "user", "content": "x"}]`, "no chat template"},
		{"gemma-3", `[{"role": "user", "content": "x"}, {"role": "user", "content": "y"}]`, "conversation 1: the chat template refuses the conversation: Conversation roles"},
		{"smollm2", `[{"role": "user"}]`, "conversation 1: chat template: "},
		{"smollm2", `["x"]`, "not a list of messages"},
		{"smollm2", `[{"from": 1, "value": "x"}]`, "sender"},
	} {
		_, err := chatty(t, c.model).Tokens([]Document{{Chat: json.RawMessage(c.chat)}}, false)
		if err == nil || !strings.Contains(err.Error(), c.says) || !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%s, %s: %v", c.model, c.chat, err)
		}
	}
}
