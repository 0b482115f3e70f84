package main

import "strings"

// What the expressions have in common. Two exporters may ask the same source,
// for high availability; max, before anything is summed, counts it once.

// selected chooses the sources that the reader chose.
const (
	selected = cluster + `, source=~"$source", api=~"$api"`
	cluster  = `cluster=~"$cluster"`
)

// live are the statuses of sessions that have not ended. Where not all sessions
// are listed, the rest is unknown, and alive.
const live = `status=~"active|idle|unknown"`

// of is a metric of the chosen sources, with further matchers.
func of(metric string, more ...string) string {
	return metric + "{" + strings.Join(append([]string{selected}, more...), ", ") + "}"
}

// each is a gauge of each source, and of the labels named besides.
func each(expr string, labels ...string) string {
	return "max by (" + strings.Join(append([]string{"source", "api"}, labels...), ", ") + ") (" + expr + ")"
}

// rate is how often a counter of each source grows, for each second.
func rate(metric string, labels ...string) string {
	return each("rate("+of(metric)+"[$__rate_interval])", labels...)
}

// recorded is a recording rule of each source; where the rules are not loaded, or
// have no result, what it would be made from.
func recorded(rule, raw string, labels ...string) string {
	return each(rule, labels...) + " or " + raw
}

// moment is when an expression looks: now, or a week ago.
type moment struct{ at, anHourBefore string }

var (
	thisWeek = moment{"", " offset 1h"}
	lastWeek = moment{" offset 1w", " offset 169h"}
)

// counted is by how much a counter of each source grew within an hour. Of several
// exporters the one that counted most is taken, as they count the same events. If
// none of those that were there an hour before is left, they were replaced: what
// their successors counted is added.
func counted(counter string, m moment, labels ...string) string {
	old, young := each(grown(counter, m)+" and "+counter+m.anHourBefore, labels...), each(grown(counter, m)+" unless "+counter+m.anHourBefore, labels...)
	left := "(last_over_time(" + of("iam_source_up") + "[5m]" + m.at + ") == 1 and " + of("iam_source_up") + m.anHourBefore + ")"
	return "(" + old + " + (" + young + " unless on (source) " + left + ") or " + old + " or " + young + ")"
}

// grown is by how much a counter of each exporter grew within an hour: exactly, if
// it was not reset; increase extrapolates.
func grown(counter string, m moment) string {
	x := counter + "[1h]" + m.at
	return "(max_over_time(" + x + ") - min_over_time(" + x + ") and resets(" + x + ") == 0 or increase(" + x + "))"
}

// failedLogins and the like are of an hour. What is recorded of the logins of this
// hour is of exporters that were there for all of it, even of one that can't read
// the source: it is only for comparison.
func failedLogins() string { return counted(of("iam_failed_logins_total"), thisWeek) }

func failedLoginsLastWeek() string {
	return recorded(of("source:iam_failed_logins:increase1h")+lastWeek.at, counted(of("iam_failed_logins_total"), lastWeek))
}

func loginsAfterFailures() string { return counted(of("iam_logins_after_failures_total"), thisWeek) }

func loginsAfterFailuresLastWeek() string {
	return recorded(of("source:iam_logins_after_failures:increase1h")+lastWeek.at, counted(of("iam_logins_after_failures_total"), lastWeek))
}

func started(m moment) string {
	return recorded(of("source:iam_sessions_started:increase1h")+m.at, counted(of("iam_sessions_started_total"), m))
}

func ended(more ...string) string {
	return recorded(of("source:iam_sessions_ended:increase1h", more...), counted(of("iam_sessions_ended_total", more...), thisWeek, "reason"), "reason")
}

// failedScrapes are those of the exporter that fares worst.
func failedScrapes() string { return counted(of("iam_source_errors_total"), thisWeek, "reason") }

func limitRatio() string {
	raw := "(sum without (status) (" + of("iam_sessions", live) + ") / (" + of("iam_sessions_limit") + " > 0))"
	return recorded(of("source:iam_sessions_limit:ratio"), each(raw))
}

func userLimitRatio() string {
	return recorded(of("source:iam_user_sessions_limit:ratio"), each("("+of("iam_user_sessions_max")+" / ("+of("iam_user_sessions_limit")+" >= 5))"))
}

func allSessions() string {
	return recorded(of("source:iam_sessions:sum"), each("sum without (status) ("+of("iam_sessions")+")"))
}

func activeSessions() string {
	return recorded(of("source:iam_sessions_active:sum"), each(of("iam_sessions", `status="active"`)))
}

func sum(expr string) string { return "sum(" + expr + ")" }

func sumBy(labels, expr string) string { return "sum by (" + labels + ") (" + expr + ")" }

// orZero is 0 where a source answers and there is nothing to sum. Where none
// answers, nothing is known, and nothing is shown.
func orZero(expr string) string {
	return expr + " or 0 * sum(" + of("iam_source_up") + " == 1)"
}

// orUnknown is 0 where there is nothing to sum but the metric is there, and -1
// where no source that answers has it.
func orUnknown(expr, metric string) string {
	there := of(metric)
	if strings.HasSuffix(metric, "_total") {
		there = "increase(" + there + "[1h])"
	}
	return expr + " or 0 * sum(" + there + ") or (0 * sum(" + of("iam_source_up") + " == 1) - 1)"
}

// oldest is the age of the oldest active session of each source.
func oldest() string {
	return "time() - min by (source, api) (" + of("iam_oldest_session_start_timestamp_seconds") + ")"
}

// sinceSuccess is the time since a scrape of each source succeeded.
func sinceSuccess() string {
	return "time() - " + each(of("iam_source_last_success_timestamp_seconds"))
}

// sourceState is 0 for a source that is down, 1 for one that is listed in part,
// and 2 for one that is listed whole.
func sourceState() string {
	return each(of("iam_source_up")) + " + " + each(of("iam_source_complete"))
}

// worst is a gauge of each source as the exporter that fares worst has it: what
// one of two can't see is a fault though the other can.
func worst(expr string) string { return "min by (source, api) (" + expr + ")" }

// worstState is sourceState as the exporter that fares worst has it.
func worstState() string {
	return worst(of("iam_source_up") + " + " + of("iam_source_complete"))
}

// top are the ten largest live values of a family's label.
func top(family, label string, more ...string) string {
	return "sort_desc(topk(10, " + sumBy(label, each("sum without (status) ("+of(family, append(more, live)...)+")", label)) + "))"
}

// byName are the addresses that are published as such.
const byName = `client_ip!~"other|none|invalid"`

// unknownNetworks are live sessions from no network that was named, or from none.
// Those in unknown are not resolved, which says nothing about where they are from.
func unknownNetworks() string {
	return each("sum without (status) ("+of("iam_sessions_by_client_network", live, unnamed)+")", "client_network")
}

// unknownNetworksZero is 0 for those that are known at some time of that shown,
// while a source answers: a value without sessions is not published.
func unknownNetworksZero() string {
	return "0 * sum by (client_network) (last_over_time(" + of("iam_sessions_by_client_network", unnamed) + "[$__range] @ end())) and on () (" + of("iam_source_up") + " == 1)"
}

const unnamed = `client_network=~"other|none|invalid"`

// weaker is 1 for each source whose policy is weaker than a limit in seconds, or
// which has none; 0 for the others.
func weaker(policy, limit string) string {
	p := each(of(policy))
	return "(" + p + " > bool " + limit + ") + (" + p + " == bool 0)"
}

// exporters of ours, as the alert IAMExporterDown finds them.
const job = cluster + `, job=~"iam[-_]session.*"`

// ofExporter is a metric of the exporter itself, of each of them.
func ofExporter(metric string) string { return metric + "{" + cluster + "}" }

// exporter are the labels that tell exporters apart: in each of several clusters
// there may be one of the same name.
const exporter = "cluster, instance"

// eachExporter is a metric of each exporter, and of the labels named besides.
func eachExporter(expr string, labels ...string) string {
	return "max by (" + strings.Join(append([]string{exporter}, labels...), ", ") + ") (" + expr + ")"
}

// own is an expression of a metric that any program has, for the exporters only.
func own(expr string) string {
	return expr + " and on (cluster, job, instance) " + ofExporter("iam_session_exporter_build_info")
}

// ours are alerts of ours, of the sources chosen or of none.
const (
	ours        = cluster + `, alertname=~"IAM.+", source=~"$source|", api=~"$api|"`
	alertLabels = "alertname, severity, category, source, instance"
)

// firing are the alerts that fire: the table of alerts has a row for each, and the
// number of alerts counts these rows.
func firing(more string) string {
	return "max by (" + alertLabels + ") (ALERTS{" + ours + `, alertstate="firing"` + more + "})"
}

// marked are the alerts that are worth a mark in each graph: mere information is
// not, and an alert of two levels is one.
func marked() string {
	return "max by (alertname, category, source, instance) (ALERTS{" + ours + `, alertstate="firing", severity!="info"})`
}

// alerts counts the alerts that fire: none is 0 where the rules were evaluated in
// the time shown, also of a source that was down for all of it.
func alerts(severity string) string {
	return "count(" + firing(", "+severity) + ") or 0 * count(last_over_time(" + of("source:iam_source_up:max") + "[$__range] @ end()))"
}

// restarts are the times of exporters' starts, in milliseconds.
func restarts() string {
	return "1000 * " + eachExporter(own(ofExporter("process_start_time_seconds")))
}

// reloads are the times at which exporters took a configuration, but for that of
// their start.
func reloads() string {
	loaded := eachExporter(ofExporter("iam_session_exporter_config_last_reload_success_timestamp_seconds"), "job")
	return "1000 * " + eachExporter(loaded+" > "+eachExporter(ofExporter("process_start_time_seconds"), "job")+" + 60")
}

// durations is how long, in hours, a share of the sessions that ended within an hour lasted at
// most, of classic histograms, and of native ones where Prometheus keeps only those. Where none
// ended there is no number, and not a number is not >= 0.
func durations(q string) string {
	const metric = "iam_session_duration_seconds"
	return "(histogram_quantile(" + q + ", sum by (le) (" + each("increase("+of(metric+"_bucket")+"[1h])", "le") + ")) or histogram_quantile(" + q + ", sum(increase(" + of(metric) + "[1h])))) / 3600 >= 0"
}
