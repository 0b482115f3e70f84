package collector

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"iam_session_exporter/internal/session"
)

func newTestSource(f *fakeSource, change func(*Options)) *Source {
	o := options(session.Intersight)
	o.Now = time.Now
	if change != nil {
		change(&o)
	}
	return newSource(f, o)
}

func slowly(d time.Duration, s *session.Snapshot) func(context.Context) (*session.Snapshot, error) {
	return func(ctx context.Context) (*session.Snapshot, error) {
		select {
		case <-time.After(d):
			return s, nil
		case <-ctx.Done():
			return hang(ctx)
		}
	}
}

func errorsOf(s *Source) float64 {
	sum := 0.0
	for _, r := range session.Reasons() {
		sum += testutil.ToFloat64(s.count.errors.WithLabelValues(string(r)))
	}
	return sum
}

func TestScrapesThatOverlapShareARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{answer: []func(context.Context) (*session.Snapshot, error){slowly(3*time.Second, complete(noon))}}
		s := newTestSource(f, nil)
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 100 * time.Millisecond)
				if out := s.scrape(t.Context(), 0); out.view == nil {
					t.Error("no view")
				}
			})
		}
		wg.Wait()
		if n := f.asked(); n != 1 {
			t.Errorf("%d refreshes; want 1", n)
		}
		s.scrape(t.Context(), 0)
		if n := f.asked(); n != 2 {
			t.Errorf("a later scrape: %d refreshes; want 2", n)
		}
	})
}

func TestARefreshRunsToTheLatestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{answer: []func(context.Context) (*session.Snapshot, error){slowly(4*time.Second, complete(noon))}}
		s := newTestSource(f, nil)
		var wg sync.WaitGroup
		wg.Go(func() {
			begin := time.Now()
			out := s.scrape(t.Context(), 2*time.Second)
			if d := time.Since(begin); out.view != nil || d > 2*time.Second {
				t.Errorf("impatient: view %v after %v; want at most %v", out.view, d, 2*time.Second)
			}
			if out.allowed != 2*time.Second {
				t.Errorf("allowed %v; want %v", out.allowed, 2*time.Second)
			}
		})
		wg.Go(func() {
			time.Sleep(time.Second)
			if out := s.scrape(t.Context(), 5*time.Second); out.view == nil {
				t.Error("patient: no view")
			}
		})
		wg.Wait()
		if f.asked() != 1 || errorsOf(s) != 0 {
			t.Errorf("%d refreshes, %v errors; want 1, 0", f.asked(), errorsOf(s))
		}
	})
}

func TestNoRefreshTakesLongerThanTheSourcesTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{answer: []func(context.Context) (*session.Snapshot, error){hang}}
		s := newTestSource(f, nil)
		var wg sync.WaitGroup
		begin := time.Now()
		for _, delay := range []time.Duration{0, 5 * time.Second, 9 * time.Second} {
			wg.Go(func() {
				time.Sleep(delay)
				if out := s.scrape(t.Context(), time.Minute); out.view != nil {
					t.Error("a view")
				}
			})
		}
		wg.Wait()
		if d := time.Since(begin); d < 9*time.Second || d > 10*time.Second {
			t.Errorf("took %v; want at least %v, at most %v", d, 9*time.Second, 10*time.Second)
		}
		if f.asked() != 1 || errorsOf(s) != 1 {
			t.Errorf("%d refreshes, %v errors; want 1, 1", f.asked(), errorsOf(s))
		}
	})
}

func TestCallersThatHangUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{answer: []func(context.Context) (*session.Snapshot, error){slowly(4*time.Second, complete(noon))}}
		s := newTestSource(f, nil)
		var wg sync.WaitGroup
		first, hangUp := context.WithCancel(t.Context())
		wg.Go(func() { s.scrape(first, 0) })
		wg.Go(func() {
			time.Sleep(time.Second)
			if out := s.scrape(t.Context(), 0); out.view == nil {
				t.Error("the refresh did not survive its first caller")
			}
		})
		time.Sleep(2 * time.Second)
		hangUp()
		wg.Wait()
		if f.asked() != 1 || errorsOf(s) != 0 {
			t.Errorf("%d refreshes, %v errors; want 1, 0", f.asked(), errorsOf(s))
		}

		alone, hangUp := context.WithCancel(t.Context())
		wg.Go(func() { s.scrape(alone, 0) })
		time.Sleep(time.Second)
		begin := time.Now()
		hangUp()
		wg.Wait()
		synctest.Wait()
		if time.Since(begin) != 0 || errorsOf(s) != 0 {
			t.Errorf("left alone: ended after %v, %v errors; want 0, 0", time.Since(begin), errorsOf(s))
		}
		// A scrape right after gets a refresh of its own.
		if out := s.scrape(t.Context(), 0); out.view == nil || f.asked() != 3 {
			t.Errorf("after: %d refreshes; want 3", f.asked())
		}
	})
}

func TestMinInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{answer: []func(context.Context) (*session.Snapshot, error){
			slowly(2*time.Second, complete(time.Now())), slowly(2*time.Second, complete(time.Now())), failure(session.ReasonHTTP, errors.New("HTTP 500")),
		}}
		s := newTestSource(f, func(o *Options) { o.MinInterval = 30 * time.Second })
		for _, c := range []struct {
			wait  time.Duration
			asked int
			up    bool
		}{{0, 1, true}, {0, 1, true}, {27 * time.Second, 1, true}, {time.Second, 2, true}, {28 * time.Second, 3, false}, {0, 3, false}, {29 * time.Second, 3, false}, {time.Second, 4, false}} {
			time.Sleep(c.wait)
			out := s.scrape(t.Context(), 0)
			if f.asked() != c.asked || (out.view != nil) != c.up {
				t.Errorf("after another %v: %d refreshes, up %v; want %d, %v", c.wait, f.asked(), out.view != nil, c.asked, c.up)
			}
		}
	})
}

// A hostile answer over which our own code panics costs its source, not the
// process.
func TestAPanicCostsOneRefresh(t *testing.T) {
	s := newTestSource(&fakeSource{answer: []func(context.Context) (*session.Snapshot, error){
		func(context.Context) (*session.Snapshot, error) { panic("a user's name") }, snapshot(complete(noon))}}, nil)
	if out := s.scrape(t.Context(), 0); out.view != nil || errorsOf(s) != 1 {
		t.Errorf("view %v, %v errors; want 1", out.view, errorsOf(s))
	}
	if out := s.scrape(t.Context(), 0); out.view == nil {
		t.Error("it does not recover")
	}
}

// A source that tells of its deadline as of a cancellation has timed out all the
// same.
func TestADeadlineIsATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestSource(&fakeSource{answer: []func(context.Context) (*session.Snapshot, error){
			func(ctx context.Context) (*session.Snapshot, error) { <-ctx.Done(); return nil, ctx.Err() }}}, nil)
		s.scrape(t.Context(), time.Second)
		synctest.Wait()
		if n := testutil.ToFloat64(s.count.errors.WithLabelValues("timeout")); n != 1 {
			t.Errorf("%v timeouts; want 1", n)
		}
	})
}

// A refresh that succeeds as its last caller leaves is a success.
func TestASuccessAfterAllHaveLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{answer: []func(context.Context) (*session.Snapshot, error){
			failure(session.ReasonHTTP, errors.New("HTTP 500")),
			func(ctx context.Context) (*session.Snapshot, error) { <-ctx.Done(); return complete(noon), nil }}}
		s := newTestSource(f, nil)
		s.scrape(t.Context(), 0)
		ctx, hangUp := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, hangUp)
		s.scrape(ctx, 0)
		synctest.Wait()
		if st := s.Status(); !st.Up || st.Error != "" {
			t.Errorf(`%+v; want Error ""`, st)
		}
	})
}

// However long a scrape may take, the answer comes within it.
func TestAScrapeIsNeverLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lazy := func(ctx context.Context) (*session.Snapshot, error) {
			<-ctx.Done()
			time.Sleep(300 * time.Millisecond)
			return nil, context.DeadlineExceeded
		}
		for _, allowed := range []time.Duration{10 * time.Millisecond, 90 * time.Millisecond, 450 * time.Millisecond, 5 * time.Second} {
			s := newTestSource(&fakeSource{answer: []func(context.Context) (*session.Snapshot, error){lazy}}, nil)
			begin := time.Now()
			s.scrape(t.Context(), allowed)
			if d := time.Since(begin); d > allowed {
				t.Errorf("took %v, want at most the %v allowed", d, allowed)
			}
			time.Sleep(time.Second)
		}
	})
}

// Scrapes that began before a reload may ask a source that it removed.
func TestARetiredSourceStillAnswers(t *testing.T) {
	f := &fakeSource{answer: []func(context.Context) (*session.Snapshot, error){snapshot(complete(noon))}}
	s := newTestSource(f, nil)
	s.Retire()
	f.closed = false
	if out := s.scrape(t.Context(), 0); out.view == nil || !f.closed || !s.Idle() {
		t.Errorf("view %v, closed %v, idle %v; want a view, closed and idle", out.view, f.closed, s.Idle())
	}
}

// A snapshot that can't tell values leaves those in place where they are.
func TestStickinessOutlivesAWindow(t *testing.T) {
	both := func(first, second string) *session.Snapshot {
		s := complete(noon)
		for i := range 24 {
			ip := first
			if i%2 == 1 {
				ip = second
			}
			s.Sessions = append(s.Sessions, session.Session{ID: session.Key(i + 1), ClientIP: ip, Status: session.Active, FailedLogins: -1})
		}
		s.Total, s.Reported = 24, 24
		return s
	}
	only := complete(noon, both("10.0.0.2", "10.0.0.2").Sessions...)
	window := &session.Snapshot{Taken: noon, Total: 28, Reported: 28, Resolved: map[session.Dimension]session.Resolution{session.DimensionClientIP: {}}}
	s := newTestSource(&fakeSource{answer: []func(context.Context) (*session.Snapshot, error){snapshot(only), snapshot(window), snapshot(both("10.0.0.1", "10.0.0.2"))}},
		func(o *Options) { o.Labels.ClientIP.Limit = 1 })
	s.scrape(t.Context(), 0)
	s.scrape(t.Context(), 0)
	if v := s.scrape(t.Context(), 0).view; v.by[session.DimensionClientIP]["10.0.0.2"] == nil {
		t.Errorf("by address: %v; want 10.0.0.2 among them", v.by[session.DimensionClientIP])
	}
}

// A histogram that has seen everything does not start again from nothing.
func TestHistogramsNeverFall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounters()
		for i := range 400 {
			time.Sleep(time.Hour)
			c.lengths.Observe(math.Exp(float64(i)/15 - 5))
		}
		var m dto.Metric
		if err := c.lengths.Write(&m); err != nil || m.GetHistogram().GetSampleCount() != 400 {
			t.Errorf("%v, %v; want 400", m.GetHistogram().GetSampleCount(), err)
		}
	})
}

func TestCloseEndsARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{answer: []func(context.Context) (*session.Snapshot, error){hang}}
		s := newTestSource(f, nil)
		var wg sync.WaitGroup
		wg.Go(func() { s.scrape(t.Context(), 0) })
		synctest.Wait()
		begin := time.Now()
		s.Close()
		wg.Wait()
		if !f.closed || time.Since(begin) != 0 || errorsOf(s) != 0 {
			t.Errorf("closed %v after %v, %v errors; want 0, 0", f.closed, time.Since(begin), errorsOf(s))
		}
	})
}

func TestOneSourceThatHangsCostsOnlyItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := newTestSource(&fakeSource{answer: []func(context.Context) (*session.Snapshot, error){snapshot(complete(noon))}}, func(o *Options) { o.Name = "good" })
		bad := newTestSource(&fakeSource{answer: []func(context.Context) (*session.Snapshot, error){hang}}, func(o *Options) { o.Name = "bad" })
		c := New(good, bad)
		begin := time.Now()
		g, err := c.Scrape(t.Context(), 4500*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Gather(); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(begin); d > 4500*time.Millisecond {
			t.Errorf("took %v; want at most %v", d, 4500*time.Millisecond)
		}
		want := `
# HELP iam_source_up Whether the last refresh of this source succeeded (1), or failed or did not end in time for this scrape (0).
# TYPE iam_source_up gauge
iam_source_up{api="intersight",source="bad"} 0
iam_source_up{api="intersight",source="good"} 1
`
		if err := testutil.GatherAndCompare(g, strings.NewReader(want), "iam_source_up"); err != nil {
			t.Error(err)
		}
	})
}

func TestAllowed(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"10": 9500 * time.Millisecond, "1": 900 * time.Millisecond, "0.5": 450 * time.Millisecond, "5": 4500 * time.Millisecond,
		"": 0, "0": 0, "-3": 0, "NaN": 0, "soon": 0, "1e300": 24*time.Hour - 500*time.Millisecond, "+Inf": 24*time.Hour - 500*time.Millisecond,
	} {
		if got := Allowed(http.Header{TimeoutHeader: {header}}, 500*time.Millisecond); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}
