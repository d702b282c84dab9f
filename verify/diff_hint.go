package verify

import (
	"fmt"
	"math"
	"strings"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// Quantization turns a tensor by little: even at two bits its cosine with the original stays above 0.9, and its scale near
// one. What is beyond these bounds has another cause.
const (
	unlikeCosine = 0.85
	unlikeSign   = 0.5 // with about one bit for each weight, of which the sign is left: 0.8 for a normal distribution
	unlikeScale  = 0.25
	unlikeRow    = 0.0 // of a single row with enough weights to tell
)

// likeness is the least cosine of a tensor that was quantized to t.
func likeness(t *quantize.Type) float64 {
	if t.BitsPerWeight() < 2 {
		return unlikeSign
	}
	return unlikeCosine
}

// explain adds the likely causes of what quantization does not do.
func (d *Diff) explain(a, b *arch.Bound, pairs []tensorPair) error {
	for _, s := range d.Params {
		if s.Key == "Context" {
			d.hint("%s", settingCause(s)) // no run is affected
			continue
		}
		d.fault("%s", settingCause(s))
	}
	for _, name := range d.OnlyA {
		d.hint("%s is missing in %s", name, d.B)
	}
	zeroed := map[int]int{}
	var strange []int
	for i := range d.Tensors {
		t := &d.Tensors[i]
		cause, sure, err := t.cause(pairs[i], &a.Params)
		if err != nil {
			return err
		}
		switch {
		case cause == "zero":
			zeroed[t.Layer]++
		case cause == "unlike":
			strange = append(strange, i)
		case sure:
			d.fault("%s: %s", t.Name, cause)
		case cause != "":
			d.hint("%s: %s", t.Name, cause)
		}
	}
	d.zeroed(zeroed)
	return d.swapped(strange, pairs)
}

// hint adds what may be a cause; some methods of quantizing do it on purpose.
func (d *Diff) hint(format string, a ...any) { d.Hints = append(d.Hints, fmt.Sprintf(format, a...)) }

// fault adds what no method of quantizing does.
func (d *Diff) fault(format string, a ...any) {
	d.hint(format, a...)
	d.Faults = append(d.Faults, d.Hints[len(d.Hints)-1])
}

// settingCause says what a different hyper-parameter does.
func settingCause(s Setting) string {
	why := map[string]string{
		"RopeBase":    "positions are rotated with another base",
		"RopeScale":   "positions are scaled differently",
		"RopeType":    "long contexts are handled differently",
		"RopeFactors": "rotary frequencies differ",
		"RopeDim":     "another part of each head is rotated",
		"NormEps":     "norms have another epsilon",
		"Context":     "only the promised context differs",
		"Window":      "attention sees another window",
	}[s.Key]
	if why == "" {
		why = "a hyper-parameter differs"
	}
	return fmt.Sprintf("%s: %s is %s, in the base %s", why, s.Key, s.B, s.A)
}

// cause names what happened to a tensor: "" when nothing but quantization, "zero", "unlike" when it is not known yet. It is
// sure where no method of quantizing does that; scales of rows and columns may move to other tensors, as AWQ moves them.
func (t *TensorDiff) cause(p tensorPair, params *arch.Params) (cause string, sure bool, err error) {
	like := Number(likeness(p.b.Type))
	switch {
	case t.Rows == 0:
		return fmt.Sprintf("has shape %v, in the base %v", t.shapeB, t.Shape), false, nil
	case t.NaNB > t.NaNA:
		return fmt.Sprintf("%d weights are not finite", t.NaNB-t.NaNA), true, nil
	case t.normB == 0 && t.normA > 0:
		return "zero", true, nil
	case t.Cosine < -like:
		return fmt.Sprintf("every weight has the opposite sign (cosine %.3f): a scale was flipped", t.Cosine), true, nil
	case t.Cosine > like && math.Abs(float64(t.Scale)-1) > unlikeScale && like == unlikeCosine:
		return fmt.Sprintf("weights are %.3g times those of the base: a scale is wrong", t.Scale), false, nil
	case t.Cosine > like && t.Worst < unlikeRow && t.Shape[len(t.Shape)-1] >= 32:
		return fmt.Sprintf("row %d does not look like the base's (cosine %.3f), others do: a block is damaged", t.Row, t.Worst), true, nil
	case t.Cosine > like || t.normA == 0:
		return "", false, nil
	}
	cause, err = t.permuted(p, params, float64(like))
	return cause, cause != "unlike", err
}

// permuted tries the permutations that belong to queries and keys.
func (t *TensorDiff) permuted(p tensorPair, params *arch.Params, like float64) (string, error) {
	do := p.origin.Rule.Do
	if do.Forward == nil || do.Inverse == nil {
		return "unlike", nil
	}
	for _, try := range []struct {
		name string
		wrap func(*formats.Tensor, *arch.Params) *formats.Tensor
	}{{"its rows were permuted once too often", do.Inverse}, {"its rows were not permuted as GGUF wants them", do.Forward}} {
		got, err := tensorPair{p.a, try.wrap(p.b, params), p.origin}.sample()
		if err != nil {
			return "", err
		}
		if got > like {
			return fmt.Sprintf("%s (cosine %.3f as it is, %.3f with that undone): rotary pairs of %s are mixed up", try.name, t.Cosine, got, roleName(t.Name)), nil
		}
	}
	return "unlike", nil
}

// sampledRows is how many rows tell which tensor a tensor is.
const sampledRows = 64

// sample is the cosine of some rows.
func (p tensorPair) sample() (float64, error) {
	if p.a.NumRows() != p.b.NumRows() || p.a.Cols() != p.b.Cols() || p.b.Rows == nil {
		return 0, nil
	}
	rows, cols := p.a.NumRows(), p.a.Cols()
	a, b := make([]float32, cols), make([]float32, cols)
	var total sums
	var d TensorDiff
	for row := 0; row < rows; row += max(1, rows/sampledRows) {
		if err := p.a.Rows.ReadRows(a, row); err != nil {
			return 0, err
		}
		if err := p.b.Rows.ReadRows(b, row); err != nil {
			return 0, err
		}
		d.row(a, b, row, &total)
	}
	return total.cosine(), nil
}

// zeroed reports tensors of zeros, by layer where there are several.
func (d *Diff) zeroed(layers map[int]int) {
	for i := range d.Tensors {
		t := &d.Tensors[i]
		if t.normB != 0 || t.normA == 0 || t.Rows == 0 {
			continue
		}
		switch n := layers[t.Layer]; {
		case n == 1 || t.Layer < 0:
			d.fault("%s: all weights are zero", t.Name)
		case n > 1:
			d.fault("layer %d: all weights of %d tensors are zero", t.Layer, n)
			layers[t.Layer] = 0
		}
	}
}

// swapped looks among the tensors that are unlike the base's for ones that belong elsewhere.
func (d *Diff) swapped(strange []int, pairs []tensorPair) error {
	for _, i := range strange {
		found := ""
		for _, j := range strange {
			if i == j || found != "" {
				continue
			}
			c, err := tensorPair{pairs[j].a, pairs[i].b, pairs[j].origin}.sample()
			if err != nil {
				return err
			}
			if c > likeness(pairs[i].b.Type) {
				found = d.Tensors[j].Name
			}
		}
		if found != "" {
			d.fault("%s: holds what belongs in %s: tensors were swapped", d.Tensors[i].Name, found)
			continue
		}
		order, err := pairs[i].order(likeness(pairs[i].b.Type))
		if err != nil {
			return err
		}
		if order != "" {
			d.hint("%s: its %s are the base's in another order: the same model if what they meet has that order too", d.Tensors[i].Name, order)
			continue
		}
		d.hint("%s: does not look like the base's (cosine %.3f, relative error %.3g): another model's, or damaged", d.Tensors[i].Name, d.Tensors[i].Cosine, d.Tensors[i].RelRMS)
	}
	return nil
}

// roleName is what is left of a tensor's name without its layer.
func roleName(name string) string {
	parts := strings.Split(strings.TrimPrefix(strings.TrimPrefix(name, "enc."), "dec."), ".")
	if len(parts) > 2 && parts[0] == "blk" {
		return parts[2]
	}
	return parts[0]
}
