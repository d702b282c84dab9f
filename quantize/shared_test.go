package quantize

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	reference "quern/internal/golden"
	"testing"
)

// shared finds reference data.
var shared = reference.Path

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readFloats(t testing.TB, path string) []float32 {
	t.Helper()
	b := readFile(t, path)
	x := make([]float32, len(b)/4)
	F32.Decode(x, b)
	return x
}

// A goldenType is the manifest's row of a type: variants "none" and "imp" of what the reference encoder made.
type goldenType struct {
	ID    uint32 `json:"ggml_type"`
	Block int
	Bytes int
	None  *goldenRun
	Imp   *goldenRun
}

type goldenRun struct {
	Rows []float64 `json:"weighted_rel_rms_rows"`
}

// golden is the reference data of all types: the same input for each.
type golden struct {
	dir        string
	Rows, Cols int
	Types      map[string]goldenType
	input      []float32
	importance []float32
}

func readGolden(t testing.TB) *golden {
	t.Helper()
	g := &golden{dir: shared(t, "golden", "quant")}
	if err := json.Unmarshal(readFile(t, filepath.Join(g.dir, "manifest.json")), g); err != nil {
		t.Fatal(err)
	}
	g.input = readFloats(t, filepath.Join(g.dir, "input.f32"))
	g.importance = readFloats(t, filepath.Join(g.dir, "importance.f32"))
	if len(g.input) != g.Rows*g.Cols || len(g.importance) != g.Cols {
		t.Fatalf("%d weights, %d importances", len(g.input), len(g.importance))
	}
	return g
}

// row is nil-safe for rows of importance too: without importance there is none.
func (g *golden) row(i int) []float32 { return g.input[i*g.Cols:][:g.Cols] }

// weights is the objective of a type's encoder on one row.
func weights(q *Type, src, importance []float32) []float32 {
	w := make([]float32, len(src))
	if q.Weigh != nil {
		q.Weigh(w, src, importance)
		return w
	}
	for i := range w {
		w[i] = 1
	}
	return w
}

// loss is Σ w·(a-b)², and size Σ w·a².
func loss(w, a, b []float32) (sum, size float64) {
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += float64(w[i]) * d * d
		size += float64(w[i]) * float64(a[i]) * float64(a[i])
	}
	return sum, size
}

func relative(sum, size float64) float64 {
	if size == 0 {
		return 0
	}
	return math.Sqrt(sum / size)
}

// objective is what the encoder of a type minimises in one block: the loss, and the part of it that goes along with the
// weights again.
func objective(q *Type, w, x, y []float32) float64 {
	sum, size := loss(w, x, y)
	if q.Along == 0 || size == 0 {
		return sum
	}
	var along float64
	for i, v := range x {
		along += float64(w[i]) * float64(v) * (float64(v) - float64(y[i]))
	}
	return sum + q.Along*along*along/size
}
