package tokenizer

import (
	"bytes"
	"encoding/json"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// idsInOrder is a vocabulary as a JSON object in the order of ids.
type idsInOrder []entry

func (l idsInOrder) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, x := range l {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := e.Encode(x.text); err != nil {
			return nil, err
		}
		b.Truncate(b.Len() - 1) // the line break
		b.WriteByte(':')
		b.WriteString(itoa(int(x.id)))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func itoa(i int) string { return strconv.Itoa(i) }

func sortedKeys(m map[string]string) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// composing are pre-tokenizers whose models compose characters first; no GGUF tells it, and runtimes do not.
var composing = []string{"qwen2", "olmo", "command-r"}

// byteLevel is a vocabulary of bytes.
func (w *exporter) byteLevel(p *pre) error {
	v := w.v
	if slices.Contains(composing, v.Pre) {
		w.normalizer = part{"type": "NFC"}
	}
	var err error
	if w.split, err = stepsOf(p.Shape, is(v.AddSpacePrefix, false)); err != nil {
		return err
	}
	w.decoder = part{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}
	w.post = part{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true}
	if t := w.template(); t != nil {
		w.post = part{"type": "Sequence", "processors": []any{w.post, t}}
	}
	m := bpeModel{Type: "BPE", IgnoreMerges: p.IgnoreMerges, Merges: v.Merges}
	if m.Merges == nil {
		m.Merges = []string{}
	}
	m.Vocab = w.vocabulary()
	w.model = m
	return nil
}

// stepsOf undoes shapeOf.
func stepsOf(shape string, prefixSpace bool) (any, error) {
	var steps []part
	for _, line := range strings.Split(shape, "\n") {
		switch kind, arg, _ := strings.Cut(line, " "); {
		case line == "bytes":
			steps = append(steps, part{"type": "ByteLevel", "add_prefix_space": prefixSpace, "trim_offsets": true, "use_regex": false})
		case line == "digits":
			steps = append(steps, part{"type": "Digits", "individual_digits": false})
		case line == "punctuation":
			steps = append(steps, part{"type": "Punctuation", "behavior": "Contiguous"})
		case line == "punctuation single":
			steps = append(steps, part{"type": "Punctuation", "behavior": "Isolated"})
		case kind == "isolated" && strings.HasPrefix(arg, "text "):
			text := strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\t`, "\t").Replace(strings.TrimPrefix(arg, "text "))
			steps = append(steps, part{"type": "Split", "pattern": part{"String": text}, "behavior": "Isolated", "invert": false})
		case kind == "isolated":
			steps = append(steps, part{"type": "Split", "pattern": part{"Regex": arg}, "behavior": "Isolated", "invert": false})
		default:
			return nil, unsupported("the pre-tokenizer's step %q has no form in a tokenizer.json", line)
		}
	}
	if len(steps) == 1 {
		return steps[0], nil
	}
	return part{"type": "Sequence", "pretokenizers": steps}, nil
}

// vocabulary divides the tokens into those of the model and the added ones. The library numbers added tokens that the model does not have
// by itself, one after the other behind the model's: so they are only those behind all others, if nothing is missing before them.
func (w *exporter) vocabulary() (all idsInOrder) {
	v := w.v
	w.added = v.addedTokens()
	last, holes := -1, 0
	for i := range v.Tokens {
		switch v.kind(i) {
		case Normal, Byte:
			last = i
		}
	}
	end := last
	for _, a := range w.added {
		end = max(end, a.ID)
	}
	for i := 0; i <= end; i++ {
		if v.kind(i) == Unused && !v.named(i) {
			holes++
		}
	}
	for i := range v.Tokens {
		isAdded := v.kind(i) == Control || v.kind(i) == UserDefined || v.kind(i) == Unknown
		if isAdded && i > last && holes == 0 && v.Model == "gpt2" || v.kind(i) == Unused && !v.named(i) {
			continue
		}
		all = append(all, entry{v.content(i), int32(i)})
	}
	return all
}

// named says of an unused token that it is one, and no row that the embedding has for nothing.
func (v *Vocab) named(id int) bool { return v.Tokens[id] != "[PAD"+itoa(id)+"]" && v.Tokens[id] != "" }
