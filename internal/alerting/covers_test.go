package alerting_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"iam_session_exporter/internal/testkit"
)

const (
	coversA = `iam_detection_covers{source="a",api="oam",detection="break_glass"}`
	coversB = `iam_detection_covers{source="b",api="oam",detection="break_glass"}`
)

// Whether alerts reach anybody is not said before it is known: rules that look back
// some minutes then go on with what was known before a restart.
func TestCoversIsAbsentUntilItIsKnown(t *testing.T) {
	t.Run("a source does not answer", func(t *testing.T) {
		inFakeTime(t, watching(), func(r *rig) {
			hangs := make(chan struct{})
			r.restart(func(source string, a *api) {
				if source == "a" {
					a.hangs, a.fails = hangs, true
				}
			})
			r.value("not judged", coversA, "")
			r.value("judged", coversB, "1")
			r.value("not judged", `iam_detection_alerts{source="a",api="oam",detection="break_glass",severity="critical"}`, "0")
			close(hangs)
			r.value("failed", coversA, "0")
		})
	})
	t.Run("an Alertmanager does not answer", func(t *testing.T) {
		inFakeTime(t, watching(), func(r *rig) {
			r.value("before", coversB, "1") // else the end of this exporter waits to deliver
			r.am("am").set(func(m *alertmanager) { m.hangs = true })
			r.restart(nil)
			r.until(9 * time.Second)
			r.value("not known", coversB, "")
			r.value("not known", `iam_alertmanager_up{alertmanager="am:80"}`, "0")
			r.am("am").set(func(m *alertmanager) { m.hangs = false })
			r.until(10*time.Second + time.Second/2)
			r.value("timed out", coversB, "0")
			r.until(15 * time.Second)
			r.value("accepted", coversB, "1")
		})
	})
	t.Run("one of two does not answer", func(t *testing.T) {
		two := strings.Replace(watching(), "[{url: 'http://am'}]", "[{url: 'http://am'}, {url: 'http://other'}]", 1)
		inFakeTime(t, two, func(r *rig) {
			r.value("before", coversB, "1")
			r.am("other").set(func(m *alertmanager) { m.hangs = true })
			r.restart(nil)
			r.value("one accepts", coversB, "1")
		})
	})
	t.Run("one of two refuses, one does not answer", func(t *testing.T) {
		two := strings.Replace(watching(), "[{url: 'http://am'}]", "[{url: 'http://am'}, {url: 'http://other'}]", 1)
		inFakeTime(t, two, func(r *rig) {
			r.value("before", coversB, "1")
			r.am("am").set(func(m *alertmanager) { m.down = true })
			r.am("other").set(func(m *alertmanager) { m.hangs = true })
			r.restart(nil)
			r.value("not known", coversB, "")
			r.until(11 * time.Second)
			r.value("known", coversB, "0")
		})
	})
	t.Run("look only", func(t *testing.T) {
		inFakeTime(t, strings.Replace(watching(), "[{url: 'http://am'}]", "[]", 1), func(r *rig) {
			r.value("no Alertmanager", coversB, "0")
		})
	})
}

// Nor is it after a reload.
func TestCoversAfterAReload(t *testing.T) {
	inFakeTime(t, watching(), func(r *rig) {
		r.until(10 * time.Second)
		r.value("at the start", coversB, "1")
		r.who = nil
		r.reload(sources("a", "b,timeout: 3s") + watching())
		r.value("another source", coversB, "1")
		r.am("new").set(func(m *alertmanager) { m.hangs = true })
		r.reload(sources("a", "b,timeout: 3s") + strings.Replace(watching(), "http://am", "http://new", 1))
		r.value("another Alertmanager", coversB, "")
		r.until(30 * time.Second)
		r.value("another Alertmanager, which hangs", coversB, "0")
		r.reload(sources("a", "b,timeout: 3s") + watching("  labels: {team: iam}\n"))
		if got := r.metrics(); strings.Contains(got, coversB+" 0") {
			t.Error("other labels: 0 before anything was judged anew, want none or 1")
		}
		r.until(3 * time.Minute)
		r.value("other labels", coversB, "1")
	})
}

// A scrape may come between a refresh and its evaluation. A failure before it does not
// count there any more: rules would page about what the exporter sends as well.
func TestCoversBeforeARefreshIsJudged(t *testing.T) {
	inFakeTime(t, watching("  interval: 10s\n"), func(r *rig) {
		r.reload(sources("b") + watching("  interval: 10s\n"))
		r.until(time.Second)
		var mu sync.Mutex
		var got []string
		r.setClock(func() time.Time {
			if testkit.Calls("alerting.(*judge).observe") && !testkit.Calls("notify.(*Notifier).Send") {
				mu.Lock()
				got = append(got, testkit.Value(r.scrape(), coversB))
				mu.Unlock()
			}
			return time.Now()
		})
		during := func(what string, fails bool, until time.Duration, want ...string) {
			t.Helper()
			r.api("b").set(func(a *api) { a.fails = fails })
			r.until(until)
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
			got = nil
		}
		during("fails", true, 40*time.Second, "1", "0", "0")
		during("recovers", false, 65*time.Second, "", "1")
		r.value("afterwards", coversB, "1")
	})
}
