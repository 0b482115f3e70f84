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
		"Sessions by status. If iam_source_complete is 0, a named status is a lower bound and unknown is the rest.", "status")
	famByRole = family("iam_sessions_by_role", Gauge, session.FactRole,
		"Sessions by status and role. Roles beyond the limit, and sessions whose role is not known, are in other.", "status", "role").
		when("for OAM only with `role_attribute`")
	famByClientIP = family("iam_sessions_by_client_ip", Gauge, every,
		"Sessions by status and client address. Addresses beyond the limit, and sessions whose address is not known, are in other.", "status", "client_ip").
		when("unless `labels.client_ip.disabled`")
	famByStore = family("iam_sessions_by_identity_store", Gauge, session.FactIdentityStore,
		"Sessions by status and identity store, which for Intersight is the identity provider of the user. Stores beyond the limit, and sessions whose store is not known, are in other.", "status", "identity_store").
		when("for Intersight if its users can be read")
	famByLoginType = family("iam_sessions_by_login_type", Gauge, session.FactLoginType,
		"Sessions by status and type of login, such as weblogin or tokenexchange. Types beyond the limit are in other.", "status", "login_type").
		when("if Intersight reports it")
	famByNetwork = family("iam_sessions_by_client_network", Gauge, every,
		"Sessions by status and named network of the client. Addresses in no network are in other, sessions whose address is not known in unknown.", "status", "client_network").
		when("with `networks`")
	famImpersonating = family("iam_impersonating_sessions", Gauge, session.FactImpersonation,
		"Sessions in which a user impersonates another, in any status.").when("if it is known exactly")

	famFailedLogins = family("iam_failed_logins_total", Counter, session.FactFailedLogins,
		"Failed logins that Intersight reported with a later login. Cisco documents this figure for the admin user: it may stay 0 for SSO users, and failures that no login follows are invisible.")
	famAfterFailures = family("iam_logins_after_failures_total", Counter, session.FactFailedLogins,
		"Logins that followed at least one failed login, as reported by Intersight. It may stay 0 for SSO users.")
	famSessionFailed = family("iam_session_failed_logins", Gauge, session.FactFailedLogins,
		"Sum of the failed logins that Intersight reports for the sessions listed now, in any status. Several sessions of one login repeat its figure.")

	famStarted = family("iam_sessions_started_total", Counter, every,
		"Sessions listed for the first time that were created after the first refresh began.")
	famEnded = family("iam_sessions_ended_total", Counter, every,
		"Sessions that ended, by reason: listed as ended, terminated or expired; or no longer listed although the source, or their address, store or user, is fully listed: past their expiry (expired), past their idle timeout (idle) or before either (gone).", "reason")
	famLengths = family("iam_session_duration_seconds", Histogram, every,
		"Duration of sessions that ended and whose creation time is known.")
	famOldest = family("iam_oldest_session_start_timestamp_seconds", Gauge, every,
		"Creation time of the oldest active session that is listed.").when("while a session is active")
	famOlder = family("iam_active_sessions_older_than", Gauge, every,
		"Active sessions that are listed and were created longer ago than the age. A lower bound if iam_source_complete is 0.", "age").when("if the API reports creation times")
	famUsers = family("iam_users", Gauge, every,
		"Distinct users with an active session that is listed. A lower bound if iam_source_complete is 0.").when("if the API reports users")
	famUserMax = family("iam_user_sessions_max", Gauge, every,
		"Most active sessions of one user, among those listed. A lower bound if iam_source_complete is 0.").when("if the API reports users")
	famUsersDay = family("iam_users_24h", Gauge, every,
		"Distinct users seen with an active or idle session that was listed within the last 24 hours, at most 200000. It counts anew after a restart. A lower bound if iam_source_complete was 0 in that time.").when("if the API reports users")
	famLocked = family("iam_users_locked", Gauge, session.FactLocks,
		"Users who are locked out now, as reported by Intersight.").when("if Intersight's users, and until when they are locked, can be read")
	famSessionsLimit = family("iam_sessions_limit", Gauge, session.FactAccountLimit,
		"Sessions that the account may have, as reported by Intersight.").when("if SessionLimits can be read")
	famUserLimit = family("iam_user_sessions_limit", Gauge, every,
		"Sessions that one user may have, as reported by Intersight or configured for OAM.").when("for OAM only with `max_sessions_per_user`")
	famIdleTimeout = family("iam_session_idle_timeout_seconds", Gauge, every,
		"Time without use after which a session is idle, as reported by Intersight or configured for OAM. 0 means never.")
	famLifetime = family("iam_session_lifetime_seconds", Gauge, every,
		"Maximum lifetime of a session, as reported by Intersight or configured for OAM. 0 means unlimited.")

	famUp = family("iam_source_up", Gauge, every,
		"Whether the last refresh of this source succeeded (1), or failed or did not end in time for this scrape (0).")
	famComplete = family("iam_source_complete", Gauge, every,
		"Whether every session that was alive when the last refresh began is listed (1) or not (0).")
	famListedRatio = family("iam_source_listed_ratio", Gauge, every,
		"Sessions listed divided by the total that the API reports; 1 for 0 of 0, 0 while the source is down.")
	famDrift = family("iam_source_drift_sessions", Gauge, session.FactDrift,
		"Change of OAM's session total between the first and the last query of a refresh.")
	famUnresolved = family("iam_source_unresolved_sessions", Gauge, every,
		"Sessions in the total whose value of the dimension is not known.", "dimension")
	famDuration = family("iam_source_scrape_duration_seconds", Gauge, every,
		"Duration of the last refresh of the source. Scrapes that overlap, or come within min_interval, share a refresh.")
	famTimeout = family("iam_source_timeout_seconds", Gauge, every,
		"Time allowed for the last refresh of the source.")
	famScrapeRequests = family("iam_source_scrape_requests", Gauge, every,
		"HTTP requests sent by the last refresh of the source, token requests included.")
	famLastSuccess = family("iam_source_last_success_timestamp_seconds", Gauge, every,
		"Time of the last successful refresh of the source.").when("after the first success")
	famErrors = family("iam_source_errors_total", Counter, every,
		"Failed refreshes by reason. A scrape while the exporter backs off adds to the reason for the back-off.", "reason")
	famRequests = family("iam_source_requests_total", Counter, every,
		"HTTP requests sent, by status code: other for a code that HTTP does not define, error if there was no response. Token requests are included.", "code")
	famLatency = family("iam_source_request_duration_seconds", Histogram, every,
		"Time from sending an HTTP request to the end of its response.")
	famConnections = family("iam_source_connections_total", Counter, every,
		"Connections opened to the API, to a proxy in front of it, or to the token endpoint.")
	famValues = family("iam_source_label_values", Gauge, every,
		"Distinct known values of the dimension, before the limit.", "dimension")
	famValuesLimit = family("iam_source_label_values_limit", Gauge, every,
		"Values of the dimension that may be published by name.", "dimension")
	famSkew = family("iam_source_clock_skew_seconds", Gauge, every,
		"The API's clock minus the exporter's, corrected for half the round trip. The API reports whole seconds.").when("if responses have a Date header")
	famSearch = family("iam_oam_search_info", Gauge, session.FactSearch,
		"Detected semantics of OAM's search filters.",
		"combine", "match", "case", "wildcard", "rows", "expiry_time", "last_access_time", "total", "no_match")
)

// Families lists all families of the sources, in the order of the
// documentation.
func Families() []*Family {
	return []*Family{
		famSessions, famByRole, famByClientIP, famByStore, famByLoginType, famByNetwork, famImpersonating,
		famFailedLogins, famAfterFailures, famSessionFailed,
		famStarted, famEnded, famLengths, famOldest, famOlder, famUsers, famUserMax, famUsersDay, famLocked,
		famSessionsLimit, famUserLimit, famIdleTimeout, famLifetime,
		famUp, famComplete, famListedRatio, famDrift, famUnresolved,
		famDuration, famTimeout, famScrapeRequests, famLastSuccess, famErrors, famRequests, famLatency, famConnections,
		famValues, famValuesLimit, famSkew, famSearch,
	}
}
