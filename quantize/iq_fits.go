package quantize

import "quern/internal/kernel"

// A groupFits is what a sweep knows of the groups of a super-block, each in its own units: for each set of codes that it met what a
// least-squares fit needs. A group's error at any scale is then nearly the least that one of them has there, less what no code changes.
type groupFits struct {
	kernel.GridFits
	loss         [len(halfTries)]float32
	whole, heavy [groups16]float32 // of each group the units of its weights and of what their errors count for, or 0 where it is almost nothing
}

// between is the number t of so many from lowest to highest.
func between(lowest, highest float32, t, of int) float32 {
	return lowest + float32((highest-lowest)*float32(t))/float32(of-1)
}

// sums are those of a group in ordinary units: Σ w·x·code and Σ w·code².
func (f *groupFits) sums(g int, lx, l2 float32) (p, q float64) {
	heavy := float64(f.heavy[g])
	return float64(lx) / 2 * float64(float64(f.whole[g])*heavy), float64(l2) * heavy
}

// units are what a group's error is measured in.
func (f *groupFits) units(g int) float64 {
	return float64(float64(f.whole[g])*float64(f.whole[g])) * float64(f.heavy[g])
}

// explained is what groups with scales of their own would explain of Σ w·x².
func (f *groupFits) explained() (sum float64) {
	for g, most := range f.Most {
		sum += float64(float64(most) / 4 * f.units(g))
	}
	return sum
}

// halfTries are what the half is tried at: so many times what takes the largest scale to the highest integer.
var halfTries = func() (t [10]float32) {
	for i := range t {
		t[i] = 0.84 + 0.035*float32(i)
	}
	return t
}()

var asItIs = [1]float32{1}

// choose tries halfTries and returns the one that suits all groups best by what the sweep knows, with the integers of their scales. Scales are
// unit·(2·integer+1) times it. It is 0 where all groups are zeros.
func (f *groupFits) choose(scale []uint8, unit float64, most int) float64 {
	f.Settle()
	top, heaviest := 0.0, 0.0
	var units, one [groups16]float64
	for g, whole := range f.whole[:len(scale)] {
		units[g] = f.units(g)
		if whole > 0 {
			one[g] = 1 / float64(whole)
		}
		top = max(top, float64(float64(f.Ideal[g])*float64(f.whole[g])))
		heaviest = max(heaviest, units[g])
	}
	if top == 0 {
		return 0
	}
	for g := range scale {
		f.Weight[g] = float32(units[g] / heaviest)
	}
	d := top / unit / float64(2*most+1)
	f.steps(unit*d, one[:len(scale)])
	f.Losses(f.loss[:], halfTries[:], most)
	best := 0
	for t, l := range f.loss {
		if l < f.loss[best] {
			best = t
		}
	}
	d *= float64(halfTries[best])
	f.steps(unit*float64(halfValue(smallHalf(d))), one[:len(scale)])
	f.Losses(f.loss[:1], asItIs[:], most)
	for g := range scale {
		scale[g] = uint8(f.Number[g])
	}
	return d
}

// steps tells groups what one step of their scales is, from what one is in their units; far beyond what they can use all steps are the same.
func (f *groupFits) steps(step float64, one []float64) {
	for g, v := range one {
		f.Step[g] = 1
		if v > 0 {
			f.Step[g] = float32(min(step*v, 1e15))
		}
	}
}

// scale is that of a group with an integer, in its units, for the steps that it was told.
func (f *groupFits) scale(g int, integer uint8) float32 { return scaleOf(f.Step[g], integer) }

func scaleOf(step float32, integer uint8) float32 {
	if s := step * float32(2*int32(integer)+1); s < farScale {
		return s
	}
	return farScale
}
