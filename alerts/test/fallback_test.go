package test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

// Where the exporter sends alerts about users itself, rules on the same facts step
// back. What they wait for goes on meanwhile: they fire as if they had never stepped
// back, as soon as the exporter can't send.

// fallback is an alert that steps back, and what it is without.
type fallback struct {
	alert, severity, detection string
	plain                      rule   // never steps back
	fact                       string // which it is about
	on, off                    float64
	age                        bool // the fact is an age, and exposed as a time
}

var fallbacks = []fallback{
	{alert: "IAMImpersonation", severity: "info", detection: "impersonation", fact: "iam_impersonating_sessions", on: 2, plain: rule{
		Expr: `max by (source, api) (last_over_time(iam_impersonating_sessions[5m])) > 0`, KeepFiringFor: "5m"}},
	{alert: "IAMImpersonationLong", severity: "warning", detection: "impersonation_long", fact: "iam_impersonating_sessions", on: 2, plain: rule{
		Expr: `max by (source, api) (last_over_time(iam_impersonating_sessions[5m])) > 0`, For: "1h", KeepFiringFor: "5m"}},
	{alert: "IAMSessionTooOld", severity: "warning", detection: "session_age", fact: "iam_oldest_session_start_timestamp_seconds", on: 90000, off: 3600, age: true, plain: rule{
		Expr: `time() - min by (source, api) (last_over_time(iam_oldest_session_start_timestamp_seconds[5m])) > 86400
			and on (source) max by (source, api) (max_over_time(iam_source_listed_ratio[5m])) > 0.95`, For: "15m"}},
}

// rules are those of an alert, and its plain one last.
func (f fallback) rules(t *testing.T) (all []rule) {
	t.Helper()
	for _, x := range families(t) {
		if x.name == f.alert {
			all = slices.Clone(x.rules)
		}
	}
	plain := f.plain
	plain.Alert, plain.Labels = "plain", map[string]string{"severity": f.severity}
	return append(all, plain)
}

// seen is what an exporter exposes: whether the condition is met; whether it covers it,
// or does not know that yet, or has no alerting; whether it can read the source, and
// whether it answers.
type seen struct{ met, covers, unknown, without, unread, gone bool }

// watched scrapes exporters, whose state at is asked, and evaluates the rules right
// after each time, but from left on, when Prometheus is away, until it is back.
type watched struct {
	fallback
	exporters  int
	to, step   time.Duration
	at         func(exporter int, at time.Duration) seen
	left, back time.Duration // back 0: it never is away
	late       time.Duration // the first scrape then, after the first evaluation
}

func (x watched) evaluate(t *testing.T, engine *promql.Engine) (shipped, plain *evaluated) {
	t.Helper()
	all := newMemory()
	for i := range x.exporters {
		of := map[string]*series{}
		series := func(name string, more ...string) *series {
			if of[name] == nil {
				of[name] = all.series(labels.FromStrings(append([]string{labels.MetricName, name, "source", "prod", "api", "oam", "instance", fmt.Sprint("pod-", i)}, more...)...))
			}
			return of[name]
		}
		for at := time.Duration(0); at <= x.to; at += x.step {
			if at >= x.left && at < x.back+x.late {
				continue
			}
			s := x.at(i, at)
			if s.gone {
				for _, gone := range of {
					gone.gone(at)
				}
				continue
			}
			if detection := []string{"detection", x.detection}; !s.without {
				series("iam_detection_held_back_alerts", detection...).add(at, 0)
				if !s.unknown {
					series("iam_detection_covers", detection...).add(at, map[bool]float64{true: 1}[s.covers && !s.unread])
				}
			}
			if s.unread {
				series(x.fact).gone(at)
				series("iam_source_up").add(at, 0)
				series("iam_source_listed_ratio").add(at, 0)
				continue
			}
			value := x.off
			if s.met {
				value = x.on
			}
			if x.age {
				value = at.Seconds() - value
			}
			series(x.fact).add(at, value)
			series("iam_source_up").add(at, 1)
			series("iam_source_listed_ratio").add(at, 1)
		}
	}
	e := newEvaluator(t, engine, all, x.rules(t))
	for _, r := range e.rules {
		r.results = map[string][]result{}
	}
	if x.back > 0 {
		e.evaluate(times{0, x.left - x.step, x.step})
	}
	e.evaluate(times{x.back, x.to, x.step})
	for _, r := range e.rules {
		if r.Alert == x.alert && r.Labels["severity"] == x.severity {
			shipped = r
		}
	}
	return shipped, e.rules[len(e.rules)-1]
}

// fires lists the times at which an alert fires, of whichever labels.
func (r *evaluated) fires() (all []episode) {
	for _, x := range r.episodes {
		all = append(all, x...)
	}
	slices.SortFunc(all, func(a, b episode) int { return int(a.from - b.from) })
	return all
}

// With delivery broken, the rule has waited long enough, and fires by the evaluation
// in which Prometheus knows; of a pair, if one can't send.
func TestTakesOver(t *testing.T) {
	engine := newEngine()
	const began, broken, mended = 10 * time.Minute, 2 * time.Hour, 3 * time.Hour
	for _, f := range fallbacks {
		for exporters := 1; exporters <= 2; exporters++ {
			x := watched{fallback: f, exporters: exporters, to: 4 * time.Hour, step: time.Minute, at: func(exporter int, at time.Duration) seen {
				return seen{met: at >= began, covers: exporter == 1 || at < broken || at >= mended}
			}}
			shipped, _ := x.evaluate(t, engine)
			want := []episode{{broken, mended + max(0, shipped.keep-x.step)}}
			if shipped.keep == 0 {
				want[0].to = mended - x.step
			}
			if got := shipped.fires(); !slices.Equal(got, want) {
				t.Errorf("%s of %d exporters: fires %v, want %v", f.alert, exporters, got, want)
			}
		}
	}
}

// A refresh that fails is no reason to take over, nor is an exporter that has just
// started, in the first scrape, and knows of sessions before it knows of deliveries.
func TestDoesNotTakeOver(t *testing.T) {
	engine := newEngine()
	const began = 10 * time.Minute
	for _, f := range fallbacks {
		for name, at := range map[string]func(exporter int, at time.Duration) seen{
			"every third refresh fails": func(_ int, at time.Duration) seen {
				return seen{met: at >= began, covers: true, unread: at/time.Minute%3 == 0}
			},
			"the source fails for long": func(_ int, at time.Duration) seen {
				return seen{met: at >= began, covers: true, unread: at >= 2*time.Hour && at < 2*time.Hour+20*time.Minute}
			},
			"the pod is replaced": func(exporter int, at time.Duration) seen {
				return seen{met: at >= began, covers: true, gone: (exporter == 0) == (at >= 2*time.Hour), unknown: exporter == 1 && at < 2*time.Hour+time.Minute}
			},
			"it restarts": func(_ int, at time.Duration) seen {
				return seen{met: at >= began, covers: true, gone: at == 2*time.Hour, unknown: at > 2*time.Hour && at <= 2*time.Hour+2*time.Minute}
			},
		} {
			exporters := 1
			if strings.Contains(name, "pod") {
				exporters = 2
			}
			shipped, plain := watched{fallback: f, exporters: exporters, to: 3 * time.Hour, step: time.Minute, at: at}.evaluate(t, engine)
			if got := shipped.fires(); len(got) > 0 {
				t.Errorf("%s, %s: fires %v, want never", f.alert, name, got)
			}
			if len(plain.fires()) == 0 {
				t.Errorf("%s, %s: its plain rule never fires", f.alert, name)
			}
		}
	}
}

// A Prometheus that was away goes on as before, and forgets nothing that had ended
// when it was back.
func TestPrometheusAway(t *testing.T) {
	engine := newEngine()
	const began, step = 10 * time.Minute, time.Minute
	for _, f := range fallbacks {
		for _, away := range []time.Duration{3 * time.Minute, 6 * time.Minute, 30 * time.Minute, 55 * time.Minute} {
			for _, late := range []time.Duration{0, step} {
				hold := duration(t, cmp.Or(f.plain.For, "0s"))
				left := began + hold + 10*time.Minute
				back := left + away
				again := back + late + 2*step // what had ended then begins anew
				for _, ends := range []bool{false, true} {
					x := watched{fallback: f, exporters: 1, to: again + hold + 30*time.Minute, step: step, left: left, back: back, late: late,
						at: func(_ int, at time.Duration) seen {
							return seen{without: true, met: at >= began && (!ends || at < left || at >= again)}
						}}
					shipped, _ := x.evaluate(t, engine)
					got := shipped.fires()
					what := fmt.Sprintf("%s, away for %s, scraped %s after that", f.alert, away, late)
					if len(got) == 0 || got[0].from != began+hold {
						t.Fatalf("%s: fires %v, want from %s on", what, got, began+hold)
					}
					last := got[len(got)-1]
					if !ends && (last.from > back+late || last.to < x.to) {
						t.Errorf("%s: does not fire from %s to the end, when Prometheus is back: %v", what, back+late, got)
					}
					if ends && f.plain.KeepFiringFor == "" && last.from != again+hold {
						t.Errorf("%s: fires last from %s on, want %s: %v", what, last.from, again+hold, got)
					}
				}
			}
		}
	}
}

// toggles is true and false by turns, each for one of some times.
func toggles(r *rand.Rand, to time.Duration, on, off []time.Duration) func(time.Duration) bool {
	var changes []time.Duration
	for at := time.Duration(0); at < to; {
		at += off[r.IntN(len(off))]
		changes = append(changes, at)
		at += on[r.IntN(len(on))]
		changes = append(changes, at)
	}
	return func(at time.Duration) bool {
		n, _ := slices.BinarySearch(changes, at+1)
		return n%2 == 1
	}
}

// In any history of conditions, failed scrapes, exporters that are away and deliveries
// that break, the rule fires when its plain condition has held as long as the plain
// rule waits, and an exporter that sees it can't send.
func TestStepsBackOnly(t *testing.T) {
	engine := newEngine()
	minutes := func(all ...float64) (d []time.Duration) {
		for _, m := range all {
			d = append(d, time.Duration(m*float64(time.Minute)))
		}
		return d
	}
	for _, f := range fallbacks {
		t.Run(f.alert, func(t *testing.T) {
			t.Parallel()
			fired := 0
			for seed := range uint64(20) {
				r := rand.New(rand.NewPCG(seed, 1))
				x := watched{fallback: f, exporters: 1 + r.IntN(2), to: 8 * time.Hour, step: []time.Duration{15 * time.Second, 30 * time.Second, time.Minute}[r.IntN(3)]}
				// Of gaps of about five minutes it is open whether they end an alert.
				met := toggles(r, x.to, minutes(3, 20, 70, 90, 150), minutes(1, 2.5, 8, 20))
				var covers, gone, unread []func(time.Duration) bool
				for range x.exporters {
					covers = append(covers, toggles(r, x.to, minutes(10, 61, 200), minutes(2, 15, 30)))
					gone = append(gone, toggles(r, x.to, minutes(1, 3, 12, 20), minutes(10, 40, 100)))
					unread = append(unread, toggles(r, x.to, minutes(1, 2, 15), minutes(5, 30, 60)))
				}
				x.at = func(i int, at time.Duration) seen {
					return seen{met: met(at), covers: covers[i](at), without: i == 0 && seed%4 == 0, unread: unread[i](at), gone: gone[i](at)}
				}
				shipped, plain := x.evaluate(t, engine)

				open := newEvaluator(t, engine, newMemory(), []rule{{Alert: "open", Expr: "vector(1)", KeepFiringFor: f.plain.KeepFiringFor}}).rules[0]
				last := make([]seen, x.exporters) // in the last five minutes
				when := make([]time.Duration, x.exporters)
				active := map[time.Duration]bool{}
				for _, results := range plain.results {
					for _, p := range results {
						active[p.at] = true
					}
				}
				firing := plain.fires()
				for at := time.Duration(0); at <= x.to; at += x.step {
					uncovered := false
					for i := range last {
						if s := x.at(i, at); !s.gone && !s.unread {
							last[i], when[i] = s, at
						}
						uncovered = uncovered || last[i].met && !(last[i].covers && !last[i].without) && at-when[i] < 5*time.Minute
					}
					fires := slices.ContainsFunc(firing, func(e episode) bool { return e.from <= at && at <= e.to })
					holds := map[string]bool{}
					if uncovered && active[at] && fires {
						holds["x"] = true
						if open.active["x"] == nil {
							open.active["x"] = &activeAlert{since: at}
						}
					}
					open.advance(holds, at)
				}
				got, want := shipped.fires(), open.fires()
				if !slices.Equal(got, want) {
					t.Errorf("seed %d, every %s: fires\n%v, want\n%v; plain\n%v", seed, x.step, got, want, firing)
				}
				fired += len(want)
			}
			if fired < 20 {
				t.Errorf("fires only %d times", fired)
			}
		})
	}
}
