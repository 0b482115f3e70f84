package intersight

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"

	"iam_session_exporter/internal/session"
)

// A panic over what is read beside the sessions costs that, not the process, and what
// it says is not logged.
func TestAPanicBesideTheSessions(t *testing.T) {
	var out strings.Builder
	e := begin(t.Context(), log.NewLogfmtLogger(&out), func(context.Context) (int, error) { panic("a token") })
	if _, err := e.wait(t.Context(), time.Now().Add(time.Minute)); !errors.Is(err, session.ErrBug) {
		t.Errorf("got %v, want %v", err, session.ErrBug)
	}
	if got := out.String(); !strings.Contains(got, "Bug: ") || strings.Contains(got, "a token") {
		t.Errorf("logged %q, want that it panicked, without its message", got)
	}
}
