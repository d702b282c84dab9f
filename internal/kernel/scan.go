package kernel

// Steps of layers that keep a state (state-space models). Every product is rounded before a sum, and sums go over rows in order, so that columns may lie side by side.

var (
	scan     = portable(scanPortable)
	scanRows = portable(scanRowsPortable)
	scanEach = portable(scanEachPortable)
	addMul   = portable(addMulPortable)
)

// Scan is a step of a state s [len(b)][len(x)]: row i becomes s·decay + x·b[i], and y is the sum of all rows times c[i].
func Scan(y, s, x, b, c []float32, decay float32) {
	scan.best(y[:len(x)], s[:len(b)*len(x)], x, b, c[:len(b)], decay)
}

func scanPortable(y, s, x, b, c []float32, decay float32) { scanFrom(0, y, s, x, b, c, decay) }

// scanFrom does so from a column on.
func scanFrom(from int, y, s, x, b, c []float32, decay float32) {
	clear(y[from:])
	for i, by := range b {
		row, times := s[i*len(x):][:len(x)], c[i]
		for j := from; j < len(x); j++ {
			row[j] = float32(row[j]*decay) + float32(x[j]*by)
			y[j] += float32(row[j] * times)
		}
	}
}

// ScanRows is the same where every row of the state has a decay of its own.
func ScanRows(y, s, x, b, c, decay []float32) {
	scanRows.best(y[:len(x)], s[:len(b)*len(x)], x, b, c[:len(b)], decay[:len(b)])
}

func scanRowsPortable(y, s, x, b, c, decay []float32) { scanRowsFrom(0, y, s, x, b, c, decay) }

func scanRowsFrom(from int, y, s, x, b, c, decay []float32) {
	clear(y[from:])
	for i, by := range b {
		row, d, times := s[i*len(x):][:len(x)], decay[i], c[i]
		for j := from; j < len(x); j++ {
			row[j] = float32(row[j]*d) + float32(x[j]*by)
			y[j] += float32(row[j] * times)
		}
	}
}

// ScanEach is the same where every number of the state has.
func ScanEach(y, s, x, b, c, decay []float32) {
	scanEach.best(y[:len(x)], s[:len(b)*len(x)], x, b, c[:len(b)], decay[:len(b)*len(x)])
}

func scanEachPortable(y, s, x, b, c, decay []float32) { scanEachFrom(0, y, s, x, b, c, decay) }

func scanEachFrom(from int, y, s, x, b, c, decay []float32) {
	clear(y[from:])
	for i, by := range b {
		row, d, times := s[i*len(x):][:len(x)], decay[i*len(x):][:len(x)], c[i]
		for j := from; j < len(x); j++ {
			row[j] = float32(row[j]*d[j]) + float32(x[j]*by)
			y[j] += float32(row[j] * times)
		}
	}
}

// AddMul is y += x·w, number by number.
func AddMul(y, x, w []float32) { addMul.best(y, x[:len(y)], w[:len(y)]) }

func addMulPortable(y, x, w []float32) {
	for i := range y {
		y[i] += float32(x[i] * w[i])
	}
}
