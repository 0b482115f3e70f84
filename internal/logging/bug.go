package logging

import (
	"fmt"
	"runtime/debug"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// Bug logs a panic that was recovered: where it was, and the type of its value. The
// value itself may hold a name or a token.
func Bug(to log.Logger, msg string, panicked any) {
	level.Error(to).Log("msg", "Bug: "+msg, "panic", fmt.Sprintf("%T", panicked), "stack", string(debug.Stack()))
}
