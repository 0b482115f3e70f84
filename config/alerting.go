package config

import (
	"net/url"
	"slices"
	"strings"
	"time"

	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	"iam_session_exporter/internal/detection"
)

// Alerting is how sessions are held against detections, and who is told. It must
// not be changed.
type Alerting struct {
	Alertmanagers []Alertmanager // at most 16, none twice; none: nothing is sent
	KeyFile       string         // resolved path

	Details       string        // DetailsFull or DetailsPseudonym
	Interval      time.Duration // a source that was not asked for this long is asked
	ResendDelay   time.Duration
	Hold          time.Duration // >= KeepFiringFor + 2 * max(Interval, ResendDelay)
	KeepFiringFor time.Duration
	MaxAlerts     int
	DashboardURL  string // without a slash at its end; "": none
	Labels        map[string]string

	Rules      // of all sources
	Exceptions []detection.Exception
	Sources    map[string]SourceAlerting // what sources give of their own, by name
}

// Rules are the settings that a source may replace.
type Rules struct {
	Privileged      detection.Who
	ServiceAccounts []string
	SharedNetworks  []string
	Detections      map[string]detection.Override // by key; only what is given
}

// SourceAlerting is what a source has instead of the settings of all.
type SourceAlerting struct {
	Enabled bool // false: the source is not held against detections
	Rules        // with what it does not give itself filled in
}

// What annotations tell.
const (
	DetailsFull      = "full"
	DetailsPseudonym = "pseudonym"
)

// Alertmanager is one that is sent alerts.
type Alertmanager struct {
	URL     string // scheme://host[:port][/path], without a slash at its end
	Timeout time.Duration
	HTTP    promconfig.HTTPClientConfig
}

const (
	maxAlertmanagers = 16
	maxHeldAlerts    = 10_000
	shortHold        = 10 * time.Minute // shorter ones are doubtful
)

// alerting reads the block of that name; nil: there is none.
func (d *decoder) alerting(root *object, networks []string, sources []Source) *Alerting {
	o, ok := root.optional("alerting")
	if !ok {
		for _, own := range d.ownAlerting {
			d.failAt(own.value, "is used only with an alerting block of all sources; write that, or remove this")
		}
		return nil
	}
	defer o.close()
	a := &Alerting{
		Alertmanagers: o.alertmanagers(),
		KeyFile:       o.pseudonymKey(),
		Details:       o.oneOf("details", DetailsFull, DetailsFull, DetailsPseudonym),
		Interval:      o.atLeastSecond("interval", time.Minute),
		ResendDelay:   o.atLeastSecond("resend_delay", time.Minute),
		Hold:          o.atLeastSecond("hold", 30*time.Minute),
		KeepFiringFor: o.atLeastSecond("keep_firing_for", 5*time.Minute),
		MaxAlerts:     o.integer("max_alerts", 50, 1, maxHeldAlerts),
		DashboardURL:  o.dashboardURL(),
		Labels:        o.alertLabels(),
	}
	o.checkHold(a)
	a.Rules = o.rules(networks, Rules{Privileged: detection.Who{Roles: []string{"Account Administrator"}}})
	a.Exceptions = o.exceptions(networks, sources)
	a.Sources = d.sourcesAlerting(a.Rules, networks)
	return a
}

// atLeastSecond reads a duration of a second or more.
func (o *object) atLeastSecond(key string, otherwise time.Duration) time.Duration {
	d := o.duration(key, otherwise, true)
	if d < time.Second {
		o.fail(key, "%s is too short; the least is 1s", model.Duration(d))
		return otherwise
	}
	return d
}

func (o *object) oneOf(key, otherwise string, words ...string) string {
	s, ok := o.text(key, anyOf(words))
	if !ok {
		return otherwise
	}
	if !slices.Contains(words, s) {
		o.fail(key, "%s is not known; use %s", quote(s), anyOf(words))
		return otherwise
	}
	return s
}

// checkHold makes sure that an alert does not lapse before it can be sent again.
func (o *object) checkHold(a *Alerting) {
	least := a.KeepFiringFor + 2*max(a.Interval, a.ResendDelay)
	switch {
	case a.Hold < least:
		o.fail("hold", "%s is shorter than keep_firing_for and twice the longer of interval and resend_delay, %s: alerts would end while they are true",
			model.Duration(a.Hold), model.Duration(least))
	case a.Hold < shortHold:
		o.warn("hold", "%s is short: what is over so soon may never reach anybody, as Alertmanager waits before it notifies; 10m or more is better", model.Duration(a.Hold))
	}
}

func (o *object) pseudonymKey() string {
	if !o.has("key_file") {
		o.get("key_file")
		o.fail("key_file", "is missing; name a file of random bytes that %s makes, the same for both exporters of a pair", keyMaker)
		return ""
	}
	return o.filePath("key_file", fileRef{secret: true, pseudonyms: true})
}

func (o *object) dashboardURL() string {
	s, ok := o.text("dashboard_url", "a URL such as https://grafana.example.com")
	if s = strings.TrimSpace(s); !ok || s == "" {
		return ""
	}
	u, problem := endpointURL(s, "https", "http")
	if problem != "" {
		o.fail("dashboard_url", "%s", problem)
		return ""
	}
	return strings.TrimRight(u.String(), "/")
}

func (o *object) alertLabels() map[string]string {
	ls := o.object("labels")
	out := make(map[string]string)
	for _, name := range ls.keys() {
		switch {
		case slices.Contains(detection.ReservedLabels(), name):
			ls.fail(name, "is a label that alerts or Prometheus have already; choose another name than %s", list(detection.ReservedLabels()))
			continue
		case !model.LegacyValidation.IsValidLabelName(name) || strings.HasPrefix(name, "__"):
			ls.fail(name, "is not a label's name; use letters, digits and _, no digit first and no __ before it")
			continue
		case secretName(name):
			ls.fail(name, "looks like a secret, and everybody sees labels; choose another name if it is none")
			continue
		}
		switch s, ok := ls.d.text(ls.fields[name], "a text"); {
		case ok && s == "":
			ls.fail(name, "is empty, which is as good as absent; remove it")
		case ok:
			out[name] = s
		}
	}
	return out
}

func (o *object) alertmanagers() []Alertmanager {
	if !o.has("alertmanagers") {
		o.warn("alertmanagers", "is missing: nothing is sent; list them, or write [] if that is what you want")
	}
	vs, _ := o.values("alertmanagers", `[{url: "http://alertmanager.example.com:9093"}]`)
	if len(vs) > maxAlertmanagers {
		o.fail("alertmanagers", "lists %d; at most %d are allowed", len(vs), maxAlertmanagers)
		return nil
	}
	var all []Alertmanager
	first := make(map[string]value)
	for _, v := range vs {
		b := o.d.object(v)
		m := b.alertmanager()
		b.close()
		if other, ok := first[m.URL]; ok && m.URL != "" {
			b.fail("url", "is also the url of %s (line %d); list each Alertmanager once", other.path, other.line)
		} else {
			first[m.URL] = v
		}
		all = append(all, m)
	}
	return all
}

func (o *object) alertmanager() Alertmanager {
	m := Alertmanager{URL: o.alertmanagerURL(), Timeout: o.atLeastSecond("timeout", defaultTimeout)}
	m.HTTP = o.httpClient(&API{Title: "Alertmanager", Certificate: true}, m.URL)
	ways := slices.DeleteFunc([]string{"basic_auth", "authorization", "oauth2", "bearer_token_file"}, func(key string) bool { return !o.has(key) })
	if len(ways) > 1 {
		slices.SortStableFunc(ways, func(a, b string) int { return o.fields[a].line - o.fields[b].line })
		o.fail(ways[1], "%s is also set (line %d); keep one way to authenticate", ways[0], o.fields[ways[0]].line)
	}
	if u, err := url.Parse(m.URL); err == nil && u.Scheme == "http" && !isLoopback(u) && len(ways) > 0 {
		o.warn("url", "sends credentials over an unencrypted connection; use https://")
	}
	return m
}

func (o *object) alertmanagerURL() string {
	const write = "http://HOST:9093"
	if !o.has("url") {
		o.get("url")
		o.fail("url", "is missing; write %s", write)
		return ""
	}
	s, ok := o.text("url", "a URL such as "+write)
	if !ok {
		return ""
	}
	u, problem := endpointURL(strings.TrimSpace(s), "http", "https")
	if problem != "" {
		o.fail("url", "%s", problem)
		return ""
	}
	u.Host = withoutDefaultPort(u.Scheme, strings.ToLower(u.Host))
	return strings.TrimRight(u.String(), "/")
}
