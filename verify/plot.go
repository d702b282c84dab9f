package verify

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strings"
)

// Plots are SVG of a size that stays legible on a phone; colours and fonts come from the page's style sheet, so that they
// follow its light and dark schemes and print.
const (
	plotWidth, plotHeight                    = 420.0, 280.0
	marginLeft, marginRight, marginTop, foot = 56.0, 14.0, 12.0, 42.0
)

// A scale maps values to the plot, linearly or by their logarithm.
type scale struct {
	lo, hi   float64 // values
	from, to float64 // places
	log      bool
}

func (s scale) at(v float64) float64 {
	lo, hi := s.lo, s.hi
	if s.log {
		lo, hi, v = math.Log10(lo), math.Log10(hi), math.Log10(max(v, 1e-12))
	}
	if hi == lo {
		return (s.from + s.to) / 2
	}
	return s.from + (v-lo)/(hi-lo)*(s.to-s.from)
}

// ticks are about n round values in the scale's range.
func (s scale) ticks(n int) []float64 {
	var out []float64
	if s.log {
		for e := math.Floor(math.Log10(s.lo)); e <= min(math.Ceil(math.Log10(s.hi)), 300); e++ {
			for _, m := range []float64{1, 2, 5} {
				if v := m * math.Pow(10, e); v >= s.lo*0.999 && v <= s.hi*1.001 && (m == 1 || s.hi < 30*s.lo) {
					out = append(out, v)
				}
			}
		}
		return out
	}
	step := math.Pow(10, math.Floor(math.Log10((s.hi-s.lo)/float64(n))))
	for _, m := range []float64{1, 2, 5, 10} {
		if (s.hi-s.lo)/(m*step) <= float64(n) {
			step *= m
			break
		}
	}
	for i := range 2 * n { // by number, as v + step may be v
		if v := (math.Ceil(s.lo/step) + float64(i)) * step; v <= s.hi+step/1e6 {
			out = append(out, v+0) // no negative zero
		}
	}
	return out
}

// spread widens a range of values so that no point lies on an edge.
func spread(values []float64, log bool) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) && (!log || v > 0) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	switch {
	case lo > hi:
		return 1, 10
	case log:
		return lo / 1.3, hi * 1.3
	case lo == hi:
		return lo - math.Abs(lo)/10 - 1e-6, hi + math.Abs(hi)/10 + 1e-6
	}
	pad := (hi - lo) * 0.08
	return lo - pad, hi + pad
}

// A plot is a drawing under way.
type plot struct {
	strings.Builder
	x, y   scale
	points []labelled
}

func newPlot(title string, xs, ys []float64, logX, logY bool) *plot {
	p := &plot{}
	p.x = scale{from: marginLeft, to: plotWidth - marginRight, log: logX}
	p.x.lo, p.x.hi = spread(xs, logX)
	p.y = scale{from: plotHeight - foot, to: marginTop, log: logY}
	p.y.lo, p.y.hi = spread(ys, logY)
	fmt.Fprintf(p, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, plotWidth, plotHeight, html.EscapeString(title))
	return p
}

func (p *plot) axes(xName, yName string) {
	bottom := plotHeight - foot
	for _, v := range p.y.ticks(5) {
		y := p.y.at(v)
		fmt.Fprintf(p, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/><text class="tick" x="%g" y="%.1f" text-anchor="end">%s</text>`,
			marginLeft, plotWidth-marginRight, y, y, marginLeft-6, y+4, number4(v))
	}
	for _, v := range p.x.ticks(5) {
		x := p.x.at(v)
		fmt.Fprintf(p, `<line class="grid" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/><text class="tick" x="%.1f" y="%g" text-anchor="middle">%s</text>`,
			x, x, marginTop, bottom, x, bottom+15, number4(v))
	}
	fmt.Fprintf(p, `<text class="name" x="%g" y="%g" text-anchor="middle">%s</text>`, (marginLeft+plotWidth-marginRight)/2, plotHeight-8, html.EscapeString(xName))
	fmt.Fprintf(p, `<text class="name" transform="translate(13 %g) rotate(-90)" text-anchor="middle">%s</text>`, (marginTop+bottom)/2, html.EscapeString(yName))
}

func number4(v float64) string { return strings.ReplaceAll(fmt.Sprintf("%.4g", v), "e-0", "e-") }

// point draws an estimate with its interval and a label.
func (p *plot) point(x float64, e Estimate, label string, colour int) {
	cx, cy := p.x.at(x), p.y.at(e.Value)
	if finite(e.Low) != nil && finite(e.High) != nil && (!p.y.log || e.Low > 0) {
		fmt.Fprintf(p, `<line class="bar c%d" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, colour, cx, cx,
			p.y.at(max(e.Low, p.y.lo)), p.y.at(min(e.High, p.y.hi)))
	}
	fmt.Fprintf(p, `<circle class="dot c%d" cx="%.1f" cy="%.1f" r="4.5"><title>%s</title></circle>`, colour, cx, cy, html.EscapeString(label))
	p.points = append(p.points, labelled{cx, cy, shorten(label)})
}

// A labelled point is at a place of the plot.
type labelled struct {
	x, y float64
	text string
}

// A box is a rectangle of the plot.
type box struct{ left, top, right, bottom float64 }

func (b box) meets(o box) bool {
	return b.left < o.right && o.left < b.right && b.top < o.bottom && o.top < b.bottom
}

// names writes the labels of all points, each at the first side of its point where it meets neither another label nor another
// point and stays inside the plot; where there is none, at the first.
func (p *plot) names() {
	const height, letter, gap = 12.0, 6.2, 8.0
	var taken []box
	for _, q := range p.points {
		taken = append(taken, box{q.x - 5, q.y - 5, q.x + 5, q.y + 5})
	}
	for _, q := range p.points {
		w := letter * float64(len([]rune(q.text)))
		right, left, middle := q.x+gap, q.x-gap-w, q.x-w/2
		sides := []struct{ x, base float64 }{{right, q.y - 7}, {left, q.y - 7}, {right, q.y + 15}, {left, q.y + 15}, {right, q.y + 4}, {left, q.y + 4},
			{middle, q.y - 12}, {middle, q.y + 20}, {right, q.y - 20}, {left, q.y - 20}, {right, q.y + 28}, {left, q.y + 28}}
		at := sides[0]
		for _, s := range sides {
			b := box{s.x, s.base - height + 2, s.x + w, s.base + 2}
			inside := b.left >= marginLeft && b.right <= plotWidth && b.top >= 0 && b.bottom <= plotHeight-foot
			if inside && !slices.ContainsFunc(taken, b.meets) {
				at = s
				break
			}
		}
		taken = append(taken, box{at.x, at.base - height + 2, at.x + w, at.base + 2})
		fmt.Fprintf(p, `<text class="label" x="%.1f" y="%.1f">%s</text>`, at.x, at.base, html.EscapeString(q.text))
	}
}

// legend names a model in a line of its own.
func (p *plot) legend(line int, name string, model int) {
	y := marginTop + 12 + 14*float64(line)
	fmt.Fprintf(p, `<circle class="dot c%d" cx="%g" cy="%g" r="4"/><text class="label" x="%g" y="%g">%s</text>`, model%colours, marginLeft+10, y-4, marginLeft+18, y, html.EscapeString(shorten(name)))
}

// line joins points.
func (p *plot) line(class string, xs, ys []float64) {
	var d strings.Builder
	for i := range xs {
		fmt.Fprintf(&d, "%.1f,%.1f ", p.x.at(xs[i]), p.y.at(ys[i]))
	}
	fmt.Fprintf(p, `<polyline class="%s" points="%s"/>`, class, strings.TrimSpace(d.String()))
}

func (p *plot) done() template.HTML {
	p.WriteString("</svg>")
	return template.HTML(p.String()) // all text in it was escaped above
}

// shorten cuts what would leave the plot.
func shorten(s string) string {
	s = strings.TrimSuffix(s, ".gguf")
	if r := []rune(s); len(r) > 24 {
		return "…" + string(r[len(r)-23:])
	}
	return s
}
