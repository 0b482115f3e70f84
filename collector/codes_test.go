package collector

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"iam_session_exporter/internal/session"
)

func TestCodeOf(t *testing.T) {
	for status, want := range map[int]string{
		0: "error", 200: "200", 101: "101", 404: "404", 503: "503", 511: "511",
		-1: "other", 1: "other", 99: "other", 299: "other", 419: "other", 599: "other", 600: "other", 999: "other", 20000: "other",
	} {
		if got := codeOf(status); got != want {
			t.Errorf("%d: %q, want %q", status, got, want)
		}
	}
}

// However many status codes an API answers with, the label "code" has few values.
func TestAnyStatusMakesFewSeries(t *testing.T) {
	c := newCounters()
	for code := range 1000 {
		c.sent(session.Request{Code: code})
	}
	if n := testutil.CollectAndCount(c.requests); n > 70 {
		t.Errorf("%d series; want at most 70", n)
	}
	if n := testutil.ToFloat64(c.requests.WithLabelValues("other")); n < 900 {
		t.Errorf("%v in other; want at least 900", n)
	}
}
