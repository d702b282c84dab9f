package verify

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"sort"
)

// A figure is a plot with what it shows.
type figure struct {
	Title, Caption string
	SVG            template.HTML
}

// figures are the plots that a run has data for.
func (r *Report) figures() []figure {
	var out []figure
	add := func(f figure) {
		if f.SVG != "" {
			out = append(out, f)
		}
	}
	add(r.bySize("Perplexity by size", "perplexity", false, func(m Result) (Estimate, bool) { return m.Perplexity, true }))
	add(r.bySize("Divergence by size", "mean KL divergence, nats", true, func(m Result) (Estimate, bool) {
		if m.Versus == nil {
			return Estimate{}, false
		}
		return m.Versus.KLD.Mean, m.Versus.KLD.Mean.Value > 0
	}))
	add(r.histograms())
	add(r.byPosition())
	add(r.byLayer())
	add(r.heatMap())
	return out
}

// bySize plots a loss against size, and joins the models that no other beats in both: the Pareto front.
func (r *Report) bySize(title, name string, log bool, value func(Result) (Estimate, bool)) figure {
	var xs, ys []float64
	type dot struct {
		x      float64
		e      Estimate
		name   string
		colour int
	}
	var dots []dot
	for i, m := range r.Models {
		e, ok := value(m)
		if !ok || m.Bytes == 0 || finite(e.Value) == nil {
			continue
		}
		dots = append(dots, dot{float64(m.Bytes) / 1e6, e, m.Name, i % colours})
		xs, ys = append(xs, float64(m.Bytes)/1e6), append(ys, e.Value, e.Low, e.High)
	}
	if len(dots) == 0 {
		return figure{}
	}
	p := newPlot(title, xs, ys, false, log)
	p.axes("size, MB", name)
	sort.SliceStable(dots, func(i, j int) bool { return dots[i].x < dots[j].x })
	var fx, fy []float64
	best := math.Inf(1)
	for _, d := range dots {
		if d.e.Value < best {
			best = d.e.Value
			fx, fy = append(fx, d.x), append(fy, d.e.Value)
		}
	}
	p.line("front", fx, fy)
	for _, d := range dots {
		p.point(d.x, d.e, d.name, d.colour)
	}
	return figure{title, "Bars hold 95 % of draws over chunks. The line is the Pareto front: no model is both smaller and better than one on it.", p.done()}
}

// colours is how many the style sheet has.
const colours = 6

func (r *Report) histograms() figure {
	var bins []Bin
	most := 0.0
	for _, m := range r.Models {
		if m.Versus != nil {
			bins = m.Versus.Histogram
			for _, b := range bins {
				most = max(most, float64(b.Count))
			}
		}
	}
	if most == 0 {
		return figure{}
	}
	const title = "KL divergence of single predictions"
	p := newPlot(title, []float64{bins[0].To / 1.5, bins[len(bins)-1].To}, []float64{0, most}, true, false)
	p.y.lo = 0
	p.axes("KL divergence, nats", "predictions")
	legend := 0
	for i, m := range r.Models {
		if m.Versus == nil {
			continue
		}
		var xs, ys []float64
		for _, b := range m.Versus.Histogram {
			from := max(b.From, p.x.lo)
			xs, ys = append(xs, from, b.To), append(ys, float64(b.Count), float64(b.Count))
		}
		p.line(fmt.Sprintf("step c%d", i%colours), xs, ys)
		y := marginTop + 12 + 14*float64(legend)
		fmt.Fprintf(p, `<circle class="dot c%d" cx="%g" cy="%g" r="4"/><text class="label" x="%g" y="%g">%s</text>`, i%colours, marginLeft+10, y-4, marginLeft+18, y, html.EscapeString(shorten(m.Name)))
		legend++
	}
	return figure{title, "Equal widths in the logarithm, four to a decade; the first and last bin hold what lies beyond.", p.done()}
}

func (r *Report) byPosition() figure {
	var xs, ys []float64
	for _, m := range r.Models {
		if m.Versus == nil {
			continue
		}
		for i, part := range m.Versus.Positions {
			if part.KLD == nil {
				return figure{}
			}
			xs, ys = append(xs, float64(i+1)), append(ys, part.KLD.Value)
		}
	}
	if len(xs) == 0 {
		return figure{}
	}
	const title = "Divergence along the context"
	p := newPlot(title, xs, ys, false, true)
	p.axes(fmt.Sprintf("part of the scored positions, of %d", positionBins), "mean KL divergence, nats")
	for i, m := range r.Models {
		if m.Versus == nil || len(m.Versus.Positions) == 0 {
			continue
		}
		var lx, ly []float64
		for j, part := range m.Versus.Positions {
			lx, ly = append(lx, float64(j+1)), append(ly, part.KLD.Value)
		}
		p.line(fmt.Sprintf("step c%d", i%colours), lx, ly)
		p.point(lx[len(lx)-1], Estimate{ly[len(ly)-1], 0, math.NaN(), math.NaN()}, m.Name, i%colours)
	}
	return figure{title, "A loss that grows with the context hints at positions or at the cache.", p.done()}
}

// byLayer adds up what the parts of each layer lose.
func (r *Report) byLayer() figure {
	per := map[int]float64{}
	for _, s := range r.Swaps {
		if s.Layer >= 0 {
			per[s.Layer] += s.KLD.Value
		}
	}
	if len(per) == 0 {
		return figure{}
	}
	var xs, ys []float64
	for l := range per {
		xs = append(xs, float64(l))
	}
	sort.Float64s(xs)
	for _, x := range xs {
		ys = append(ys, per[int(x)])
	}
	const title = "Loss by layer"
	p := newPlot(title, xs, append(ys, 0), false, false)
	p.axes("layer", "KL divergence of its parts, nats")
	width := max(1, (p.x.to-p.x.from)/float64(len(xs))*0.7)
	for i, x := range xs {
		top, zero := p.y.at(max(ys[i], 0)), p.y.at(0)
		fmt.Fprintf(p, `<rect class="fill c0" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>layer %g: %.3g</title></rect>`, p.x.at(x)-width/2, top, width, max(0, zero-top), x, ys[i])
	}
	return figure{title, "Each part alone is taken from the quantized model; the sum over a layer's parts.", p.done()}
}

// heatMap shows the loss of every role in every layer.
func (r *Report) heatMap() figure {
	roles, layers, most := []string{}, 0, 0.0
	for _, s := range r.Swaps {
		if s.Layer < 0 || s.Role == "" {
			continue
		}
		if indexOf(roles, s.Role) < 0 {
			roles = append(roles, s.Role)
		}
		layers, most = max(layers, s.Layer+1), max(most, s.KLD.Value)
	}
	if layers == 0 || most == 0 {
		return figure{}
	}
	const title = "Where the loss comes from"
	p := &plot{}
	fmt.Fprintf(p, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, plotWidth, plotHeight, title)
	left, top := 84.0, 12.0
	w, h := (plotWidth-left-10)/float64(layers), (plotHeight-top-40)/float64(len(roles))
	for i, role := range roles {
		fmt.Fprintf(p, `<text class="tick" x="%g" y="%.1f" text-anchor="end">%s</text>`, left-6, top+h*(float64(i)+0.5)+4, html.EscapeString(role))
	}
	for _, s := range r.Swaps {
		if i := indexOf(roles, s.Role); i >= 0 && s.Layer >= 0 {
			fmt.Fprintf(p, `<rect class="fill c0" fill-opacity="%.3f" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>layer %d %s: %.3g nats</title></rect>`,
				math.Sqrt(max(0, s.KLD.Value)/most), left+w*float64(s.Layer), top+h*float64(i), max(0.5, w-1), max(0.5, h-1), s.Layer, html.EscapeString(s.Role), s.KLD.Value)
		}
	}
	for l := 0; l < layers; l += max(1, layers/8) {
		fmt.Fprintf(p, `<text class="tick" x="%.1f" y="%g" text-anchor="middle">%d</text>`, left+w*(float64(l)+0.5), plotHeight-24, l)
	}
	fmt.Fprintf(p, `<text class="name" x="%g" y="%g" text-anchor="middle">layer</text>`, (left+plotWidth)/2, plotHeight-8)
	return figure{title, fmt.Sprintf("KL divergence when one tensor alone is quantized; the darkest is %.3g nats, shades follow the root.", most), p.done()}
}

func indexOf(list []string, s string) int {
	for i, v := range list {
		if v == s {
			return i
		}
	}
	return -1
}
