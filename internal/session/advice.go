package session

// What the program says of each reason, in one place.
type reasonAdvice struct {
	reason Reason
	check  string // in a log line: where to look first
	advice string // on a page: what it means and what to do
}

const debugging = "requests and responses: /probe with debug=true"

func reasonsAdvice() []reasonAdvice {
	return []reasonAdvice{
		{
			ReasonAuth,
			"the secret and its user, client or key ID; this host's clock; the host of the url; whether a proxy changes requests",
			"The API, or its token endpoint, does not accept the credentials, or a secret file can't be read. Check the key or password, this host's clock, and the url. The exporter backs off for two minutes, or until the secret or the configuration changes, so that no account is locked.",
		}, {
			ReasonForbidden,
			"the role or scope of the account",
			"The credentials are valid, but may not read sessions. Check the role or scope of the account. The exporter backs off for two minutes, or until the secret or the configuration changes.",
		}, {
			ReasonRateLimited,
			"scrape interval, min_interval, and which other clients use the API",
			"The source is rate limited; the exporter backs off. If this happens often, raise the scrape interval or min_interval, and check which other clients use the API.",
		}, {
			ReasonTimeout,
			"how long the API takes, scrape_timeout in Prometheus, and the source's timeout",
			"The API did not respond in time. Check that it is healthy, and compare Prometheus's scrape_timeout and the source's timeout with the time that it takes.",
		}, {
			ReasonConnect,
			"the url, DNS, firewalls and proxies, and whether the API runs",
			"No connection. Check the url, DNS, firewalls and proxies between the exporter and the API, that the API runs, and that this process may open more files.",
		}, {
			ReasonTLS,
			"what the error says about the certificate: an unknown authority needs tls_config.ca_file, another name tls_config.server_name, anything else a new certificate",
			"The API's certificate is not trusted, or TLS failed. The error says which: an unknown authority needs tls_config.ca_file, another name tls_config.server_name; an expired certificate, or one with a Common Name only, must be replaced on the server.",
		}, {
			ReasonHTTP,
			"the url, and gateways in front of the API: a redirect means a login or another host; 404 another server",
			"The API responds with an error. A redirect is refused: a gateway asks for a login, or the url is that of another host. 404: the url is not that of the API's server (for OAM: the managed server, not the AdminServer).",
		}, {
			ReasonDecode,
			debugging,
			"The response is not what the API documents: a login page, a gateway that responds itself, or a truncated response. Open the link debug to see it.",
		}, {
			ReasonUntrusted,
			debugging,
			"The responses contradict each other, so none is published. Open the link debug to see the steps.",
		},
	}
}

// Check says in a few words where to look first.
func (r Reason) Check() string { return r.said().check }

// Advice says in sentences what the reason means, and what to do.
func (r Reason) Advice() string { return r.said().advice }

func (r Reason) said() reasonAdvice {
	for _, a := range reasonsAdvice() {
		if a.reason == r {
			return a
		}
	}
	return reasonAdvice{reason: r}
}
