package convert

import "testing"

// Whatever a model card or a model's name holds, reading it never panics.
func FuzzCard(f *testing.F) {
	f.Add("---\nlicense: mit\nlanguage:\n- no\nbase_model:\n- a/b-7b\n---\n", "org/Llama-3.1-8B-v2", int64(8e9))
	f.Add("---\na: &a [*a]\n---", "7b1-0x", int64(1))
	f.Add("---\nx: !!binary a\n? [1]\n: 2\n---", "-_-", int64(0))
	f.Fuzz(func(t *testing.T, text, id string, weights int64) {
		c, _ := parseCard([]byte(text))
		c.text("license", "name")
		c.list("tags", "language")
		c.relatives(weights, "base_model", "datasets")
		m := parseID(id, weights)
		title(m.full)
	})
}
