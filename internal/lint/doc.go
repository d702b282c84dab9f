// Package lint holds the rules of the repository that a machine can check, as tests: who may import whom, what may print,
// how long a file may be, and that every row of every table is whole.
package lint
