package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"iam_session_exporter/internal/session"
)

// API is what a configuration has to know of a session API.
type API struct {
	Name        session.API
	Title       string         // the name that people use
	MinInterval time.Duration  // default of min_interval
	Options     func() Options // makes the options that only this API has; nil: it has none

	// NoOption is why it has no option of that key, which another API has; "" is
	// for all that are not named.
	NoOption map[string]string

	Facts session.Facts // those that its sessions may have, and detections need

	// How it authenticates.
	Ways        []string // those that it takes, in words
	APIKey      bool     // api_key is one of them
	BasicAuth   bool     // basic_auth is one of them
	Certificate bool     // an OAuth2 client may prove itself by its certificate
	TokenPath   string   // default of oauth2.token_url, below the source's url; "": there is none

	doubts func(*object, *Source) // warns of what is possible but hardly meant; may be nil
}

// APIs are the session APIs that a configuration may name.
type APIs []API

// Known are the APIs that this program reads.
func Known() APIs { return APIs{intersightAPI(), oamAPI()} }

func (as APIs) names() []string {
	names := make([]string, len(as))
	for i, a := range as {
		names[i] = string(a.Name)
	}
	return names
}

// api reads which API a source has. After a mistake it is one that takes
// everything.
func (o *object) api() *API {
	names := o.d.apis.names()
	want := anyOf(names)
	s, ok := o.text("api", want)
	i := slices.Index(names, s)
	switch {
	case !o.has("api"):
		o.fail("api", "is missing; write %s", want)
	case ok && i >= 0:
		return &o.d.apis[i]
	case ok:
		hint := ""
		if near := Nearest(s, names); near != "" {
			hint = fmt.Sprintf(" (did you mean %s?)", near)
		}
		o.fail("api", "%s is not an API; use %s%s", quote(s), want, hint)
	}
	return &API{APIKey: true, BasicAuth: true, Certificate: true}
}

// withKey names the APIs that take an api_key.
func (as APIs) withKey() string {
	with := slices.DeleteFunc(slices.Clone(as), func(a API) bool { return !a.APIKey })
	return strings.Join(with.names(), ", ")
}
