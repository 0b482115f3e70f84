//go:build unix

package smallfile

import "syscall"

// A terminal must not become ours either.
const nonblock = syscall.O_NONBLOCK | syscall.O_NOCTTY
