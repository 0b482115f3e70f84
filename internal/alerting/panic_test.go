package alerting_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"iam_session_exporter/internal/testkit"
)

// A panic of a source, of what judges or of what delivers costs no more than that: it
// does not count as covered meanwhile, all goes on afterwards, and the message of the
// panic, which may have a name or a token, appears nowhere.
func TestAPanicTellsNothing(t *testing.T) {
	const secret = "CaNaRy7f3a"
	for name, c := range map[string]struct {
		begin  func(*rig, any)
		calls  []string // or in which function it is
		log    string
		covers string
	}{
		"a source":               {begin: func(r *rig, v any) { r.api("b").set(func(a *api) { a.panics = v }) }, log: "a refresh panicked", covers: "0"},
		"what judges":            {calls: []string{"alerting.(*judge).observe", "notify.(*Notifier).Send"}, log: "the observer of a refresh panicked", covers: "0"},
		"what time has made due": {calls: []string{"alerting.(*judge).tick"}, log: "alerting panicked", covers: "1"},
		"what delivers":          {begin: func(r *rig, v any) { r.am("am").set(func(m *alertmanager) { m.panics = v }) }, log: "delivery panicked", covers: "0"},
	} {
		for _, value := range []any{secret, errors.New(secret)} {
			t.Run(name, func(t *testing.T) {
				inFakeTime(t, watching("  interval: 10s\n  resend_delay: 10s\n"), func(r *rig) {
					synctest.Wait()
					var panics atomic.Bool
					r.setClock(func() time.Time {
						if panics.Load() && c.calls != nil && testkit.Calls(c.calls...) {
							panic(value)
						}
						return time.Now()
					})
					r.until(time.Second)
					r.value("before", coversB, "1")
					if panics.Store(true); c.begin != nil {
						c.begin(r, value)
					}
					r.until(2 * time.Minute)
					said := r.metrics()
					r.value("panicking", coversB, c.covers)
					if panics.Store(false); c.begin != nil {
						c.begin(r, nil)
					}
					r.until(4 * time.Minute)
					said += r.metrics()
					r.value("afterwards", coversB, "1")
					for _, f := range r.e.Firing() {
						said += f.Annotations["summary"]
					}
					for _, s := range r.e.Collector().Sources() {
						said += s.Status().Error
					}
					if text := r.log.String(); !strings.Contains(text, c.log) {
						t.Errorf("logged %q, want %q", text, c.log)
					}
					if text := r.log.String() + said + r.am("am").texts.String(); strings.Contains(text, secret) {
						t.Errorf("got the message of a panic, want it nowhere: %s", text)
					}
				})
			})
		}
	}
}
