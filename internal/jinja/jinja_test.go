package jinja

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/internal/golden"
)

// Every template renders to what jinja2 makes of it, or fails where jinja2 does; testdata/make.py wrote the cases.
func TestAsJinja2(t *testing.T) {
	raw, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Messages json.RawMessage
		Cases    []struct{ Template, Want, Error string }
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 80 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	messages, err := FromJSON(file.Messages)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Cases {
		got, err := render(c.Template, map[string]any{"messages": messages})
		switch {
		case c.Error != "" && err == nil:
			t.Errorf("%q renders to %q, jinja2 says %s", c.Template, got, c.Error)
		case c.Error == "" && (err != nil || got != c.Want):
			t.Errorf("%q renders to %q (%v), want %q", c.Template, got, err, c.Want)
		case err != nil && !errors.Is(err, ErrTemplate) && !errors.Is(err, ErrRaised):
			t.Errorf("%q: the error %v has no kind", c.Template, err)
		}
	}
}

func render(template string, vars map[string]any) (string, error) {
	t, err := Parse(template)
	if err != nil {
		return "", err
	}
	return t.Render(vars)
}

// The templates of real models.
func TestModelTemplates(t *testing.T) {
	messages, err := FromJSON([]byte(`[{"role": "system", "content": "Be brief."}, {"role": "user", "content": " Hi "}, {"role": "assistant", "content": "Yo"}]`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"gemma-3": "<bos><start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\nYo<end_of_turn>\n",
		"llama-3": "<bos><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>" +
			"<|start_header_id|>assistant<|end_header_id|>\n\nYo<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
		"qwen3":   "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n Hi <|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\nYo<|im_end|>\n",
		"smollm2": "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n Hi <|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n",
	} {
		raw, err := os.ReadFile(golden.Path(t, "golden", "tokenizers", name, "tokenizer_config.json"))
		if err != nil {
			t.Fatal(err)
		}
		var config struct {
			Template string `json:"chat_template"`
		}
		if err := json.Unmarshal(raw, &config); err != nil {
			t.Fatal(err)
		}
		got, err := render(config.Template, map[string]any{"messages": messages, "bos_token": "<bos>", "add_generation_prompt": false})
		if err != nil || got != want {
			t.Errorf("%s: %q (%v), want %q", name, got, err, want)
		}
	}
}

// What does not end is stopped, and nesting has a limit.
func TestLimits(t *testing.T) {
	for _, template := range []string{
		"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
		"{% set r = range(99999) %}{% for a in r %}{% for b in r %}{% endfor %}{% endfor %}",
		"{% set s = namespace(x='ab') %}{% for i in range(60) %}{% set s.x = s.x * 2 %}{% endfor %}{{ s.x }}",
		"{% set s = namespace(x='ab') %}{% for i in range(60) %}{% set s.x = s.x + s.x %}{% endfor %}{{ s.x }}",
		"{% set s = namespace(x=[1]) %}{% for i in range(60) %}{% set s.x = s.x + s.x %}{% endfor %}",
		strings.Repeat("(", 1000) + "1" + strings.Repeat(")", 1000),
		"{{ " + strings.Repeat("(", 1000) + "1" + strings.Repeat(")", 1000) + " }}",
		"{{ " + strings.Repeat("not ", 1000) + "1 }}",
		"{{ " + strings.Repeat("-", 1000) + "1 }}",
		strings.Repeat("{% if 1 %}", 1000),
	} {
		got, err := render(template, nil)
		if err == nil && got != template || err != nil && !errors.Is(err, ErrTemplate) {
			t.Errorf("%.60q: %.60q, %v", template, got, err)
		}
	}
}

func TestRaised(t *testing.T) {
	_, err := render("{{ raise_exception('roles must alternate') }}", nil)
	if !errors.Is(err, ErrRaised) || !strings.Contains(err.Error(), "roles must alternate") {
		t.Error(err)
	}
	if _, err := FromJSON([]byte(`{"a": 1} 2`)); err == nil {
		t.Error("two JSON values were taken for one")
	}
}

func FuzzRender(f *testing.F) {
	raw, err := os.ReadFile(filepath.Join("testdata", "cases.json"))
	if err != nil {
		f.Fatal(err)
	}
	var file struct {
		Cases []struct{ Template string }
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		f.Fatal(err)
	}
	for _, c := range file.Cases {
		f.Add(c.Template)
	}
	f.Fuzz(func(t *testing.T, template string) {
		if len(template) < 4096 {
			_, _ = render(template, map[string]any{"messages": &list{items: []any{"a", int64(1), newDict()}}})
		}
	})
}
