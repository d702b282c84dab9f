//go:build !unix

package store

import "os"

func lock(*os.File) error { return nil }

// SyncDir does nothing where folders cannot be opened as files.
func (disk) SyncDir(string) error { return nil }
