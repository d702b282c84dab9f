package store

import (
	"os"
	"strconv"
	"strings"
)

// FreeMemory is how many bytes of memory are free, or are used for what can be read again; 0 where the system does not say.
func FreeMemory() int64 {
	n := memAvailable()
	// What this process's group may have; the file is at the root of the hierarchy in a container's own namespace.
	if b, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if most, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && most > 0 {
			n = min(n, most)
		}
	}
	return n
}

func memAvailable() int64 {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "MemAvailable:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64) // 0 is the answer for what cannot be read
			return kb << 10
		}
	}
	return 0
}
