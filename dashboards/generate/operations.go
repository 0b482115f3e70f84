package main

// operations answers: can I believe it?
func operations() *dashboard {
	d := newDashboard("operations", "Can I believe it: what each source answers, how fast and how completely, and how the exporter itself is.", "now-6h")
	l := &layout{d: d}
	up := "up{" + job + "}"
	l.add(4, 4,
		stat(1, "Exporters down", "Exporters that Prometheus can't scrape, in jobs whose names begin with iam_session or iam-session (IAMExporterDown).", "short", whole,
			judged(good, 1, bad), set("noValue", "no exporter"), now("count("+eachExporter(up)+" == 0) or 0 * count("+up+")", "exporters")),
		stat(2, "Sources down", "Sources from which at least one exporter got no answer that can be trusted (IAMSourceDown).", "short", whole,
			judged(good, 1, bad), set("noValue", "no source"), now("count("+worst(of("iam_source_up"))+" == 0) or 0 * count("+of("iam_source_up")+")", "sources")),
		stat(3, "Partial sources", "Sources that answer but don't list every session, as OAM does beyond its window; it is a fault only where it used to be otherwise (IAMSourceIncomplete).", "short", whole,
			judged(good, 1, neutral), set("noValue", "no source"), now("count("+worstState()+" == 1) or 0 * count("+of("iam_source_up")+")", "sources")),
		stat(4, "Oldest success", "Time since the source that has gone longest without success was last scraped; red from 15 minutes (IAMSourceStale).", "s", set("decimals", 0),
			judged(good, 300, warning, 900, bad), set("noValue", "never"), now("max("+sinceSuccess()+")", "ago")),
		stat(5, "Failed scrapes/h", "Scrapes of sources that failed within an hour, for any reason; of several exporters of a source, of the one with most.", "short", whole,
			judged(good, 1, warning, 10, bad), set("noValue", "no exporter"), now(sum(failedScrapes()), "failed")),
		stat(6, "Config reload", "Whether each exporter could load its newest configuration; if not, it keeps the previous one (IAMConfigReloadFailed).", "none",
			says(0, "failed", bad, 1, "ok", good), set("noValue", "no exporter"), now("min("+ofExporter("iam_session_exporter_config_last_reload_successful")+")", "reload")),
	)
	l.add(24, 3, stat(7, "Sources", "Whether each source answers, and whether it lists every session, for the exporter that fares worst; OAM is listed in part where it has many more than 28.", "none",
		state, judged(good), opt("colorMode", "background"), opt("textMode", "value_and_name"), opt("text", object{"titleSize": 14, "valueSize": 16}), set("noValue", "no source is scraped"),
		now(worstState(), "{{source}}")))

	l.row("Is it complete?")
	l.add(8, 8,
		timeseries(10, "Successful scrapes", "Share of the scrapes of each source that succeeded (IAMSourceDown, IAMSourceFlapping).", "percentunit", set("max", 1), set("decimals", 0),
			over(worst("avg_over_time("+of("iam_source_up")+"[$__rate_interval])"), "{{source}}")),
		timeseries(11, "Share of sessions listed", "Share of its sessions that each source lists, below which statuses, users and starts are lower bounds; the line is 95 %, below which rules on them are silent.", "percentunit", set("max", 1),
			set("decimals", 0), matching(".*", "custom.fillOpacity", 0), lines("transparent", 0.95, notice), over(worst(of("iam_source_listed_ratio")), "{{source}}")),
		timeseries(12, "Unresolved sessions", "Sessions that are counted but whose status, role, address or store is not known.", "short", whole,
			over(sumBy("dimension", each(of("iam_source_unresolved_sessions"), "dimension")), "{{dimension}}")),
		timeseries(13, "Scrape duration / timeout", "Share of the time allowed that each scrape took; at 100 % it fails, or lists less of an OAM, and the line is 80 % (IAMSourceSlow).", "percentunit", set("custom", withSoftMax(1)), set("decimals", 0),
			lines("transparent", 0.8, warning), over(each(of("iam_source_scrape_duration_seconds")+" / "+of("iam_source_timeout_seconds")), "{{source}}")),
		timeseries(14, "Age of the last success", "Time since each source was last scraped with success, also in the hour after it has vanished; the line is 15 minutes (IAMSourceStale).", "m",
			set("custom", withSoftMax(20)), set("decimals", 0), lines("transparent", 15, bad), over("("+each("timestamp("+of("iam_source_last_success_timestamp_seconds")+") - "+of("iam_source_last_success_timestamp_seconds"))+" or time() - "+each("last_over_time("+of("iam_source_last_success_timestamp_seconds")+"[1h])")+") / 60", "{{source}}")),
		timeseries(15, "Failed scrapes per minute", "Scrapes of sources that fail each minute, by the reasons that occur, of the exporter that has most; the exporter's status page says what to do about each.", "short",
			set("custom", withSoftMax(1)), set("noValue", "No scrape failed in the time shown"),
			over("60 * "+sumBy("reason", rate("iam_source_errors_total", "reason"))+" and on (reason) (sum by (reason) (increase("+of("iam_source_errors_total")+"[$__range] @ end())) > 0)", "{{reason}}")),
	)

	l.row("What does it cost the APIs?")
	l.add(12, 8,
		timeseries(16, "API requests by code", "HTTP requests of all exporters to the APIs each second by status code, or error where no answer came; 429 is a rate limit.", "reqps", stacked, byCode,
			over(sumBy("code", rate("iam_source_requests_total", "code", exporter)), "{{code}}")),
		timeseries(17, "API latency", "Time from sending a request to the end of its answer, which half, 95 % and 99 % of them stay below.", "s",
			noData("no API was asked"), over(quantile("0.5"), "p50"), over(quantile("0.95"), "p95"), over(quantile("0.99"), "p99"),
			coloured("p50", "green"), coloured("p95", "yellow"), coloured("p99", "orange")),
	)
	l.add(12, 8,
		timeseries(18, "Requests per scrape", "Requests that the last scrape of each source took: pages of Intersight, queries of OAM, up to max_queries.", "short", whole,
			over(each(of("iam_source_scrape_requests")), "{{source}}")),
		timeseries(20, "Clock skew", "The API's clock minus the exporter's, which decides what has expired; the lines are 30 seconds (IAMSourceClockSkew).", "s", set("min", nil),
			set("custom", withSoftRange(-35, 35)), lines(bad, -30, "transparent", 30, bad), noData("no answer has a date"), over(each(of("iam_source_clock_skew_seconds"), exporter), "{{source}} {{instance}} {{cluster}}")),
	)

	l.closedRow("The exporter")
	l.add(12, 9,
		bargauge(21, "Label limits used", "Distinct values of each label of each source by what its limit allows; beyond 100 % the smallest are summed in other (IAMLabelLimitReached).", "percentunit", set("max", 1), set("decimals", 0),
			judged(good, 0.8, notice, 1, warning),
			now("sort_desc("+each(of("iam_source_label_values"), "dimension")+" / "+each(of("iam_source_label_values_limit")+" > 0", "dimension")+")", "{{source}}, {{dimension}}")),
	)
	l.add(6, 9,
		timeseries(23, "Memory", "Resident memory of each exporter.", "bytes", noData("no exporter reports it"), over(eachExporter(own(ofExporter("process_resident_memory_bytes"))), "{{instance}} {{cluster}}")),
		timeseries(24, "CPU", "Processor time that each exporter uses, where 100 % is one core.", "percentunit", noData("no exporter reports it"), over(eachExporter(own("rate("+ofExporter("process_cpu_seconds_total")+"[$__rate_interval])")), "{{instance}} {{cluster}}")),
	)

	l.closedRow("Tables")
	l.add(24, 6, sourcesOperations(30))
	l.add(24, 5, searches(31))
	l.add(24, 5, exportersTable(32))
	l.add(24, 5, text(33, "How to read this", "What the numbers mean and what they do not.", operationsText))
	return d
}

const operationsText = `- **Down** is a source from which an exporter got no answer that can be trusted. If no other exporter reads it, its sessions are absent from all dashboards. The exporter's own page ` + "`/`" + ` shows the error and what to do; ` + "`/probe?source=NAME&debug=true`" + ` shows each request.
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
	return table(id, "Sources", "How each source was last scraped, and how often that failed within an hour.",
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
	return table(id, "What OAM's search filters mean", "What each OAM was found to make of search filters, which decides what can be counted; unknown is usual for fewer than 28 sessions.",
		column("max by (source, api"+list+") ("+of("iam_oam_search_info")+")"), noData("no OAM among the sources"),
		columnsOf(append(labels, [2]string{"Value", ""})), sortedBy("Source", false), sourceLink("operations", "custom.width", 150),
	)
}

func exportersTable(id int) *panel {
	versioned := func(metric string) string {
		built := eachExporter(ofExporter("iam_session_exporter_build_info"), "job", "version", "goversion")
		return eachExporter(eachExporter(ofExporter(metric), "job")+" * on (cluster, job, instance) group_left (version, goversion) "+built, "version", "goversion")
	}
	return table(id, "Exporters", "Each exporter with its version, and when it started and took its configuration.", noData("no exporter is scraped"),
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
