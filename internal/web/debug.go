package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"iam_session_exporter/collector"
)

// debug scrapes the sources and shows, as text, what the refreshes did.
func (h *Handler) debug(w http.ResponseWriter, scrape *collector.Scrape) {
	if _, err := scrape.Gather(); err != nil {
		text(w, http.StatusInternalServerError, err.Error()+"\n")
		return
	}
	var b strings.Builder
	for _, s := range scrape.Statuses() {
		explain(&b, s, h.opt.Now())
	}
	text(w, http.StatusOK, b.String())
}

func explain(b *strings.Builder, s collector.Status, now time.Time) {
	c := conditionOf(s, now)
	fmt.Fprintf(b, "source %s (%s): %s\n", s.Name, s.API, c)
	if keys := s.Info.Filtered; len(keys) > 0 {
		fmt.Fprintf(b, "filtered by %s: only sessions that match are asked for\n", strings.Join(keys, ", "))
	}
	fmt.Fprintf(b, "refresh began %s, took %s of %s allowed, sent %d requests\n", s.Refreshed.UTC().Format(time.RFC3339Nano), s.Took, s.Allowed, s.Requests)
	if s.Up {
		fmt.Fprintf(b, "%d sessions, %d active, complete: %t, listed: %.4g\n", s.Sessions, s.Active, s.Complete, s.Listed)
	} else if s.Reason != "" {
		fmt.Fprintf(b, "failed, reason %s: %s\n", s.Reason, s.Error)
	} else {
		fmt.Fprintf(b, "no answer: %s\n", s.Error)
	}
	fmt.Fprintf(b, "last success: %s\n", ago(now, s.LastSuccess))
	if a := advice(c, s); a != "" {
		fmt.Fprintln(b, a)
	}
	for _, st := range s.Steps {
		at := float64(st.At.Microseconds()) / 1e3
		if r := st.Request; r != nil {
			status := fmt.Sprint(r.Code)
			if r.Code == 0 {
				status = "no status"
			}
			fmt.Fprintf(b, "%10.1f ms  %s: %s after %s", at, r.What, status, r.Duration.Round(10*time.Microsecond))
			if r.Err != nil {
				fmt.Fprintf(b, " (%v)", r.Err)
			}
			b.WriteByte('\n')
			continue
		}
		fmt.Fprintf(b, "%10.1f ms    %s\n", at, st.Decision)
	}
	b.WriteByte('\n')
}
