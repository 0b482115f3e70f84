package collector

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	dto "github.com/prometheus/client_model/go"

	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/session"
)

// gauge returns the value of a family with one series.
func gauge(families []*dto.MetricFamily, name string) float64 {
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return -1
}

// Whatever a refresh comes to, the API is asked again no sooner than min_interval
// after it began.
func TestNothingIsAskedWithinMinInterval(t *testing.T) {
	loginPage := failure(session.ReasonDecode, errors.New("a login page"))
	for _, c := range []struct {
		name   string
		answer func(context.Context) (*session.Snapshot, error)
		header time.Duration // what a scrape may take
		hangUp time.Duration // 0: the caller stays
		reason session.Reason
	}{
		{"a login page", loginPage, 10 * time.Second, 0, session.ReasonDecode},
		{"an answer that is late", hang, 10 * time.Second, 0, session.ReasonTimeout},
		{"a short timeout header", hang, 100 * time.Millisecond, 0, session.ReasonTimeout},
		{"a shorter one", hang, time.Millisecond, 0, session.ReasonTimeout},
		{"callers that hang up, of an API that never answers", hang, 10 * time.Second, 50 * time.Millisecond, session.ReasonTimeout},
		{"callers that hang up at once", slowly(3*time.Second, complete(noon)), 10 * time.Second, time.Nanosecond, ""},
		{"a panic", func(context.Context) (*session.Snapshot, error) { panic("x") }, 10 * time.Second, 0, session.ReasonDecode},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeSource{answer: []func(context.Context) (*session.Snapshot, error){c.answer}}
				s := newTestSource(f, func(o *Options) { o.MinInterval = 30 * time.Second })
				begin := time.Now()
				for i := range 2000 {
					ctx, hangUp := context.WithCancel(t.Context())
					if c.hangUp > 0 {
						time.AfterFunc(c.hangUp, hangUp)
					}
					s.scrape(ctx, c.header)
					hangUp()
					time.Sleep(time.Until(begin.Add(time.Duration(i+1) * 150 * time.Millisecond)))
				}
				synctest.Wait()
				took := time.Since(begin)
				// Scrapes that wait may begin a refresh later than they could.
				if most := int(took/(30*time.Second)) + 1; f.asked() > most || f.asked() < most/2 {
					t.Errorf("%d refreshes in %v; want at most %d, at least %d", f.asked(), took, most, most/2)
				}
				want := float64(f.asked())
				if c.reason == "" {
					want = 0
				}
				if n := errorsOf(s); n != want {
					t.Errorf("%v errors of %d refreshes; want %v", n, f.asked(), want)
				}
				if c.reason == "" && !s.Status().Up {
					t.Errorf("what the refresh came to is lost: %+v", s.Status())
				}
			})
		})
	}
}

// A scrape that follows a failed refresh within min_interval says what that one came
// to, and counts nothing.
func TestAFailureAnswersScrapes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{answer: []func(context.Context) (*session.Snapshot, error){
			func(ctx context.Context) (*session.Snapshot, error) {
				session.TraceOf(ctx).Sent(session.Request{What: "POST", Code: 401, Sent: time.Now(), Duration: time.Second})
				time.Sleep(time.Second)
				return nil, &session.Error{Reason: session.ReasonAuth, Err: errors.New("HTTP 401")}
			}, snapshot(complete(noon))}}
		s := newTestSource(f, func(o *Options) { o.MinInterval = 30 * time.Second })
		for i := range 3 {
			families := gather(t, s)
			for name, want := range map[string]float64{"iam_source_up": 0, "iam_source_scrape_duration_seconds": 1, "iam_source_scrape_requests": 1, "iam_source_timeout_seconds": 10} {
				if got := gauge(families, name); got != want {
					t.Errorf("scrape %d: %s %v, want %v", i, name, got, want)
				}
			}
			if n := errorsOf(s); n != 1 {
				t.Errorf("scrape %d: %v errors; want 1", i, n)
			}
			if st := s.Status(); st.Reason != session.ReasonAuth || st.Error != "HTTP 401" {
				t.Errorf(`scrape %d: %+v; want Reason %v, Error "HTTP 401"`, i, st, session.ReasonAuth)
			}
			time.Sleep(9 * time.Second)
		}
		time.Sleep(3 * time.Second) // 31 s after it began
		if got := gauge(gather(t, s), "iam_source_up"); got != 1 || f.asked() != 2 {
			t.Errorf("up %v after %d refreshes; want 1, 2", got, f.asked())
		}
	})
}

// A caller who hangs up takes nothing from those who come after.
func TestARefreshOutlivesItsCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{answer: []func(context.Context) (*session.Snapshot, error){slowly(4*time.Second, complete(noon))}}
		s := newTestSource(f, func(o *Options) { o.MinInterval = 30 * time.Second })
		for range 3 {
			ctx, hangUp := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, hangUp)
			if out := s.scrape(ctx, 0); out.view != nil || out.err != nil {
				t.Errorf("hung up: %+v", out)
			}
		}
		begin := time.Now()
		if out := s.scrape(t.Context(), 0); out.view == nil || time.Since(begin) != time.Second {
			t.Errorf("joined: %+v after %v; want %v", out, time.Since(begin), time.Second)
		}
		if out := s.scrape(t.Context(), 0); out.view == nil || time.Since(begin) != time.Second {
			t.Errorf("after it: %+v after %v; want %v", out, time.Since(begin), time.Second)
		}
		if f.asked() != 1 || errorsOf(s) != 0 {
			t.Errorf("%d refreshes, %v errors; want 1, 0", f.asked(), errorsOf(s))
		}
	})
}

// A source whose refresh does not end when its time does is not asked beside it.
func TestAStuckRefreshIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{answer: []func(context.Context) (*session.Snapshot, error){func(context.Context) (*session.Snapshot, error) {
			time.Sleep(20 * time.Second)
			return nil, &session.Error{Reason: session.ReasonTimeout, Err: errors.New("late")}
		}}}
		s := newTestSource(f, func(o *Options) { o.MinInterval = 30 * time.Second })
		for i := range 4 {
			begin := time.Now()
			if out := s.scrape(t.Context(), 5*time.Second); out.view != nil || time.Since(begin) > 5*time.Second {
				t.Errorf("scrape %d: %+v after %v; want at most %v", i, out, time.Since(begin), 5*time.Second)
			}
			time.Sleep(time.Until(begin.Add(7 * time.Second)))
		}
		if f.asked() != 1 || errorsOf(s) != 1 {
			t.Errorf("%d refreshes, %v errors; want 1, 1", f.asked(), errorsOf(s))
		}
	})
}

// New labels are published at once, but do not let a failing API be asked sooner.
func TestRelabelWithinMinInterval(t *testing.T) {
	networks := grouping.Grouping{Labels: options(session.Intersight).Labels, Networks: []grouping.Network{{Name: "hq", Prefix: netip.MustParsePrefix("10.0.0.0/8")}}}
	for _, c := range []struct {
		answer func(context.Context) (*session.Snapshot, error)
		asked  int
	}{{snapshot(complete(noon)), 2}, {failure(session.ReasonHTTP, errors.New("HTTP 500")), 1}} {
		f := &fakeSource{answer: []func(context.Context) (*session.Snapshot, error){c.answer}}
		s := newTestSource(f, func(o *Options) { o.MinInterval = time.Hour })
		s.scrape(t.Context(), 0)
		s.SetGrouping(networks)
		s.scrape(t.Context(), 0)
		s.SetGrouping(networks)
		s.scrape(t.Context(), 0)
		if f.asked() != c.asked {
			t.Errorf("%d refreshes, want %d", f.asked(), c.asked)
		}
	}
}
