// Package calib finds out how large the inputs of a model's matrices are: text goes in, quantize.Stats come out. It runs the
// model by chunks of tokens as llama-imatrix does, adds up what the forward pass shows, and turns the sums into an importance
// matrix.
package calib
