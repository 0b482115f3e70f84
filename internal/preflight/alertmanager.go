package preflight

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/notify"
	"iam_session_exporter/internal/session"
)

// alertmanagers prepares a try of each Alertmanager.
func (o *Options) alertmanagers(c *config.Config) (all []*try) {
	if c.Alerting == nil {
		return nil
	}
	for _, m := range c.Alerting.Alertmanagers {
		name, err := notify.Name(m.URL)
		if err != nil {
			continue // a configuration with such a URL is not valid
		}
		all = append(all, &try{name: name, timeout: m.Timeout, run: func(ctx context.Context) block {
			return block{lines: []line{o.alertmanager(ctx, name, m)}}
		}})
	}
	return all
}

// alertmanager sends a request without alerts: it changes nothing, and shows what
// a look at the Alertmanager's health would not, that alerts would be accepted.
func (o *Options) alertmanager(ctx context.Context, name string, m config.Alertmanager) line {
	l := line{name: name, state: failed}
	tried, err := notify.Try(ctx, notify.Alertmanager{URL: m.URL, Timeout: m.Timeout, HTTP: m.HTTP}, notify.Options{UserAgent: o.UserAgent, Now: o.Now})
	if refusal, ok := errors.AsType[*notify.Refusal](err); ok {
		l.text, l.remedy = refusal.Error(), refused(refusal.Status)
		return l
	}
	if err != nil {
		l.text, l.remedy = httpclient.Fault(err)
		if _, ok := errors.AsType[*httpclient.TokenError](err); ok {
			l.text, l.remedy = "token_url: "+l.text, cmp.Or(tokenRemedy(err), l.remedy)
		}
		if reason, ok := session.ReasonOf(err); l.remedy == "" && ok {
			l.remedy = remedyOf(reason)
		}
		return l
	}
	if tried.Page {
		l.text, l.remedy = "the answer is a page, not Alertmanager's", "have the gateway or login before it let POST api/v2/alerts through, or correct the url"
		return l
	}
	l.state, l.text = good, "accepts alerts, in "+milliseconds(tried.Took)
	if tried.Skew != nil {
		clock, text := compared("it", *tried.Skew)
		if l.text += "; clock: " + text; clock != good {
			l.state, l.remedy = clock, "synchronize the clocks by NTP: an Alertmanager that is ahead ends alerts early"
		}
	}
	return l
}

// refused says what to do about a status.
func refused(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "correct the credentials of this Alertmanager, or allow them to POST api/v2/alerts"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return "correct the url: it must be that of Alertmanager 0.16 or later, with the path prefix of its --web.external-url"
	}
	if remedy := httpclient.StatusRemedy(status); remedy != "" {
		return remedy
	}
	return "see the log of the Alertmanager, or of the gateway before it"
}
