package convert

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"quern/formats"
	"quern/quantize"
)

// Options are the choices of a plan; the zero value quantizes by the recipe alone. Texts are as a user types them.
type Options struct {
	Convert            bool     // as the reference converter: every matrix in the recipe's type, no mix
	TensorTypes        []string // REGEX=TYPE: the first that matches a tensor's GGUF name decides
	OutputTensorType   string
	TokenEmbeddingType string
	LeaveOutputTensor  bool                       // the output head stays as it is stored
	Pure               bool                       // the recipe's type for every matrix
	OverrideKV         []string                   // KEY=int|float|bool|str:VALUE
	Pre                string                     // the name of the pre-tokenizer, for a tokenizer that is not recognised
	Ggml               bool                       // the encoders of llama-quantize instead of quern's
	Effort             int                        // of quern's, from quantize.EffortDefault to EffortMost; 0 is the default
	Strict             bool                       // an error instead of a fallback type
	Mmproj             bool                       // the vision tower and the projector instead of the language model
	Target             *formats.Source            // of a draft head: the model that it guesses for, a folder or a GGUF; nil: none is named
	Imatrix            *formats.Imatrix           // importance of the tensors' inputs, or nil
	Ready              map[string]*formats.Tensor // tensors that a method has encoded already, by GGUF name, in the types that Types says
	bridging           bool                       // codes of the source are kept
	asStored           bool                       // every tensor keeps its type
}

// ErrOption is inside the error of an option that cannot be understood.
var ErrOption = errors.New("option")

// badOption is such an error; its text is its own.
type badOption struct{ error }

func (badOption) Is(target error) bool { return target == ErrOption }

func option(format string, a ...any) error { return badOption{fmt.Errorf(format, a...)} }

// An override is one of TensorTypes.
type override struct {
	text string
	re   *regexp.Regexp
	to   *quantize.Type
	used bool
}

func parseTensorTypes(list []string) ([]*override, error) {
	var out []*override
	for _, text := range list {
		i := strings.LastIndexByte(text, '=')
		if i <= 0 {
			return nil, option("tensor type %q: want REGEX=TYPE", text)
		}
		re, err := regexp.Compile(text[:i])
		if err != nil {
			return nil, option("tensor type %q: %w", text, err)
		}
		to, err := typeByName(text[i+1:])
		if err != nil {
			return nil, option("tensor type %q: %w", text, err)
		}
		out = append(out, &override{text: text, re: re, to: to})
	}
	return out, nil
}

// typeByName finds a storage type that can be written; "" is none.
func typeByName(name string) (*quantize.Type, error) {
	if name == "" {
		return nil, nil
	}
	t := quantize.ByName(name)
	if t == nil || t.Encode == nil || t.ID == quantize.NoID {
		return nil, option("storage type %.60q is not one that can be written; those are %s", name, strings.Join(writable(), ", "))
	}
	return t, nil
}

func writable() []string {
	var names []string
	for _, t := range quantize.Types() {
		if t.Encode != nil && t.ID != quantize.NoID {
			names = append(names, t.Name)
		}
	}
	return names
}

// applyKV sets the keys of OverrideKV. A key that is there already keeps its kind where the value fits it.
func applyKV(meta *formats.Meta, list []string) error {
	for _, text := range list {
		key, rest, ok := strings.Cut(text, "=")
		kind, val, ok2 := strings.Cut(rest, ":")
		if !ok || !ok2 || key == "" {
			return option("override %q: want KEY=TYPE:VALUE with TYPE int, float, bool or str", text)
		}
		v, err := parseKV(meta.Value(key), kind, val)
		if err != nil {
			return option("override %q: %w", text, err)
		}
		meta.Set(key, v)
	}
	return nil
}

func parseKV(old any, kind, val string) (any, error) {
	switch kind {
	case "int":
		n, err := strconv.ParseInt(val, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a whole number", val)
		}
		return integerLike(old, n), nil
	case "float":
		f, err := strconv.ParseFloat(val, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number", val)
		}
		if _, ok := old.(float64); ok {
			return f, nil
		}
		return float32(f), nil
	case "bool":
		if val != "true" && val != "false" {
			return nil, fmt.Errorf("%q is neither true nor false", val)
		}
		return val == "true", nil
	case "str":
		return val, nil
	}
	return nil, fmt.Errorf("type %q is none of int, float, bool, str", kind)
}

// integerLike gives n the kind of old where it fits, else u32, else i64.
func integerLike(old any, n int64) any {
	fits := func(lo, hi int64) bool { return n >= lo && n <= hi }
	switch old.(type) {
	case uint8:
		if fits(0, math.MaxUint8) {
			return uint8(n)
		}
	case int8:
		if fits(math.MinInt8, math.MaxInt8) {
			return int8(n)
		}
	case uint16:
		if fits(0, math.MaxUint16) {
			return uint16(n)
		}
	case int16:
		if fits(math.MinInt16, math.MaxInt16) {
			return int16(n)
		}
	case int32:
		if fits(math.MinInt32, math.MaxInt32) {
			return int32(n)
		}
	case uint64:
		if n >= 0 {
			return uint64(n)
		}
	case int64:
		return n
	}
	if fits(0, math.MaxUint32) {
		return uint32(n)
	}
	return n
}
