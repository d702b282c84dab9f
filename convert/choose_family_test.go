package convert

import (
	"testing"

	"quern/quantize"
)

// What chooses positions is in single precision but for Qwen 4, whose files of 16 bits have it in those, as the reference converter makes them; no recipe makes codes of it.
func TestChoosersInHalf(t *testing.T) {
	const name = "blk.1.indexer.q_proj.weight"
	for _, c := range []struct{ arch, typ, want string }{
		{"qwen4exp", "F16", "F16"}, {"qwen4exp", "BF16", "BF16"}, {"qwen4exp", "F32", "F32"}, {"qwen4exp", "Q8_0", "F32"}, {"qwen4exp", "Q4_K_M", "F32"}, {"minimax-m3", "F16", "F32"},
	} {
		r, err := RecipeByName(c.typ)
		if err != nil {
			t.Fatal(err)
		}
		chooser, err := newChooser(r, Options{}, Facts{Arch: c.arch, Layers: 2}, []string{name}, false)
		if err != nil {
			t.Fatal(err)
		}
		got, err := chooser.choose(name, []int{64, 64}, quantize.F32)
		if err != nil || got.to.Name != c.want {
			t.Errorf("%s in %s of %s: %v, %v", name, c.typ, c.arch, got.to, err)
		}
	}
}
