package alerting_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What a reload makes of alerts that fire.
func TestReload(t *testing.T) {
	both := sources("a", "b")
	first := []string{"0s BreakGlass a fires", "0s BreakGlass b fires"}
	for name, c := range map[string]struct {
		config string
		key    string
		want   []string // within two minutes
	}{
		"nothing new":      {config: both + watching(), want: nil},
		"other durations":  {config: both + watching("  keep_firing_for: 1m\n  max_alerts: 7\n"), want: nil},
		"a source removed": {config: sources("a") + watching(), want: []string{"30s BreakGlass b ends"}},
		"a source is not judged": {
			config: sources("a", "b,alerting: {enabled: false}") + watching(), want: []string{"30s BreakGlass b ends"}},
		"a source changed": {config: sources("a", "b,timeout: 3s") + watching(), want: nil},
		"a detection off": {
			config: both + strings.Replace(watching(), "break_glass: {", "break_glass: {enabled: false, ", 1), want: []string{"30s BreakGlass a ends", "30s BreakGlass b ends"}},
		"excepted": {
			config: both + watching("  exceptions: [{users: [root], sources: [a], until: 2000-03-01, reason: x}]\n"), want: []string{"30s BreakGlass a ends"}},
		"other labels": {
			config: both + watching("  labels: {team: iam}\n"),
			want:   []string{"30s BreakGlass a ends", "30s BreakGlass b ends", "1m15s BreakGlass a fires for iam", "1m15s BreakGlass b fires for iam"}},
		"another key": {
			config: both + watching(), key: "another key, which is long enough",
			want: []string{"30s BreakGlass a ends", "30s BreakGlass b ends", "1m15s BreakGlass a fires", "1m15s BreakGlass b fires"}},
	} {
		t.Run(name, func(t *testing.T) {
			inFakeTime(t, watching(), func(r *rig) {
				r.until(30 * time.Second)
				r.am("am").heard(t, "at the start", first...)
				if c.key != "" {
					r.write("key", c.key)
				}
				r.reload(c.config)
				r.until(2 * time.Minute)
				got := r.am("am").news()
				if !slices.Equal(got, c.want) {
					t.Errorf("Alertmanager heard %q, want %q", got, c.want)
				}
				if !strings.Contains(name, "off") && !strings.Contains(name, "excepted") {
					fired := map[bool]string{true: "2", false: "1"}[strings.Contains(name, "other labels") || c.key != ""]
					r.value(name, `iam_detection_alerts_fired_total{source="a",api="oam",detection="break_glass",severity="critical"}`, fired)
				}
			})
		})
	}
}

func TestReloadOfAlertmanagers(t *testing.T) {
	inFakeTime(t, watching(), func(r *rig) {
		r.until(10 * time.Second)
		r.am("am").news()
		r.reload(sources("a", "b") + strings.Replace(watching(), "http://am", "http://new", 1))
		r.until(20 * time.Second)
		if got := r.am("new").news(); len(got) != 2 {
			t.Errorf("the new one heard %q, want 2 alerts", got)
		}
		was := len(r.am("am").all)
		r.until(5 * time.Minute)
		if got := len(r.am("am").all); got != was {
			t.Errorf("the one that is gone heard of %d alerts more, want 0", got-was)
		}
		r.value("gone", `iam_alertmanager_up{alertmanager="am:80"}`, "")
		r.value("new", `iam_alertmanager_up{alertmanager="new:80"}`, "1")
	})
}

// A reload that fails changes nothing.
func TestAFailedReloadChangesNothing(t *testing.T) {
	inFakeTime(t, watching(), func(r *rig) {
		r.until(10 * time.Second)
		r.am("am").news()
		for name, bad := range map[string]string{
			"one Alertmanager twice": sources("a") + strings.Replace(watching(), "[{url: 'http://am'}]", "[{url: 'http://x:80'}, {url: 'https://x:80'}]", 1),
			"no key":                 sources("a") + strings.Replace(watching(), "key_file: key", "key_file: none", 1),
			"a short key":            sources("a") + strings.Replace(watching(), "key_file: key", "key_file: secret", 1),
			"a mistake":              sources("a") + watching("  holt: 1m\n"),
		} {
			r.write("config.yml", bad)
			if err := r.e.Reload(); err == nil {
				t.Errorf("%s: reloaded, want an error", name)
			}
		}
		r.until(3 * time.Minute)
		r.am("am").heard(t, "after failed reloads")
		r.value("after failed reloads", `iam_detection_alerts{source="b",api="oam",detection="break_glass",severity="critical"}`, "1")
	})
}

// What a source says that a reload has replaced meanwhile comes too late.
func TestLateObservations(t *testing.T) {
	for name, next := range map[string]string{
		"changed": sources("a", "b,timeout: 30s") + watching(), "removed": sources("a") + watching(), "off": sources("a", "b"),
	} {
		inFakeTime(t, watching(), func(r *rig) {
			old, hangs := r.api("b"), make(chan struct{})
			old.set(func(a *api) { a.hangs, a.users = hangs, nil })
			r.until(76 * time.Second)
			r.am("am").news()
			old.set(func(a *api) { a.hangs = nil })
			r.who = nil
			r.reload(next)
			news := r.am("am").news()
			close(hangs)
			synctest.Wait()
			r.am("am").heard(t, name+": late, after "+strings.Join(news, ", "))
		})
	}
}

// Names that wait for an Alertmanager go when they are not to be told any more.
func TestReloadToPseudonyms(t *testing.T) {
	inFakeTime(t, watching(), func(r *rig) {
		r.until(10 * time.Second)
		r.reload(sources("a", "b") + strings.Replace(watching("  details: pseudonym\n"), "http://am", "http://new", 1))
		r.until(5 * time.Minute)
		if text := r.am("new").texts.String(); strings.Contains(text, "root") || !strings.Contains(text, "IAMUserBreakGlass") {
			t.Errorf("got %s, want alerts without names", text)
		}
	})
}
