package notify

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

// address is where an Alertmanager is.
type address struct {
	post string // the URL that alerts are posted to
	host string // host:port
	name string // host:port and path: the label "alertmanager"
}

// Name returns an Alertmanager's label value: host:port and path, without a slash
// at its end. Two of the same name are the same Alertmanager.
func Name(rawURL string) (string, error) {
	a, err := parseURL(rawURL)
	return a.name, err
}

// parseURL keeps errors free of the URL, which may have a password in it.
func parseURL(raw string) (address, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return address{}, errors.New("the url can't be parsed")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return address{}, errors.New("the url needs http or https, and a host")
	case u.User != nil:
		return address{}, errors.New("the url holds credentials: use basic_auth")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return address{}, errors.New("the url may hold nothing but scheme, host, port and path")
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	host := net.JoinHostPort(strings.ToLower(u.Hostname()), port)
	return address{post: u.Scheme + "://" + u.Host + path + "/api/v2/alerts", host: host, name: host + path}, nil
}
