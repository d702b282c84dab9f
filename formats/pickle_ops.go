package formats

import "math/bits"

// pickleOps are the operations that this machine knows, by opcode.
var pickleOps = [256]func(*pickle) error{
	0x80: func(k *pickle) error { // PROTO
		v, err := k.byte()
		if err == nil && (v < 2 || v > 5) {
			return Unsupported("pickles of protocol %d are not read", v)
		}
		return err
	},
	0x95: func(k *pickle) error { _, err := k.take(8); return err }, // FRAME

	'N':  func(k *pickle) error { return k.push(nil) },
	0x88: func(k *pickle) error { return k.push(true) },
	0x89: func(k *pickle) error { return k.push(false) },
	'K':  whole(1),
	'M':  whole(2),
	'J': func(k *pickle) error { // BININT
		n, err := k.number(4)
		if err != nil {
			return err
		}
		return k.push(int64(int32(n)))
	},
	0x8a: long,
	'G': func(k *pickle) error { // BINFLOAT, the one number with the highest byte first
		n, err := k.number(8)
		if err != nil {
			return err
		}
		return k.push(float(bits.ReverseBytes64(n)))
	},

	'X':  text(4),
	0x8c: text(1),
	0x8d: text(8),
	'U':  text(1), // of Python 2
	'T':  text(4),

	'(':  func(k *pickle) error { k.marks = append(k.marks, len(k.stack)); k.made++; return nil },
	')':  tuple(0),
	0x85: tuple(1),
	0x86: tuple(2),
	0x87: tuple(3),
	't': func(k *pickle) error {
		items, err := k.popMark()
		if err != nil {
			return err
		}
		return k.push(pickleTuple(items))
	},
	']': func(k *pickle) error { return k.push(&pickleList{}) },
	'a': withN(1, (*pickle).appendItems),
	'e': withMarked((*pickle).appendItems),
	'}': func(k *pickle) error { return k.push(&pickleDict{}) },
	's': withN(2, (*pickle).setItems),
	'u': withMarked((*pickle).setItems),

	'q':  remember(1),
	'r':  remember(4),
	0x94: func(k *pickle) error { return k.keep(uint32(len(k.memo))) }, // MEMOIZE
	'h':  recall(1),
	'j':  recall(4),

	'c': func(k *pickle) error { // GLOBAL
		module, err := k.line()
		if err != nil {
			return err
		}
		name, err := k.line()
		if err != nil {
			return err
		}
		return k.global(module, name)
	},
	0x93: func(k *pickle) error { // STACK_GLOBAL
		names, err := k.popN(2)
		if err != nil {
			return err
		}
		module, ok := names[0].(string)
		name, okay := names[1].(string)
		if !ok || !okay {
			return Corrupt("the pickle names a global by %s and %s", describe(names[0]), describe(names[1]))
		}
		return k.global(module, name)
	},
	'R': (*pickle).call,
	'Q': func(k *pickle) error { // BINPERSID
		v, err := k.pop()
		if err != nil {
			return err
		}
		id, ok := v.(pickleTuple)
		if !ok {
			return Corrupt("the pickle names a storage by %s", describe(v))
		}
		object, err := k.stored(id)
		if err != nil {
			return err
		}
		return k.push(object)
	},
	'b': func(k *pickle) error { _, err := k.pop(); return err }, // BUILD: attributes of an object, which nobody asks for
}

func whole(n int) func(*pickle) error {
	return func(k *pickle) error {
		v, err := k.number(n)
		if err != nil {
			return err
		}
		return k.push(int64(v))
	}
}

// long is LONG1: a length, then a number with its sign in its last bit.
func long(k *pickle) error {
	n, err := k.byte()
	if err != nil {
		return err
	}
	if n > 8 {
		return Unsupported("the pickle has a number of %d bytes", n)
	}
	v, err := k.number(int(n))
	if err != nil || n == 0 {
		return k.push(int64(0))
	}
	shift := 64 - 8*uint(n)
	return k.push(int64(v<<shift) >> shift)
}

func text(size int) func(*pickle) error {
	return func(k *pickle) error {
		n, err := k.number(size)
		if err != nil {
			return err
		}
		p, err := k.take(n)
		if err != nil {
			return err
		}
		return k.push(string(p))
	}
}

func tuple(n int) func(*pickle) error {
	return func(k *pickle) error {
		items, err := k.popN(n)
		if err != nil {
			return err
		}
		return k.push(pickleTuple(items))
	}
}

func withN(n int, f func(*pickle, []any) error) func(*pickle) error {
	return func(k *pickle) error {
		items, err := k.popN(n)
		if err != nil {
			return err
		}
		return f(k, items)
	}
}

func withMarked(f func(*pickle, []any) error) func(*pickle) error {
	return func(k *pickle) error {
		items, err := k.popMark()
		if err != nil {
			return err
		}
		return f(k, items)
	}
}

func remember(size int) func(*pickle) error {
	return func(k *pickle) error {
		n, err := k.number(size)
		if err != nil {
			return err
		}
		return k.keep(uint32(n))
	}
}

func (k *pickle) keep(number uint32) error {
	v, err := k.top()
	if err != nil {
		return err
	}
	k.made++
	k.memo[number] = v
	return nil
}

func recall(size int) func(*pickle) error {
	return func(k *pickle) error {
		n, err := k.number(size)
		if err != nil {
			return err
		}
		v, ok := k.memo[uint32(n)]
		if !ok {
			return Corrupt("the pickle recalls object %d, which it has not made", n)
		}
		return k.push(v)
	}
}
