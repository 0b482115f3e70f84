// Package intersight reads the sessions of Cisco Intersight (SaaS or appliance)
// through its REST API, as a session.Source. It only sends GET requests below
// /api/v1/iam/, and never requests session tokens.
//
// Each refresh asks for iam/Sessions and iam/SessionLimits. Where identity providers
// are wanted, iam/Users is asked for beside them now and then, which says what
// provider a user has and until when they are locked, and iam/Idps and
// iam/IdpReferences for the names of the providers. Sessions never depend on these.
//
// The API: https://intersight.com/apidocs/
package intersight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/session"
)

// Config says which Intersight to read and as whom: signed with an API key
// where SecretKeyFile is set, else with whatever HTTP holds.
type Config struct {
	Name string // the source's name
	URL  string // scheme, host, optional port; a trailing slash is forgiven
	HTTP promconfig.HTTPClientConfig

	KeyID         string // API key id; blanks around it are forgiven
	KeyIDFile     string // or the file that holds it, read anew when it changes
	SecretKeyFile string // PEM of the secret key (see LoadKey), read anew when it changes

	Options

	UserAgent string
	Now       func() time.Time // nil: time.Now
	Logger    log.Logger       // names the source already; nil: no logs
	Hasher    session.Hasher
}

// Source is a session.Source. Its methods may be called concurrently.
type Source struct {
	cfg      Config
	client   *httpclient.Client
	signer   *signer    // nil: no API key
	filter   *rowFilter // nil: none
	sessions *endpoint
	named    *endpoint // sessions with what identities need
	limits   *endpoint
	// Whether the limits could be read, so that a change is logged once.
	limitsHealth health
	directory    *directory    // nil: not wanted
	besideWait   time.Duration // how long a finished listing waits for the others at least
	well         atomic.Bool   // the last listing succeeded
	concurrent   int           // pages asked for at once at most, up to maxConcurrent
}

var _ session.Source = (*Source)(nil)

// New makes a Source without asking the API anything. An error names the
// setting or the file that is wrong.
func New(cfg Config) (*Source, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = log.NewNopLogger()
	}
	h := httpclient.Config{
		Name: cfg.Name, BaseURL: cfg.URL, HTTP: cfg.HTTP, UserAgent: cfg.UserAgent,
		Explain: explain, Now: cfg.Now,
	}
	var keyed *signer
	if cfg.SecretKeyFile != "" || cfg.KeyID != "" || cfg.KeyIDFile != "" {
		if cfg.HTTP.OAuth2 != nil || cfg.HTTP.BasicAuth != nil || cfg.HTTP.Authorization != nil {
			return nil, errors.New("api_key: not together with another way to authenticate")
		}
		s, err := newSigner(cfg)
		if err != nil {
			return nil, err
		}
		h.Sign, h.SecretFiles, keyed = s.sign, s.files(), s
	}
	client, err := httpclient.New(h)
	if err != nil {
		return nil, err
	}
	filter, err := newRowFilter(cfg.Options)
	if err != nil {
		return nil, err
	}
	s := &Source{cfg: cfg, client: client, signer: keyed, filter: filter, besideWait: minBesideWait, concurrent: maxConcurrent, limitsHealth: health{what: "Session limits"}}
	properties := sessionProperties()
	if filter.uses(propAccountMoid) {
		properties = append(properties, propAccountMoid.String())
	}
	s.sessions = s.endpoint("/api/v1/iam/Sessions", "iam.Session.List", properties...)
	s.sessions.maxBody, s.sessions.filter = httpclient.MaxBody, filter
	s.named = s.endpoint(s.sessions.path, s.sessions.list, append(slices.Clone(properties), propLastLoginClient.String())...)
	s.named.maxBody, s.named.filter, s.named.api = httpclient.MaxBody, filter, s.sessions.api
	s.limits = s.endpoint("/api/v1/iam/SessionLimits", "iam.SessionLimits.List", limitProperties()...)
	if cfg.IdentityProviders {
		s.directory = newDirectory(func(path, list string, properties ...string) *endpoint {
			e := s.endpoint(path, list, properties...)
			e.optional = true
			return e
		}, cfg.Hasher, cfg.Logger)
	}
	return s, nil
}

// endpoint makes one that backs off by itself.
func (s *Source) endpoint(path, list string, properties ...string) *endpoint {
	return &endpoint{
		api: s.client.Endpoint(), path: path, list: list, maxBody: maxBesideBody, now: s.cfg.Now, logger: s.cfg.Logger,
		selection: selection{full: properties},
	}
}

// Facts implements session.Source.
func (s *Source) Facts() session.Facts {
	facts := session.FactRole | session.FactFailedLogins | session.FactAccountLimit | session.FactLoginType | session.FactLastLogin
	if s.directory != nil {
		facts |= session.FactIdentityStore | session.FactLocks
	}
	return facts
}

// Info implements session.Source: the API is documented, and nothing has to be
// found out about it.
func (s *Source) Info() session.Info { return session.Info{Filtered: s.filter.keys()} }

// Close releases idle connections.
func (s *Source) Close() {
	if s.directory != nil {
		s.directory.close()
	}
	s.client.Close()
}

// Snapshot lists the sessions, and asks for the account's limits, and perhaps its
// users, meanwhile. A failure to read these does not fail it.
func (s *Source) Snapshot(ctx context.Context, want session.Want) (*session.Snapshot, error) {
	if err := s.sessions.api.BackedOff(); err != nil {
		return nil, advise(err, s.cfg.HTTP)
	}
	started := time.Now()
	// They wait for the first page where the last refresh failed: an API that refuses
	// us, or asks for quiet, is not asked twice.
	var others *beside
	if s.well.Load() {
		others = s.askBeside(ctx)
	}
	lister := &lister{Source: s, endpoint: s.sessions, identities: want.Identities, answered: func() {
		if others == nil {
			others = s.askBeside(ctx)
		}
	}}
	if want.Identities {
		lister.endpoint = s.named
	}
	l, err := lister.list(ctx)
	s.well.Store(err == nil)
	if err != nil {
		others.abandon()
		return nil, advise(err, s.cfg.HTTP)
	}
	snap := l.snapshot()
	s.tell(ctx, others, snap, newPatience(ctx, time.Since(started), s.besideWait), slices.Contains(l.asked, propUser.String()))
	return snap, nil
}

func decodeError(what string, err error) error {
	return &session.Error{Reason: session.ReasonDecode, Err: fmt.Errorf("%s: %w", what, err)}
}
