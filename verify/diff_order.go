package verify

// soughtLines are rows, or columns, of a tensor that are looked for among all of the base's.
const soughtLines = 8

// order says whether the tensor's rows or columns are the base's in another order ("rows", "columns", or nothing): the inner units of a network may stand in
// any, as they do where columns were sorted before they were rounded.
func (p tensorPair) order(like float64) (string, error) {
	rows, cols := p.a.NumRows(), p.a.Cols()
	if rows != p.b.NumRows() || cols != p.b.Cols() || p.b.Rows == nil {
		return "", nil
	}
	sought := newLines(soughtLines, cols)
	row := make([]float32, cols)
	for i := range sought {
		if err := p.b.Rows.ReadRows(sought[i].x, i*(rows-1)/(soughtLines-1)); err != nil {
			return "", err
		}
	}
	for i := range rows {
		if err := p.a.Rows.ReadRows(row, i); err != nil {
			return "", err
		}
		sought.compare(row)
	}
	if sought.found(like) {
		return "rows", nil
	}
	n := min(rows, sampledRows)
	if n < sampledRows {
		return "", nil // short columns are like others by chance
	}
	of := newLines(soughtLines, n)
	base := newLines(cols, n)
	for i := range n {
		at := i * rows / n
		if err := p.b.Rows.ReadRows(row, at); err != nil {
			return "", err
		}
		for j := range of {
			of[j].x[i] = row[j*(cols-1)/(soughtLines-1)]
		}
		if err := p.a.Rows.ReadRows(row, at); err != nil {
			return "", err
		}
		for j, v := range row {
			base[j].x[i] = v
		}
	}
	for _, column := range base {
		of.compare(column.x)
	}
	if of.found(like) {
		return "columns", nil
	}
	return "", nil
}

// A line is a row or a column that is looked for, and how like it the nearest one was.
type line struct {
	x       []float32
	nearest float64
}

type lines []line

func newLines(n, length int) lines {
	all := make(lines, n)
	for i := range all {
		all[i].x = make([]float32, length)
	}
	return all
}

func (l lines) compare(x []float32) {
	for i := range l {
		var s sums
		for j, v := range x {
			s.pair(float64(v), float64(l[i].x[j]))
		}
		if s.aa > 0 && s.bb > 0 {
			l[i].nearest = max(l[i].nearest, s.cosine())
		}
	}
}

func (l lines) found(like float64) bool {
	for i := range l {
		if !(l[i].nearest >= like) {
			return false
		}
	}
	return true
}
