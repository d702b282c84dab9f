package formats

import "io"

// strided are the bytes of a view as if its elements followed each other: the transposed matrix of a file, or every other
// row of one. Reading whole rows of a transposed matrix reads whole columns of the stored one.
type strided struct {
	r             io.ReaderAt
	at            int64 // of the first element
	unit          int64 // bytes of an element
	shape, stride []int64
	size          int64
}

func (s *strided) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > s.size || int64(len(p)) > s.size-off {
		return 0, io.ErrUnexpectedEOF
	}
	if off%s.unit == 0 && int64(len(p))%s.unit == 0 {
		return len(p), s.elements(p, off/s.unit)
	}
	from, to := off/s.unit, (off+int64(len(p))+s.unit-1)/s.unit
	whole := make([]byte, (to-from)*s.unit)
	if err := s.elements(whole, from); err != nil {
		return 0, err
	}
	return copy(p, whole[off-from*s.unit:]), nil
}

// elements reads whole elements, the first being the one of that number.
func (s *strided) elements(p []byte, first int64) error {
	last := len(s.shape) - 1
	cols := s.shape[last]
	for len(p) > 0 {
		row, col := first/cols, first%cols
		n := min(cols-col, int64(len(p))/s.unit)
		rows := int64(1)
		if col == 0 && last > 0 && s.stride[last-1] == 1 && s.stride[last] != 1 {
			rows = max(1, min(int64(len(p))/s.unit/cols, s.shape[last-1]-row%s.shape[last-1]))
		}
		part := p[:n*rows*s.unit]
		var err error
		switch {
		case rows > 1:
			err = s.columns(part, row, rows)
		case s.stride[last] == 1:
			_, err = s.r.ReadAt(part, s.place(row)+col*s.unit)
		default:
			err = s.spread(part, s.place(row)+col*s.stride[last]*s.unit)
		}
		if err != nil {
			return err
		}
		p = p[len(part):]
		first += n * rows
	}
	return nil
}

// place is where a row begins.
func (s *strided) place(row int64) int64 {
	at := int64(0)
	for i := len(s.shape) - 2; i >= 0; i-- {
		at += row % s.shape[i] * s.stride[i]
		row /= s.shape[i]
	}
	return s.at + at*s.unit
}

// columns reads whole rows whose elements lie side by side in columns.
func (s *strided) columns(p []byte, row, rows int64) error {
	last := len(s.shape) - 1
	cols, at := s.shape[last], s.place(row)
	buf := make([]byte, rows*s.unit)
	for c := int64(0); c < cols; c++ {
		if _, err := s.r.ReadAt(buf, at+c*s.stride[last]*s.unit); err != nil {
			return err
		}
		for r := int64(0); r < rows; r++ {
			copy(p[(r*cols+c)*s.unit:(r*cols+c+1)*s.unit], buf[r*s.unit:])
		}
	}
	return nil
}

// spread reads elements that lie apart, one by one.
func (s *strided) spread(p []byte, at int64) error {
	step := s.stride[len(s.stride)-1] * s.unit
	for len(p) > 0 {
		if _, err := s.r.ReadAt(p[:s.unit], at); err != nil {
			return err
		}
		p, at = p[s.unit:], at+step
	}
	return nil
}
