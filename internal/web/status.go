package web

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/version"

	"iam_session_exporter/collector"
	"iam_session_exporter/internal/session"
)

//go:embed status.html
var statusHTML string

// condition is what a person wants to know of a source first.
type condition string

const (
	down       condition = "down"
	denied     condition = "access denied"
	limited    condition = "rate limited"
	slow       condition = "slow"
	incomplete condition = "incomplete"
	stale      condition = "not scraped recently"
	notScraped condition = "not scraped yet"
	healthy    condition = "healthy"
)

// conditions lists them from the worst.
var conditions = [...]condition{down, denied, limited, slow, incomplete, stale, notScraped, healthy}

// longAgo is how old the last scrape is from which on it says nothing of now.
const longAgo = 15 * time.Minute

// tooSlow is the share of the time allowed above which a scrape is slow, as the
// alert IAMSourceSlow has it: soon it may not end in time.
const tooSlow = 0.8

func conditionOf(s collector.Status, now time.Time) condition {
	switch {
	case s.Refreshed.IsZero():
		return notScraped
	case now.Sub(s.Refreshed) > longAgo:
		return stale
	case s.Up && s.Took.Seconds() > tooSlow*s.Allowed.Seconds():
		return slow
	case s.Up && !s.Complete:
		return incomplete
	case s.Up:
		return healthy
	case s.Reason == session.ReasonAuth, s.Reason == session.ReasonForbidden:
		return denied
	case s.Reason == session.ReasonRateLimited:
		return limited
	}
	return down
}

// runbookOf names the alert whose runbook helps, "" where none is needed.
func runbookOf(c condition, r session.Reason) string {
	switch c {
	case denied:
		return "IAMSourceCredentialsRefused"
	case limited:
		return "IAMSourceRateLimited"
	case incomplete:
		return "IAMSourceIncomplete"
	case slow:
		return "IAMSourceSlow"
	case stale:
		return "IAMSourceStale"
	case down:
		if r == session.ReasonUntrusted {
			return "IAMSourceUntrusted"
		}
		return "IAMSourceDown"
	}
	return ""
}

// advice says what to do.
func advice(c condition, s collector.Status) string {
	switch c {
	case notScraped:
		if s.ProbeOnly {
			return "This source is scraped through /probe only, and has not been scraped since the exporter started."
		}
		return "Not scraped since the exporter started. Check that Prometheus scrapes this exporter."
	case stale:
		return "The figures are those of the last refresh. Check that Prometheus still scrapes this source."
	case slow:
		return "The refresh takes most of the time allowed. Raise scrape_timeout in Prometheus and timeout of this source, or check how fast the API is."
	case incomplete:
		if s.Info.Incomplete != "" {
			return s.Info.Incomplete
		}
		return "The list changed while it was read, or the API does not report its total. The figures are those of the sessions listed. Once is no reason to worry."
	}
	return s.Reason.Advice()
}

// sourceView is what the page shows of a source.
type sourceView struct {
	collector.Status
	Filtered  string // by which keys, never their values; "" where all sessions are asked for
	Condition condition
	Class     string // of the style sheet
	Advice    string
	Runbook   string // name of the alert; "" where there is none
	Attempt   string // how long ago, and when
	Success   string // the same
	Percent   string // of sessions listed
	Used      string // of the time allowed; "" before the first scrape
}

type statusView struct {
	Version     string
	Metrics     string // path, relative to the page's
	ReloadError string
	Reloaded    string
	Summary     string
	Search      bool   // offer to search by name
	Query       string // what is searched for
	Refresh     bool
	Compact     bool // a line of each healthy source
	Sources     []sourceView
	Alerts      alertsView
}

func class(c condition) string { return strings.ReplaceAll(string(c), " ", "-") }

func ago(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	switch d := now.Sub(t); {
	case d < time.Second:
		return "just now"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}

// when tells the time beside how long ago it was, once it is worth looking for
// that time in a log.
func when(now, t time.Time) string {
	if t.IsZero() || now.Sub(t) < 2*time.Minute {
		return ago(now, t)
	}
	return ago(now, t) + t.UTC().Format(" (2006-01-02 15:04:05 UTC)")
}

// searchAbove is the number of sources above which the page offers a search, and
// shows a line of those that are healthy.
const searchAbove = 20

// view makes the page of the sources whose name contains query.
func (h *Handler) view(query string, refresh bool) statusView {
	now := h.opt.Now()
	at, err := h.opt.Exporter.LastReload()
	v := statusView{
		Version: version.Version, Metrics: strings.TrimPrefix(h.opt.TelemetryPath, "/"),
		Reloaded: when(now, at), Query: query, Refresh: refresh, Alerts: h.alertsView(now),
	}
	if err != nil {
		v.ReloadError = err.Error()
	}
	for _, s := range h.opt.Exporter.Collector().Sources() {
		v.Sources = append(v.Sources, h.sourceView(s.Status(), now))
	}
	v.Summary = summary(v.Sources)
	v.Search = len(v.Sources) > searchAbove || query != ""
	v.Sources = slices.DeleteFunc(v.Sources, func(s sourceView) bool {
		return !strings.Contains(strings.ToLower(s.Name), strings.ToLower(query))
	})
	v.Compact = len(v.Sources) > searchAbove
	slices.SortStableFunc(v.Sources, func(a, b sourceView) int {
		return cmp.Or(
			cmp.Compare(slices.Index(conditions[:], a.Condition), slices.Index(conditions[:], b.Condition)),
			cmp.Compare(a.Name, b.Name))
	})
	return v
}

func (h *Handler) sourceView(st collector.Status, now time.Time) sourceView {
	c := conditionOf(st, now)
	v := sourceView{Status: st, Filtered: strings.Join(st.Info.Filtered, ", "), Condition: c, Class: class(c), Advice: advice(c, st), Attempt: when(now, st.Refreshed), Success: when(now, st.LastSuccess)}
	if name := runbookOf(c, st.Reason); h.runbooks.body[name] != "" {
		v.Runbook = name
	}
	if c != notScraped {
		v.Used = fmt.Sprintf("%s of %s", short(st.Took), short(st.Allowed))
		v.Percent = percent(st.Listed)
	}
	return v
}

// summary counts sources by condition: "58 sources: 56 healthy, 2 down".
func summary(sources []sourceView) string {
	n := map[condition]int{}
	for _, s := range sources {
		n[s.Condition]++
	}
	var parts []string
	for _, c := range append([]condition{healthy}, conditions[:len(conditions)-1]...) {
		if n[c] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[c], c))
		}
	}
	text := fmt.Sprintf("%d sources", len(sources))
	if len(sources) == 1 {
		text = "1 source"
	}
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return text
}

// percent never rounds up to all, nor down to nothing.
func percent(ratio float64) string {
	p := math.Floor(1000*ratio) / 10
	if p == 0 && ratio > 0 {
		return "less than 0.1 %"
	}
	return fmt.Sprintf("%.4g %%", p)
}

func short(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// refreshEvery is how often the page is loaded anew, in seconds.
const refreshEvery = "30"

// status serves the page for people. The parameter search limits it to sources
// whose name contains that; refresh=off keeps it as it is.
func (h *Handler) status(w http.ResponseWriter, r *http.Request) {
	refresh := r.FormValue("refresh") != "off"
	if refresh {
		w.Header().Set("Refresh", refreshEvery)
	}
	h.html(w, http.StatusOK, h.page, h.view(strings.TrimSpace(r.FormValue("search")), refresh))
}

func statusPage() *template.Template {
	return template.Must(template.New("status").Parse(statusHTML))
}
