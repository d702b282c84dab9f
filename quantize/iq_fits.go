package quantize

import "math"

// A scaleFits is what a sweep knows of a group: for each set of codes it met, Σ w·x·code and Σ w·code². A group's error at any
// scale is then nearly the least that one of them has there, less what no code changes.
type scaleFits struct {
	n      int
	lx, l2 [24]float64
}

func (f *scaleFits) add(lx, l2 float64) {
	f.lx[f.n], f.l2[f.n] = lx, l2
	f.n++
}

// scale is the one that explains most.
func (f *scaleFits) scale() (s float64) {
	best := 0.0
	for t, l2 := range f.l2[:f.n] {
		if lx := f.lx[t]; lx > 0 && l2 > 0 && float64(lx*lx) > float64(best*l2) {
			best = lx * lx / l2
			s = lx / l2
		}
	}
	return s
}

// integer is the one that loses least, and what it loses, when scales are odd multiples of unit up to 2·most+1.
func (f *scaleFits) integer(unit, ideal float64, most int) (loss float64, s uint8) {
	loss = math.Inf(1)
	first := min(max(int(ideal/unit/2-0.5)-1, 0), most-2)
	for i := first; i <= min(first+3, most); i++ {
		u := unit * float64(2*i+1)
		for t, l2 := range f.l2[:f.n] {
			if e := u * (float64(u*l2) - 2*f.lx[t]); e < loss {
				loss, s = e, uint8(i)
			}
		}
	}
	return loss, s
}

// chooseHalf tries halves around the one that takes the largest scale to the highest integer, and returns the one that suits all
// groups best, with their integers. Scales are unit·(2·integer+1) times it. It is 0 where all groups are zeros.
func chooseHalf(groups []*scaleFits, scale []uint8, unit float64, most int) float64 {
	var ideal [groups16]float64
	top := 0.0
	for g, f := range groups {
		ideal[g] = f.scale()
		top = max(top, ideal[g])
	}
	best, least := 0.0, math.Inf(1)
	for try := range 16 {
		d := top / unit / float64(2*most+1) * (0.82 + 0.024*float64(try))
		sum := 0.0
		for g, f := range groups {
			if f.n > 0 {
				loss, _ := f.integer(unit*d, ideal[g], most)
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
			_, scale[g] = f.integer(unit*d, ideal[g], most)
		}
	}
	return best
}
