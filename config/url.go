package config

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// baseURL brings a source's URL into the form scheme://host[:port], or says
// what is wrong. The text shown is never more than scheme, host and port, as
// the rest may hold a password.
func baseURL(s string) (base, problem string) {
	s = strings.TrimSpace(s)
	const write = "write https://HOST or https://HOST:PORT"
	switch {
	case s == "":
		return "", "is empty; " + write
	case strings.Contains(s, "@"):
		return "", "must hold no user or password; " + write + ", and use api_key, basic_auth or oauth2"
	case !strings.Contains(s, "://"):
		if h := strings.TrimRight(s, "/"); strings.Contains(h, ".") && validAuthority(h) {
			return "", "has no scheme; write https://" + h
		}
		return "", "is not a URL; " + write
	}
	u, err := url.Parse(s)
	if err != nil {
		return "", "is not a URL; " + write
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return "", "has the scheme " + quote(u.Scheme) + "; use https (or http)"
	}
	host := strings.ToLower(u.Host)
	if !validAuthority(host) {
		return "", "has no valid host or port; " + write
	}
	base = u.Scheme + "://" + withoutDefaultPort(u.Scheme, host)
	switch {
	case strings.ContainsAny(s, "?#"):
		return "", "must hold no query or fragment; write " + base
	case strings.Trim(u.Path, "/") != "":
		return "", "must hold no path, the exporter adds it; write " + base
	}
	return base, ""
}

// withoutDefaultPort matters beyond looks: the host is part of a signature, and
// a server compares it with a name that has no port.
func withoutDefaultPort(scheme, host string) string {
	switch scheme {
	case "https":
		return strings.TrimSuffix(host, ":443")
	case "http":
		return strings.TrimSuffix(host, ":80")
	}
	return host
}

// validAuthority reports whether s is a host with or without a port.
func validAuthority(s string) bool {
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		host, port = s[:i], s[i+1:]
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return false
		}
	}
	if strings.HasPrefix(host, "[") {
		a, err := netip.ParseAddr(strings.TrimSuffix(host[1:], "]"))
		return err == nil && a.Is6() && a.Zone() == "" && strings.HasSuffix(host, "]")
	}
	return validHost(host)
}

// validHost accepts IPv4 addresses and DNS names, with the underscores that
// are in use inside companies.
func validHost(s string) bool {
	if len(s) > 253 {
		return false
	}
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for _, c := range []byte(l) {
			if !isAlnum(c) && c != '-' && c != '_' {
				return false
			}
		}
	}
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		_, err := netip.ParseAddr(s)
		return err == nil
	}
	return true
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// endpointURL checks the URL of a token endpoint or a proxy and says what is
// wrong, without showing any of it.
func endpointURL(s string, schemes ...string) (u *url.URL, problem string) {
	write := "write " + schemes[0] + "://HOST[:PORT]"
	if strings.Contains(s, "@") {
		return nil, "must hold no user or password"
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Opaque != "" {
		return nil, "is not a URL; " + write
	}
	known := false
	for _, scheme := range schemes {
		known = known || u.Scheme == scheme
	}
	switch {
	case !known:
		return nil, "must begin with " + strings.Join(schemes, "://, ") + "://"
	case !validAuthority(u.Host):
		return nil, "has no valid host or port; " + write
	case strings.ContainsAny(s, "?#"):
		return nil, "must hold no query or fragment"
	}
	return u, ""
}

// isLoopback reports whether a URL leads to this machine.
func isLoopback(u *url.URL) bool {
	if u.Hostname() == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(u.Hostname())
	return err == nil && a.Unmap().IsLoopback()
}
