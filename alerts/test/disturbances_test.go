package test

import (
	"fmt"
	"time"
)

// pod is a process of an exporter.
type pod struct {
	exporter int // which of a pair
	instance string
	from, to time.Duration                                // since zero; to 0: for ever
	fails    func(n int, at, interval time.Duration) bool // which scrapes fail, by number
	restarts []time.Duration                              // when the process ends; it begins again half a minute later
	unread   func(n int, at time.Duration) bool           // in which scrapes the source can't be read
}

// disturbance is how a condition is seen.
type disturbance struct {
	name     string
	pods     func(pods []pod) []pod
	weekly   string                               // "": for all; else what it means for rules that look back a week: hit, or nothing fires
	clock    func(at time.Duration) time.Duration // by which the habits of people have moved
	begins   time.Duration                        // of history; 0: all
	quiet    func(at time.Duration) bool          // a holiday
	replaces bool                                 // pods
	kills    bool                                 // an exporter, which is a cause of its own
	flaps    bool                                 // the source does, which is a cause of its own
	ends     bool                                 // what is disturbed ends the alert
}

func every(n int) func([]pod) []pod {
	return func(pods []pod) []pod {
		for i := range pods {
			pods[i].fails = func(k int, _, _ time.Duration) bool { return k%n == i%n }
		}
		return pods
	}
}

// paired adds another exporter.
func paired(pods []pod) []pod {
	n := len(pods)
	return append(pods, pod{exporter: n, instance: fmt.Sprintf("pod-%d", n)})
}

// replaced ends the last pod and starts a new one half a minute later.
func replaced(at time.Duration, name string) func([]pod) []pod {
	return func(pods []pod) []pod {
		last := &pods[len(pods)-1]
		last.to = at
		next := pod{exporter: last.exporter, instance: last.instance + name, from: at + 30*time.Second, fails: last.fails}
		return append(pods, next)
	}
}

// restarted ends the process of the last pod and starts it anew half a minute later.
func restarted(at time.Duration) func([]pod) []pod {
	return func(pods []pod) []pod {
		last := &pods[len(pods)-1]
		last.restarts = append(last.restarts, at)
		return pods
	}
}

func all(changes ...func([]pod) []pod) func([]pod) []pod {
	return func(pods []pod) []pod {
		for _, c := range changes {
			pods = c(pods)
		}
		return pods
	}
}

// unread is a source that answers all but every n-th scrape.
func unread(n int) func([]pod) []pod {
	return func(pods []pod) []pod {
		for i := range pods {
			pods[i].unread = func(k int, _ time.Duration) bool { return k%n == i%n }
		}
		return pods
	}
}

// down is a source that nobody can read for a while.
func down(from, to time.Duration) func([]pod) []pod {
	return func(pods []pod) []pod {
		for i := range pods {
			pods[i].unread = func(_ int, at time.Duration) bool { return at >= from && at < to }
		}
		return pods
	}
}

// away makes scrapes fail for a while.
func away(from, to time.Duration) func([]pod) []pod {
	return func(pods []pod) []pod {
		for i := range pods {
			before := pods[i].fails
			pods[i].fails = func(n int, at, interval time.Duration) bool {
				return at >= from && at < to || before != nil && before(n, at, interval)
			}
		}
		return pods
	}
}

var disturbances = []disturbance{
	{name: "none", pods: all()},
	{name: "every third scrape fails", pods: every(3)},
	{name: "every tenth scrape fails", pods: every(10)},
	{name: "every third scrape of the source fails", flaps: true, pods: unread(3)},
	{name: "every tenth scrape of the source fails", flaps: true, pods: unread(10)},
	{name: "a pair, every third scrape of the source fails", flaps: true, pods: all(paired, unread(3))},
	{name: "a gap when it begins", kills: true, pods: away(-time.Minute, 5*time.Minute)},
	{name: "the pod is replaced", replaces: true, pods: all(replaced(2*time.Minute, "-new"), replaced(8*time.Minute, "-newer"), replaced(50*time.Minute, "-newest"))},
	{name: "the process restarts", pods: all(restarted(2*time.Minute), restarted(8*time.Minute), restarted(50*time.Minute))},
	{name: "the process restarted just before", pods: restarted(-3 * time.Minute)},
	{name: "a pair", pods: paired},
	{name: "a pair, every third scrape fails", pods: all(paired, every(3))},
	{name: "a pair, one is replaced", replaces: true, pods: all(paired, replaced(2*time.Minute, "-new"), replaced(8*time.Minute, "-newer"))},
	{name: "a pair, one is replaced, every third scrape fails", replaces: true, pods: all(paired, every(3), replaced(8*time.Minute, "-new"))},
	{name: "a pair, one stops answering", kills: true, pods: all(paired, func(pods []pod) []pod {
		pods[len(pods)-1].fails = func(_ int, at, _ time.Duration) bool { return at > 3*time.Minute }
		return pods
	})},
	{name: "the target vanishes", ends: true, pods: func(pods []pod) []pod {
		for i := range pods {
			pods[i].to = 12 * time.Minute
		}
		return pods
	}},
	{name: "a gap last week", weekly: "hit", pods: away(-7*day-70*time.Minute, -7*day+30*time.Minute)},
	{name: "a short gap last week", weekly: "hit", pods: away(-7*day-20*time.Minute, -7*day-5*time.Minute)},
	{name: "a restart last week", weekly: "hit", pods: restarted(-7*day - 25*time.Minute)},
	{name: "a pod replaced last week", weekly: "hit", pods: replaced(-7*day-25*time.Minute, "-new")},
	{name: "the clocks went forward", weekly: "hit", pods: all(), clock: func(at time.Duration) time.Duration {
		if at > -day {
			return time.Hour
		}
		return 0
	}},
	{name: "the clocks went back", weekly: "hit", pods: all(), clock: func(at time.Duration) time.Duration {
		if at > -day {
			return -time.Hour
		}
		return 0
	}},
	{name: "a holiday last week", weekly: "holiday", pods: all(), quiet: func(at time.Duration) bool { return at > -8*day && at < -6*day }},
	{name: "a holiday two weeks ago", weekly: "hit", pods: all(), quiet: func(at time.Duration) bool { return at > -15*day && at < -13*day }},
	{name: "a gap in the only week", weekly: "hit", begins: -8 * day, pods: away(-7*day-35*time.Minute, -7*day)},
	{name: "last week missing, a gap in the one before", weekly: "hit", pods: all(away(-8*day, -6*day), away(-14*day-35*time.Minute, -14*day))},
	{name: "the source was down last week", weekly: "hit", pods: down(-7*day-3*time.Hour, -7*day+2*time.Hour)},
	{name: "the source was down in the only week", weekly: "hit", begins: -8 * day, pods: down(-7*day-3*time.Hour, -7*day+2*time.Hour)},
	{name: "the first week", weekly: "none", pods: all(), begins: -3 * day},
}
