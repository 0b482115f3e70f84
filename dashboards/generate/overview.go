package main

// overview answers: is everything as usual?
func overview() *dashboard {
	d := newDashboard("overview", "Who is logged in, and is everything as usual?", "now-24h")
	l := &layout{d: d}

	l.add(4, 4,
		stat(1, "Active sessions", "Sessions in use now; a lower bound if a source is listed in part.", "short", whole,
			set("noValue", "no source responds"), now(orZero(sum(each(of("iam_sessions", `status="active"`)))), "active")),
		stat(2, "All sessions", "All sessions that the APIs report, including those that are idle or not listed.", "short", whole,
			set("noValue", "no source responds"), now(orZero(sum(allSessions())), "sessions")),
		stat(3, "Users", "Distinct users with an active session, summed over sources; a lower bound if a source is listed in part.", "short", whole,
			set("noValue", "no source responds"), now(orZero(sum(each(of("iam_users")))), "users")),
		stat(4, "Failed logins/h", "Failed logins in the last hour, which Intersight reports with the login that follows them; orange from 10, red from 20 (IAMFailedLoginsUnusual).", "short", whole,
			judged(good, 10, warning, 20, bad), set("noValue", "no source responds"), says(-1, "no Intersight", neutral), now(orUnknown(sum(failedLogins()), "iam_failed_logins_total"), "failed logins"), drill("Failed logins compared with last week", "security", 20)),
		stat(5, "Limit used", "Sessions in use as a share of the account's limit, for the source nearest to its limit; orange from 85 %, red from 95 % (IAMSessionsNearLimit).", "percentunit",
			set("decimals", 0), judged(good, 0.85, warning, 0.95, bad), set("noValue", "no source responds"), says(-1, "no limit known", neutral), now(orUnknown("max("+limitRatio()+")", "iam_sessions_limit"), "of the limit")),
		alertsStat(6, drill("Which ones", "security", 40)),
	)
	l.add(24, 3, stat(7, "Sources", "Whether each source responds, and whether all its sessions are listed; an OAM with many more than 28 is listed in part.", "none",
		state, judged(good), opt("colorMode", "background"), opt("textMode", "value_and_name"), opt("text", object{"titleSize": 14, "valueSize": 16}), set("noValue", "no source is scraped"),
		now(sourceState(), "{{source}}"), drill("Can I believe it?", "operations", 10)))

	l.row("Over time")
	l.add(12, 8,
		timeseries(10, "Sessions by status", "Sessions of the selected sources by status; unknown are those that a source counts but does not list.", "short", whole, stacked, byStatus,
			over(sumBy("status", each(of("iam_sessions"), "status")), "{{status}}")),
		timeseries(11, "Active sessions by source", "Sessions in use at each source; a lower bound if it is listed in part.", "short", whole,
			over(activeSessions(), "{{source}}")),
		timeseries(12, "Sessions started and ended per hour", "Sessions that started and ended, per hour, as far as they were seen; if more end than start, the office empties.", "short", whole,
			coloured("started", "green"), coloured("ended", "blue"),
			over(sum(started(thisWeek)), "started"), over(sum(ended()), "ended")),
		timeseries(17, "Session duration", "Duration of the sessions that ended, per hour: 50 %, 90 % and 99 % of them lasted at most this long.", "h",
			noData("no session of known length ended within an hour"), over(durations("0.5"), "p50"), over(durations("0.9"), "p90"), over(durations("0.99"), "p99"),
			coloured("p50", "green"), coloured("p90", "yellow"), coloured("p99", "orange")),
	)
	l.add(8, 8,
		timeseries(14, "Users by source", "Distinct users with an active session; a lower bound if a source is listed in part.", "short", whole,
			noData("no source reports users"), over(each(of("iam_users")), "{{source}}")),
		timeseries(15, "Failed logins per hour", "Failed logins per hour at each Intersight, which reports them with the login that follows; the line is 20 (IAMFailedLoginsUnusual).", "short", whole,
			set("custom", withSoftMax(20)), lines("transparent", 20, bad),
			noData("no Intersight among the sources"), over(failedLogins(), "{{source}}"), drill("Compared with last week", "security", 20)),
		timeseries(16, "Session limits used", "Sessions of the account, and of the user with most sessions, as a share of the product's limits; at 100 % logins fail (lines at 85 % and 95 %).", "percentunit",
			set("custom", withSoftMax(1)), lines("transparent", 0.85, warning, 0.95, bad),
			noData("no source has a known limit, or fewer than 95 % of its sessions are listed"), over(limitRatio(), "{{source}}, account"), over(userLimitRatio(), "{{source}}, one user")),
	)

	l.row("By role, identity store and address")
	l.add(12, 12,
		bargauge(20, "Roles", "The ten roles with most sessions that have not ended.", "short", whole,
			noData("no source reports roles, or no session is alive"), now(top("iam_sessions_by_role", "role"), "{{role}}")),
		bargauge(21, "Identity stores", "The ten identity stores (OAM) or identity providers (Intersight) with most sessions that have not ended.", "short", whole,
			noData("no source reports identity stores, or no session is alive"), now(top("iam_sessions_by_identity_store", "identity_store"), "{{identity_store}}")),
		bargauge(22, "Client networks", "The ten networks with most sessions that have not ended; other are addresses in no configured network.", "short", whole,
			noData("no networks are configured, or no session is alive"), now(top("iam_sessions_by_client_network", "client_network"), "{{client_network}}"), drill("Unknown networks", "security", 28)),
		bargauge(23, "Client IPs", "The ten addresses with most sessions that have not ended, of those published by name.", "short", whole,
			noData("no session has an address that is published"), now(top("iam_sessions_by_client_ip", "client_ip", byName), "{{client_ip}}"), drill("How they change", "security", 42)),
	)

	l.row("Each source")
	l.add(24, 6, sourcesOverview(30))
	l.add(24, 5, text(31, "How to read this", "What the numbers mean, and what they do not.", overviewText))
	return d
}

const overviewText = `Start here, then go on to **Security** (what should I look at?) or **Operations** (can I believe it?). The links above keep the time range and the sources.

- A source that is **down** has no sessions here, not even old ones. A source that is **listed in part** has exact totals; its named statuses, users and sessions started and ended are lower bounds.
- **Failed logins** are those that Intersight reports with the login that follows them. They may stay 0 for users of single sign-on, and OAM reports none.`

// withSoftMax is how a graph is drawn that shall reach at least up to a value.
func withSoftMax(v float64) object {
	c := timeseries(0, "", "", "").FieldConfig.Defaults["custom"].(object)
	c["axisSoftMax"] = v
	return c
}
