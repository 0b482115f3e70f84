package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-kit/log"

	"iam_session_exporter/internal/testkit"
)

// A panic may have a name or a token in its message. A page that panics is logged, but
// not what the message says, and its connection ends.
func TestAPanicOfAPageTellsNothing(t *testing.T) {
	const secret = "CaNaRy7f3a"
	for name, value := range map[string]any{
		"text": "of " + secret, "error": errors.New(secret), "wrapped": fmt.Errorf("of: %w", errors.New(secret)), "other": struct{ name string }{secret},
	} {
		t.Run(name, func(t *testing.T) {
			var logged testkit.Buffer
			h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte("begun"))
				panic(value)
			})
			s := httptest.NewUnstartedServer(nil)
			s.Config = NewServer(h, log.NewLogfmtLogger(&logged))
			s.Start()
			res, err := http.Get(s.URL)
			if err == nil {
				res.Body.Close()
				t.Errorf("HTTP %d, want a connection that ends", res.StatusCode)
			}
			s.Close()
			if text := logged.String(); strings.Contains(text, secret) || !strings.Contains(text, "panicked") || !strings.Contains(text, "panic_test.go") {
				t.Errorf("logged %q, want a panic and where it was, without its message", text)
			}
		})
	}
}
