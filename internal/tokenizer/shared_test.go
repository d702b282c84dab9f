package tokenizer

import (
	"quern/internal/golden"
)

// shared finds reference data.
var shared = golden.Path
