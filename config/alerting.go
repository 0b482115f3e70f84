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

// defaultAlerting has the defaults that are no single value.
func defaultAlerting() *Alerting {
	return &Alerting{Rules: Rules{Privileged: detection.Who{Roles: []string{"Account Administrator"}}}}
}

// keys are those of the block, with the networks and sources that it may name.
func (a *Alerting) keys(networks []string, sources []Source) []Option {
	keys := []Option{
		custom("alertmanagers", `[{url: "http://alertmanager-0.example.com:9093"}]`, "each member of a cluster, at most 16, never a load balancer. []: nothing is sent",
			alertmanagersSchema, func(o *object) { a.Alertmanagers = o.alertmanagers() }),
		file(&a.KeyFile, "key_file", fileRef{secret: true, pseudonyms: true}, "pseudonyms.key", "required: 32 bytes or more, from: "+keyMaker+". The same for both exporters of a pair").
			must("name a file of random bytes that " + keyMaker + " makes, the same for both exporters of a pair"),
		word(&a.Details, "details", DetailsFull, []string{DetailsFull, DetailsPseudonym}, "full, or pseudonym: annotations name no user, address or Moid. Default full"),
		period(&a.Interval, "interval", time.Minute, "1m", "a source that nothing has scraped for this long is refreshed. Default 1m"),
		period(&a.ResendDelay, "resend_delay", time.Minute, "1m", "a firing alert is sent again after this. Default 1m"),
		period(&a.Hold, "hold", 30*time.Minute, "30m", "the least life of an alert, and how long Alertmanager keeps it if it hears nothing more. Default 30m"),
		period(&a.KeepFiringFor, "keep_firing_for", 5*time.Minute, "5m", "how long a finding must be gone before its alert is resolved. Default 5m"),
		Integer(&a.MaxAlerts, "max_alerts", 50, 1, maxHeldAlerts, "50", "of one detection and source; IAMAlertStorm reports the rest. Default 50"),
		custom("dashboard_url", "https://grafana.example.com", `Grafana, for links in alerts. Default "": no links`,
			func() schema { return schema{"anyOf": []schema{textOnly(`^\s*$`), urlOf(true, "https", "http")}} },
			func(o *object) { a.DashboardURL = o.dashboardURL() }).shown(func() any { return a.DashboardURL }),
		custom("labels", "{team: identity}", "added to each alert. Default none", alertLabelsSchema, func(o *object) { a.Labels = o.alertLabels() }),
	}
	keys = append(keys, a.Rules.keys(networks)...)
	return append(keys, custom("exceptions", "[{users: [alice@example.com], until: 2026-12-31, reason: CHG-1234}]",
		"what detections do not see: sessions that fit all of users, roles, identity_stores and networks that an entry gives",
		func() schema { return listOf(exceptionSchema()) }, func(o *object) { a.Exceptions = o.exceptions(networks, sources) }))
}

// alerting reads the block of that name; nil: there is none.
func (o *object) alerting(networks []string, sources []Source) *Alerting {
	d := o.d
	o, ok := o.optional("alerting")
	if !ok {
		for _, own := range d.ownAlerting {
			d.failAt(own.value, "is used only with an alerting block of all sources; write that, or remove this")
		}
		return nil
	}
	defer o.close()
	a := defaultAlerting()
	o.read(a.keys(networks, sources))
	o.checkHold(a)
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

func alertLabelsSchema() schema {
	return anyMapping("^[A-Za-z_][A-Za-z0-9_]*$", notEmpty(), "^__", words(detection.ReservedLabels()))
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

// alertmanagerAPI is what there is to know of the API of Alertmanagers.
func alertmanagerAPI() *API { return &API{Title: "Alertmanager", Certificate: true} }

// keys are those of an Alertmanager, without the HTTP client's.
func (m *Alertmanager) keys() []Option {
	const write = "http://HOST:9093"
	return []Option{
		custom("url", "http://alertmanager-0.example.com:9093", "required; a path is kept", func() schema { return urlOf(true, "http", "https") },
			func(o *object) { m.URL = o.alertmanagerURL(write) }).must("write " + write),
		period(&m.Timeout, "timeout", defaultTimeout, "10s", "of one request; 1s or more. Default 10s"),
	}
}

func alertmanagersSchema() schema {
	var m Alertmanager
	keys := append(m.keys(), httpKeys(&m.HTTP, alertmanagerAPI(), "")...)
	rules := append(proxyRules(), apart(waysOfHTTP()...))
	one := mapping(keys, append(rules, oauth2Rules(alertmanagerAPI())...)...)
	return listOf(one).with(schema{"maxItems": maxAlertmanagers})
}

func (o *object) alertmanager() Alertmanager {
	var m Alertmanager
	o.read(m.keys())
	m.HTTP = o.httpClient(alertmanagerAPI(), m.URL)
	ways := slices.DeleteFunc(waysOfHTTP(), func(key string) bool { return !o.has(key) })
	if len(ways) > 1 {
		slices.SortStableFunc(ways, func(a, b string) int { return o.fields[a].line - o.fields[b].line })
		o.fail(ways[1], "%s is also set (line %d); keep one way to authenticate", ways[0], o.fields[ways[0]].line)
	}
	if u, err := url.Parse(m.URL); err == nil && u.Scheme == "http" && !isLoopback(u) && len(ways) > 0 {
		o.warn("url", "sends credentials over an unencrypted connection; use https://")
	}
	return m
}

func (o *object) alertmanagerURL(write string) string {
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
