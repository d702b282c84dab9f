package formats

import (
	"sync"

	"quern/quantize"
)

// bands keep the codes of a few bands of rows. GPTQ and AWQ store matrices transposed: a single row is spread over the whole of a tensor,
// so a band of rows is read at once, and stays for those that ask for its other rows. All tensors of a source share one.
type bands struct {
	mu   sync.Mutex
	held []*band // the last used first
}

// A band is some rows of one tensor, or the promise that somebody is reading them.
type band struct {
	of   *codedRows
	row  int
	once sync.Once
	c    *quantize.Codes
	err  error
}

const (
	bandBytes = 1 << 20 // of codes in a band, if that many rows are whole units
	bandCount = 16
)

// BandMemory is about what the bands of a source hold at most, and what reading one takes.
const BandMemory = bandCount * bandBytes * 3 / 2

// size is the number of rows in a band.
func (b *bands) size(r *codedRows) int {
	return max(1, bandBytes/max(1, r.cols)/r.unit) * r.unit
}

// at returns the band that begins with row. Two that want the same one wait for one reading.
func (b *bands) at(r *codedRows, row, rows int) (*quantize.Codes, error) {
	e := b.entry(r, row)
	e.once.Do(func() {
		e.c = r.shape(new(quantize.Codes), rows)
		e.err = r.fail(r.load(e.c, row, rows))
	})
	if e.err != nil {
		b.forget(e)
	}
	return e.c, e.err
}

func (b *bands) entry(r *codedRows, row int) *band {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, e := range b.held {
		if e.of == r && e.row == row {
			copy(b.held[1:i+1], b.held[:i])
			b.held[0] = e
			return e
		}
	}
	if len(b.held) < bandCount {
		b.held = append(b.held, nil)
	}
	copy(b.held[1:], b.held)
	b.held[0] = &band{of: r, row: row}
	return b.held[0]
}

// forget drops a band that could not be read, so that the next one who asks tries again.
func (b *bands) forget(e *band) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, o := range b.held {
		if o == e {
			b.held = append(b.held[:i], b.held[i+1:]...)
			return
		}
	}
}
