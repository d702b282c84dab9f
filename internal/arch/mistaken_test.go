package arch

import (
	"encoding/json"
	"strings"
	"testing"
)

// Where runtimes guess what a model is, a plan says so for those that they guess wrongly, and for no others.
func TestMistaken(t *testing.T) {
	all := tinyFamilies(t)
	for _, c := range []struct{ name, key, say string }{
		{"cohere, norms", "num_hidden_layers", "64"},
		{"baichuan", "num_hidden_layers", "32"},
		{"baichuan2", "num_hidden_layers", "32"},
		{"deepseek_v2 lite, yarn", "num_hidden_layers", "27"},
		{"exaone4, windows", "num_hidden_layers", "64"},
		{"dots1", "num_key_value_heads", "4"},
		{"olmoe", "num_key_value_heads", "4"},
	} {
		var config map[string]any
		if err := json.Unmarshal(all[c.name], &config); err != nil {
			t.Fatal(c.name, err)
		}
		for _, right := range []bool{false, true} {
			if right {
				config[c.key] = json.Number(c.say)
				delete(config, "layer_types")
			}
			b, err := Bind(tinyOf(t, must(json.Marshal(config)), false).source())
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if said := b.Arch.Mistaken(b); (said == "") != right || !right && !strings.Contains(said, c.say) {
				t.Errorf("%s, %s as runtimes want it %v: %q", c.name, c.key, right, said)
			}
		}
	}
}
