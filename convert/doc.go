// Package convert plans and streams. A Plan decides everything about an output file but its weights, and can be printed
// and checked; Run then moves the weights of one source through all its plans in one pass and in bounded memory.
package convert
