package main

// The limits of PCI DSS 8.2.8 and of the alert on long lives, in seconds.
const (
	pciIdle  = "900"
	longLife = 57600
)

// security answers: what should I look at?
func security() *dashboard {
	d := newDashboard("security", "What should I look at? Failed logins, impersonation, unknown networks, how people sign in, weak policies, and firing alerts.", "now-24h")
	d.Templating.List = append(d.Templating.List,
		choice("own_idle", "Own idle limit", "The longest idle timeout that you allow, in seconds: policies above it are weak.", [2]string{"15m", "900"}, [2]string{"5m", "300"}, [2]string{"10m", "600"}, [2]string{"30m", "1800"}, [2]string{"1h", "3600"}),
		choice("own_lifetime", "Own lifetime limit", "The longest session lifetime that you allow, in seconds: policies above it are weak.", [2]string{"16h", "57600"}, [2]string{"8h", "28800"}, [2]string{"12h", "43200"}, [2]string{"1d", "86400"}),
	)
	d.Templating.List = append(d.Templating.List, constant("runbooks", "Runbooks", "Where the exporter serves the runbooks of the alerts.", "http://localhost:10987/runbooks"))
	l := &layout{d: d}
	const nobody = "no source responds"
	l.add(6, 4, alertsStat(12, drill("Which ones", "security", 40)),
		stat(1, "Failed logins/h", "Failed logins in the last hour, which Intersight reports with the login that follows them; orange from 10, red from 20 (IAMFailedLoginsUnusual).", "short", whole,
			judged(good, 10, warning, 20, bad), set("noValue", nobody), says(-1, "no Intersight", neutral), now(orUnknown(sum(failedLogins()), "iam_failed_logins_total"), "failed logins")),
		stat(3, "Logins after failures/h", "Logins in the last hour that followed at least one failed login; a few are typing errors.", "short", whole,
			set("noValue", nobody), says(-1, "no Intersight", neutral), now(orUnknown(sum(loginsAfterFailures()), "iam_logins_after_failures_total"), "logins")),
		stat(4, "Impersonating sessions", "OAM sessions in which one user impersonates another; the help desk should be able to explain them.", "short", whole,
			judged(good, 1, warning), set("noValue", nobody), says(-1, "not known", neutral), now(orUnknown(sum(each(of("iam_impersonating_sessions"))), "iam_impersonating_sessions"), "impersonating")),
	)
	l.add(4, 4,
		stat(5, "Oldest session", "Age of the oldest active session; orange from 16 hours, red from 24 hours (IAMSessionTooOld).", "s", set("decimals", 1),
			judged(good, longLife, warning, 86400, bad), set("noValue", nobody), now(orZero("max("+oldest()+")"), "oldest")),
	)
	l.add(5, 4,
		stat(6, "Most sessions per user", "Active sessions of the user with most sessions; more than 3 are unusual for a person, more than 10 for any user.", "short", whole,
			judged(good, 4, notice, 11, warning), set("noValue", nobody), now(orZero("max("+each(of("iam_user_sessions_max"))+")"), "sessions")),
		stat(7, "Terminated sessions/h", "Sessions that administrators terminated in the last hour; orange from 5 (IAMTerminationBurst); OAM reports none.", "short", whole,
			judged(good, 5, warning), set("noValue", nobody), now(orZero(sum(ended(`reason="terminated"`))), "terminated")),
		stat(8, "From unknown networks", "Sessions that have not ended, from a known address in no configured network, or without an address.", "short", whole,
			says(-1, "not configured", neutral), judged(good, 1, notice), set("noValue", nobody),
			now(sum(unknownNetworks())+" or 0 * sum("+of("iam_sessions_by_client_network")+") or (0 * sum("+of("iam_source_up")+" == 1) - 1)", "sessions")),
		stat(10, "Weak idle timeouts", "Sources without an idle timeout, or with one above the 15 minutes of PCI DSS 8.2.8 (IAMIdleTimeoutWeak).", "short", whole,
			judged(good, 1, notice), set("noValue", nobody), says(-1, "not known", neutral), now(orUnknown("count("+weaker("iam_session_idle_timeout_seconds", pciIdle)+" > 0)", "iam_session_idle_timeout_seconds"), "sources")),
	)

	l.row("Logins")
	l.add(12, 8,
		timeseries(20, "Failed logins per hour", "Failed logins per hour, compared with the same hour a week ago; the line is 20, from which three times last week is an alert (IAMFailedLoginsUnusual).", "short", whole,
			set("custom", withSoftMax(22)), lines("transparent", 20, bad), coloured("this week", "red"), before,
			noData("no Intersight among the sources"), over(sum(failedLogins()), "this week"), over(sum(failedLoginsLastWeek()), "last week")),
		timeseries(21, "Logins after failures per hour", "Logins per hour that followed at least one failed login, compared with the same hour a week ago.", "short", whole,
			set("custom", withSoftMax(5)), coloured("this week", "orange"), before,
			noData("no Intersight among the sources"), over(sum(loginsAfterFailures()), "this week"), over(sum(loginsAfterFailuresLastWeek()), "last week")),
		timeseries(22, "Sessions started per hour", "Sessions started per hour, compared with the same hour a week ago; 20 or more that are three times as many are an alert (IAMSessionSurge).", "short", whole,
			coloured("this week", "green"), before,
			over(sum(started(thisWeek)), "this week"), over(sum(started(lastWeek)), "last week")),
		timeseries(23, "Sessions ended per hour by reason", "Sessions ended per hour by reason; terminated is by an administrator, gone is before any limit, for instance by logging out.", "short", whole, byStatus,
			over(sumBy("reason", ended()), "{{reason}}")),
	)

	l.row("Unusual sessions")
	l.add(8, 8,
		timeseries(24, "Impersonating sessions", "Sessions of each OAM in which one user impersonates another; an hour of them is an alert (IAMImpersonationLong).", "short", whole,
			set("custom", withSoftMax(2)), noData("no OAM among the sources for which this is known"), over(each(of("iam_impersonating_sessions")), "{{source}}")),
		timeseries(25, "Age of the oldest active session", "Age of the oldest session in use at each source; the line is a day (IAMSessionTooOld).", "h",
			set("decimals", 0), lines("transparent", 24, bad), noData("no active session"), over("("+oldest()+") / 3600", "{{source}}")),
		timeseries(26, "Most sessions per user", "Active sessions of the user with most sessions at each source; the line is 4, more than a person needs.", "short", whole,
			set("custom", withSoftMax(4)), lines("transparent", 4, notice), noData("no source reports users"), over(each(of("iam_user_sessions_max")), "{{source}}")),
	)
	largest := func(at string) string {
		return sumBy("client_ip", each("sum without (status) ("+of("iam_sessions_by_client_ip", live, byName)+at+")", "client_ip"))
	}
	l.add(12, 10,
		timeseries(27, "Addresses with most sessions", "Sessions that have not ended, for the ten addresses (published by name) with most of them at the end of the time range.", "short", whole,
			opt("legend", object{"displayMode": "table", "placement": "right", "showLegend": true, "calcs": []string{"lastNotNull"}, "sortBy": "Last *", "sortDesc": true}),
			noData("no session has an address that is published"), over(largest("")+" and on (client_ip) topk(10, "+largest(" @ end()")+")", "{{client_ip}}")),
		timeseries(28, "Sessions from unknown networks", "Sessions that have not ended, from addresses in no configured network (other), without an address (none), or with one that can't be read (invalid).", "short", whole,
			set("custom", withSoftMax(5)), coloured("other", "orange"), coloured("none", "blue"), coloured("invalid", "red"),
			noData("no networks are configured, or no such session was there"), over(sumBy("client_network", unknownNetworks())+" or "+unknownNetworksZero(), "{{client_network}}")),
	)

	l.row("How people sign in")
	l.add(12, 8,
		timeseries(30, "Sessions by identity store", "Sessions that have not ended, by identity store (OAM) or identity provider (Intersight), as far as they are known.", "short", whole, stacked,
			noData("no source reports identity stores or providers"), over(sumBy("identity_store", each(of("iam_sessions_by_identity_store", live), "status", "identity_store")), "{{identity_store}}")),
		timeseries(31, "Sessions by login type", "Sessions that have not ended, by type of login: tokenexchange is a machine that exchanged a token, weblogin a person.", "short", whole, stacked,
			noData("no source reports login types"), over(sumBy("login_type", each(of("iam_sessions_by_login_type", live), "status", "login_type")), "{{login_type}}")),
	)
	l.add(8, 8,
		timeseries(32, "Locked users", "Users who are locked out now, because logins failed and none followed; each is an alert (IAMUsersLocked).", "short", whole,
			set("custom", withSoftMax(2)), noData("no source reports locked users"), over(each(of("iam_users_locked")), "{{source}}")),
		timeseries(33, "Active sessions by age", "Active sessions that were created longer ago than this; those older than 8 hours outlast a working day.", "short", whole,
			noData("no source reports when sessions were created"), over(sumBy("age", each(of("iam_active_sessions_older_than"), "age")), "older than {{age}}")),
		timeseries(34, "Users in 24 hours", "Distinct users seen with an active or idle session within 24 hours, since the exporter started; a lower bound if a source is listed in part.", "short", whole,
			noData("no source reports users"), over(each(of("iam_users_24h")), "{{source}}")),
	)

	l.row("Alerts")
	l.add(24, 8, found(44))
	l.add(24, 8, firingAlerts(40))

	l.closedRow("Tables")
	l.add(24, 6, policies(41))
	l.add(12, 10, clientIPs(42, largest))
	l.add(12, 10, text(43, "How to read this", "What the numbers mean, and what they do not.", securityText))
	return d
}

const securityText = `- **Failed logins** are reported with the login that follows them: a peak means that people, or an intruder, did log in. Failures that no login follows are invisible, users of single sign-on may show none, and OAM reports none.
- No dashboard names users. The product's audit log and list of sessions name them; each alert's runbook, at ` + "`/runbooks/`" + ` of the exporter, says where to look.
- **PCI DSS 8.2.8** requires a new login after 15 minutes without use. Intersight's own default is 30 minutes.`

func firingAlerts(id int) *panel {
	of := func(severity string) string { return firing(`, severity="` + severity + `"`) }
	return table(id, "Alerts that fire", "Alerts of this exporter that fire now for the chosen sources or for an exporter, with the time since their condition holds; a name leads to its runbook.",
		set("noValue", "No alert fires, or the rules are not loaded: see Alerts firing"),
		column("3 * "+of("critical")+" or 2 * "+of("warning")+" or "+firing("")),
		column("1000 * (max by ("+alertLabels+") (ALERTS_FOR_STATE{"+ours+"}) and "+firing("")+")"),
		columnsOf([][2]string{{"alertname", "Alert"}, {"severity", ""}, {"source", "Source"}, {"category", "Category"}, {"instance", "Exporter"}}, "Severity", "Since"), first("Value #A"),
		sortedBy("Severity", true),
		runbookLink("Alert", "custom.width", 240), sourceLink("operations", "custom.width", 150), named("Exporter", "custom.width", 240),
		named("Severity", append(words(3, "critical", bad, 2, "warning", warning, 1, "info", neutral), "custom.width", 95, "custom.align", "left")...),
		named("Since", "unit", "dateTimeFromNow", "custom.width", 130),
	)
}

func policies(id int) *panel {
	verdict := words(0, "meets", good, 1, "weaker", notice)
	return table(id, "Policies", "The timeouts of each source compared with PCI DSS 8.2.8 (15 minutes idle) and with your limits; none means that there is no limit.",
		column(each(of("iam_session_idle_timeout_seconds"))),
		column(weaker("iam_session_idle_timeout_seconds", pciIdle)),
		column(weaker("iam_session_idle_timeout_seconds", "$own_idle")),
		column(each(of("iam_session_lifetime_seconds"))),
		column(weaker("iam_session_lifetime_seconds", "$own_lifetime")),
		column(each(of("iam_user_sessions_limit"))),
		columnsOf(ofSource, "Idle timeout", "PCI DSS 8.2.8", "Own idle limit", "Lifetime", "Own lifetime limit", "Sessions per user"),
		sortedBy("Source", false), sourceLink("security", "custom.width", 130),
		matching("Idle timeout|Lifetime", "unit", "s", "mappings", []object{mapping(0, "none", warning)}),
		matching("PCI DSS 8.2.8|Own .*", verdict...),
		named("Sessions per user", unit("short", "decimals", 0)...),
	)
}

// clientIPs compares each address with itself an hour and a day ago, where it
// may have had none; where nothing is known of then, nothing is compared.
func clientIPs(id int, largest func(string) string) *panel {
	shown := " and on (client_ip) topk(25, " + largest("") + ")"
	change := func(at string) string {
		return "(" + largest("") + " - on (client_ip) (" + largest(at) + " or on (client_ip) (0 * " + largest("") + " and on () count(" + of("iam_sessions_by_client_ip", live) + at + "))))" + shown
	}
	return table(id, "Client IPs and their change", "The 25 addresses (published by name) with most sessions that have not ended, and how many more they have than an hour and a day ago.",
		noData("no session has an address that is published"), column(largest("")+shown),
		column(change(" offset 1h")),
		column(change(" offset 1d")),
		columnsOf([][2]string{{"client_ip", "Client IP"}}, "Sessions", "Since 1 h ago", "Since 1 d ago"),
		sortedBy("Sessions", true), named("Client IP", "custom.width", 200),
		named("Sessions", unit("short", "decimals", 0)...),
		matching("Since.*", join(unit("short", "decimals", 0), cell("text", 5, warning))...),
	)
}
