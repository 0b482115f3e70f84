// Package oam reads the sessions of an Oracle Access Manager (OAM) through its
// session search, as a session.Source.
//
// The way of an answer is: search asks, decode turns any of the forms that are
// known or plausible into rows, a judge turns a row into a session.Session, and
// conclude says what the listing proves. One answer lists at most 28 sessions;
// from there on its total is all that is exact.
//
// Sources of facts: the page "Retrieve Sessions based on provided query filter"
// of Oracle's REST API for Session Management (12.2.1.3, 12.2.1.4, 14.1.2).
package oam

import (
	"context"
	"time"

	"github.com/go-kit/log"
	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/session"
)

// Config says which OAM to ask, and what its API does not tell.
type Config struct {
	Name string // the source's name
	URL  string // scheme, host, optional port of an OAM managed server, or what stands before it
	HTTP promconfig.HTTPClientConfig

	IdentityStores     []string      // known beforehand; others are found in listings
	IdleTimeout        time.Duration // without access for so long, a session is idle; 0: never
	SessionLifetime    time.Duration // used where expiryTime is absent; 0: unlimited
	MaxSessionsPerUser int           // what the server enforces; 0: not known
	RoleAttribute      string        // name of the userAttributes entry that holds the role, case kept; empty: there is no role

	UserAgent string
	Now       func() time.Time // our clock; time.Now where nil
	Logger    log.Logger       // names the source already; nil logs nothing
	Hasher    session.Hasher   // a fresh one where zero
}

// Source is a session.Source and session.Searcher.
type Source struct {
	cfg    Config
	client *httpclient.Client
	lane   *httpclient.Lane
	judge  judge
	log    *notes
}

var (
	_ session.Source   = (*Source)(nil)
	_ session.Searcher = (*Source)(nil)
)

// New makes a source. It sends nothing. An error names the setting or file that
// is wrong.
func New(cfg Config) (*Source, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = log.NewNopLogger()
	}
	if cfg.Hasher == (session.Hasher{}) {
		cfg.Hasher = session.NewHasher()
	}
	client, err := httpclient.New(httpclient.Config{
		Name: cfg.Name, BaseURL: cfg.URL, HTTP: cfg.HTTP, UserAgent: cfg.UserAgent,
		Explain: explain, Now: cfg.Now,
	})
	if err != nil {
		return nil, err
	}
	return &Source{
		cfg:    cfg,
		client: client,
		lane:   client.Lane(),
		judge:  judge{idleTimeout: cfg.IdleTimeout, lifetime: cfg.SessionLifetime, hasher: cfg.Hasher},
		log:    &notes{logger: cfg.Logger},
	}, nil
}

// Snapshot implements session.Source. It sends one request.
func (s *Source) Snapshot(ctx context.Context) (*session.Snapshot, error) {
	a, err := s.search(ctx, everything)
	if err != nil {
		return nil, err
	}
	snap := s.conclude(a)
	trace := session.TraceOf(ctx)
	trace.Decided(describe(a, snap))
	s.log.look(a)
	return snap, nil
}

// SearchInfo implements session.Searcher.
func (s *Source) SearchInfo() session.SearchInfo { return session.UnknownSearch() }

// Close implements session.Source.
func (s *Source) Close() { s.client.Close() }
