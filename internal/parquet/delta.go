package parquet

import "encoding/binary"

// deltas reads a list of numbers that are stored as differences, and returns what follows it. Blocks have a least difference, and
// small blocks in them a number of bits for what is above it.
func deltas(p []byte) (list []int64, rest []byte, err error) {
	t := &thrift{p: p} // it has the same variable-length numbers
	var head [3]uint64
	for i := range head {
		if head[i], err = t.uvarint(); err != nil {
			return nil, nil, err
		}
	}
	block, small, n := head[0], head[1], head[2]
	value, err := t.int()
	if err != nil {
		return nil, nil, err
	}
	if small == 0 || block%small != 0 || block/small%8 != 0 || block > 1<<16 || n > 1<<27 {
		return nil, nil, corrupt("%d differences in blocks of %d by %d", n, block, small)
	}
	if n > 0 {
		list = append(list, value)
	}
	for uint64(len(list)) < n {
		least, err := t.int()
		if err != nil {
			return nil, nil, err
		}
		widths, err := t.take(small)
		if err != nil {
			return nil, nil, err
		}
		for _, w := range widths {
			if uint64(len(list)) >= n {
				break // small blocks behind the last value are not there
			}
			if list, err = t.small(list, least, uint64(w), block/small, n); err != nil {
				return nil, nil, err
			}
		}
	}
	return list, t.p[t.pos:], nil
}

// small appends the values of a small block, up to n in all.
func (t *thrift) small(list []int64, least int64, width, count, n uint64) ([]int64, error) {
	if width > 64 {
		return nil, corrupt("differences of %d bits", width)
	}
	p, err := t.take(count / 8 * width)
	if err != nil {
		return nil, err
	}
	for i := uint64(0); i < count && uint64(len(list)) < n; i++ {
		d := uint64(0)
		for b := range width {
			at := i*width + b
			d |= uint64(p[at/8]>>(at%8)&1) << b
		}
		list = append(list, list[len(list)-1]+least+int64(d))
	}
	return list, nil
}

// deltaLengths are the lengths of all values, then their bytes.
type deltaLengths struct {
	length []int64
	p      []byte
}

func newDeltaLength(raw []byte) (*deltaLengths, error) {
	list, rest, err := deltas(raw)
	return &deltaLengths{list, rest}, err
}

func (v *deltaLengths) next() ([]byte, error) {
	if len(v.length) == 0 || v.length[0] < 0 || v.length[0] > int64(len(v.p)) {
		return nil, corrupt("a value goes on after its page")
	}
	n := int(v.length[0])
	b := v.p[:n:n]
	v.p, v.length = v.p[n:], v.length[1:]
	return b, nil
}

// deltaBytes are how much each value shares with the one before it, and what comes after that.
type deltaBytes struct {
	shared []int64
	rest   *deltaLengths
	last   []byte
}

func newDeltaBytes(raw []byte) (*deltaBytes, error) {
	shared, rest, err := deltas(raw)
	if err != nil {
		return nil, err
	}
	v, err := newDeltaLength(rest)
	return &deltaBytes{shared: shared, rest: v}, err
}

func (v *deltaBytes) next() ([]byte, error) {
	b, err := v.rest.next()
	if err != nil {
		return nil, err
	}
	if len(v.shared) == 0 || v.shared[0] < 0 || v.shared[0] > int64(len(v.last)) {
		return nil, corrupt("a value shares more than the one before it has")
	}
	v.last = append(v.last[:v.shared[0]:v.shared[0]], b...)
	v.shared = v.shared[1:]
	return v.last, nil
}

// newDeltaNumbers reads whole numbers that are stored as differences. Sums wrap around.
func newDeltaNumbers(raw []byte, l *Leaf) (*fixedValues, error) {
	if l.Integer == 0 {
		return nil, corrupt("column %s: texts in an encoding of numbers", l)
	}
	list, _, err := deltas(raw)
	if err != nil {
		return nil, err
	}
	p := make([]byte, 0, 8*len(list))
	for _, v := range list {
		p = binary.LittleEndian.AppendUint64(p, uint64(v))[:len(p)+l.Integer]
	}
	return &fixedValues{p, l.Integer}, nil
}
