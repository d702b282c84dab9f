package convert

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// WriteTo prints the plan: each tensor's fate, then the sums.
func (p *Pack) WriteTo(w io.Writer) (int64, error) {
	c := &counter{w: w}
	t := tabwriter.NewWriter(c, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "tensor\tshape\tfrom\tto\tbytes\n")
	for i := range p.Tensors {
		s := &p.Tensors[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\n", s.Name, shapeText(s.Shape), s.Stored, s.Type, s.Bytes)
	}
	t.Flush()
	fmt.Fprintf(c, "\n%s → %s\n%s, %d tensors, %d weights, %.2f bits per weight, %s\n", p.Source, p.Out, p.TypeName(), len(p.Tensors), p.Weights, p.Bits, bytesText(p.Bytes))
	if p.Method != "" {
		fmt.Fprintf(c, "codes: %s\n", p.Method)
	}
	for _, s := range p.Warnings {
		fmt.Fprintf(c, "warning: %s\n", s)
	}
	return c.n, c.err
}
