package collector

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"iam_session_exporter/internal/session"
)

// Callers who allow little time don't fail the refreshes that others share.
func TestShortCallersFailNobodyElse(t *testing.T) {
	for _, api := range []session.API{session.Intersight, session.OAM} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeSource{answer: []func(context.Context) (*session.Snapshot, error){slowly(2*time.Second, complete(noon))}}
			s := newTestSource(f, func(o *Options) { o.API, o.facts, o.MinInterval = api, factsOf(api), 30*time.Second })
			short := func() {
				if out := s.scrape(t.Context(), 500*time.Millisecond); out.view == nil && (out.err != nil || out.allowed != 500*time.Millisecond || out.taken > out.allowed) {
					t.Errorf("%s: a short caller: %+v", api, out)
				}
			}
			for range 40 { // a short caller always comes first
				short()
				time.Sleep(time.Second)
				short()
				time.Sleep(time.Second)
				if out := s.scrape(t.Context(), 9*time.Second); out.view == nil {
					t.Errorf("%s: no view: %v", api, out.err)
				}
				time.Sleep(13 * time.Second)
			}
			if n := f.asked(); n > 21 || errorsOf(s) != 0 {
				t.Errorf("%s: %d refreshes, %v errors; want at most 21, 0", api, n, errorsOf(s))
			}
		})
	}
}

// What OAM has proven in the time of those who wait reaches them, though the
// source could take longer.
func TestPartialAnswersAreInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var planned time.Duration
		f := &fakeSource{answer: []func(context.Context) (*session.Snapshot, error){func(ctx context.Context) (*session.Snapshot, error) {
			session.TraceOf(ctx).Sent(session.Request{Code: 200})
			deadline, _ := ctx.Deadline()
			planned = time.Until(deadline)
			<-ctx.Done()
			return partly(complete(noon)), nil
		}}}
		s := newTestSource(f, func(o *Options) { o.facts, o.MinInterval = factsOf(session.OAM), 30*time.Second })
		for _, allowed := range []time.Duration{5 * time.Second, time.Second, 5 * time.Second} {
			out := s.scrape(t.Context(), allowed)
			synctest.Wait()
			if planned != 4950*time.Millisecond || (out.view != nil) != (allowed > time.Second) {
				t.Errorf("%v allowed: view %v, planned for %v; want %v; want a view: %v", allowed, out.view, planned, 4950*time.Millisecond, allowed > time.Second)
			}
			time.Sleep(30 * time.Second)
		}
		// Nobody who waits longer comes any more.
		time.Sleep(patienceFor)
		if out := s.scrape(t.Context(), time.Second); out.view == nil || planned != 950*time.Millisecond || out.allowed != time.Second {
			t.Errorf("later: %v, planned for %v of %v; want %v, %v", out.view, planned, out.allowed, 950*time.Millisecond, time.Second)
		}
	})
}

// Only min_interval has a refresh outlive its caller's time.
func TestWithoutMinIntervalARefreshHasItsCallersTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{answer: []func(context.Context) (*session.Snapshot, error){slowly(2*time.Second, complete(noon))}}
		s := newTestSource(f, nil)
		s.scrape(t.Context(), 500*time.Millisecond)
		synctest.Wait()
		if !s.Idle() || errorsOf(s) != 1 {
			t.Errorf("idle %v, %v errors; want 1", s.Idle(), errorsOf(s))
		}
	})
}
