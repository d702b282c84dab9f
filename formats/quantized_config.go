package formats

import (
	"bytes"
	"encoding/json"
	"math"
)

// quantConfig is a quantization_config. Its values come from a stranger: one of the wrong kind counts as absent only where that cannot
// change a weight.
type quantConfig map[string]any

// parseJSON reads a JSON object, nil when text is none: whoever needs more of config.json says what is wrong with it.
func parseJSON(text []byte) map[string]any {
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	d.UseNumber()
	var root map[string]any
	if d.Decode(&root) != nil {
		return nil
	}
	return root
}

// text is the string under the first of keys that has one.
func (c quantConfig) text(keys ...string) string {
	for _, k := range keys {
		if s, ok := c[k].(string); ok {
			return s
		}
	}
	return ""
}

// flag is the boolean under key, def when there is none.
func (c quantConfig) flag(key string, def bool) bool {
	if b, ok := c[key].(bool); ok {
		return b
	}
	return def
}

// number is the whole number under the first of keys that has one, def when none does.
func (c quantConfig) number(def int, keys ...string) int {
	for _, k := range keys {
		if n, ok := Whole(c[k]); ok {
			return n
		}
	}
	return def
}

// Whole is the whole number that a value of a configuration is, if it is one: 4.0 is, too.
func Whole(v any) (int, bool) {
	switch n := v.(type) {
	case json.Number:
		f, err := n.Float64()
		return int(f), err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<31
	case int:
		return n, true
	}
	return 0, false
}

// object is what stands under key, nil when that is no object.
func (c quantConfig) object(key string) quantConfig {
	m, _ := c[key].(map[string]any)
	return m
}

// numbers is the whole numbers of a list, nil when there is none or it holds something else.
func (c quantConfig) numbers(key string) (out []int) {
	l, _ := c[key].([]any)
	for _, e := range l {
		n, ok := Whole(e)
		if !ok || n < 0 {
			return nil
		}
		out = append(out, n)
	}
	return out
}
