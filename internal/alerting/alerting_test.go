package alerting_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFromALoginToItsEnd(t *testing.T) {
	inFakeTime(t, watching(), func(r *rig) {
		r.am("am").heard(t, "at the start", "0s BreakGlass a fires", "0s BreakGlass b fires")
		a := r.am("am").all[0]
		if a.Annotations["user"] != "root" || a.GeneratorURL != "https://exporter.example.com/" || !strings.HasPrefix(a.Labels["subject"], "u-") ||
			!a.StartsAt.Equal(r.begin.Add(-time.Hour)) || !a.EndsAt.Equal(r.begin.Add(10*time.Minute)) {
			t.Errorf("got %+v, want root since an hour ago, for 10 minutes", a)
		}
		r.value("firing", `iam_detection_alerts{source="a",api="oam",detection="break_glass",severity="critical"}`, "1")
		r.value("firing", `iam_detection_alerts_fired_total{source="a",api="oam",detection="break_glass",severity="critical"}`, "1")
		r.value("firing", `iam_detection_alerts_fired_total{source="a",api="oam",detection="impersonation",severity="info"}`, "0")
		r.value("firing", `iam_detection_covers{source="a",api="oam",detection="break_glass"}`, "1")
		r.value("firing", `iam_detection_covers{source="a",api="oam",detection="concurrent_sessions"}`, "0")
		r.value("firing", `iam_alertmanager_up{alertmanager="am:80"}`, "1")
		if all := r.e.Firing(); len(all) != 2 || all[0].Labels["source"] != "a" || all[0].Annotations["user"] != "" {
			t.Errorf("firing: got %+v, want one of each source, without names", all)
		}
		r.api("a").logsIn()
		r.until(9 * time.Minute)
		r.am("am").heard(t, "before hold has passed")
		r.until(12 * time.Minute)
		r.am("am").heard(t, "after hold", "10m0s BreakGlass a ends")
		r.value("resolved", `iam_detection_alerts{source="a",api="oam",detection="break_glass",severity="critical"}`, "0")
		r.api("a").logsIn("root")
		r.until(14 * time.Minute)
		r.am("am").heard(t, "again", "12m30s BreakGlass a fires")
		r.value("again", `iam_detection_alerts_fired_total{source="a",api="oam",detection="break_glass",severity="critical"}`, "2")
	})
}

// Sources that nobody scrapes are asked at the interval and a quarter, also those that
// are for /probe only; others are not.
func TestQuietSourcesAreAsked(t *testing.T) {
	inFakeTime(t, watching(), func(r *rig) {
		synctest.Wait() // for the first look, which is before those that the reload adds
		r.reload(sources("a", "b", "c,probe_only: true", "off,alerting: {enabled: false}", "slow,min_interval: 2m") + watching())
		for range 5 { // scrapes of b
			time.Sleep(time.Minute)
			g, err := r.e.Collector().Scrape(r.t.Context(), 0, "b")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := g.Gather(); err != nil {
				t.Fatal(err)
			}
		}
		for source, want := range map[string]string{
			"a": "[0s 1m15s 2m30s 3m45s 5m0s]", "b": "[0s 1m0s 2m0s 3m0s 4m0s 5m0s]", "c": "[1s 1m16s 2m31s 3m46s]", "off": "[]", "slow": "[1s 2m1s 4m1s]",
		} {
			if got := r.api(source).times(); got != want {
				t.Errorf("%s was asked at %s, want %s", source, got, want)
			}
		}
	})
}

// Without alerting nothing is asked for, kept, or said.
func TestNothingWithoutAlerting(t *testing.T) {
	inFakeTime(t, "", func(r *rig) {
		nothing := func(when string) {
			t.Helper()
			g, err := r.e.Collector().Scrape(r.t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := g.Gather(); err != nil {
				t.Fatal(err)
			}
			if r.api("a").wanted.Identities || r.api("a").wanted.Users != nil {
				t.Errorf("%s: identities are asked for, want none", when)
			}
			if text := r.metrics(); strings.Contains(text, "iam_detection") || strings.Contains(text, "iam_alertmanager") {
				t.Errorf("%s: metrics of alerting, want none:\n%s", when, text)
			}
			if n := len(r.e.Firing()); n != 0 {
				t.Errorf("%s: %d alerts, want 0", when, n)
			}
		}
		r.until(5 * time.Minute)
		if got := r.api("a").times(); got != "[]" {
			t.Errorf("asked at %s, want never", got)
		}
		nothing("never")
		r.reload(sources("a", "b") + watching())
		r.until(7 * time.Minute)
		if got := r.am("am").news(); len(got) != 2 {
			t.Errorf("with alerting, Alertmanager heard %q, want 2 alerts", got)
		}
		r.reload(sources("a", "b"))
		nothing("no more")
		r.am("am").heard(t, "removed with all else")
		asked := r.api("b").times()
		r.until(15 * time.Minute)
		if got := r.api("b").times(); got != asked {
			t.Errorf("asked at %s, want %s", got, asked)
		}
		r.reload(sources("a", "b") + watching())
		r.until(16 * time.Minute)
		if !r.api("a").wanted.Identities {
			t.Error("back: no identities are asked for, want them")
		}
	})
}

func TestAFailedSourceSaysNothing(t *testing.T) {
	inFakeTime(t, watching(), func(r *rig) {
		r.am("am").news()
		r.api("a").set(func(a *api) { a.fails = true })
		r.until(2 * time.Minute)
		r.value("failed", `iam_detection_covers{source="a",api="oam",detection="break_glass"}`, "0")
		r.value("failed", `iam_detection_alerts{source="a",api="oam",detection="break_glass",severity="critical"}`, "1")
		r.until(10*time.Minute + 2*time.Second)
		r.am("am").heard(t, "failed")
		r.value("forgotten", `iam_detection_alerts{source="a",api="oam",detection="break_glass",severity="critical"}`, "0")
		for _, a := range r.am("am").all {
			if a.Labels["source"] == "a" && !a.EndsAt.Equal(r.begin.Add(10*time.Minute)) {
				t.Errorf("%+v was sent by a source that fails", a)
			}
		}
	})
}

func TestTwoAlertmanagersOneDown(t *testing.T) {
	two := strings.Replace(watching(), "[{url: 'http://am'}]", "[{url: 'http://am'}, {url: 'http://other'}]", 1)
	inFakeTime(t, two, func(r *rig) {
		r.am("other").set(func(m *alertmanager) { m.down = true })
		r.api("a").logsIn()
		r.reload(sources("a", "b") + two + "  max_alerts: 40\n")
		r.until(3 * time.Minute)
		r.value("one down", `iam_detection_covers{source="b",api="oam",detection="break_glass"}`, "1")
		r.value("one down", `iam_alertmanager_up{alertmanager="am:80"}`, "1")
		r.value("one down", `iam_alertmanager_up{alertmanager="other:80"}`, "0")
		r.am("am").set(func(m *alertmanager) { m.down = true })
		r.until(6 * time.Minute)
		r.value("both down", `iam_detection_covers{source="b",api="oam",detection="break_glass"}`, "0")
		r.am("other").set(func(m *alertmanager) { m.down = false })
		r.until(8 * time.Minute)
		r.value("one is back", `iam_detection_covers{source="b",api="oam",detection="break_glass"}`, "1")
		if got := r.am("other").news(); len(got) == 0 {
			t.Error("the one that is back heard nothing, want what fires")
		}
	})
}

// Both of a pair say the same of an alert, whenever they started.
func TestAPairAgrees(t *testing.T) {
	var pair [2][]wire
	dirs := [2]string{t.TempDir(), t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		since := time.Now().Add(-time.Hour)
		for i := range pair {
			time.Sleep(17 * time.Second)
			r := newRig(t, dirs[i], watching())
			for _, name := range []string{"a", "b"} {
				r.api(name).set(func(a *api) { a.users, a.since["root"] = []string{"root"}, since })
			}
			time.Sleep(2 * time.Minute)
			r.e.Close()
			pair[i] = r.am("am").all
		}
	})
	if len(pair[0]) < 2 || len(pair[1]) < 2 {
		t.Fatalf("%d and %d alerts, want some of both", len(pair[0]), len(pair[1]))
	}
	starts := map[string]time.Time{}
	for _, a := range append(pair[0], pair[1]...) {
		id := a.Labels["alertname"] + a.Labels["source"] + a.Labels["subject"]
		if was, ok := starts[id]; ok && !was.Equal(a.StartsAt) {
			t.Errorf("%v starts at %v and at %v, want the same", a.Labels, was, a.StartsAt)
		}
		starts[id] = a.StartsAt
	}
	if len(starts) != 2 {
		t.Errorf("%d alerts, want 2 that both know: %v", len(starts), starts)
	}
}

// A restart resolves nothing, and remembers nothing.
func TestARestartHasNoMemory(t *testing.T) {
	inFakeTime(t, watching(), func(r *rig) {
		r.am("am").news()
		r.e.Close()
		r.am("am").heard(t, "stopped")
		r.who = nil
		r.start()
		r.until(20 * time.Minute)
		r.am("am").heard(t, "started anew")
		r.value("started anew", `iam_detection_alerts_fired_total{source="a",api="oam",detection="break_glass",severity="critical"}`, "0")
	})
}

// What waits is delivered for five seconds at most.
func TestTheEndDoesNotWaitForLong(t *testing.T) {
	inFakeTime(t, watching(), func(r *rig) {
		r.until(time.Minute)
		r.am("am").set(func(m *alertmanager) { m.hangs = true })
		r.until(2 * time.Minute)
		begin := time.Now()
		r.e.Close()
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("took %v, want at most 5s", d)
		}
	})
}
