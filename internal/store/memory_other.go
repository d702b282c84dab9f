//go:build !linux

package store

// FreeMemory is how many bytes of memory are free; 0, as here, where the system does not say.
func FreeMemory() int64 { return 0 }
