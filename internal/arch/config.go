package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"path/filepath"
	"strings"

	"quern/formats"
)

// Config is a config.json. Its accessors refuse a value of the wrong type and name the key.
type Config struct {
	file string
	root map[string]any
}

// ReadConfig reads a JSON object that lies beside the weights.
func ReadConfig(src *formats.Source, name string) (*Config, error) {
	text, err := src.File(name)
	dir := src.Path
	if strings.EqualFold(filepath.Ext(dir), ".safetensors") {
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &formats.Error{File: path, Err: fs.ErrNotExist,
			Hint: "the weights alone do not say what model they are: give the folder that holds config.json"}
	}
	if err != nil {
		return nil, &formats.Error{File: path, Err: err}
	}
	return ParseConfig(path, text)
}

// ParseConfig reads a JSON object; file names it in errors.
func ParseConfig(file string, text []byte) (*Config, error) {
	d := json.NewDecoder(bytes.NewReader(pythonNumbers(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))))
	d.UseNumber()
	c := &Config{file: file}
	if err := d.Decode(&c.root); err != nil {
		return nil, &formats.Error{File: file, Off: d.InputOffset(), HasOff: true, Err: formats.Corrupt("not a JSON object: %v", err)}
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, &formats.Error{File: file, Off: d.InputOffset(), HasOff: true, Err: formats.Corrupt("text after the JSON object")}
	}
	if c.root == nil {
		return nil, &formats.Error{File: file, Err: formats.Corrupt("not a JSON object")}
	}
	return c, nil
}

// pythonNumbers turns the words that Python writes for numbers beyond JSON (Infinity, -Infinity, NaN) into one that is
// JSON and no float64: a key that matters is then refused by name, others do no harm.
func pythonNumbers(text []byte) []byte {
	if !bytes.Contains(text, []byte("Infinity")) && !bytes.Contains(text, []byte("NaN")) {
		return text
	}
	var out []byte
	inText := false
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		switch {
		case inText && text[i] == '\\' && len(rest) > 1:
			out = append(out, text[i])
			i++
		case text[i] == '"':
			inText = !inText
		case !inText && bytes.HasPrefix(rest, []byte("Infinity")):
			out, i = append(out, "1e99999"...), i+len("Infinity")-1
			continue
		case !inText && bytes.HasPrefix(rest, []byte("NaN")):
			out, i = append(out, "1e99999"...), i+len("NaN")-1
			continue
		}
		out = append(out, text[i])
	}
	return out
}

// Without is the configuration without a key, of the whole and of the language model in it.
func (c *Config) Without(key string) *Config {
	root := maps.Clone(c.root)
	delete(root, key)
	if inner, ok := root["text_config"].(map[string]any); ok {
		inner = maps.Clone(inner)
		delete(inner, key)
		root["text_config"] = inner
	}
	return &Config{file: c.file, root: root}
}

// Value returns what stands under a dotted key: nil with ok for null, nil without when the key is absent.
func (c *Config) Value(key string) (v any, ok bool) {
	m := c.root
	for {
		head, rest, more := strings.Cut(key, ".")
		v, ok = m[head]
		if !more || !ok {
			return v, ok
		}
		if m, ok = v.(map[string]any); !ok {
			return nil, false
		}
		key = rest
	}
}

// Find returns the first of keys that is there.
func (c *Config) Find(keys ...string) (key string, v any, ok bool) {
	for _, k := range keys {
		if v, ok = c.Value(k); ok {
			return k, v, true
		}
	}
	return "", nil, false
}

// String returns the string under key, "" when it is absent or null.
func (c *Config) String(key string) (string, error) {
	v, _ := c.Value(key)
	s, ok := v.(string)
	if v != nil && !ok {
		return "", c.wrong(key, v, "a string")
	}
	return s, nil
}

// Bool returns the boolean under key, false when it is absent or null.
func (c *Config) Bool(key string) (bool, error) {
	v, _ := c.Value(key)
	b, ok := v.(bool)
	if v != nil && !ok {
		return false, c.wrong(key, v, "true or false")
	}
	return b, nil
}

// Float returns the number under key, or def when it is absent or null.
func (c *Config) Float(key string, def float64) (float64, error) {
	v, _ := c.Value(key)
	if v == nil {
		return def, nil
	}
	f, ok := number(v)
	if !ok {
		return 0, c.wrong(key, v, "a number")
	}
	return f, nil
}

// Object returns the object under key, nil when it is absent or null.
func (c *Config) Object(key string) (map[string]any, error) {
	v, _ := c.Value(key)
	m, ok := v.(map[string]any)
	if v != nil && !ok {
		return nil, c.wrong(key, v, "an object")
	}
	return m, nil
}

// assign stores a JSON value (or a default of a Variant) in a field of Params; null leaves it as it is.
func (c *Config) assign(key string, v any, field any) error {
	if v == nil {
		return nil
	}
	switch p := field.(type) {
	case *int:
		f, ok := number(v)
		if !ok || f != math.Trunc(f) || f < 0 || f > math.MaxInt32 {
			return c.wrong(key, v, "a whole number")
		}
		*p = int(f)
	case *float32:
		f, ok := number(v)
		if !ok || math.Abs(f) > math.MaxFloat32 {
			return c.wrong(key, v, "a number")
		}
		*p = float32(f)
	case *bool:
		b, ok := v.(bool)
		if !ok {
			return c.wrong(key, v, "true or false")
		}
		*p = b
	case *string:
		s, ok := v.(string)
		if !ok {
			return c.wrong(key, v, "a string")
		}
		*p = s
	case *[]int32:
		return c.assignInts(key, v, p)
	case *[]float32:
		return c.assignFloats(key, v, p)
	}
	return nil
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	case float64:
		return n, true
	case int:
		return float64(n), true
	}
	return 0, false
}

// words is a list with a word for each layer, nil where config.json has none under the key.
func (c *Config) words(key string, layers int) ([]any, error) {
	v, _ := c.Value(key)
	list, ok := v.([]any)
	if v != nil && (!ok || len(list) != layers) {
		return nil, c.wrong(key, v, fmt.Sprintf("a list of %d words", layers))
	}
	return list, nil
}

// first counts the layers before all others for which such a list has one word; the others have another.
func (c *Config) first(n *int, key, word, other string, layers int) error {
	list, err := c.words(key, layers)
	if list == nil || err != nil {
		return err
	}
	*n = 0
	for i, kind := range list {
		if kind == word && i == *n {
			*n++
		} else if kind != other {
			return c.fail(key, formats.Unsupported("layer %d is %.60q, behind %d of %q: files tell how many of the first layers are so, and the others are %q", i, fmt.Sprint(kind), *n, word, other), "")
		}
	}
	return nil
}

func (c *Config) wrong(key string, v any, want string) error {
	text, _ := json.Marshal(v)
	return c.fail(key, formats.Corrupt("%.60s is not %s", text, want), "")
}

func (c *Config) fail(key string, err error, hint string) error {
	return &formats.Error{File: c.file, Tensor: key, Err: err, Hint: hint}
}
