package test

import (
	"time"
)

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
	{alert: "IAMUsersLocked", severity: "warning", hit: set("iam_users_locked", 1), miss: set("iam_users_locked", 0)},
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
	{alert: "IAMAlertsNotDelivered", severity: "critical", byExporter: true,
		hit: set(delivered("a"), 0, delivered("b"), 0), miss: set(delivered("a"), 0)},
	{alert: "IAMAlertsNotDelivered", severity: "warning", byExporter: true, hit: set(delivered("a"), 0), miss: func(w *view) {
		if w.on() && w.at < 10*time.Minute {
			w.v[delivered("a")] = 0
		}
	}},
	{alert: "IAMAlertsNotDelivered", severity: "warning", what: "the clock", byExporter: true,
		hit: set(`iam_alertmanager_clock_skew_seconds{alertmanager="a"}`, -120), miss: set(`iam_alertmanager_clock_skew_seconds{alertmanager="a"}`, 119)},
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
