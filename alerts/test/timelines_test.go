package test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// Timelines are made from two tables: conditions, which an alert is for, and
// disturbances of how they are seen. Every alert has every disturbance at each of
// the intervals that the rules are for.

var intervals = []time.Duration{15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute}

const day = 24 * time.Hour

// zero is when a condition begins: in the morning of a Monday, when people log in,
// after three weeks of history.
const zero = 21*day + 9*time.Hour + 30*time.Minute

// view is what an exporter exposes of a source at a time. Counters are those of a
// process that never restarted.
type view struct {
	v        map[string]float64
	exporter int
	at       time.Duration // since zero
	lasts    time.Duration // how long the condition does
	dead     bool          // the exporter does not answer
	readable bool          // the source
}

// on tells whether the condition holds.
func (w *view) on() bool { return w.at >= 0 && w.at < w.lasts }

// begun tells whether the condition has begun, as long as what was counted stays.
func (w *view) begun() bool { return w.at >= 0 }

const (
	active       = `iam_sessions{status="active"}`
	terminated   = `iam_sessions_ended_total{reason="terminated"}`
	untrusted    = `iam_source_errors_total{reason="untrusted"}`
	rateLimited  = `iam_source_errors_total{reason="rate_limited"}`
	refused      = `iam_source_errors_total{reason="auth"}`
	elsewhere    = `iam_sessions_by_client_network{client_network="other",status="active"}`
	values       = `iam_source_label_values{dimension="client_ip"}`
	success      = "iam_source_last_success_timestamp_seconds"
	failures     = "iam_failed_logins_total"
	afterFailure = "iam_logins_after_failures_total"
)

// logins is how many there were since the first Monday: each day 30 from nine to
// twenty past, and from ten on ten an hour until five.
func logins(t time.Duration) float64 {
	days, hour := t/day, (t % day).Hours()
	n := 100 * float64(days)
	if hour > 9 {
		n += 30 * min(3*(hour-9), 1)
	}
	if hour > 10 {
		n += 10 * min(hour-10, 7)
	}
	return float64(int(n))
}

// healthy is a source with some traffic, about which no alert has anything to say.
func healthy(t, clock time.Duration) map[string]float64 {
	n, daily := logins(t+clock), float64(t/day)
	v := map[string]float64{
		"iam_source_up": 1, "iam_source_complete": 1, "iam_source_listed_ratio": 1, success: t.Seconds(),
		"iam_source_scrape_duration_seconds": 2, "iam_source_timeout_seconds": 20, "iam_source_clock_skew_seconds": 0.2,
		untrusted: daily, rateLimited: daily, refused: daily, `iam_source_errors_total{reason="forbidden"}`: 0, `iam_source_errors_total{reason="timeout"}`: 0,
		active: 40, `iam_sessions{status="idle"}`: 5, `iam_sessions{status="ended"}`: 1, `iam_sessions{status="unknown"}`: 0,
		"iam_sessions_limit": 128, "iam_user_sessions_max": 3, "iam_user_sessions_limit": 32,
		"iam_session_idle_timeout_seconds": 900, "iam_session_lifetime_seconds": 43200,
		"iam_oldest_session_start_timestamp_seconds": (t - 3*time.Hour).Seconds(),
		"iam_sessions_started_total":                 n, terminated: float64(int(n / 50)), `iam_sessions_ended_total{reason="gone"}`: n,
		failures: n, afterFailure: n, elsewhere: 0, "iam_impersonating_sessions": 0,
		values: 10, `iam_source_label_values_limit{dimension="client_ip"}`: 50,
		"iam_session_exporter_config_last_reload_successful": 1,
	}
	return v
}

// set sets gauges while the condition holds.
func set(pairs ...any) func(*view) {
	return func(w *view) {
		for i := 0; w.on() && i < len(pairs); i += 2 {
			w.v[pairs[i].(string)] = number(pairs[i+1])
		}
	}
}

// count adds to counters when the condition begins.
func count(pairs ...any) func(*view) {
	return func(w *view) {
		for i := 0; w.begun() && i < len(pairs); i += 2 {
			w.v[pairs[i].(string)] += number(pairs[i+1])
		}
	}
}

func number(x any) float64 {
	if i, ok := x.(int); ok {
		return float64(i)
	}
	return x.(float64)
}

// fail is a source that can't be read: it has no gauges of sessions.
func fail(w *view) {
	maps.DeleteFunc(w.v, func(k string, _ float64) bool {
		return !counter(strings.Split(k, "{")[0]) && !strings.HasPrefix(k, "iam_source_") && !strings.HasPrefix(k, "iam_session_exporter_")
	})
	for k, v := range map[string]float64{
		"iam_source_up": 0, "iam_source_complete": 0, "iam_source_listed_ratio": 0,
		"iam_source_scrape_duration_seconds": 0.1, // refused at once
		success:                              zero.Seconds(),
	} {
		if _, read := w.v[k]; read {
			w.v[k] = v
		}
	}
}

// condition is what an alert is for.
type condition struct {
	alert, severity string
	what            string // where an alert has several conditions
	hit             func(*view)
	miss            func(*view)   // the nearest that is none; nil: there is none
	lasts           time.Duration // 0: twice the alert's for, and 30 minutes
	delay           time.Duration // until there is enough of it
	exporters       int           // 0: one
	history         time.Duration // how much is needed before
	byExporter      bool          // the alert is about an exporter: a new one is another
	vanished        bool          // the alert is also about targets that vanish
	ends            bool          // the alert ends by itself, within two hours
	blind           []string      // disturbances after which it is silent, as the runbook says
}

// gaps are those that leave nothing to compare with.
var gaps = []string{"a gap in the only week", "the source was down in the only week", "last week missing, a gap in the one before"}

var conditions = []condition{
	{alert: "IAMExporterDown", severity: "critical", byExporter: true, vanished: true,
		hit: func(w *view) { w.dead = w.on() }, miss: func(w *view) { w.dead = w.on() && w.at < time.Minute }},
	{alert: "IAMExporterDown", severity: "critical", what: "for long", byExporter: true, vanished: true, lasts: 7 * time.Hour,
		hit: func(w *view) { w.dead = w.on() }},
	{alert: "IAMExporterDown", severity: "warning", byExporter: true, vanished: true, exporters: 2,
		hit: func(w *view) { w.dead = w.on() && w.exporter == 0 }, miss: func(w *view) { w.dead = w.on() && w.exporter == 0 && w.at < time.Minute }},
	{alert: "IAMSourceDown", severity: "critical",
		hit: func(w *view) {
			if w.on() {
				fail(w)
			}
		}, miss: func(w *view) {
			if w.on() && w.at < time.Minute {
				fail(w)
			}
		}},
	{alert: "IAMSourceDown", severity: "warning", exporters: 2,
		hit: func(w *view) {
			if w.on() && w.exporter == 0 {
				fail(w)
			}
		}, miss: func(w *view) {
			if w.on() && w.exporter == 0 && w.at < time.Minute {
				fail(w)
			}
		}},
	{alert: "IAMSourceStale", severity: "warning", lasts: time.Hour, delay: 15 * time.Minute, vanished: true,
		hit: set(success, zero.Seconds()),
		miss: func(w *view) {
			if w.on() {
				w.v[success] -= 780 // and up to two minutes until the next scrape
			}
		}},
	{alert: "IAMSourceStale", severity: "warning", what: "a source leaves", vanished: true, lasts: 1000 * time.Hour, delay: 15 * time.Minute, ends: true,
		hit: func(w *view) {
			if w.on() {
				w.v = map[string]float64{"iam_session_exporter_config_last_reload_successful": 1}
			}
		}},
	{alert: "IAMSourceFlapping", severity: "warning", lasts: 2 * time.Hour, delay: 75 * time.Minute,
		hit: flap(1000), miss: flap(4)},
	{alert: "IAMSourceSlow", severity: "warning", hit: set("iam_source_scrape_duration_seconds", 17), miss: set("iam_source_scrape_duration_seconds", 16)},
	{alert: "IAMSourceIncomplete", severity: "warning", history: 30 * time.Hour, hit: set("iam_source_complete", 0, "iam_source_listed_ratio", 0.4),
		miss: func(w *view) { w.v["iam_source_complete"], w.v["iam_source_listed_ratio"] = 0, 0.4 }},
	{alert: "IAMSourceUntrusted", severity: "warning", hit: count(untrusted, 2), miss: count(untrusted, 1)},
	{alert: "IAMSourceRateLimited", severity: "warning", delay: 5 * time.Minute, lasts: 90 * time.Minute,
		hit:  func(w *view) { w.v[rateLimited] += float64(int(max(0, min(w.at, w.lasts)).Minutes())) },
		miss: count(rateLimited, 2)},
	{alert: "IAMSourceCredentialsRefused", severity: "critical",
		hit: func(w *view) {
			w.v[refused] += float64(int(max(0, min(w.at, w.lasts)) / (2 * time.Minute)))
			if w.on() {
				fail(w)
			}
		},
		miss: func(w *view) {
			w.v[`iam_source_errors_total{reason="timeout"}`] = float64(int(max(0, min(w.at, w.lasts)) / (2 * time.Minute)))
			if w.on() {
				fail(w)
			}
		}},
	{alert: "IAMSourceClockSkew", severity: "warning", hit: set("iam_source_clock_skew_seconds", -31), miss: set("iam_source_clock_skew_seconds", 30)},

	{alert: "IAMFailedLoginsBurst", severity: "warning", hit: atNight(count(failures, 10, afterFailure, 10)), miss: atNight(count(failures, 9, afterFailure, 9))},
	{alert: "IAMFailedLoginsBurst", severity: "warning", what: "little by little", delay: 5 * time.Minute, blind: []string{"the pod is replaced"},
		hit: atNight(twice(failures, 5, 5)), miss: atNight(twice(failures, 5, 4))},
	{alert: "IAMFailedLoginsBurst", severity: "critical", hit: atNight(count(failures, 30, afterFailure, 30)), miss: atNight(count(failures, 29, afterFailure, 29))},
	{alert: "IAMFailedLoginsUnusual", severity: "warning", history: 14 * day, blind: gaps, hit: count(failures, 200, afterFailure, 200), miss: func(*view) {}},
	{alert: "IAMLoginAfterFailures", severity: "warning", hit: count(failures, 5, afterFailure, 1), miss: count(failures, 4, afterFailure, 1)},
	{alert: "IAMLoginAfterFailures", severity: "warning", what: "little by little", delay: 5 * time.Minute, blind: []string{"the pod is replaced"},
		hit: atNight(twice(failures, 2, 2)), miss: atNight(twice(failures, 2, 1))},
	{alert: "IAMLoginAfterFailures", severity: "critical", hit: count(failures, 10, afterFailure, 1), miss: count(failures, 9, afterFailure, 1)},

	{alert: "IAMSessionSurge", severity: "warning", history: 14 * day, blind: gaps, hit: count("iam_sessions_started_total", 200), miss: func(*view) {}},
	{alert: "IAMSessionsNone", severity: "warning", history: 14 * day, blind: []string{"a holiday last week", "last week missing, a gap in the one before", "the source was down last week", "the source was down in the only week"}, hit: set(active, 0), miss: set(active, 1)},
	{alert: "IAMSessionTooOld", severity: "warning", hit: older(90000), miss: older(86100)},
	{alert: "IAMSessionTooOld", severity: "warning", what: "no lifetime is known",
		hit: func(w *view) {
			delete(w.v, "iam_session_lifetime_seconds")
			older(90000)(w)
		}, miss: func(w *view) {
			delete(w.v, "iam_session_lifetime_seconds")
			older(86100)(w)
		}},
	{alert: "IAMSessionsNearLimit", severity: "warning", hit: set(active, 104), miss: set(active, 103)},
	{alert: "IAMSessionsNearLimit", severity: "critical", hit: set(active, 117), miss: set(active, 116)},
	{alert: "IAMSessionsNearLimit", severity: "warning", what: "statuses that change",
		hit: set(active, 104), miss: func(w *view) { // half of the account, whichever their status
			if w.on() && w.at/(2*time.Minute)%2 == 0 {
				delete(w.v, active)
				w.v[`iam_sessions{status="unknown"}`] = 64
			} else if w.on() {
				w.v[active] = 64
				delete(w.v, `iam_sessions{status="unknown"}`)
			}
		}},
	{alert: "IAMUserSessionsNearLimit", severity: "warning", hit: set("iam_user_sessions_max", 28), miss: set("iam_user_sessions_max", 27)},
	{alert: "IAMTerminationBurst", severity: "warning", hit: count(terminated, 5), miss: atNight(count(terminated, 4))},
	{alert: "IAMTerminationBurst", severity: "warning", what: "little by little", delay: 5 * time.Minute, blind: []string{"the pod is replaced"},
		hit: atNight(twice(terminated, 3, 2)), miss: atNight(twice(terminated, 2, 2))},
	{alert: "IAMSessionsUnknownNetwork", severity: "info", hit: set(elsewhere, 1), miss: set(elsewhere, 0)},

	{alert: "IAMImpersonation", severity: "info", hit: set("iam_impersonating_sessions", 1), miss: set("iam_impersonating_sessions", 0)},
	{alert: "IAMImpersonationLong", severity: "warning", hit: set("iam_impersonating_sessions", 1),
		miss: func(w *view) {
			if w.on() && w.at < 50*time.Minute {
				w.v["iam_impersonating_sessions"] = 1
			}
		}},
	{alert: "IAMIdleTimeoutWeak", severity: "info", hit: set("iam_session_idle_timeout_seconds", 901), miss: set("iam_session_idle_timeout_seconds", 900)},
	{alert: "IAMIdleTimeoutWeak", severity: "info", what: "none", hit: set("iam_session_idle_timeout_seconds", 0)},
	{alert: "IAMSessionLifetimeWeak", severity: "info", hit: set("iam_session_lifetime_seconds", 57601), miss: set("iam_session_lifetime_seconds", 57600)},
	{alert: "IAMSessionLifetimeWeak", severity: "info", what: "none", hit: set("iam_session_lifetime_seconds", 0)},
	{alert: "IAMSessionPolicyChanged", severity: "info", ends: true, lasts: 1000 * time.Hour,
		hit: set("iam_session_idle_timeout_seconds", 600), miss: func(*view) {}},
	{alert: "IAMLabelLimitReached", severity: "info", hit: set(values, 51), miss: set(values, 50)},
	{alert: "IAMConfigReloadFailed", severity: "warning", byExporter: true,
		hit: func(w *view) {
			if w.on() && w.exporter == 0 {
				w.v["iam_session_exporter_config_last_reload_successful"] = 0
			}
		}, miss: func(w *view) {
			if w.on() && w.at < time.Minute {
				w.v["iam_session_exporter_config_last_reload_successful"] = 0
			}
		}},
}

// flap makes a source go down and up again every five minutes, n phases long.
func flap(n int) func(*view) {
	return func(w *view) {
		if phase := int(w.at / (5 * time.Minute)); w.on() && phase < n && phase%2 == 0 {
			fail(w)
		}
	}
}

// older sets the age of the oldest session.
func older(seconds float64) func(*view) {
	return func(w *view) {
		if w.on() {
			w.v["iam_oldest_session_start_timestamp_seconds"] = (zero + w.at).Seconds() - seconds
		}
	}
}

// twice adds to a counter, and three minutes later again.
func twice(k string, first, then float64) func(*view) {
	return func(w *view) {
		if w.begun() {
			w.v[k] += first
		}
		if w.at >= 3*time.Minute {
			w.v[k] += then
		}
	}
}

// atNight is without other logins.
func atNight(f func(*view)) func(*view) {
	return func(w *view) {
		for _, k := range []string{failures, afterFailure, terminated} {
			w.v[k] = 7 + float64((zero+w.at)/day)
		}
		f(w)
	}
}

// pod is a process of an exporter.
type pod struct {
	exporter int // which of a pair
	instance string
	from, to time.Duration                                // since zero; to 0: for ever
	fails    func(n int, at, interval time.Duration) bool // which scrapes fail, by number
	restarts []time.Duration                              // when the process ends; it begins again half a minute later
	unread   func(n int, at time.Duration) bool           // in which scrapes the source can't be read
}

// disturbance is how a condition is seen.
type disturbance struct {
	name     string
	pods     func(pods []pod) []pod
	weekly   string                               // "": for all; else what it means for rules that look back a week: hit, or nothing fires
	clock    func(at time.Duration) time.Duration // by which the habits of people have moved
	begins   time.Duration                        // of history; 0: all
	quiet    func(at time.Duration) bool          // a holiday
	replaces bool                                 // pods
	kills    bool                                 // an exporter, which is a cause of its own
	flaps    bool                                 // the source does, which is a cause of its own
	ends     bool                                 // what is disturbed ends the alert
}

func every(n int) func([]pod) []pod {
	return func(pods []pod) []pod {
		for i := range pods {
			pods[i].fails = func(k int, _, _ time.Duration) bool { return k%n == i%n }
		}
		return pods
	}
}

// paired adds another exporter.
func paired(pods []pod) []pod {
	n := len(pods)
	return append(pods, pod{exporter: n, instance: fmt.Sprintf("pod-%d", n)})
}

// replaced ends the last pod and starts a new one half a minute later.
func replaced(at time.Duration, name string) func([]pod) []pod {
	return func(pods []pod) []pod {
		last := &pods[len(pods)-1]
		last.to = at
		next := pod{exporter: last.exporter, instance: last.instance + name, from: at + 30*time.Second, fails: last.fails}
		return append(pods, next)
	}
}

// restarted ends the process of the last pod and starts it anew half a minute later.
func restarted(at time.Duration) func([]pod) []pod {
	return func(pods []pod) []pod {
		last := &pods[len(pods)-1]
		last.restarts = append(last.restarts, at)
		return pods
	}
}

func all(changes ...func([]pod) []pod) func([]pod) []pod {
	return func(pods []pod) []pod {
		for _, c := range changes {
			pods = c(pods)
		}
		return pods
	}
}

// unread is a source that answers all but every n-th scrape.
func unread(n int) func([]pod) []pod {
	return func(pods []pod) []pod {
		for i := range pods {
			pods[i].unread = func(k int, _ time.Duration) bool { return k%n == i%n }
		}
		return pods
	}
}

// down is a source that nobody can read for a while.
func down(from, to time.Duration) func([]pod) []pod {
	return func(pods []pod) []pod {
		for i := range pods {
			pods[i].unread = func(_ int, at time.Duration) bool { return at >= from && at < to }
		}
		return pods
	}
}

// away makes scrapes fail for a while.
func away(from, to time.Duration) func([]pod) []pod {
	return func(pods []pod) []pod {
		for i := range pods {
			before := pods[i].fails
			pods[i].fails = func(n int, at, interval time.Duration) bool {
				return at >= from && at < to || before != nil && before(n, at, interval)
			}
		}
		return pods
	}
}

var disturbances = []disturbance{
	{name: "none", pods: all()},
	{name: "every third scrape fails", pods: every(3)},
	{name: "every tenth scrape fails", pods: every(10)},
	{name: "every third scrape of the source fails", flaps: true, pods: unread(3)},
	{name: "every tenth scrape of the source fails", flaps: true, pods: unread(10)},
	{name: "a pair, every third scrape of the source fails", flaps: true, pods: all(paired, unread(3))},
	{name: "a gap when it begins", kills: true, pods: away(-time.Minute, 5*time.Minute)},
	{name: "the pod is replaced", replaces: true, pods: all(replaced(2*time.Minute, "-new"), replaced(8*time.Minute, "-newer"), replaced(50*time.Minute, "-newest"))},
	{name: "the process restarts", pods: all(restarted(2*time.Minute), restarted(8*time.Minute), restarted(50*time.Minute))},
	{name: "the process restarted just before", pods: restarted(-3 * time.Minute)},
	{name: "a pair", pods: paired},
	{name: "a pair, every third scrape fails", pods: all(paired, every(3))},
	{name: "a pair, one is replaced", replaces: true, pods: all(paired, replaced(2*time.Minute, "-new"), replaced(8*time.Minute, "-newer"))},
	{name: "a pair, one is replaced, every third scrape fails", replaces: true, pods: all(paired, every(3), replaced(8*time.Minute, "-new"))},
	{name: "a pair, one stops answering", kills: true, pods: all(paired, func(pods []pod) []pod {
		pods[len(pods)-1].fails = func(_ int, at, _ time.Duration) bool { return at > 3*time.Minute }
		return pods
	})},
	{name: "the target vanishes", ends: true, pods: func(pods []pod) []pod {
		for i := range pods {
			pods[i].to = 12 * time.Minute
		}
		return pods
	}},
	{name: "a gap last week", weekly: "hit", pods: away(-7*day-70*time.Minute, -7*day+30*time.Minute)},
	{name: "a short gap last week", weekly: "hit", pods: away(-7*day-20*time.Minute, -7*day-5*time.Minute)},
	{name: "a restart last week", weekly: "hit", pods: restarted(-7*day - 25*time.Minute)},
	{name: "a pod replaced last week", weekly: "hit", pods: replaced(-7*day-25*time.Minute, "-new")},
	{name: "the clocks went forward", weekly: "hit", pods: all(), clock: func(at time.Duration) time.Duration {
		if at > -day {
			return time.Hour
		}
		return 0
	}},
	{name: "the clocks went back", weekly: "hit", pods: all(), clock: func(at time.Duration) time.Duration {
		if at > -day {
			return -time.Hour
		}
		return 0
	}},
	{name: "a holiday last week", weekly: "holiday", pods: all(), quiet: func(at time.Duration) bool { return at > -8*day && at < -6*day }},
	{name: "a holiday two weeks ago", weekly: "hit", pods: all(), quiet: func(at time.Duration) bool { return at > -15*day && at < -13*day }},
	{name: "a gap in the only week", weekly: "hit", begins: -8 * day, pods: away(-7*day-35*time.Minute, -7*day)},
	{name: "last week missing, a gap in the one before", weekly: "hit", pods: all(away(-8*day, -6*day), away(-14*day-35*time.Minute, -14*day))},
	{name: "the source was down last week", weekly: "hit", pods: down(-7*day-3*time.Hour, -7*day+2*time.Hour)},
	{name: "the source was down in the only week", weekly: "hit", begins: -8 * day, pods: down(-7*day-3*time.Hour, -7*day+2*time.Hour)},
	{name: "the first week", weekly: "none", pods: all(), begins: -3 * day},
}

// span is a part of a timeline, since zero, that is scraped and evaluated.
type span struct{ from, to, scrape, evaluate time.Duration }

// spans leaves out of the history what no rule looks at.
func spans(c condition, end, interval time.Duration) []span {
	var all []span
	if c.history > 7*day {
		for _, w := range []time.Duration{14 * day, 7 * day} {
			all = append(all, span{-w - 130*time.Minute, -w + 70*time.Minute, max(interval, time.Minute), 5 * time.Minute})
		}
	} else if c.history > 0 {
		all = append(all, span{-c.history, -c.before(), 5 * time.Minute, 5 * time.Minute})
	}
	step := interval
	if end > 6*time.Hour {
		step = max(interval, 2*time.Minute)
	}
	// Rules are evaluated each half minute or minute; those with long windows see no
	// difference.
	evaluate := max(min(interval, time.Minute), 30*time.Second)
	if end > 3*time.Hour {
		evaluate = time.Minute
	}
	return append(all, span{-c.before(), end, step, evaluate})
}

// timeline plays a condition, of which it stores the metrics that are read.
func timeline(t *testing.T, e *evaluator, metrics []string, c condition, d disturbance, change func(*view), interval, lasts, end time.Duration) {
	t.Helper()
	pods := []pod{{instance: "pod-0"}}
	for len(pods) < c.exporters {
		pods = paired(pods)
	}
	for i := range pods {
		pods[i].from = -22 * day
	}
	pods = d.pods(pods)
	for i := range pods {
		if pods[i].from == 0 {
			pods[i].from = -22 * day
		}
	}
	see := func(exporter int, at time.Duration) *view {
		var clock time.Duration
		if d.clock != nil {
			clock = d.clock(at)
		}
		w := &view{v: healthy(zero+at, clock), exporter: exporter, at: at, lasts: lasts}
		if d.quiet != nil && d.quiet(at) {
			for _, k := range []string{failures, afterFailure, "iam_sessions_started_total"} {
				w.v[k] = logins(zero - 8*day) // as before
			}
			w.v[active] = 0
		}
		change(w)
		w.readable = w.v["iam_source_up"] == 1
		maps.DeleteFunc(w.v, func(k string, _ float64) bool {
			name, _, _ := strings.Cut(k, "{")
			return !slices.Contains(metrics, name)
		})
		return w
	}
	scrapers := make([]scraper, len(pods))
	for i, p := range pods {
		scrapers[i] = scraper{pod: p, last: -22 * day, births: see(p.exporter, p.from).v, storage: e.storage, keys: map[string]labels.Labels{}, seen: map[string]bool{}}
	}
	for _, s := range spans(c, end, interval) {
		next := make([]time.Duration, len(pods))
		for i := range next {
			next[i] = s.from + time.Duration(3+4*i)*time.Second
		}
		for at := s.from; at <= s.to; at += s.evaluate {
			for i := range scrapers {
				for ; next[i] <= at; next[i] += s.scrape {
					if d.begins == 0 || next[i] >= d.begins {
						scrapers[i].scrape(t, next[i], interval, see)
					}
				}
			}
			e.evaluate(zero + at)
		}
	}
}

// scraper is Prometheus at a target.
type scraper struct {
	pod
	births  map[string]float64 // what the counters were when it began
	read    map[string]float64 // of the source, the last time
	storage *memory
	keys    map[string]labels.Labels
	seen    map[string]bool // in the last scrape
	n       int
	last    time.Duration // when it was scraped
	gone    bool
}

func (s *scraper) labels(t *testing.T, k string) labels.Labels {
	l, ok := s.keys[k]
	if !ok {
		m, err := parser.NewParser(parser.Options{}).ParseMetric(k)
		if err != nil {
			t.Fatal(err)
		}
		b := labels.NewBuilder(m).Set("instance", s.instance).Set("job", "iam_session_exporter")
		if k != "up" && !strings.HasPrefix(k, "iam_session_exporter_") {
			b.Set("source", "prod").Set("api", "intersight")
		}
		l = b.Labels()
		s.keys[k] = l
	}
	return l
}

func (s *scraper) scrape(t *testing.T, at, interval time.Duration, see func(int, time.Duration) *view) {
	if at < s.from || s.gone {
		return
	}
	if s.to != 0 && at >= s.to { // the target is forgotten
		for k := range s.seen {
			s.storage.gone(s.labels(t, k), zero+at)
		}
		s.storage.gone(s.labels(t, "up"), zero+at)
		s.gone = true
		return
	}
	w := see(s.exporter, at)
	since := at - s.last
	s.last = at
	s.n++
	if len(s.restarts) > 0 && at >= s.restarts[0] {
		if at < s.restarts[0]+30*time.Second {
			w.dead = true
		} else {
			s.births = see(s.exporter, s.restarts[0]+30*time.Second).v
			s.restarts = s.restarts[1:]
		}
	}
	switch {
	case w.dead || s.fails != nil && s.fails(s.n, at, interval):
		w.v = nil
	case s.unread != nil && s.unread(s.n, at) && w.readable && since < time.Hour: // else a part of history is left out
		last := s.read // what was counted, and when it was read, stays
		w.v = maps.Clone(last)
		fail(w)
		if _, read := w.v[success]; read {
			w.v[success] = last[success]
		}
	default:
		s.read = w.v
	}
	up := 1.0
	if w.v == nil {
		up = 0
	}
	s.storage.add(s.labels(t, "up"), zero+at, up)
	for k := range s.seen {
		if _, there := w.v[k]; !there {
			s.storage.gone(s.labels(t, k), zero+at)
			delete(s.seen, k)
		}
	}
	for k, v := range w.v {
		if name, _, _ := strings.Cut(k, "{"); counter(name) {
			v -= s.births[k]
		}
		s.storage.add(s.labels(t, k), zero+at, v)
		s.seen[k] = true
	}
}

// together counts how often, and from when to when, any of the labels of an alert
// fires, and how many of them at a time at most.
func together(r *evaluated) (all []episode, most int) {
	for _, x := range r.episodes {
		for _, one := range x {
			if one.from > zero-day { // a holiday itself is one without sessions
				all = append(all, one)
			}
		}
	}
	for _, x := range all {
		n := 0
		for _, y := range all {
			if y.from <= x.from && x.from <= y.to {
				n++
			}
		}
		most = max(most, n)
	}
	slices.SortFunc(all, func(a, b episode) int { return int(a.from - b.from) })
	var joined []episode
	for _, x := range all {
		if n := len(joined); n > 0 && x.from <= joined[n-1].to+time.Minute {
			joined[n-1].to = max(joined[n-1].to, x.to)
			continue
		}
		joined = append(joined, x)
	}
	return joined, most
}

// before is how long before and after a condition a timeline goes on: the longest
// window of its rule, and some minutes.
func (c condition) before() time.Duration {
	if c.weekly() || c.alert == "IAMSourceFlapping" {
		return 75 * time.Minute
	}
	return 40 * time.Minute
}

// weekly tells whether rules look back by weeks.
func (c condition) weekly() bool { return c.history > 7*day }

// Every alert fires in time, once, for one source, and resolves, whatever disturbs
// what is seen; and does not fire at what is just below its threshold.
func TestTimelines(t *testing.T) {
	engine := newEngine()
	byName := map[string]family{}
	for _, f := range families(t) {
		byName[f.name] = f
	}
	for _, c := range conditions {
		name := strings.TrimSpace(c.alert + " " + c.severity + " " + c.what)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, d := range disturbances {
				if !d.applies(c) {
					continue
				}
				for _, interval := range intervals {
					f := byName[c.alert]
					for _, w := range play(t, engine, f, f.rules, c, d, interval) {
						t.Error(w)
					}
				}
			}
		})
	}
}

// play returns what is wrong with what fires in a timeline.
func play(t *testing.T, engine *promql.Engine, f family, rules []rule, c condition, d disturbance, interval time.Duration) (wrong []string) {
	find := func(e *evaluator) *evaluated {
		for _, r := range e.rules {
			if r.Alert == c.alert && r.Labels["severity"] == c.severity {
				return r
			}
		}
		t.Fatalf("no such alert: %s %s", c.alert, c.severity)
		return nil
	}
	rules = slices.Clone(rules)
	for i := range rules { // the job of all targets here; a regular expression takes longer
		rules[i].Expr = strings.ReplaceAll(rules[i].Expr, `job=~"iam[-_]session.*"`, `job="iam_session_exporter"`)
	}
	e := newEvaluator(t, engine, rules)
	r := find(e)
	hold := duration(t, cmp.Or(f.rule(c.severity).For, "0s"))
	lasts := c.lasts
	if lasts == 0 {
		lasts = 2*hold + 30*time.Minute
	}
	keep := duration(t, cmp.Or(f.rule(c.severity).KeepFiringFor, "0s"))
	end := lasts + c.before() + keep
	if c.ends {
		end = 2*time.Hour + c.before() + keep
	}
	say := func(e *evaluator, format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("%s, every %s: %s; fired:\n%s", d.name, interval, fmt.Sprintf(format, args...), strings.Join(e.fired(zero), "\n")))
	}

	timeline(t, e, f.metrics, c, d, c.hit, interval, lasts, end)
	got, most := together(r)
	latest := zero + c.delay + 2*hold + 5*time.Minute + interval + time.Minute
	expected := 1
	switch {
	case d.weekly == "none", slices.Contains(c.blind, d.name):
		expected = 0
	case d.ends && 12*time.Minute < c.delay+hold:
		expected = len(got) // there may be time enough, or not
	}
	if len(got) > 1 || len(got) != expected {
		say(e, "%d episodes rather than %d", len(got), expected)
	}
	if len(got) > 0 && expected > 0 && got[0].from > latest {
		say(e, "fires late, after %s", got[0].from-zero)
	}
	if len(got) > 0 && got[0].from < zero+hold-2*time.Minute {
		say(e, "fires early")
	}
	if len(got) > 0 && got[len(got)-1].to >= zero+end-time.Minute {
		say(e, "does not resolve")
	}
	if most > 1 && !c.byExporter {
		say(e, "%d alerts at a time", most)
	}
	if !c.byExporter && len(r.episodes) > 1 {
		say(e, "%d identities", len(r.episodes))
	}

	if c.miss == nil {
		return wrong
	}
	e = newEvaluator(t, engine, rules)
	timeline(t, e, f.metrics, c, d, c.miss, interval, lasts, end)
	if got, _ := together(find(e)); len(got) > 0 {
		say(e, "fires without cause")
	}
	return wrong
}

// rule returns the alert of a severity.
func (f family) rule(severity string) rule {
	for _, r := range f.rules {
		if r.Alert != "" && r.Labels["severity"] == severity {
			return r
		}
	}
	return rule{}
}

// applies tells whether a disturbance says something of a condition.
func (d disturbance) applies(c condition) bool {
	switch {
	case d.weekly != "":
		return c.weekly()
	case d.ends:
		return !c.vanished
	case d.kills:
		return c.alert != "IAMExporterDown"
	case d.flaps:
		return c.alert != "IAMSourceFlapping"
	case d.replaces: // what replaces an exporter that is ill is another one
		return !c.byExporter || c.exporters > 1
	}
	return true
}

// timelinesMiss tells whether any timeline of an alert is wrong with other rules.
func (f family) timelinesMiss(t *testing.T, engine *promql.Engine, rules []rule) bool {
	for _, c := range conditions {
		if c.alert != f.name || c.lasts > 6*time.Hour && !c.ends {
			continue
		}
		for _, d := range disturbances {
			if !d.applies(c) {
				continue
			}
			if len(play(t, engine, f, rules, c, d, 2*time.Minute)) > 0 {
				return true
			}
			// When an exporter ended is a matter of minutes.
			if d.kills && len(play(t, engine, f, rules, c, d, 30*time.Second)) > 0 {
				return true
			}
		}
	}
	return false
}

// No alert is without conditions.
func TestEveryAlertHasTimelines(t *testing.T) {
	for _, r := range load(t) {
		if r.Alert != "" && !slices.ContainsFunc(conditions, func(c condition) bool {
			return c.alert == r.Alert && c.severity == r.Labels["severity"] && c.miss != nil
		}) {
			t.Errorf("no timelines of %s %s, which fires and does not", r.Alert, r.Labels["severity"])
		}
	}
}
