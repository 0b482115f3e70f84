// Package intersight reads the sessions of Cisco Intersight (SaaS or appliance)
// through its REST API, as a session.Source. It only sends GET requests below
// /api/v1/iam/, and never requests session tokens.
//
// The API: https://intersight.com/apidocs/, there iam/Sessions and
// iam/SessionLimits
package intersight

import (
	"context"
	"errors"
	"fmt"
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
	sessions *endpoint
	limits   *endpoint
	// How long a finished listing waits for the limits at least.
	limitsWait time.Duration
	// Whether the limits could be read, so that a change is logged once.
	limitsHealth health
	well         atomic.Bool // the last listing succeeded
	concurrent   int         // pages asked for at once at most, up to maxConcurrent
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
	if cfg.SecretKeyFile != "" || cfg.KeyID != "" || cfg.KeyIDFile != "" {
		if cfg.HTTP.OAuth2 != nil || cfg.HTTP.BasicAuth != nil || cfg.HTTP.Authorization != nil {
			return nil, errors.New("api_key: not together with another way to authenticate")
		}
		s, err := newSigner(cfg)
		if err != nil {
			return nil, err
		}
		h.Sign, h.SecretFiles = s.sign, s.files()
	}
	client, err := httpclient.New(h)
	if err != nil {
		return nil, err
	}
	return &Source{
		cfg:        cfg,
		client:     client,
		limitsWait: minLimitsWait,
		concurrent: maxConcurrent,
		sessions: &endpoint{
			api: client.Endpoint(), path: "/api/v1/iam/Sessions", list: "iam.Session.List", maxBody: httpclient.MaxBody, now: cfg.Now, logger: cfg.Logger,
			selection: selection{full: sessionProperties()},
		},
		limits: &endpoint{
			api: client.Endpoint(), path: "/api/v1/iam/SessionLimits", list: "iam.SessionLimits.List", maxBody: maxLimitsBody, now: cfg.Now, logger: cfg.Logger,
			selection: selection{full: limitProperties()},
		},
	}, nil
}

// Facts implements session.Source.
func (s *Source) Facts() session.Facts {
	return session.FactRole | session.FactFailedLogins | session.FactAccountLimit
}

// Info implements session.Source: the API is documented, and nothing has to be
// found out about it.
func (s *Source) Info() session.Info { return session.Info{} }

// Close releases idle connections.
func (s *Source) Close() { s.client.Close() }

// Snapshot lists the sessions, and asks for the account's limits meanwhile. A
// failure to read the limits does not fail it.
func (s *Source) Snapshot(ctx context.Context, _ session.Want) (*session.Snapshot, error) {
	if err := s.sessions.api.BackedOff(); err != nil {
		return nil, advise(err, s.cfg.HTTP)
	}
	begin := time.Now()
	// The limits are asked meanwhile, but wait for the first page where the last
	// scrape failed: an API that refuses us, or asks for quiet, is not asked twice.
	var limits *limitsCall
	if s.well.Load() {
		limits = s.startLimits(ctx)
	}
	l, err := s.list(ctx, func() {
		if limits == nil {
			limits = s.startLimits(ctx)
		}
	})
	s.well.Store(err == nil)
	if err != nil {
		if limits != nil {
			limits.abandon()
		}
		return nil, advise(err, s.cfg.HTTP)
	}
	snap := l.snapshot()
	snap.Limits = limits.wait(ctx, time.Since(begin))
	return snap, nil
}

func decodeError(what string, err error) error {
	return &session.Error{Reason: session.ReasonDecode, Err: fmt.Errorf("%s: %w", what, err)}
}
