package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"iam_session_exporter/internal/session"
)

// Type is a metric type as Prometheus names it.
type Type string

const (
	Gauge     Type = "gauge"
	Counter   Type = "counter"
	Histogram Type = "histogram"
)

// Family describes one metric family of the sources. All have the labels
// "source" and "api" besides their own.
type Family struct {
	Name   string
	Type   Type
	Labels []string
	Help   string
	Needs  session.Facts // what a source must be able to say; 0: every source has it
	Note   string        // when it is published, if not always; follows "Published"

	desc *prometheus.Desc
}

func family(name string, typ Type, needs session.Facts, help string, labels ...string) *Family {
	return &Family{Name: name, Type: typ, Labels: labels, Help: help, Needs: needs, desc: prometheus.NewDesc(name, help, labels, nil)}
}

func (f *Family) when(note string) *Family {
	f.Note = note
	return f
}

// every is the need of a family that every source has.
const every session.Facts = 0

// What a scrape of a source publishes. The session gauges are absent while the
// source is down.
var (
	famSessions = family("iam_sessions", Gauge, every,
		"Sessions by status. Where iam_source_complete is 0, a named status is a lower bound and unknown is the rest.", "status")
	famByRole = family("iam_sessions_by_role", Gauge, session.FactRole,
		"Sessions by status and role. Roles beyond the limit, or not resolved, are in other.", "status", "role").
		when("for OAM only with `role_attribute`")
	famByClientIP = family("iam_sessions_by_client_ip", Gauge, every,
		"Sessions by status and client address. Addresses beyond the limit, or not resolved, are in other.", "status", "client_ip").
		when("unless `labels.client_ip.disabled`")
	famByStore = family("iam_sessions_by_identity_store", Gauge, session.FactIdentityStore,
		"Sessions by status and identity store. Stores beyond the limit, or not resolved, are in other.", "status", "identity_store")
	famByNetwork = family("iam_sessions_by_client_network", Gauge, every,
		"Sessions by status and named network of the client. Known addresses in no network are in other, unresolved ones in unknown.", "status", "client_network").
		when("with `networks`")
	famImpersonating = family("iam_impersonating_sessions", Gauge, session.FactImpersonation,
		"Sessions in which a user impersonates another, in all statuses.").when("where it is known exactly")

	famFailedLogins = family("iam_failed_logins_total", Counter, session.FactFailedLogins,
		"Failed logins that Intersight reported with a later login. Cisco documents the figure for the admin user: it may stay 0 for SSO users, and failures that no login follows are invisible.")
	famAfterFailures = family("iam_logins_after_failures_total", Counter, session.FactFailedLogins,
		"Logins that came after at least one failed login, as Intersight reports it. It may stay 0 for SSO users.")
	famSessionFailed = family("iam_session_failed_logins", Gauge, session.FactFailedLogins,
		"Sum of the failed logins that Intersight attaches to the sessions listed now, in all statuses. Sessions of one login repeat its figure.")

	famStarted = family("iam_sessions_started_total", Counter, every,
		"Sessions seen for the first time and created after the exporter began to look.")
	famEnded = family("iam_sessions_ended_total", Counter, every,
		"Sessions that ended: shown as ended, terminated or expired, or missing in a complete listing, or in a set listed whole that must hold them (an address, a store, a user), past their expiry (expired), past their idle limit (idle) or before (gone).", "reason")
	famLengths = family("iam_session_duration_seconds", Histogram, every,
		"Length of the sessions that ended and whose creation time is known.")
	famOldest = family("iam_oldest_session_start_timestamp_seconds", Gauge, every,
		"Creation time of the oldest active session listed.").when("while a session is active")
	famUsers = family("iam_users", Gauge, every,
		"Distinct users with an active session listed. A lower bound where iam_source_complete is 0.").when("where the API names users")
	famUserMax = family("iam_user_sessions_max", Gauge, every,
		"Most active sessions that one user has, of those listed. A lower bound where iam_source_complete is 0.").when("where the API names users")
	famSessionsLimit = family("iam_sessions_limit", Gauge, session.FactAccountLimit,
		"Sessions the account may have, as Intersight says.").when("where SessionLimits can be read")
	famUserLimit = family("iam_user_sessions_limit", Gauge, every,
		"Sessions one user may have, as Intersight says, or as configured for OAM.").when("for OAM only with `max_sessions_per_user`")
	famIdleTimeout = family("iam_session_idle_timeout_seconds", Gauge, every,
		"Time without use after which a session is idle, as Intersight says, or as configured for OAM. 0 means never.")
	famLifetime = family("iam_session_lifetime_seconds", Gauge, every,
		"Longest life of a session, as Intersight says, or as configured for OAM. 0 means unlimited.")

	famUp = family("iam_source_up", Gauge, every,
		"1 if this pull got an answer that can be trusted.")
	famComplete = family("iam_source_complete", Gauge, every,
		"1 if every session that was alive when the scrape began was listed in it.")
	famListedRatio = family("iam_source_listed_ratio", Gauge, every,
		"Sessions listed divided by the API's total; 1 for 0 of 0, 0 while the source is down.")
	famDrift = family("iam_source_drift_sessions", Gauge, session.FactDrift,
		"Total at the scrape's last look minus its first: how much moved meanwhile.")
	famUnresolved = family("iam_source_unresolved_sessions", Gauge, every,
		"Sessions counted in the total whose value of the dimension is not known.", "dimension")
	famDuration = family("iam_source_scrape_duration_seconds", Gauge, every,
		"Time the scrape of the source took. A scrape may answer several pulls: those that overlap it, and those within min_interval.")
	famTimeout = family("iam_source_timeout_seconds", Gauge, every,
		"Time the scrape of the source was allowed.")
	famScrapeRequests = family("iam_source_scrape_requests", Gauge, every,
		"HTTP requests the scrape of the source sent, token requests included.")
	famLastSuccess = family("iam_source_last_success_timestamp_seconds", Gauge, every,
		"When a scrape of the source last succeeded.").when("after the first success")
	famErrors = family("iam_source_errors_total", Counter, every,
		"Failed scrapes by reason. A pull refused by the exporter's own back-off adds to the reason that began it.", "reason")
	famRequests = family("iam_source_requests_total", Counter, every,
		"HTTP requests sent, by status code: other for one that HTTP does not define, error if there was no response. Token requests are included.", "code")
	famLatency = family("iam_source_request_duration_seconds", Histogram, every,
		"Time from sending an HTTP request to the end of its answer.")
	famConnections = family("iam_source_connections_total", Counter, every,
		"Connections opened to the API, a proxy in front of it, or the token endpoint.")
	famValues = family("iam_source_label_values", Gauge, every,
		"Distinct values of the dimension that the snapshot knows, before the limit.", "dimension")
	famValuesLimit = family("iam_source_label_values_limit", Gauge, every,
		"Values of the dimension that may be published by name.", "dimension")
	famSkew = family("iam_source_clock_skew_seconds", Gauge, every,
		"The API's clock minus ours, half the round trip removed. The API tells whole seconds.").when("where answers carry a Date")
	famSearch = family("iam_oam_search_info", Gauge, session.FactSearch,
		"What OAM's search filters were found to mean.",
		"combine", "match", "case", "wildcard", "rows", "expiry_time", "last_access_time", "total", "no_match")
)

// Families lists all families of the sources, in the order of the
// documentation.
func Families() []*Family {
	return []*Family{
		famSessions, famByRole, famByClientIP, famByStore, famByNetwork, famImpersonating,
		famFailedLogins, famAfterFailures, famSessionFailed,
		famStarted, famEnded, famLengths, famOldest, famUsers, famUserMax,
		famSessionsLimit, famUserLimit, famIdleTimeout, famLifetime,
		famUp, famComplete, famListedRatio, famDrift, famUnresolved,
		famDuration, famTimeout, famScrapeRequests, famLastSuccess, famErrors, famRequests, famLatency, famConnections,
		famValues, famValuesLimit, famSkew, famSearch,
	}
}
