package logging

import (
	stdlog "log"
	"strings"

	"github.com/go-kit/log"
)

// Std returns a logger of the standard library's log package that writes its
// lines, whole, as messages. go-kit's own adapter looks for a file name in them
// and takes addresses for one.
func Std(to log.Logger) *stdlog.Logger { return stdlog.New(lines{to}, "", 0) }

type lines struct{ to log.Logger }

func (l lines) Write(p []byte) (int, error) {
	return len(p), l.to.Log("msg", strings.TrimSpace(string(p)))
}
