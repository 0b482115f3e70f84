package main

// What is known of the alerts that exporters send to Alertmanagers themselves,
// about single sessions.

// notConfigured is why there may be nothing of them.
const notConfigured = "alerting is not configured"

// delivery is whether these alerts reach the Alertmanagers. Each exporter has its
// own way to each of them.
func delivery() []*panel {
	to := func(metric string) string { return eachExporter(ofExporter(metric), "alertmanager") }
	grows := func(counter string, labels ...string) string {
		return eachExporter("rate("+ofExporter(counter)+"[$__rate_interval])", append([]string{"alertmanager"}, labels...)...)
	}
	const legend = "{{alertmanager}} {{instance}} {{cluster}}"
	noAlertmanager := noData(notConfigured + ", or without an Alertmanager")
	return []*panel{
		timeseries(50, "Alertmanagers that accept", "Share of the time in which each Alertmanager accepted the last request of each exporter; at 0 for all of them, no alert of an exporter is delivered (IAMAlertsNotDelivered).", "percentunit",
			set("max", 1), set("decimals", 0), noAlertmanager, over(eachExporter("avg_over_time("+ofExporter("iam_alertmanager_up")+"[$__rate_interval])", "alertmanager"), legend)),
		timeseries(51, "Requests to Alertmanagers by code", "HTTP requests per minute of all exporters to Alertmanagers, by status code, or error if there was no response; without an alert there is one each resend_delay.", "short", stacked, byCode,
			noAlertmanager, over("60 * "+sumBy("code", grows("iam_alertmanager_requests_total", "code")), "{{code}}")),
		timeseries(52, "Alerts sent per minute", "Alerts per minute that each Alertmanager accepted from the exporter that sends most; one that fires is sent again each resend_delay.", "short",
			set("custom", withSoftMax(1)), noAlertmanager, over("60 * max by (alertmanager) ("+grows("iam_alertmanager_alerts_sent_total")+")", "{{alertmanager}}")),
		timeseries(53, "Clock skew of Alertmanagers", "Each Alertmanager's clock minus the exporter's; the lines are 2 minutes, from which alerts may end too early (IAMAlertsNotDelivered).", "s", set("min", nil),
			set("custom", withSoftRange(-130, 130)), lines(bad, -120, "transparent", 120, bad), noData(notConfigured+", or no Alertmanager has answered"), over(to("iam_alertmanager_clock_skew_seconds"), legend)),
	}
}

// judgement is what is found in the sessions, and for how much that stands.
func judgement() []*panel {
	return []*panel{
		found(54),
		timeseries(55, "Alerts held back", "Alerts that fire but are not sent one by one, because a detection has more than max_alerts of them for one source (IAMAlertStorm).", "short", whole,
			set("custom", withSoftMax(1)), noData(notConfigured), over(sumBy("source, api", each(of("iam_detection_held_back_alerts"), "detection")), "{{source}}")),
		timeseries(56, "Detections that cover their source", "Detections of each source of which every alert reaches an Alertmanager; only where one does not do so, the alert of Prometheus on the same thing fires.", "short", whole,
			set("custom", withSoftMax(1)), noData(notConfigured), over(sumBy("source, api", each(of("iam_detection_covers"), "detection")), "{{source}}")),
		timeseries(57, "Evaluation duration", "Time that the exporter took to hold the last snapshot of each source against the detections.", "s",
			set("custom", withSoftMax(0.01)), noData(notConfigured+", or no source has responded yet"), over(each(of("iam_detection_evaluation_duration_seconds")), "{{source}}")),
	}
}

// found are the alerts on sessions that fire, of all detections and of those that
// have some in the time shown.
func found(id int) *panel {
	fires := sumBy("detection", each(of("iam_detection_alerts"), "detection", "severity"))
	return timeseries(id, "Alerts on sessions by detection", "Alerts on single sessions, users or addresses that the exporter finds itself and that fire, also if held back; Alertmanager has the names, the exporter's status page the subjects.", "short", whole,
		set("custom", withSoftMax(2)), noData(notConfigured), over(sum(fires), "all"), over(fires+" and on (detection) (sum by (detection) (max_over_time("+of("iam_detection_alerts")+"[$__range] @ end())) > 0)", "{{detection}}"),
		coloured("all", "#8e8e8e"))
}
