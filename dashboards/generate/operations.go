package main

// operations answers: can I believe it?
func operations() *dashboard {
	d := newDashboard("operations", "Can I believe it? Whether each source responds, how fast and how completely, and the state of the exporter.", "now-6h")
	l := &layout{d: d}
	up := "up{" + job + "}"
	l.add(4, 4,
		stat(1, "Exporters down", "Exporters that Prometheus can't scrape, in jobs whose names begin with iam_session or iam-session (IAMExporterDown).", "short", whole,
			judged(good, 1, bad), set("noValue", "no exporter"), now("count("+eachExporter(up)+" == 0) or 0 * count("+up+")", "exporters")),
		stat(2, "Sources down", "Sources that at least one exporter could not refresh (IAMSourceDown).", "short", whole,
			judged(good, 1, bad), set("noValue", "no source"), now("count("+worst(of("iam_source_up"))+" == 0) or 0 * count("+of("iam_source_up")+")", "sources")),
		stat(3, "Partial sources", "Sources that respond but are not fully listed, which is normal for a large OAM; a fault only if they used to be fully listed (IAMSourceIncomplete).", "short", whole,
			judged(good, 1, neutral), set("noValue", "no source"), now("count("+worstState()+" == 1) or 0 * count("+of("iam_source_up")+")", "sources")),
		stat(4, "Oldest success", "Longest time since the last successful refresh of a source; red from 15 minutes (IAMSourceStale).", "s", set("decimals", 0),
			judged(good, 300, warning, 900, bad), set("noValue", "never"), now("max("+sinceSuccess()+")", "ago")),
		stat(5, "Failed refreshes/h", "Refreshes of sources that failed in the last hour, for any reason; if several exporters read a source, of the one with most failures.", "short", whole,
			judged(good, 1, warning, 10, bad), set("noValue", "no exporter"), now(sum(failedScrapes()), "failed")),
		stat(6, "Config reload", "Whether the last reload of each exporter succeeded; if not, it keeps its previous configuration (IAMConfigReloadFailed).", "none",
			says(0, "failed", bad, 1, "ok", good), set("noValue", "no exporter"), now("min("+ofExporter("iam_session_exporter_config_last_reload_successful")+")", "reload")),
	)
	l.add(24, 3, stat(7, "Sources", "Whether each source responds, and whether all its sessions are listed, for its worst exporter; an OAM with many more than 28 is listed in part.", "none",
		state, judged(good), opt("colorMode", "background"), opt("textMode", "value_and_name"), opt("text", object{"titleSize": 14, "valueSize": 16}), set("noValue", "no source is scraped"),
		now(worstState(), "{{source}}")))

	l.row("Is it complete?")
	l.add(8, 8,
		timeseries(10, "Successful refreshes", "Share of the refreshes of each source that succeeded (IAMSourceDown, IAMSourceFlapping).", "percentunit", set("max", 1), set("decimals", 0),
			over(worst("avg_over_time("+of("iam_source_up")+"[$__rate_interval])"), "{{source}}")),
		timeseries(11, "Share of sessions listed", "Share of the sessions of each source that are listed; otherwise statuses, users and starts are lower bounds; the line is 95 %, below which rules on them do not fire.", "percentunit", set("max", 1),
			set("decimals", 0), matching(".*", "custom.fillOpacity", 0), lines("transparent", 0.95, notice), over(worst(of("iam_source_listed_ratio")), "{{source}}")),
		timeseries(12, "Unresolved sessions", "Sessions in the total whose status, role, address or store is not known.", "short", whole,
			over(sumBy("dimension", each(of("iam_source_unresolved_sessions"), "dimension")), "{{dimension}}")),
		timeseries(13, "Refresh duration / timeout", "Share of the time allowed that each refresh took; at 100 % it fails, or lists less of an OAM; the line is 80 % (IAMSourceSlow).", "percentunit", set("custom", withSoftMax(1)), set("decimals", 0),
			lines("transparent", 0.8, warning), over(each(of("iam_source_scrape_duration_seconds")+" / "+of("iam_source_timeout_seconds")), "{{source}}")),
		timeseries(14, "Age of the last success", "Time since the last successful refresh of each source, until an hour after it was last seen; the line is 15 minutes (IAMSourceStale).", "m",
			set("custom", withSoftMax(20)), set("decimals", 0), lines("transparent", 15, bad), over("("+each("timestamp("+of("iam_source_last_success_timestamp_seconds")+") - "+of("iam_source_last_success_timestamp_seconds"))+" or time() - "+each("last_over_time("+of("iam_source_last_success_timestamp_seconds")+"[1h])")+") / 60", "{{source}}")),
		timeseries(15, "Failed refreshes per minute", "Refreshes of sources that failed per minute, by reason, of the exporter with most; the exporter's status page says what to do about each.", "short",
			set("custom", withSoftMax(1)), set("noValue", "No refresh failed in the time range"),
			over("60 * "+sumBy("reason", rate("iam_source_errors_total", "reason"))+" and on (reason) (sum by (reason) (increase("+of("iam_source_errors_total")+"[$__range] @ end())) > 0)", "{{reason}}")),
	)

	l.row("What does it cost the APIs?")
	l.add(12, 8,
		timeseries(16, "API requests by code", "HTTP requests per second of all exporters to the APIs, by status code, or error if there was no response; 429 is a rate limit.", "reqps", stacked, byCode,
			over(sumBy("code", rate("iam_source_requests_total", "code", exporter)), "{{code}}")),
		timeseries(17, "API latency", "Time from sending a request to the end of its response: 50 %, 95 % and 99 % of them took at most this long.", "s",
			noData("no request was sent"), over(quantile("0.5"), "p50"), over(quantile("0.95"), "p95"), over(quantile("0.99"), "p99"),
			coloured("p50", "green"), coloured("p95", "yellow"), coloured("p99", "orange")),
	)
	l.add(12, 8,
		timeseries(18, "Requests per refresh", "Requests in the last refresh of each source: pages of Intersight, queries of OAM, up to max_queries.", "short", whole,
			over(each(of("iam_source_scrape_requests")), "{{source}}")),
		timeseries(20, "Clock skew", "The API's clock minus the exporter's; the API's decides what has expired, and the lines are 30 seconds (IAMSourceClockSkew).", "s", set("min", nil),
			set("custom", withSoftRange(-35, 35)), lines(bad, -30, "transparent", 30, bad), noData("no response has a date"), over(each(of("iam_source_clock_skew_seconds"), exporter), "{{source}} {{instance}} {{cluster}}")),
	)

	l.closedRow("Alerts that the exporter sends itself")
	l.add(6, 8, delivery()...)
	l.add(6, 8, judgement()...)

	l.closedRow("The exporter")
	l.add(12, 9,
		bargauge(21, "Label limits used", "Distinct values of each label of each source, as a share of its limit; above 100 % the smallest are summed in other (IAMLabelLimitReached).", "percentunit", set("max", 1), set("decimals", 0),
			judged(good, 0.8, notice, 1, warning),
			now("sort_desc("+each(of("iam_source_label_values"), "dimension")+" / "+each(of("iam_source_label_values_limit")+" > 0", "dimension")+")", "{{source}}, {{dimension}}")),
	)
	l.add(6, 9,
		timeseries(23, "Memory", "Resident memory of each exporter.", "bytes", noData("no exporter reports it"), over(eachExporter(own(ofExporter("process_resident_memory_bytes"))), "{{instance}} {{cluster}}")),
		timeseries(24, "CPU", "CPU time of each exporter; 100 % is one core.", "percentunit", noData("no exporter reports it"), over(eachExporter(own("rate("+ofExporter("process_cpu_seconds_total")+"[$__rate_interval])")), "{{instance}} {{cluster}}")),
	)

	l.closedRow("Tables")
	l.add(24, 6, sourcesOperations(30))
	l.add(24, 5, searches(31))
	l.add(24, 5, exportersTable(32))
	l.add(24, 5, text(33, "How to read this", "What the numbers mean, and what they do not.", operationsText))
	return d
}

const operationsText = `- **Down** is a source that an exporter could not refresh, because it did not respond or its responses contradict each other. If no other exporter reads it, its sessions are absent from all dashboards. The exporter's status page ` + "`/`" + ` shows the error and what to do; ` + "`/probe?source=NAME&debug=true`" + ` shows each request.
- **Listed in part** is normal for an OAM with many more than 28 sessions: totals, stores and addresses stay exact; statuses, users and starts are lower bounds.
- Exporters are found by the names of their jobs, which must begin with ` + "`iam_session`" + ` or ` + "`iam-session`" + `.`

// quantile works on classic histograms, and on native ones where Prometheus keeps
// only those. Where no API was asked there is no number, and not a number is not
// >= 0.
func quantile(q string) string {
	of := func(metric, by string) string {
		return "histogram_quantile(" + q + ", sum" + by + " (rate(" + of(metric) + "[$__rate_interval])))"
	}
	return "(" + of("iam_source_request_duration_seconds_bucket", " by (le)") + " or " + of("iam_source_request_duration_seconds", "") + ") >= 0"
}

func withSoftRange(low, high float64) object {
	c := withSoftMax(high)
	c["axisSoftMin"] = low
	return c
}

func sourcesOperations(id int) *panel {
	return table(id, "Sources", "The last refresh of each source, and how often refreshes failed in the last hour.",
		column(worstState()),
		column(worst(of("iam_source_listed_ratio"))),
		column(sinceSuccess()),
		column(each(of("iam_source_scrape_duration_seconds"))),
		column(each(of("iam_source_scrape_duration_seconds")+" / "+of("iam_source_timeout_seconds"))),
		column(each(of("iam_source_scrape_requests"))),
		column("sum by (source, api) ("+failedScrapes()+")"),
		column(each("round(abs("+of("iam_source_clock_skew_seconds")+"))")),
		columnsOf(ofSource, "State", "Listed", "Last success", "Duration", "Of timeout", "Requests", "Failed/h", "Clock skew"),
		sortedBy("Source", false), sourceLink("operations", "custom.width", 150),
		named("State", words(0, "down", bad, 1, "in part", neutral, 2, "complete", good)...),
		named("Listed", unit("percentunit", "decimals", 0)...),
		named("Last success", join(unit("s", "decimals", 0), cell(good, 300, warning, 900, bad))...),
		named("Duration", unit("s", "decimals", 2)...),
		named("Of timeout", join(unit("percentunit", "decimals", 0), cell(good, 0.8, warning))...),
		named("Requests", unit("short", "decimals", 0)...),
		named("Failed/h", join(unit("short", "decimals", 0), cell(good, 1, warning, 10, bad))...),
		named("Clock skew", join(unit("s", "decimals", 0), cell(good, 30, bad))...),
	)
}

func searches(id int) *panel {
	found := []string{"combine", "match", "case", "wildcard", "rows", "expiry_time", "last_access_time", "total", "no_match"}
	labels := append([][2]string{}, ofSource...)
	list := ""
	for _, f := range found {
		labels = append(labels, [2]string{f, f})
		list += ", " + f
	}
	return table(id, "Semantics of OAM's search filters", "Detected semantics of the search filters of each OAM, which decide what can be counted; unknown is usual below 28 sessions.",
		column("max by (source, api"+list+") ("+of("iam_oam_search_info")+")"), noData("no OAM among the sources"),
		columnsOf(append(labels, [2]string{"Value", ""})), sortedBy("Source", false), sourceLink("operations", "custom.width", 150),
	)
}

func exportersTable(id int) *panel {
	versioned := func(metric string) string {
		built := eachExporter(ofExporter("iam_session_exporter_build_info"), "job", "version", "goversion")
		return eachExporter(eachExporter(ofExporter(metric), "job")+" * on (cluster, job, instance) group_left (version, goversion) "+built, "version", "goversion")
	}
	return table(id, "Exporters", "Each exporter with its version, and when it started and loaded its configuration.", noData("no exporter is scraped"),
		column("1000 * "+versioned("process_start_time_seconds")),
		column("1000 * "+versioned("iam_session_exporter_config_last_reload_success_timestamp_seconds")),
		column(versioned("iam_session_exporter_config_last_reload_successful")),
		column(eachExporter("up{"+job+"}")),
		columnsOf([][2]string{{"instance", "Exporter"}, {"cluster", "Cluster"}, {"version", "Version"}, {"goversion", "Go"}}, "Started", "Configuration loaded", "Last reload", "State"),
		sortedBy("Exporter", false), named("Exporter", "custom.width", 240),
		matching("Started|Configuration loaded", "unit", "dateTimeFromNow"),
		named("Last reload", words(0, "failed", bad, 1, "ok", good)...),
		named("State", words(0, "down", bad, 1, "up", good)...),
	)
}
