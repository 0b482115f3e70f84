package collector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"iam_session_exporter/internal/session"
)

// watch is an Observer that remembers what it is told.
type watch struct {
	want   session.Want
	hold   time.Duration // how long it looks at each
	panics bool

	mu  sync.Mutex
	all []Observation
}

func (w *watch) Wants(source string) session.Want {
	if w.panics {
		panic("of " + source)
	}
	return w.want
}

func (w *watch) Observe(o Observation) {
	time.Sleep(w.hold)
	w.mu.Lock()
	w.all = append(w.all, o)
	w.mu.Unlock()
	if w.panics {
		panic("seen")
	}
}

// told returns what the observer was told, in words.
func (w *watch) told() []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, o := range w.all {
		reason, _ := session.ReasonOf(o.Err)
		switch {
		case (o.Snapshot == nil) == (o.Err == nil):
			all = append(all, fmt.Sprintf("neither or both: %+v", o))
		case o.Err != nil:
			all = append(all, string(reason))
		default:
			all = append(all, fmt.Sprint(len(o.Snapshot.Sessions)))
		}
	}
	return all
}

func (w *watch) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := w.told(); !slices.Equal(got, want) {
		t.Errorf("observed: got %v, want %v", got, want)
	}
}

// observed makes a source that an observer watches.
func observed(w *watch, change func(*Options), answer ...func(context.Context) (*session.Snapshot, error)) (*Source, *fakeSource) {
	f := &fakeSource{answer: answer}
	return newTestSource(f, func(o *Options) {
		o.Observer = w
		if change != nil {
			change(o)
		}
	}), f
}

func sessions(n int) *session.Snapshot {
	return complete(noon, make([]session.Session, n)...)
}

func TestObserverIsToldOnceOfEachRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watch{}
		first := sessions(1)
		s, f := observed(w, func(o *Options) { o.MinInterval = 30 * time.Second },
			slowly(time.Second, first), failure(session.ReasonAuth, errors.New("no")), slowly(0, sessions(3)))
		var wg sync.WaitGroup
		for range 5 { // scrapes that overlap, and a refresh in their midst
			wg.Go(func() { s.scrape(t.Context(), 0) })
			wg.Go(func() {
				if err := s.Refresh(t.Context()); err != nil {
					t.Errorf("refresh: %v, want none", err)
				}
			})
		}
		wg.Wait()
		w.expect(t, "1")
		if o := w.all[0]; o.Snapshot != first || o.Source != "test" || o.API != session.Intersight || o.Facts != factsOf(session.Intersight) || o.Began.IsZero() || o.Read.Before(o.Began) {
			t.Errorf("got %+v, want what the source is, and its own snapshot", o)
		}
		s.scrape(t.Context(), 0) // within the interval
		w.expect(t, "1")
		began := time.Now()
		time.Sleep(30 * time.Second)
		if got := began.Sub(s.Asked()); got != time.Second {
			t.Errorf("asked %v before, want 1s", got)
		}
		if err := s.Refresh(t.Context()); err == nil {
			t.Error("a refresh that failed: no error, want one")
		}
		w.expect(t, "1", "auth")
		time.Sleep(30 * time.Second)
		s.scrape(t.Context(), 0)
		w.expect(t, "1", "auth", "3")
		if f.asked() != 3 {
			t.Errorf("asked %d times, want 3", f.asked())
		}
	})
}

// What nobody waited for, and what a removed source says, is no news.
func TestObserverIsNotToldOfWhatWasGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watch{}
		s, _ := observed(w, nil, hang, hang, slowly(0, sessions(2)))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := s.Refresh(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("given up: got %v, want %v", err, context.Canceled)
		}
		w.expect(t)
		s.scrape(t.Context(), 2*time.Second)
		w.expect(t, "timeout")
		s.Retire()
		s.scrape(t.Context(), 0)
		w.expect(t, "timeout")
	})
}

// A slow observer delays nobody, hears in order, and hears the newest.
func TestNobodyWaitsForTheObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watch{hold: time.Hour}
		var answers []func(context.Context) (*session.Snapshot, error)
		for n := range 20 {
			answers = append(answers, slowly(0, sessions(n)))
		}
		s, _ := observed(w, nil, answers...)
		begin := time.Now()
		for range 20 {
			s.scrape(t.Context(), 0)
			synctest.Wait()
		}
		if d := time.Since(begin); d != 0 {
			t.Errorf("20 scrapes took %v, want 0s", d)
		}
		time.Sleep(20 * time.Hour)
		w.expect(t, "0", "12", "13", "14", "15", "16", "17", "18", "19")
	})
}

func TestAPanicOfTheObserverCostsNoScrape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watch{panics: true}
		s, _ := observed(w, nil, slowly(0, sessions(1)))
		for range 3 {
			if out := s.scrape(t.Context(), 0); out.view == nil {
				t.Errorf("no view: %v", out.err)
			}
			synctest.Wait()
		}
		w.expect(t, "1", "1", "1")
		if n := errorsOf(s); n != 0 {
			t.Errorf("%v errors, want 0", n)
		}
	})
}

// wanting notes what a Snapshot is asked for.
type wanting struct {
	fakeSource
	want []session.Want
}

func (f *wanting) Snapshot(ctx context.Context, want session.Want) (*session.Snapshot, error) {
	f.want = append(f.want, want)
	return f.fakeSource.Snapshot(ctx, want)
}

func TestObserversSayWhatTheyWant(t *testing.T) {
	o := options(session.Intersight)
	wanted := session.Want{ClientIPs: 7, Identities: true, Users: []session.User{{Name: session.NewName("alice")}}}
	for _, c := range []struct {
		observer Observer
		want     bool
	}{{nil, false}, {&watch{}, false}, {&watch{want: wanted}, true}, {&watch{want: wanted, panics: true}, false}} {
		f := &wanting{fakeSource: fakeSource{answer: []func(context.Context) (*session.Snapshot, error){snapshot(complete(noon))}}}
		o.Observer = c.observer
		s := NewSource(f, o)
		s.scrape(t.Context(), 0)
		got := f.want[0]
		if got.Identities != c.want || (len(got.Users) == 1) != c.want {
			t.Errorf("%+v: got %+v wanted, want identities and users %v", c.observer, got, c.want)
		}
		if want := s.options(s.grouping.Load()).wantedAddresses(); got.ClientIPs != want {
			t.Errorf("%+v: got %d addresses wanted, want %d, as the labels say", c.observer, got.ClientIPs, want)
		}
	}
}

// A refresh has the source's own timeout, but one that plans for its time is in time
// for the scrapes that usually come.
func TestRefreshHasItsOwnTimeout(t *testing.T) {
	for _, c := range []struct {
		api    session.API
		pulled bool
		want   time.Duration
	}{
		{session.Intersight, false, 10 * time.Second}, {session.Intersight, true, 10 * time.Second},
		{session.OAM, false, 10 * time.Second}, {session.OAM, true, 4 * time.Second},
	} {
		for _, interval := range []time.Duration{0, 30 * time.Second} {
			synctest.Test(t, func(t *testing.T) {
				w := &watch{}
				s, _ := observed(w, func(o *Options) { o.API, o.facts, o.MinInterval = c.api, factsOf(c.api), interval },
					slowly(0, sessions(1)), func(ctx context.Context) (*session.Snapshot, error) {
						session.TraceOf(ctx).Sent(session.Request{Code: 200})
						return hang(ctx)
					}, slowly(0, sessions(2)))
				if c.pulled {
					s.scrape(t.Context(), 4*time.Second)
				} else if err := s.Refresh(t.Context()); err != nil {
					t.Errorf("refresh: %v, want none", err)
				}
				time.Sleep(time.Minute)
				begin := time.Now()
				err := s.Refresh(t.Context())
				if d := time.Since(begin); d > c.want || d < c.want-50*time.Millisecond || err == nil {
					t.Errorf("%s, pulled %v, interval %v: %v after %v, want a timeout after %v", c.api, c.pulled, interval, err, d, c.want)
				}
				w.expect(t, "1", "timeout")
				if n := testutil.ToFloat64(s.count.errors.WithLabelValues("timeout")); n != 1 {
					t.Errorf("%v timeouts counted, want 1", n)
				}
				time.Sleep(2 * patienceFor)
				if got := s.sharing.planned(); got != 10*time.Second {
					t.Errorf("%s: nobody pulled for long: %v planned, want 10s", c.api, got)
				}
			})
		}
	}
}
