package calib

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"quern/formats"
)

// A Statistic describes the mean squares of one tensor's inputs, in llama-imatrix's terms.
type Statistic struct {
	Tensor  string   `json:"tensor"`
	Side    string   `json:"side,omitempty"` // "enc" or "dec", of a model that has both
	Layer   int      `json:"layer"`          // -1 outside layers
	Kind    string   `json:"kind"`           // the tensor's name within its layer
	Total   float64  `json:"sum"`
	Min     float64  `json:"min"`
	Max     float64  `json:"max"`
	Mean    float64  `json:"mean"`
	Dev     float64  `json:"deviation"`
	Active  float64  `json:"active"` // the share above 1e-5
	N       int      `json:"n"`
	Entropy float64  `json:"entropy"`          // of the shares in the sum, in bits
	ZD      float64  `json:"z_density"`        // the share more than one deviation above the mean
	Cosine  *float64 `json:"cosine,omitempty"` // with the same tensor of the layer before, if there is one
}

// Uniformity is the entropy as a share of the greatest possible.
func (s *Statistic) Uniformity() float64 {
	if s.N < 2 {
		return 0
	}
	return s.Entropy / math.Log2(float64(s.N))
}

var layerOf = regexp.MustCompile(`^(?:(\w+)\.)?blk\.(\d+)\.`)

// Statistics are those of every tensor, by kind, the largest sums first. Matrices that no token reached are left out.
func Statistics(m *formats.Imatrix) []Statistic {
	sums := map[string][]float32{}
	for _, e := range m.Entries {
		sums[e.Name] = e.Sums
	}
	var all []Statistic
	for i := range m.Entries {
		e := &m.Entries[i]
		s := Statistic{Tensor: e.Name, Layer: -1, Kind: kind(e.Name)}
		if at := layerOf.FindStringSubmatchIndex(e.Name); at != nil {
			s.Side = e.Name[:max(0, at[3])]
			s.Layer, _ = strconv.Atoi(e.Name[at[4]:at[5]])
			before := e.Name[:at[4]] + strconv.Itoa(s.Layer-1) + e.Name[at[5]:]
			if o := sums[before]; len(o) == len(e.Sums) {
				c := cosine(e.Sums, o)
				s.Cosine = &c
			}
		}
		if s.describe(e) {
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b Statistic) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(b.Total, a.Total))
	})
	return all
}

// kind is the part of a name before ".weight": "attn_q".
func kind(name string) string {
	parts := strings.Split(name, ".")
	if i := slices.Index(parts, "weight"); i > 0 {
		return parts[i-1]
	}
	return name
}

// describe fills s, or says that there is nothing to describe.
func (s *Statistic) describe(e *formats.ImatrixEntry) bool {
	var x []float64
	cols := len(e.Sums) / len(e.Counts)
	for m, n := range e.Counts {
		for _, v := range e.Sums[m*cols : (m+1)*cols] {
			if n > 0 {
				x = append(x, float64(v)/float64(n))
			}
		}
	}
	if len(x) == 0 {
		return false
	}
	s.N, s.Min, s.Max = len(x), slices.Min(x), slices.Max(x)
	squares, active := 0.0, 0
	for _, v := range x {
		s.Total += v
		squares += v * v
		if v > 1e-5 {
			active++
		}
	}
	n := float64(s.N)
	s.Mean, s.Active = s.Total/n, float64(active)/n
	s.Dev = math.Sqrt(max(0, squares/n-s.Mean*s.Mean))
	above := 0
	for _, v := range x {
		if p := v / s.Total; p > 0 {
			s.Entropy -= p * math.Log2(p)
		}
		if s.Dev > 0 && v > s.Mean+s.Dev {
			above++
		}
	}
	s.ZD = float64(above) / n
	return true
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}

// A LayerStatistic is the mean over the tensors of a layer, each counted by its columns.
type LayerStatistic struct {
	Side   string  `json:"side,omitempty"`
	Layer  int     `json:"layer"`
	Total  float64 `json:"sum"`
	ZD     float64 `json:"z_density"`
	Cosine float64 `json:"cosine"`
}

// ByLayer sums statistics up for every layer, in order, those of an encoder before those of its decoder.
func ByLayer(list []Statistic) (out []LayerStatistic) {
	type layer struct {
		side string
		at   int
	}
	at, weight := map[layer]int{}, []float64(nil) // where in out
	for _, s := range list {
		if s.Layer < 0 {
			continue
		}
		i, there := at[layer{s.Side, s.Layer}]
		if !there {
			i = len(out)
			at[layer{s.Side, s.Layer}] = i
			out, weight = append(out, LayerStatistic{Side: s.Side, Layer: s.Layer}), append(weight, 0)
		}
		l, n := &out[i], float64(s.N)
		weight[i] += n
		l.Total += n * s.Total
		l.ZD += n * s.ZD
		if s.Cosine != nil {
			l.Cosine += n * *s.Cosine
		}
	}
	for i := range out {
		l, n := &out[i], weight[i]
		l.Total, l.ZD, l.Cosine = l.Total/n, l.ZD/n, l.Cosine/n
	}
	slices.SortFunc(out, func(a, b LayerStatistic) int {
		return cmp.Or(cmp.Compare(b.Side, a.Side), cmp.Compare(a.Layer, b.Layer))
	})
	return out
}
