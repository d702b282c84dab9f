package calib

import (
	"math"

	"quern/formats"
	"quern/quantize"
)

// A codeNote is what is known of a matrix besides its codes. It lies in the journal too, so that a run that is resumed tells the same.
type codeNote struct {
	loss                    float32 // CodeLoss.Part; -1 where nothing is known of the inputs
	damped, filled, nearest bool
}

const (
	noteSuffix = ".note"
	noteSize   = 4
	noteRows   = 16 // of a matrix, spread evenly, by which its loss is told
)

func (n *codeNote) numbers() []float32 {
	flag := func(is bool) float32 {
		if is {
			return 1
		}
		return 0
	}
	return []float32{n.loss, flag(n.damped), flag(n.filled), flag(n.nearest)}
}

// take reads the note of a matrix from the journal.
func (n *codeNote) take(t *formats.Tensor) error {
	if t == nil || t.Rows == nil || t.Elems() != noteSize {
		return formats.Corrupt("its note is not what this run keeps")
	}
	x := make([]float32, noteSize)
	if err := t.Rows.ReadRows(x, 0); err != nil {
		return err
	}
	*n = codeNote{x[0], x[1] == 1, x[2] == 1, x[3] == 1}
	return nil
}

// measure notes what the codes of a matrix do to some of its products with the inputs.
func (n *codeNote) measure(m *codeMatrix, c *quantize.Codes, stats *quantize.Stats) error {
	w, err := someRows(m.t, noteRows)
	if err != nil {
		return err
	}
	k := m.t.Cols()
	now := make([]float32, len(w))
	rows := len(w) / k
	for i := range rows {
		c.Row(now[i*k:][:k], i*c.Rows/rows)
	}
	lost, whole := stats.Change(w, now)
	if part := lost / whole; part >= 0 && !math.IsInf(part, 1) {
		n.loss = float32(part)
	}
	return nil
}

// A CodeLoss is what the codes of a matrix do to its products with the inputs of the calibration.
type CodeLoss struct {
	Name string
	Part float64 // the mean square of the difference, against that of the products
}

// tell adds what the notes of a layer say.
func (c *CodeResult) tell(l *codeLayer) {
	for _, m := range l.list {
		n := &m.note
		c.Names = append(c.Names, m.t.Name)
		for _, f := range []struct {
			is   bool
			list *[]string
		}{{n.damped, &c.Damped}, {n.filled, &c.Filled}, {n.nearest, &c.Nearest}} {
			if f.is {
				*f.list = append(*f.list, m.t.Name)
			}
		}
		if n.loss >= 0 {
			c.Losses = append(c.Losses, CodeLoss{m.t.Name, float64(n.loss)})
		}
	}
}
