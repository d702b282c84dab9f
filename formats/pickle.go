package formats

import (
	"bytes"
	"encoding/binary"
	"math"
)

// A pickle is a program for a machine with a stack that builds Python objects, and in general runs any code that its author
// liked. This machine knows the operations that a dictionary of tensors is made of, and calls nothing: a global is a name,
// names that are not in its table end the reading, and what a call of one of them means is decided here. Opcodes are those of
// https://github.com/python/cpython/blob/main/Lib/pickletools.py, protocols 2 to 5.
type pickle struct {
	p       []byte
	pos     int
	stack   []any
	marks   []int          // heights of the stack
	memo    map[uint32]any // what was made before, by number
	made    int            // objects
	globals map[string]pickleCall
	stored  func(id []any) (any, error) // makes the object of a persistent id
}

// A pickleCall is what a call of a global gives; nil where it may be named and not be called.
type pickleCall func(args []any) (any, error)

// What a pickle makes: nil, bool, int64, float64, string, and these.
type (
	pickleGlobal string
	pickleTuple  []any
	pickleList   struct{ items []any }
	pickleDict   struct{ keys, values []any } // in order; keys may come twice
)

const (
	maxPickle  = 64 << 20 // bytes; a tensor takes some 200
	maxPickled = 1 << 22  // objects
)

// run executes the program and returns what it leaves.
func (k *pickle) run() (any, error) {
	k.memo = map[uint32]any{}
	for {
		op, err := k.byte()
		if err != nil {
			return nil, err
		}
		if op == '.' {
			if len(k.stack) != 1 {
				return nil, Corrupt("the pickle ends with %d objects", len(k.stack))
			}
			return k.stack[0], nil
		}
		f := pickleOps[op]
		if f == nil {
			k.pos--
			return nil, Unsupported("the pickle has the operation %#02x, which dictionaries of tensors do without", op)
		}
		if err := f(k); err != nil {
			return nil, err
		}
		if k.made > maxPickled || len(k.stack) > maxPickled {
			return nil, Unsupported("the pickle makes more than %d objects", maxPickled)
		}
	}
}

func (k *pickle) take(n uint64) ([]byte, error) {
	if n > uint64(len(k.p)-k.pos) {
		return nil, Corrupt("the pickle ends within an operation")
	}
	p := k.p[k.pos : k.pos+int(n)]
	k.pos += int(n)
	return p, nil
}

func (k *pickle) byte() (byte, error) {
	p, err := k.take(1)
	if err != nil {
		return 0, err
	}
	return p[0], nil
}

// number reads n bytes, the lowest first.
func (k *pickle) number(n int) (uint64, error) {
	p, err := k.take(uint64(n))
	if err != nil {
		return 0, err
	}
	var b [8]byte
	copy(b[:], p)
	return binary.LittleEndian.Uint64(b[:]), nil
}

func (k *pickle) line() (string, error) {
	n := bytes.IndexByte(k.p[k.pos:], '\n')
	if n < 0 {
		return "", Corrupt("the pickle ends within a line")
	}
	s := string(k.p[k.pos : k.pos+n])
	k.pos += n + 1
	return s, nil
}

func (k *pickle) push(v any) error {
	k.made++
	k.stack = append(k.stack, v)
	return nil
}

func (k *pickle) pop() (any, error) {
	bottom := 0
	if len(k.marks) > 0 {
		bottom = k.marks[len(k.marks)-1]
	}
	if len(k.stack) <= bottom {
		return nil, Corrupt("the pickle takes an object that is not there")
	}
	v := k.stack[len(k.stack)-1]
	k.stack = k.stack[:len(k.stack)-1]
	return v, nil
}

// popN takes n objects, the last pushed last.
func (k *pickle) popN(n int) ([]any, error) {
	out := make([]any, n)
	for i := n - 1; i >= 0; i-- {
		v, err := k.pop()
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// popMark takes what was pushed since the last mark.
func (k *pickle) popMark() ([]any, error) {
	if len(k.marks) == 0 {
		return nil, Corrupt("the pickle lacks a mark")
	}
	from := k.marks[len(k.marks)-1]
	k.marks = k.marks[:len(k.marks)-1]
	out := append([]any(nil), k.stack[from:]...)
	k.stack = k.stack[:from]
	return out, nil
}

// top is the object that stays on the stack.
func (k *pickle) top() (any, error) {
	v, err := k.pop()
	if err == nil {
		k.stack = append(k.stack, v)
	}
	return v, err
}

func (k *pickle) global(module, name string) error {
	full := module + "." + name
	if _, ok := k.globals[full]; !ok {
		return Unsupported("the pickle names %.100q, which dictionaries of tensors do without", full)
	}
	return k.push(pickleGlobal(full))
}

// call is a global applied to a tuple.
func (k *pickle) call() error {
	args, err := k.pop()
	if err != nil {
		return err
	}
	f, err := k.pop()
	if err != nil {
		return err
	}
	name, ok := f.(pickleGlobal)
	tuple, okay := args.(pickleTuple)
	if !ok || !okay || k.globals[string(name)] == nil {
		return Unsupported("the pickle calls %s, which dictionaries of tensors do without", describe(f))
	}
	v, err := k.globals[string(name)](tuple)
	if err != nil {
		return err
	}
	return k.push(v)
}

func (k *pickle) setItems(items []any) error {
	v, err := k.top()
	if err != nil {
		return err
	}
	d, ok := v.(*pickleDict)
	if !ok || len(items)%2 != 0 {
		return Corrupt("the pickle puts %d objects into %s", len(items), describe(v))
	}
	for i := 0; i < len(items); i += 2 {
		d.keys, d.values = append(d.keys, items[i]), append(d.values, items[i+1])
	}
	return nil
}

func (k *pickle) appendItems(items []any) error {
	v, err := k.top()
	if err != nil {
		return err
	}
	l, ok := v.(*pickleList)
	if !ok {
		return Corrupt("the pickle appends to %s", describe(v))
	}
	l.items = append(l.items, items...)
	return nil
}

// describe says what an object is, for people.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a truth value"
	case int64, float64:
		return "a number"
	case string:
		return "a text"
	case pickleGlobal:
		return string(v)
	case pickleTuple:
		return "a tuple"
	case *pickleList:
		return "a list"
	case *pickleDict:
		return "a dictionary"
	case *torchTensor:
		return "a tensor"
	}
	return "a storage"
}

func float(bits uint64) float64 { return math.Float64frombits(bits) }
