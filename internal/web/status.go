package web

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
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
	well       condition = "well"
	slow       condition = "slow"
	incomplete condition = "incomplete"
	refused    condition = "refused"
	down       condition = "down"
	unasked    condition = "not asked yet"
	stale      condition = "not asked for long"
)

// longAgo is how old the last scrape is from which on it says nothing of now.
const longAgo = 15 * time.Minute

// tooSlow is the share of the time allowed from which on a scrape is slow: soon
// it may not end in time.
const tooSlow = 0.6

func conditionOf(s collector.Status, now time.Time) condition {
	switch {
	case s.Scraped.IsZero():
		return unasked
	case now.Sub(s.Scraped) > longAgo:
		return stale
	case s.Up && !s.Complete:
		return incomplete
	case s.Up && s.Took.Seconds() > tooSlow*s.Allowed.Seconds():
		return slow
	case s.Up:
		return well
	case s.Reason == session.ReasonAuth, s.Reason == session.ReasonForbidden, s.Reason == session.ReasonRateLimited:
		return refused
	}
	return down
}

// advice says what to do.
func advice(c condition, s collector.Status) string {
	switch c {
	case unasked:
		if s.ProbeOnly {
			return "This source is scraped through /probe only. Nobody has asked for it since the exporter started."
		}
		return "No pull has asked for it since the exporter started. Does Prometheus scrape this exporter?"
	case stale:
		return "No pull has asked for it for a while: what follows is how it was then. Does Prometheus still scrape it?"
	case slow:
		return "The scrape takes most of the time that it has. Raise scrape_timeout in Prometheus and timeout of this source, or look at the API's own speed."
	case incomplete:
		if s.API == session.OAM {
			return "OAM lists 28 sessions an answer: totals are exact, what could not be told is in other and unknown. More time or max_queries may tell more."
		}
		return "The list changed while it was read, or the API does not count it: the numbers are those of the sessions listed. One such scrape is no reason to worry."
	}
	switch s.Reason {
	case session.ReasonAuth:
		return "The API, or its token endpoint, does not accept the credentials, or a secret file can't be read. Check the key or password, this host's clock, and the url. The API is left alone for two minutes, or until the secret or the configuration changes, so that no account is locked out."
	case session.ReasonForbidden:
		return "The credentials are good, but may not read sessions. Check the role or scope of the account. The API is left alone for two minutes, or until the secret or the configuration changes."
	case session.ReasonRateLimited:
		return "The API asked for quiet, and gets it. If this happens often, raise the scrape interval or min_interval, and see who else asks."
	case session.ReasonTimeout:
		return "The API did not answer in time. Check that it is well, and compare Prometheus's scrape_timeout and the source's timeout with how long it takes."
	case session.ReasonConnect:
		return "No connection. Check the url, DNS, firewalls and proxies on the way, and that the API runs."
	case session.ReasonTLS:
		return "The API's certificate is not trusted, or TLS failed. The error says which: an unknown authority needs tls_config.ca_file, another name tls_config.server_name; an expired certificate, or one with a Common Name only, must be replaced on the server."
	case session.ReasonHTTP:
		return "The API answers with an error. A redirect is refused: something before the API wants a login, or the url is another host's. 404: the url is not that of the API's server (for OAM: the managed server, not the AdminServer)."
	case session.ReasonDecode:
		return "The answer is not what the API says: a login page, something before the API that answers itself, or an answer cut short. Look at it with the link debug."
	case session.ReasonUntrusted:
		return "Answers contradict each other, so none is published. Look at the steps with the link debug."
	}
	return ""
}

// sourceView is what the page shows of a source.
type sourceView struct {
	collector.Status
	Condition condition
	Class     string // of the style sheet
	Advice    string
	Success   string // how long ago
	Percent   string // of sessions listed
	Used      string // of the time allowed
	Filters   string // what they were found to mean
}

type statusView struct {
	Version       string
	TelemetryPath string
	ReloadError   string
	Reloaded      string
	Sources       []sourceView
}

func class(c condition) string {
	switch c {
	case unasked:
		return "unasked"
	case stale:
		return "stale"
	}
	return string(c)
}

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

func (h *Handler) view() statusView {
	now := h.opt.Now()
	at, err := h.opt.Exporter.LastReload()
	v := statusView{Version: version.Version, TelemetryPath: h.opt.TelemetryPath, Reloaded: ago(now, at)}
	if err != nil {
		v.ReloadError = err.Error()
	}
	for _, s := range h.opt.Exporter.Collector().Sources() {
		st := s.Status()
		c := conditionOf(st, now)
		sv := sourceView{Status: st, Condition: c, Class: class(c), Advice: advice(c, st), Success: ago(now, st.LastSuccess)}
		if c != unasked {
			sv.Used = fmt.Sprintf("%s of %s", short(st.Took), short(st.Allowed))
			sv.Percent = fmt.Sprintf("%.4g %%", 100*st.Listed)
		}
		if st.Search != nil {
			sv.Filters = filters(*st.Search)
		}
		v.Sources = append(v.Sources, sv)
	}
	return v
}

// filters says what search filters were found to mean.
func filters(i session.SearchInfo) string {
	if i == session.UnknownSearch() {
		return "not explored"
	}
	return fmt.Sprintf("combine %s, match %s, case %s, wildcard %s, total %s", i.Combine, i.Match, i.Case, i.Wildcard, i.Total)
}

func short(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// status serves the page for people.
func (h *Handler) status(w http.ResponseWriter, _ *http.Request) {
	h.html(w, http.StatusOK, h.page, h.view())
}

func statusPage() *template.Template {
	return template.Must(template.New("status").Parse(statusHTML))
}
