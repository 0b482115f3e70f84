package testkit

import (
	"runtime"
	"strings"
)

// Calls reports whether all of these functions are on the stack: they are given by the
// ends of their names, such as "oam.(*client).search".
func Calls(names ...string) bool {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	found := map[string]bool{}
	for {
		f, more := frames.Next()
		for _, n := range names {
			if strings.HasSuffix(f.Function, n) {
				found[n] = true
			}
		}
		if !more {
			return len(found) == len(names)
		}
	}
}
