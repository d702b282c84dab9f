package main

import (
	"fmt"
	"slices"

	"quern/formats"
)

// imatrixShown is what inspect shows of an importance matrix.
type imatrixShown struct {
	Path    string        `json:"path"`
	Format  string        `json:"format"`
	Imatrix imatrixHeader `json:"imatrix"`
}

type imatrixHeader struct {
	Chunks    int           `json:"chunks"`
	ChunkSize int           `json:"chunk_size,omitempty"`
	Datasets  []string      `json:"datasets"`
	Entries   []imatrixLine `json:"entries"`
}

type imatrixLine struct {
	Tensor   string  `json:"tensor"`
	Columns  int     `json:"columns"`
	Matrices int     `json:"matrices"`
	Unit     string  `json:"unit"`  // of Least and Most
	Least    int64   `json:"least"` // inputs that the matrix with the fewest has seen
	Most     int64   `json:"most"`
	Mean     float64 `json:"mean_square"`
}

func inspectImatrix(ui *ui, src *formats.Source, asJSON bool) error {
	m, err := formats.ImatrixOf(src)
	if err != nil {
		return err
	}
	shown := imatrixShown{src.Path, src.Format.Name, imatrixHeader{m.Chunks, m.ChunkSize, append([]string{}, m.Datasets...), nil}}
	for i := range m.Entries {
		shown.Imatrix.Entries = append(shown.Imatrix.Entries, lineOf(&m.Entries[i], m.Legacy))
	}
	if asJSON {
		return ui.json(shown)
	}
	ui.say("%s: %s, %s", src.Path, src.Format.Name, m)
	for _, d := range m.Datasets {
		ui.say("made from %s", printable(d))
	}
	ui.say("")
	unit, rows := "tokens", [][]string(nil)
	for _, e := range shown.Imatrix.Entries {
		seen := fmt.Sprint(e.Least)
		if e.Most != e.Least {
			seen += fmt.Sprintf(" … %d", e.Most)
		}
		unit = e.Unit
		rows = append(rows, []string{printable(e.Tensor), fmt.Sprint(e.Columns), fmt.Sprint(e.Matrices), seen, fmt.Sprintf("%.4g", e.Mean)})
	}
	ui.table([]string{"tensor", "columns", "matrices", unit, "mean square"}, rows, 1, 2, 3, 4)
	return nil
}

func lineOf(e *formats.ImatrixEntry, legacy bool) imatrixLine {
	n := len(e.Counts)
	l := imatrixLine{Tensor: e.Name, Columns: len(e.Sums) / n, Matrices: n, Unit: "tokens", Least: slices.Min(e.Counts), Most: slices.Max(e.Counts)}
	if legacy {
		l.Unit = "chunks"
	}
	sum, seen := 0.0, int64(0)
	for _, v := range e.Sums {
		sum += float64(v)
	}
	for _, c := range e.Counts {
		seen += c
	}
	if seen > 0 {
		l.Mean = sum / float64(seen) / float64(l.Columns)
	}
	return l
}
