package convert

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// String is the plan as a table.
func (p *Plan) String() string {
	var b strings.Builder
	p.WriteTo(&b)
	return b.String()
}

// WriteTo prints the plan: each tensor's fate, then the sums.
func (p *Plan) WriteTo(w io.Writer) (int64, error) {
	c := &counter{w: w}
	t := tabwriter.NewWriter(c, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "tensor\tshape\tfrom\tto\tbytes\t\n")
	for i := range p.Steps {
		s := &p.Steps[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\n", s.Name, shapeText(s.Shape), s.Stored, s.Type, s.Bytes, s.remark())
	}
	t.Flush()
	for _, d := range p.Dropped {
		fmt.Fprintf(c, "dropped: %s\n", d)
	}
	fmt.Fprintf(c, "\n%s → %s\n", p.Source, p.Out)
	if len(p.Files) > 1 {
		for _, f := range p.Files {
			fmt.Fprintf(c, "  %s, %s\n", f.Path, bytesText(f.Bytes))
		}
	}
	fmt.Fprintf(c, "%s %s, %d tensors, %d weights, %.2f bits per weight, encoder %s%s\n", p.Arch, p.Type, len(p.Steps), p.Weights, p.Bits, p.Encoder, p.weighedBy())
	fmt.Fprintf(c, "disk %s, read %s, peak memory %s\n", bytesText(p.Size), bytesText(p.Read), bytesText(p.Peak))
	for _, s := range p.Warnings {
		fmt.Fprintf(c, "warning: %s\n", s)
	}
	return c.n, c.err
}

// LeftOut says in a line which tensors the output has no place for, "" where there are none. Frequencies that a runtime computes are none.
func (p *Plan) LeftOut() string {
	names := slices.DeleteFunc(slices.Clone(p.Dropped), func(name string) bool { return strings.HasSuffix(name, ".inv_freq") })
	switch len(names) {
	case 0:
		return ""
	case 1:
		return "left out: " + names[0]
	}
	return fmt.Sprintf("left out: %d tensors, such as %s; --plan names them", len(names), names[0])
}

// weighedBy names the importance matrix, if there is one.
func (p *Plan) weighedBy() string {
	if p.Imatrix == "" {
		return ""
	}
	return ", importance " + p.Imatrix
}

// remark says what happens to a tensor besides a change of type.
func (s *Step) remark() string {
	var r []string
	if s.Copy {
		r = append(r, "copied")
	}
	if s.Op != "" {
		r = append(r, s.Op)
	}
	if s.Codes != "" {
		r = append(r, s.Codes)
	}
	if s.Fallback != "" {
		r = append(r, s.Fallback+", "+costText(s.Cost, s.Bytes-s.Cost))
	}
	if s.Companion != "" {
		r = append(r, s.times())
	}
	if s.Weighed {
		r = append(r, "by importance")
	}
	if s.From != "" && s.From != s.Name {
		r = append(r, "from "+s.From)
	}
	return strings.Join(r, ", ")
}

func shapeText(shape []int) string {
	var d []string
	for _, n := range shape {
		d = append(d, fmt.Sprint(n))
	}
	return strings.Join(d, "×")
}

// bytesText prints a size with three digits and its unit.
func bytesText(n int64) string {
	f, unit := float64(n), 0
	for f >= 999.5 && unit < 5 {
		f, unit = f/1000, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.3g %cB", f, " kMGTP"[unit])
}

// costText says by how much something is larger than so many bytes, or smaller.
func costText(more, than int64) string {
	word := "more"
	if more < 0 {
		more, word = -more, "less"
	}
	return fmt.Sprintf("%s %s (%.0f %%)", bytesText(more), word, 100*float64(more)/float64(max(than, 1)))
}

// counter counts what passes and keeps the first error.
type counter struct {
	w   io.Writer
	n   int64
	err error
}

func (c *counter) Write(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.w.Write(p)
	c.n, c.err = c.n+int64(n), err
	return n, err
}
