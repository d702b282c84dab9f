// Package kernel holds the few numeric kernels: a portable body of each, compiled everywhere, and assembly that equals it
// bit for bit. Kernels never allocate, panic on numbers or format text; a caller's slices that are too short are its mistake.
package kernel

// A body is one implementation of a kernel, and the CPU feature that it needs.
type body[F any] struct {
	feature string
	f       F
}

// bodies are the implementations of one kernel, the portable one first; the last one that the machine can run is used.
type bodies[F any] struct {
	all  []body[F]
	best F
}

// portable begins the list of a kernel's bodies.
func portable[F any](f F) *bodies[F] {
	return &bodies[F]{[]body[F]{{"portable", f}}, f}
}

// add appends a body; has says whether this machine can run it.
func (b *bodies[F]) add(feature string, has bool, f F) {
	b.all = append(b.all, body[F]{feature, f})
	if has {
		b.best = f
	}
}
