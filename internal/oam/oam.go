// Package oam reads the sessions of an Oracle Access Manager (OAM) through its
// session search, as a session.Source.
//
// The way of a refresh, by file:
//
//	oam.go             settings; Snapshot, which goes this way
//	plan               the package that decides what to query
//	users.go           users to ask for by name
//	client.go          sends queries: retries, time and max_queries
//	search.go          one query over HTTP
//	decode.go          rows of a response, as json.go and xml.go find them and
//	                   builder.go takes them, in any form that is known or plausible
//	convert.go         a session.Session of a row, with its status
//	snapshot.go        the session.Snapshot of what plan says is proven
//	fullylisted.go     whose sessions must have ended if they are not in it
//	check.go           a refresh of one search, for those who set a source up
//
// What outlives it: addressformats.go, how the server formats addresses; info.go,
// what its filters mean; changelog.go, what was logged as odd; and plan's memory.
//
// The API: https://docs.oracle.com/en/middleware/idm/access-manager/14.1.2/orsnm/op-sessions-post.html,
// "Retrieve Sessions based on provided query filter" of the REST API for Session
// Management; 12.2.1.3 and 12.2.1.4 have the same.
package oam

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-kit/log"
	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/oam/filter"
	"iam_session_exporter/internal/oam/plan"
	"iam_session_exporter/internal/session"
)

// Config says which OAM to ask, and what its API does not tell.
type Config struct {
	Name string // the source's name
	URL  string // scheme, host, optional port of an OAM managed server, or what stands before it
	HTTP promconfig.HTTPClientConfig

	Options

	UserAgent string
	Now       func() time.Time // our clock; time.Now where nil
	Logger    log.Logger       // names the source already; nil logs nothing
	Hasher    session.Hasher   // a fresh one where zero
}

// Options are what a source of OAM has to be told, and others don't.
type Options struct {
	Filter             session.Filter // only sessions that fit all of it; keys of FilterKeys, one value each
	IdentityStores     []string       // known beforehand; others are found in listings
	IdleTimeout        time.Duration  // without access for so long, a session is idle; 0: never
	SessionLifetime    time.Duration  // used where expiryTime is absent; 0: unlimited
	MaxSessionsPerUser int            // what the server enforces; 0: not known
	RoleAttribute      string         // name of the userAttributes entry that holds the role, case kept; empty: there is no role

	MaxQueries           int // for one refresh; 0: 1, which counts and lists no further than one answer
	MaxConcurrentQueries int // at once; 0: 1
}

// FilterKeys are the properties by which sessions can be filtered, by the names
// that the configuration has for them.
func FilterKeys() []string {
	return []string{"id_store_name", "user_id", "client_ip", "is_impersonating"}
}

// Source is a session.Source.
type Source struct {
	cfg     Config
	client  *httpclient.Client
	api     *httpclient.Endpoint
	convert converter
	changes *changeLog
	within  filter.Query // that all queries are within
	memory  *plan.Memory // of the refresh under way

	formats formats // of addresses
	room    room    // for the rows of the refresh under way

	mu   sync.Mutex
	info searchInfo
}

var _ session.Source = (*Source)(nil)

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
	cfg.MaxQueries, cfg.MaxConcurrentQueries = max(cfg.MaxQueries, 1), max(cfg.MaxConcurrentQueries, 1)
	base, err := within(cfg.Filter)
	if err != nil {
		return nil, err
	}
	client, err := httpclient.New(httpclient.Config{
		Name: cfg.Name, BaseURL: cfg.URL, HTTP: cfg.HTTP, UserAgent: cfg.UserAgent,
		Explain: explain, Now: cfg.Now, Cookies: true,
	})
	if err != nil {
		return nil, err
	}
	return &Source{
		cfg:     cfg,
		client:  client,
		api:     client.Endpoint(),
		convert: converter{idleTimeout: cfg.IdleTimeout, lifetime: cfg.SessionLifetime, hasher: cfg.Hasher},
		changes: &changeLog{logger: cfg.Logger},
		within:  base,
		memory:  plan.NewMemory(),
		info:    unknownSearch(),
	}, nil
}

// Snapshot implements session.Source.
func (s *Source) Snapshot(ctx context.Context, want session.Want) (*session.Snapshot, error) {
	return s.refresh(newClient(ctx, s, s.cfg.MaxQueries), want)
}

func (s *Source) refresh(a *client, want session.Want) (*session.Snapshot, error) {
	ctx := a.ctx
	s.room.empty(a.most)
	result, ok := plan.Run(s.memory, plan.Limits{
		Filter: s.within, Addresses: want.ClientIPs, Stores: s.cfg.IdentityStores, Users: users(want.Users), Idle: int64((s.cfg.IdleTimeout + time.Second - 1) / time.Second),
		Sole: s.sole(a),
	}, a)
	if !ok {
		return nil, a.ended
	}
	trace := session.TraceOf(ctx)
	for _, n := range result.Notes {
		trace.Decided(n)
	}
	s.learnt()
	s.changes.links(a.linked)
	if a.fatal {
		return nil, a.ended
	}
	if result.Untrusted != "" {
		return nil, s.untrusted(ctx, result.Untrusted)
	}
	snap := s.conclude(a, &result)
	if want.Identities {
		snap.Identities = identities(a, result.Listed)
	}
	trace.Decided(describe(a, &result))
	s.changes.look(a.first)
	lost := a.ended
	if result.Lost > 0 {
		lost = cmp.Or(lost, a.failure)
	}
	s.changes.unanswered(result.Lost, lost)
	return snap, nil
}

// untrusted is the failure of a check.
func (s *Source) untrusted(ctx context.Context, check string) error {
	session.TraceOf(ctx).Decided("check failed: " + check)
	s.changes.untrusted(check)
	return &session.Error{Reason: session.ReasonUntrusted, Err: fmt.Errorf("POST %s: %w", searchPath, errors.New("the responses contradict each other, or are truncated: "+check))}
}

// learnt publishes and logs what is proven of the filters.
func (s *Source) learnt() {
	info := infoOf(s.memory.Capabilities())
	s.mu.Lock()
	changed := info != s.info
	s.info = info
	s.mu.Unlock()
	if changed {
		s.changes.semantics(info)
	}
}

// Facts implements session.Source.
func (s *Source) Facts() session.Facts {
	f := session.FactIdentityStore | session.FactImpersonation | session.FactDrift | session.FactSearch | session.FactPartial
	if s.cfg.RoleAttribute != "" {
		f |= session.FactRole
	}
	return f
}

// Info implements session.Source.
func (s *Source) Info() session.Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	info := s.info.info()
	info.Filtered = s.cfg.Filter.Keys()
	return info
}

// Close implements session.Source.
func (s *Source) Close() { s.client.Close() }
