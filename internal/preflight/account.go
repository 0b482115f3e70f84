package preflight

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/session"
)

// credentials names what a source signs in with.
func credentials(sc config.Source) string {
	h := sc.HTTP
	switch {
	case sc.APIKey != nil:
		return "key"
	case h.OAuth2 != nil, h.Authorization != nil, h.BearerTokenFile != "":
		return "token"
	case h.BasicAuth != nil:
		return "password"
	case h.TLSConfig.CertFile != "":
		return "certificate"
	}
	return "login"
}

// key says whether the credentials are accepted.
func (t *trial) key(clock line) line {
	l := line{name: credentials(t.source)}
	switch {
	case t.token:
		l = t.failure(l.name)
		l.text = "token_url: " + l.text
		l.remedy = cmp.Or(tokenRemedy(t.check.Err), l.remedy)
	case t.reason == session.ReasonAuth:
		l = t.failure(l.name)
		switch {
		case clock.state == failed:
			l.remedy = "correct the clock, and run this again"
		case t.watch.silent():
			l.remedy = "correct the file, and let the user that runs the exporter read it"
		}
	case t.reason == "", t.reason == session.ReasonForbidden, t.reason == session.ReasonUntrusted:
		l.state = good
		if l.text = "accepted"; l.name == "login" {
			l.text = "none is configured, and the API asks for none"
		}
	}
	return l
}

// tokenRemedy says what to do if something else than a token endpoint responds.
func tokenRemedy(err error) string {
	reason, _ := session.ReasonOf(err)
	e, ok := errors.AsType[*httpclient.StatusError](err)
	switch {
	case ok && e.Code == http.StatusNotFound:
		return "correct token_url: there is no token endpoint"
	case ok && e.Code/100 == 3:
		return "correct token_url, which leads elsewhere (curl -i shows where), or have the gateway before it let this path through"
	case reason == session.ReasonDecode:
		return "what responds there is not a token endpoint: correct token_url, or have gateways, proxies and logins before it let its path through"
	}
	return ""
}

// rights says what the account may read.
func (t *trial) rights() []line {
	name := "role"
	if t.source.HTTP.OAuth2 != nil {
		name = "scopes"
	}
	switch t.reason {
	case session.ReasonForbidden:
		return []line{t.failure(name)}
	case session.ReasonUntrusted, "":
	default:
		return []line{{name: name}}
	}
	var may []string
	var lines []line
	for _, r := range t.check.Rights {
		if r.Err == nil {
			may = append(may, r.What)
			continue
		}
		reason, _ := session.ReasonOf(r.Err)
		fault, remedy := httpclient.Fault(r.Err)
		if reason == session.ReasonTimeout {
			remedy = "raise timeout, or see why the API is slow"
		}
		lines = append(lines, line{name, doubtful, r.What + ": " + fault + "; without it, " + r.Without + " are not known", cmp.Or(r.Remedy, remedy, remedyOf(reason))})
	}
	if len(t.check.Rights) == 0 {
		may = []string{"sessions"}
	}
	return append([]line{{name: name, state: good, text: "may read " + strings.Join(may, ", ")}}, lines...)
}
