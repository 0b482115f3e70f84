package test

import (
	"maps"
	"strings"
	"time"
)

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
		failures: n, afterFailure: n, elsewhere: 0, "iam_impersonating_sessions": 0, "iam_users_locked": 0,
		values: 10, `iam_source_label_values_limit{dimension="client_ip"}`: 50,
		"iam_session_exporter_config_last_reload_successful": 1,
		delivered("a"): 1, delivered("b"): 1, `iam_alertmanager_clock_skew_seconds{alertmanager="a"}`: 1,
	}
	return v
}

// delivered is whether an Alertmanager accepts the exporter's alerts.
func delivered(alertmanager string) string {
	return `iam_alertmanager_up{alertmanager="` + alertmanager + `"}`
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
