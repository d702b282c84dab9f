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
	return append(out, r.heatMaps()...)
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
	p.names()
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
		p.legend(legend, m.Name, i)
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
	p.x.to -= 100 // names stand at the ends of lines
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
	p.names()
	return figure{title, "A loss that grows with the context hints at positions or at the cache.", p.done()}
}

// lossByLayer is what the layers of a model lose: the sums over their tensors, or the layers as they were measured where tensors
// were not.
func (r *Report) lossByLayer(model string) []float64 {
	var tensors, layers []float64
	for _, s := range r.Swaps {
		if s.Model != model || s.Layer < 0 {
			continue
		}
		list := &tensors
		if s.Role == "" {
			list = &layers
		}
		for len(*list) <= s.Layer {
			*list = append(*list, 0)
		}
		(*list)[s.Layer] += s.KLD.Value
	}
	if len(tensors) > 0 {
		return tensors
	}
	return layers
}

// byLayer shows the losses of layers, as bars of every model side by side.
func (r *Report) byLayer() figure {
	type row struct {
		model  int
		losses []float64
	}
	var rows []row
	layers, ys := 0, []float64{0}
	for i, m := range r.Models {
		if losses := r.lossByLayer(m.Name); len(losses) > 0 {
			rows, ys, layers = append(rows, row{i, losses}), append(ys, losses...), max(layers, len(losses))
		}
	}
	if len(rows) == 0 {
		return figure{}
	}
	const title = "Loss by layer"
	p := newPlot(title, nil, ys, false, false)
	p.x.lo, p.x.hi = -0.5, float64(layers)-0.5
	p.y.hi *= 1 + 0.08*float64(len(rows)) // the legend stands above
	p.axes("layer", "KL divergence, nats")
	slot := p.x.at(1) - p.x.at(0)
	width := slot * 0.8 / float64(len(rows))
	for i, row := range rows {
		for l, v := range row.losses {
			top, zero := p.y.at(max(v, 0)), p.y.at(0)
			fmt.Fprintf(p, `<rect class="fill c%d" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s, layer %d: %.3g</title></rect>`, row.model%colours,
				p.x.at(float64(l))-slot*0.4+width*float64(i), top, max(0.5, width-0.5), max(0, zero-top), html.EscapeString(r.Models[row.model].Name), l, v)
		}
		p.legend(i, r.Models[row.model].Name, row.model)
	}
	return figure{title, "What the layers lose, each alone in the quantized type: the sum over their tensors, where these were measured.", p.done()}
}

// heatMaps show, for each model, the loss of every role in every layer.
func (r *Report) heatMaps() []figure {
	var out []figure
	for i, m := range r.Models {
		f := r.heatMap(m.Name, i)
		if f.SVG != "" {
			out = append(out, f)
		}
	}
	if len(out) > 1 {
		return out
	}
	for i := range out {
		out[i].Title = lossTitle
	}
	return out
}

const lossTitle = "Where the loss comes from"

func (r *Report) heatMap(model string, colour int) figure {
	roles, layers, most := []string{}, 0, 0.0
	var swaps []Swap
	for _, s := range r.Swaps {
		if s.Model != model || s.Layer < 0 || s.Role == "" {
			continue
		}
		if indexOf(roles, s.Role) < 0 {
			roles = append(roles, s.Role)
		}
		swaps, layers, most = append(swaps, s), max(layers, s.Layer+1), max(most, s.KLD.Value)
	}
	if layers == 0 || most == 0 {
		return figure{}
	}
	title := lossTitle + ": " + shorten(model)
	p := &plot{}
	fmt.Fprintf(p, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, plotWidth, plotHeight, html.EscapeString(title))
	left, top := 84.0, 12.0
	w, h := (plotWidth-left-10)/float64(layers), (plotHeight-top-40)/float64(len(roles))
	for i, role := range roles {
		fmt.Fprintf(p, `<text class="tick" x="%g" y="%.1f" text-anchor="end">%s</text>`, left-6, top+h*(float64(i)+0.5)+4, html.EscapeString(role))
	}
	for _, s := range swaps {
		fmt.Fprintf(p, `<rect class="fill c%d" fill-opacity="%.3f" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>layer %d %s: %.3g nats</title></rect>`, colour%colours,
			math.Sqrt(max(0, s.KLD.Value)/most), left+w*float64(s.Layer), top+h*float64(indexOf(roles, s.Role)), max(0.5, w-1), max(0.5, h-1), s.Layer, html.EscapeString(s.Role), s.KLD.Value)
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
