//go:build unix

package config

import (
	"os"
	"syscall"
)

// ours reports whether a file belongs to the user that we run as.
func ours(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid()
}
