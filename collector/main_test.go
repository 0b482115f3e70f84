package collector

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/log"
	"go.uber.org/goleak"

	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// fakeSource answers each Snapshot with the next function, the last one for ever.
type fakeSource struct {
	mu     sync.Mutex
	answer []func(context.Context) (*session.Snapshot, error)
	calls  int
	closed bool
	facts  session.Facts
	info   session.Info
}

func (f *fakeSource) Facts() session.Facts { return f.facts }
func (f *fakeSource) Info() session.Info   { return f.info }

func (f *fakeSource) Snapshot(ctx context.Context, _ session.Want) (*session.Snapshot, error) {
	f.mu.Lock()
	a := f.answer[min(f.calls, len(f.answer)-1)]
	f.calls++
	f.mu.Unlock()
	return a(ctx)
}

func (f *fakeSource) Close() { f.closed = true }

func (f *fakeSource) asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// newSource makes a source that has the facts that the options say.
func newSource(f *fakeSource, opt Options) *Source {
	f.facts = opt.facts
	return NewSource(f, opt)
}

// factsOf is what the sources of an API can say.
func factsOf(api session.API) session.Facts {
	if api == session.OAM {
		return session.FactIdentityStore | session.FactImpersonation | session.FactDrift | session.FactSearch | session.FactPartial
	}
	return session.FactRole | session.FactFailedLogins | session.FactAccountLimit |
		session.FactIdentityStore | session.FactLoginType | session.FactLocks | session.FactLastLogin
}

func snapshot(s *session.Snapshot) func(context.Context) (*session.Snapshot, error) {
	return func(ctx context.Context) (*session.Snapshot, error) {
		session.TraceOf(ctx).Sent(session.Request{What: "GET", Code: 200, Sent: noon, RoundTrip: 2 * time.Second, Duration: 3 * time.Second, Date: noon.Add(5 * time.Second)})
		return s, nil
	}
}

func failure(reason session.Reason, err error) func(context.Context) (*session.Snapshot, error) {
	return func(context.Context) (*session.Snapshot, error) {
		return nil, &session.Error{Reason: reason, Err: err}
	}
}

func hang(ctx context.Context) (*session.Snapshot, error) {
	<-ctx.Done()
	if cause := context.Cause(ctx); cause != context.DeadlineExceeded {
		return nil, cause
	}
	return nil, &session.Error{Reason: session.ReasonTimeout, Err: context.DeadlineExceeded}
}

func options(api session.API) Options {
	return Options{
		Name: "test", API: api, Timeout: 10 * time.Second, facts: factsOf(api),
		Grouping: grouping.Grouping{Labels: grouping.Labels{Role: grouping.Label{Limit: 50}, IdentityStore: grouping.Label{Limit: 50}, LoginType: grouping.Label{Limit: 10}, ClientIP: grouping.ClientIP{Limit: 100, IPv4Prefix: 32, IPv6Prefix: 128}}},
		Now:      func() time.Time { return noon },
		Logger:   log.NewNopLogger(),
	}
}

// complete makes a snapshot in which everything is listed.
func complete(taken time.Time, sessions ...session.Session) *session.Snapshot {
	return &session.Snapshot{
		Taken: taken, Sessions: sessions, Total: len(sessions), Reported: len(sessions), Complete: true,
		Resolved: map[session.Dimension]session.Resolution{
			session.DimensionRole: {Listed: true}, session.DimensionClientIP: {Listed: true}, session.DimensionIdentityStore: {Listed: true},
			session.DimensionLoginType: {Listed: true},
		},
	}
}

func partly(s *session.Snapshot) *session.Snapshot {
	s.Complete = false
	return s
}

func ptr[T any](v T) *T { return &v }
