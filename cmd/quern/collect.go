package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// restGC lets the heap grow to 64 MB before the collector first runs: commands that only read headers and vocabularies end before, and collecting
// is a quarter of their time. From the first collection on, or from wakeGC, it works as usual.
func restGC() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetGCPercent(16 * 100) // of the least heap, 4 MB
	runtime.AddCleanup(new([64]byte), func(int) { wakeGC() }, 0)
}

// wakeGC is called before weights are read, since what a run takes then should be what a plan says.
func wakeGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(100)
	}
}
