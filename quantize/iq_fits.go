package quantize

import "math"

// A scaleFits is what a sweep knows of a group: for each set of codes it met, Σ w·x·code and Σ w·code². A group's error at any
// scale is then nearly the least that one of them has there, less what no code changes.
type scaleFits struct {
	n, ways    int     // sets, and how many of them at each scale
	from, each float64 // the first scale, and how many there are in one
	ideal      float64 // the scale that explains most, and what it explains
	explained  float64
	lx, l2     [24]float64
}

// between is the number t of so many from lowest to highest.
func between(lowest, highest float32, t, of int) float32 {
	return lowest + float32((highest-lowest)*float32(t))/float32(of-1)
}

// begin says which scales will be added: so many between two parts of unit, and at each so many sets.
func (f *scaleFits) begin(ways int, lowest, highest, unit float32, of int) {
	f.n, f.ways = 0, ways
	f.from = float64(float32(lowest * unit))
	f.each = float64(of-1) / float64(float32((highest-lowest)*unit))
}

func (f *scaleFits) add(lx, l2 float64) {
	f.lx[f.n], f.l2[f.n] = lx, l2
	f.n++
}

// settle finds the scale that explains most.
func (f *scaleFits) settle() {
	f.ideal, f.explained = 0, 0
	for t, l2 := range f.l2[:f.n] {
		if lx := f.lx[t]; lx > 0 && l2 > 0 && float64(lx*lx) > float64(f.explained*l2) {
			f.explained = lx * lx / l2
			f.ideal = lx / l2
		}
	}
}

// integer is the one that loses least, and what it loses, when scales are odd multiples of unit up to 2·most+1.
func (f *scaleFits) integer(unit float64, most int) (loss float64, s uint8) {
	first := min(max(int(f.ideal/unit/2-0.5), 0), most-1)
	low, high := f.at(unit*float64(2*first+1)), f.at(unit*float64(2*first+3))
	if high < low {
		return high, uint8(first + 1)
	}
	return low, uint8(first)
}

// at is what is lost at a scale, with what was met at the nearest ones.
func (f *scaleFits) at(s float64) float64 {
	t := min(max(int((s-f.from)*f.each), 0), f.n/f.ways-2)
	if f.ways == 1 {
		return s * min2(float64(s*f.l2[t])-2*f.lx[t], float64(s*f.l2[t+1])-2*f.lx[t+1])
	}
	least := math.Inf(1)
	for i := t * f.ways; i < (t+2)*f.ways; i++ {
		least = min2(least, float64(s*f.l2[i])-2*f.lx[i])
	}
	return s * least
}

// min2 is the first where neither is less.
func min2(a, b float64) float64 {
	if b < a {
		return b
	}
	return a
}

// chooseHalf tries halves around the one that takes the largest scale to the highest integer, and returns the one that suits all
// groups best, with their integers. Scales are unit·(2·integer+1) times it. It is 0 where all groups are zeros.
func chooseHalf(groups []*scaleFits, scale []uint8, unit float64, most int) float64 {
	top := 0.0
	for _, f := range groups {
		f.settle()
		top = max(top, f.ideal)
	}
	best, least := 0.0, math.Inf(1)
	for try := range 10 {
		d := top / unit / float64(2*most+1) * (0.84 + float64(0.035*float64(try)))
		sum := 0.0
		for _, f := range groups {
			if f.n > 0 {
				loss, _ := f.integer(unit*d, most)
				sum += loss
			}
		}
		if sum < least {
			best, least = d, sum
		}
	}
	if best > 0 {
		d := float64(halfValue(smallHalf(best)))
		for g, f := range groups {
			if scale[g] = 0; f.n > 0 {
				_, scale[g] = f.integer(unit*d, most)
			}
		}
	}
	return best
}
