package verify

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"math"
)

//go:embed report.html.tmpl
var pageText string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"figures": func(r *Report) []figure { return r.figures() },
	"texts":   func(r *Report) []textRow { return r.texts() },
	"title":   func(r *Report) string { return r.title() },
	"outcome": func(r *Report) Outcome { return r.Outcome() },
	"bounds":  func(e Estimate) string { return e.bounds(4) },
	"mb":      megabytes,
	"bits":    func(x float64) string { return optional("%.2f", x) },
	"f":       func(digits int, x float64) string { return fixed(digits, x) },
	"n":       func(digits int, x Number) string { return fixed(digits, float64(x)) },
	"percent": func(x float64) string { return fixed(2, 100*x) + " %" },
	"percents": func(e Estimate) string {
		return Estimate{100 * e.Value, 0, 100 * e.Low, 100 * e.High}.bounds(3)
	},
	"colour": func(i int) int { return i % colours },
}).Parse(pageText))

func fixed(digits int, x float64) string {
	if math.IsNaN(x) {
		return "–"
	}
	return fmt.Sprintf("%.*f", digits, x)
}

// A textRow is what a model did on one of several texts.
type textRow struct {
	Index int // of the model
	Model string
	Part  Part
}

// texts are ordered so that models stand together that are to be compared.
func (r *Report) texts() []textRow {
	var out []textRow
	for d := range r.Models[0].Domains {
		for i, m := range r.Models {
			out = append(out, textRow{i, m.Name, m.Domains[d]})
		}
	}
	return out
}

// HTML renders a summary as one page: styles and plots are inside, nothing is fetched, no script runs.
func (s *Summary) HTML() ([]byte, error) {
	var b bytes.Buffer
	err := page.Execute(&b, s)
	return b.Bytes(), err
}
