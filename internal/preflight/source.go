package preflight

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/session"
)

// sources prepares a try of each source. Of those that sign in with the same
// credentials, the others wait for the first, and are not tried if it is refused:
// five wrong passwords in a row lock many an account.
func (o *Options) sources(c *config.Config) (all []*try) {
	logins := o.Logins
	if logins == nil {
		logins = Logins{}
	}
	for _, sc := range c.Sources {
		key := loginOf(sc)
		t := &try{name: sc.Name, timeout: sc.Timeout}
		if l := logins[key]; l != nil {
			t.after = l.first
			t.run = func(ctx context.Context) block {
				if l.refused {
					return l.notAgain(sc)
				}
				b, _ := o.source(ctx, sc)
				return b
			}
		} else {
			l = &login{first: t}
			logins[key] = l
			t.run = func(ctx context.Context) (b block) {
				b, l.refused = o.source(ctx, sc)
				return b
			}
		}
		all = append(all, t)
	}
	return all
}

// Logins are those of sources that were tried. Runs may share them, one after the other.
type Logins map[string]*login

// login is what sources share that sign in alike.
type login struct {
	first   *try
	refused bool // first was; known when it has ended
}

// notAgain is what is said of another source than the first.
func (l *login) notAgain(sc config.Source) block {
	return block{title: titleOf(sc), lines: []line{{credentials(sc), failed, "not asked: " + l.first.name + " has the same credentials, which were refused", "correct those"}}}
}

func titleOf(sc config.Source) string { return fmt.Sprintf("%s (%s, %s)", sc.Name, sc.API, sc.URL) }

// loginOf stands for how a source signs in, and for where if that matters: several
// servers may know a user from the same directory, and several APIs take tokens of
// the same endpoint. Only secrets are missing in what a configuration prints, and it
// has none.
func loginOf(sc config.Source) string {
	login := []any{sc.URL, sc.APIKey, sc.HTTP}
	switch {
	case sc.HTTP.BasicAuth != nil:
		login = []any{sc.HTTP.BasicAuth}
	case sc.HTTP.OAuth2 != nil:
		login = []any{sc.HTTP.OAuth2}
	}
	text, err := yaml.Marshal(login)
	if err != nil {
		return sc.Name
	}
	return string(text)
}

// trial is the try of one source.
type trial struct {
	source config.Source
	facts  session.Facts
	info   session.Info
	check  *session.Check
	watch  *watch

	reason session.Reason // of the failure; "": there is none
	token  bool           // it is that of the token endpoint: the API was not asked
}

// source tries a source. It reports whether the credentials are refused.
func (o *Options) source(ctx context.Context, sc config.Source) (b block, refused bool) {
	b.title = titleOf(sc)
	src, err := o.Factories[sc.API](sc)
	if err != nil {
		b.lines = []line{{"config", failed, err.Error(), "correct the configuration"}}
		return b, false
	}
	defer src.Close()
	t := &trial{source: sc, facts: src.Facts(), info: src.Info(), watch: newWatch(sc.URL)}
	ctx, cancel := context.WithTimeout(ctx, sc.Timeout)
	defer cancel()
	t.check = session.CheckOf(t.watch.in(ctx), src)
	if t.check.Seen == nil {
		var failed bool
		if t.reason, failed = session.ReasonOf(t.check.Err); !failed {
			return b, false // nobody waits
		}
		t.token = t.watch.onlyTokens()
	}
	host, clock := t.host(), t.clock()
	b.lines = append([]line{host, clock, t.key(clock)}, t.rights()...)
	b.lines = append(b.lines, t.sees()...)
	if sc.HTTP.OAuth2 != nil {
		return b, t.token && t.reason == session.ReasonAuth
	}
	return b, t.reason == session.ReasonAuth
}

// failure is a line for the failure of the check.
func (t *trial) failure(name string) line {
	fault, remedy := httpclient.Fault(t.check.Err)
	if t.check.Remedy != "" && !t.token {
		remedy = t.check.Remedy
	}
	remedy = cmp.Or(remedy, remedyOf(t.reason))
	if !t.token && strings.HasPrefix(t.source.URL, "http://") && httpclient.NotHTTP(t.check.Err) {
		remedy = "if the server wants TLS at this port, write https://; else " + remedy
	}
	return line{name, failed, fault, remedy}
}

// remedyOf says what to do about a failure of which no more is known.
func remedyOf(r session.Reason) string {
	switch r {
	case session.ReasonDecode:
		return "what responds there is not the API: open the url in a browser, and have gateways, proxies and logins before the API let its path through"
	case session.ReasonUntrusted:
		return "the API ignores the filter, or contradicts itself: try without a filter, and report what it is that responds"
	}
	return "check " + r.Check()
}
